// A request and its reply, in HTTP/1.1 (RFC 9110, RFC 9112) or 1.0, without I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "kv/admin/page.hpp"
#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"

namespace kv::admin {

struct Reply {
  std::string bytes;
  std::size_t taken = 0;  // how long the request was
  bool keep_alive =
      false;  // further requests may follow on this connection; otherwise what else has come is no request
};

// The reply to the request that `input` begins with; nothing as long as its header isn't whole. A header over
// kAdminHeaderBytesMax is replied to as it is, so nobody needs to keep more than that.
std::optional<Reply> reply_to(ByteView input, const Pages& pages, UnixMillis now);

// The reply to a request that doesn't arrive.
Reply timeout_reply(UnixMillis now);

}  // namespace kv::admin
