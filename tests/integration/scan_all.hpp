// A whole SCAN, from cursor 0 to cursor 0.
#pragma once

#include <string>
#include <vector>

#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"

namespace kv::test {

// Every key as often as it was returned.
inline std::vector<std::string> scan_all(RawClient& client, std::uint32_t count = 0, ByteView pattern = {}) {
  std::vector<std::string> keys;
  std::uint64_t cursor = 0;
  do {
    ScanPage page = scan_page(client.call(scan(cursor, count, pattern)));
    keys.insert(keys.end(), page.keys.begin(), page.keys.end());
    cursor = page.cursor;
  } while (cursor != 0);
  return keys;
}

}  // namespace kv::test
