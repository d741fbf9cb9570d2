#include "kv/base/utf8.hpp"

#include <simdjson.h>

namespace kv::detail {

bool is_utf8_slow(ByteView bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace kv::detail
