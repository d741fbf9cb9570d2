// How long an address has to wait that has failed to authenticate: nothing for its first kFailuresFree failures, then
// kLoginDelayMin, and for each further one twice as long, up to kLoginDelayMax. Its failures are forgotten
// kFailuresForgotten after the last one. A success forgets nothing, or whoever has one password could go on guessing
// another.
//
// The table is bounded: of more addresses than it holds, the one that failed the longest time ago is forgotten.
//
// Time is what the caller says. Used under the caller's lock.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/limits.hpp"

namespace kv::security {

// What counts as one address: an IPv4 address, the first 64 bits of an IPv6 one. `address` is HOST:PORT, IPv6 in
// brackets; anything else counts as it stands.
std::string network_of(ByteView address);

class LoginDelays {
 public:
  explicit LoginDelays(std::size_t addresses_max = kFailingAddressesMax) : addresses_max_(addresses_max) {}

  // When the next attempt from `network` may be looked at: `now`, or later.
  UnixMillis allowed_at(const std::string& network, UnixMillis now);
  // An attempt has failed.
  void add_failure(const std::string& network, UnixMillis now);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string network;
    unsigned failures = 0;
    UnixMillis last_failure = 0;
    UnixMillis allowed_at = 0;
  };
  using Entries = std::list<Entry>;

  void forget_old(UnixMillis now);
  void erase(Entries::iterator entry);

  const std::size_t addresses_max_;
  Entries entries_;  // the latest failure first
  std::unordered_map<std::string, Entries::iterator> index_;
};

}  // namespace kv::security
