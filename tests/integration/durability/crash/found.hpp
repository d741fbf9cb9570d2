// What a restarted server has under some keys.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/process/raw_client.hpp"

namespace kv::test::crash {

struct FoundEntry {
  // As far as it can be known from what is left and from when that was asked for; both 0: none.
  std::uint64_t deadline_from_ms = 0;
  std::uint64_t deadline_to_ms = 0;
  std::string value;  // encoded
  bool is_lock = false;

  bool has_deadline() const { return deadline_to_ms != 0; }
};

using Found = std::map<std::string, FoundEntry>;

// Reads those of the keys that are there, and changes nothing. Throws std::runtime_error when answers contradict each
// other.
Found find_entries(RawClient& client, const std::vector<std::string>& keys);

// A value, or its beginning and its size, as a failure shows it.
std::string shown(ByteView value);

}  // namespace kv::test::crash
