#include "security/login_delays.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

namespace kv::security {
namespace {

UnixMillis delay_after(unsigned failures) {
  if (failures <= kFailuresFree) return 0;
  const auto most = static_cast<UnixMillis>(kLoginDelayMax.count());
  constexpr unsigned kDoublingsMax = 30;
  const unsigned doublings = std::min(failures - kFailuresFree - 1, kDoublingsMax);
  return std::min(static_cast<UnixMillis>(kLoginDelayMin.count()) << doublings, most);
}

}  // namespace

std::string network_of(ByteView address) {
  const bool is_bracketed = address.starts_with('[');
  const std::size_t end = address.rfind(is_bracketed ? ']' : ':');
  std::string host(address.substr(is_bracketed ? 1 : 0, end == address.npos ? end : end - (is_bracketed ? 1 : 0)));
  host = host.substr(0, host.find('%'));  // the interface, of a link-local address
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return std::string(address);
  constexpr ByteView kMapped("\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12);  // an IPv4 address as IPv6 writes it
  if (ByteView(bytes.data(), kMapped.size()) == kMapped) return {bytes.data() + kMapped.size(), 4};
  return {bytes.data(), 8};
}

UnixMillis LoginDelays::allowed_at(const std::string& network, UnixMillis now) {
  forget_old(now);
  const auto found = index_.find(network);
  return found == index_.end() ? now : std::max(found->second->allowed_at, now);
}

void LoginDelays::add_failure(const std::string& network, UnixMillis now) {
  forget_old(now);
  const auto found = index_.find(network);
  if (found == index_.end()) {
    if (entries_.size() == addresses_max_) erase(std::prev(entries_.end()));
    entries_.push_front({.network = network});
    index_.emplace(network, entries_.begin());
  } else {
    entries_.splice(entries_.begin(), entries_, found->second);
  }
  Entry& entry = entries_.front();
  entry.last_failure = now;
  entry.allowed_at = now + delay_after(++entry.failures);
}

void LoginDelays::forget_old(UnixMillis now) {
  const auto limit = static_cast<UnixMillis>(std::chrono::milliseconds(kFailuresForgotten).count());
  while (!entries_.empty() && entries_.back().last_failure + limit <= now) erase(std::prev(entries_.end()));
}

void LoginDelays::erase(Entries::iterator entry) {
  index_.erase(entry->network);
  entries_.erase(entry);
}

}  // namespace kv::security
