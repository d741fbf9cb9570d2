// What INFO says, as JSON.
#pragma once

#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"

namespace kv::test {

// Throws boost::system::system_error when the answer is no JSON, std::invalid_argument when it is no object.
inline boost::json::object info_json(RawClient& client, ByteView section = {}) {
  const Reply reply = client.call(info(section));
  EXPECT_EQ(reply.status, protocol::Status::kOk) << reply;
  return boost::json::parse(reply.payload).as_object();
}

}  // namespace kv::test
