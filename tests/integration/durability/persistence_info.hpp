// What INFO says of the data directory.
#pragma once

#include "integration/info_json.hpp"
#include "support/process/raw_client.hpp"

namespace kv::test {

inline boost::json::object persistence_info(RawClient& client) {
  return info_json(client, "persistence");
}

}  // namespace kv::test
