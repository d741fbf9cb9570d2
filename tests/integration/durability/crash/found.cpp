#include "integration/durability/crash/found.hpp"

#include <stdexcept>
#include <utility>

#include "integration/durability/crash/step.hpp"
#include "support/base/hex.hpp"
#include "support/process/requests.hpp"

namespace kv::test::crash {
namespace {

bool is_lock(const Reply& reply_to_stranger) {
  if (reply_to_stranger == error("LOCKED")) return true;
  if (reply_to_stranger == error("WRONGTYPE")) return false;
  throw std::runtime_error("UNLOCK by a stranger is answered with " + reply_to_stranger.payload);
}

}  // namespace

Found find_entries(RawClient& client, const std::vector<std::string>& keys) {
  Found found;
  for (const std::string& key : keys) {
    const std::uint64_t before_ms = unix_ms(std::chrono::system_clock::now());
    const std::vector<Reply> replies = client.pipeline(get(key) + ttl(key) + unlock(key, "a stranger"), 3);
    const std::uint64_t after_ms = unix_ms(std::chrono::system_clock::now());
    if (replies[0] == null()) {
      if (replies[1] != null()) throw std::runtime_error("GET finds nothing and TTL something: " + key);
      continue;
    }
    FoundEntry entry{0, 0, replies[0].payload, is_lock(replies[2])};
    if (replies[1] != ok_i64(-1)) {
      entry.deadline_from_ms = before_ms + replies[1].u64();
      entry.deadline_to_ms = after_ms + replies[1].u64() + 1;
    }
    found.emplace(key, std::move(entry));
  }
  return found;
}

std::string shown(ByteView value) {
  constexpr std::size_t kBytes = 48;
  const std::string start = hex(value.substr(0, kBytes));
  return value.size() <= kBytes ? start : start + "… (" + std::to_string(value.size()) + " bytes)";
}

}  // namespace kv::test::crash
