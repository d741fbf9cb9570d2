// The server as the protocol page describes it, the plain way: a std::map, one command at a time, and time moves only
// when it is told to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/protocol/command.hpp"

#include "integration/model/value.hpp"
#include "support/process/reply.hpp"

namespace kv::test::model {

using protocol::Command;

// A request as C++ data; only the fields of its command mean anything.
struct Request {
  Command command = Command::kPing;
  std::string key;
  std::string owner;
  std::vector<std::string> keys;
  std::vector<std::pair<std::string, Value>> pairs;
  Value value;
  Value expected;
  std::int64_t delta = 0;
  std::uint64_t ttl_ms = 0;  // 0 or far longer than any test; a lock's is never 0
};

// What the server may answer.
struct Expected {
  enum class Kind {
    kExactly,   // `reply`
    kTimeLeft,  // OK i64, counting down from ttl_ms
    kGranted,   // OK 1 and a token greater than any before
    kHeldFor,   // OK 0 and what is left of ttl_ms
  };
  Kind kind = Kind::kExactly;
  Reply reply;
  std::uint64_t ttl_ms = 0;

  Expected(Reply exact) : reply(std::move(exact)) {}
  Expected(Kind kind_of, std::uint64_t ttl) : kind(kind_of), ttl_ms(ttl) {}
};

class Store {
 public:
  struct Entry {
    Value value;
    std::uint64_t deadline_ms = 0;  // 0: none
    bool is_lock = false;
  };

  // What a ttl counts from. No entry expires: a deadline that passes is for the caller to see.
  void set_now(std::uint64_t now_ms) { now_ms_ = now_ms; }
  // Carries a request out, and says what has to be answered. Nothing, and nothing done, where the protocol doesn't
  // settle it: the bits of a NaN that is the result of a sum.
  std::optional<Expected> apply(const Request& request);

  const std::map<std::string, Entry>& entries() const { return entries_; }
  std::vector<std::string> keys() const;

 private:
  Entry* find(const std::string& key);
  std::uint64_t deadline_after(std::uint64_t ttl_ms) const { return ttl_ms == 0 ? 0 : now_ms_ + ttl_ms; }
  std::uint64_t left_of(const Entry& entry) const { return entry.deadline_ms == 0 ? 0 : entry.deadline_ms - now_ms_; }
  void put(const std::string& key, Value value, std::uint64_t deadline_ms) {
    entries_[key] = {std::move(value), deadline_ms};
  }
  bool remove(const std::string& key) { return entries_.erase(key) != 0; }

  Reply count(const Request& request, int sign);
  std::optional<Expected> add(const Request& request);
  Reply cas(const Request& request);
  Expected lock(const Request& request);
  Reply change_lock(const Request& request);
  Reply batch(const Request& request);
  Expected time(const Request& request);

  std::uint64_t now_ms_ = 0;
  std::map<std::string, Entry> entries_;
};

}  // namespace kv::test::model
