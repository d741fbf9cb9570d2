#include "integration/durability/crash/shared_keys.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "support/process/requests.hpp"

namespace kv::test::crash {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kClockTolerance{50};

// A counter's value in the unit in which its requests count: ones, hundredths, quarters.
std::int64_t units(const std::string& value) {
  if (value.empty()) return 0;
  const ByteView data = ByteView(value).substr(1);
  if (value[0] == '\1') return static_cast<std::int64_t>(load_big_endian<std::uint64_t>(data.data()));
  if (value[0] == '\2') return std::llround(4 * std::bit_cast<double>(load_big_endian<std::uint64_t>(data.data())));
  std::string digits(data.substr(2));
  std::erase(digits, '.');
  return std::stoll(digits);
}

// By how much a request counts; 0 for one that only reads.
std::int64_t delta(const Step& step) {
  if (step.request.command == Command::kGet) return 0;
  return step.target == Target::kDecimal ? static_cast<std::int64_t>(step.request.value.decimal.digits)
                                         : step.request.delta;
}

const std::string& key_of(Target target) {
  return target == Target::kInt ? kIntKey : target == Target::kDecimal ? kDecimalKey : kFloatKey;
}

std::string value_of(const Found& found, const std::string& key) {
  const auto entry = found.find(key);
  return entry == found.end() ? "" : entry->second.value;
}

// The counter after a request, as its answer says.
std::int64_t answered_units(const Step& step) {
  const Reply& reply = step.reply;
  if (step.request.command != Command::kIncr) return units(reply.payload);
  return reply.payload.size() == 8 ? reply.i64() : 0;
}

// What becomes of the group, and when.
struct Write {
  std::string value;  // empty: deleted
  Moment sent;
  Moment answered;
};

std::vector<Write> group_writes(const Loads& loads, const Round& round, std::string before) {
  std::vector<Write> writes{{std::move(before), Moment::min(), Moment::min()}};
  for (const Load& load : loads) {
    for (const Step& step : load.steps()) {
      if (step.target != Target::kGroup || step.request.command == Command::kMget) continue;
      const bool sets = step.request.command == Command::kMset;
      writes.push_back({sets ? encode(step.request.value) : "", step.sent, step.answered});
    }
  }
  if (round.flush) writes.push_back({"", round.flush->sent, round.flush->answered});
  return writes;
}

// MGET answers with a count and as many values: all of one kind.
bool is_whole(const Reply& reply) {
  if (reply.status != protocol::Status::kOk || reply.payload.size() < 2) return false;
  const std::string values = reply.payload.substr(2);
  const std::size_t size = values.size() / kGroupKeys.size();
  for (std::size_t i = 1; i < kGroupKeys.size(); ++i) {
    if (values.compare(i * size, size, values, 0, size) != 0) return false;
  }
  return true;
}

struct Hold {
  bool was_told = false;  // that it holds the lock
  bool gives_up = false;  // perhaps: an UNLOCK was not answered
  bool may_have = false;  // an ACQUIRE was not answered
};

Hold hold_of(const Load& load) {
  Hold hold;
  for (const Step& step : load.steps()) {
    if (step.target != Target::kLock) continue;
    const Command command = step.request.command;
    if (!step.is_answered()) {
      hold.gives_up = command == Command::kUnlock;
      hold.may_have = command == Command::kAcquire;
    } else if (command == Command::kAcquire) {
      hold.was_told = step.reply.payload.starts_with('\1');
    } else if (command == Command::kUnlock) {
      hold.was_told = false;
    }
  }
  return hold;
}

}  // namespace

std::vector<std::string> SharedKeys::keys() {
  std::vector<std::string> all{kIntKey, kDecimalKey, kFloatKey, kLockKey};
  all.insert(all.end(), kGroupKeys.begin(), kGroupKeys.end());
  return all;
}

std::vector<std::string> SharedKeys::check(const Loads& loads, const Round& round, const Found& found) {
  Faults faults;
  for (const Target target : {Target::kInt, Target::kDecimal, Target::kFloat}) {
    check_counter(loads, round, found, target, faults);
  }
  check_group(loads, round, found, faults);
  check_lock(loads, round, found, faults);
  return faults;
}

void SharedKeys::check_counter(const Loads& loads, const Round& round, const Found& found, Target target,
                               Faults& faults) {
  const std::int64_t before = counters_[target];
  std::int64_t least = round.flush ? 0 : before;
  std::int64_t highest_answer = 0;
  std::int64_t most = round.flush && round.flush->answered != kNever ? 0 : before;
  for (const Load& load : loads) {
    for (const Step& step : load.steps()) {
      if (step.target != target) continue;
      if (step.is_answered() && step.reply.is_error()) {
        faults.push_back(key_of(target) + " was answered with " + step.reply.payload);
        continue;
      }
      // A FLUSH takes away what was before it, and nothing that was sent after its answer.
      if (step.is_answered() && (!round.flush || step.sent > round.flush->answered)) least += delta(step);
      const bool surely_flushed = round.flush && round.flush->answered != kNever && step.answered < round.flush->sent;
      if (!surely_flushed) most += delta(step);
      if (step.is_answered() && !round.flush) highest_answer = std::max(highest_answer, answered_units(step));
    }
  }
  least = std::max(least, highest_answer);
  const std::int64_t now = units(value_of(found, key_of(target)));
  if (now < least || now > most) {
    faults.push_back(key_of(target) + " is " + std::to_string(now) + " and not from " + std::to_string(least) + " to " +
                     std::to_string(most) + "; before it was " + std::to_string(before));
  }
  counters_[target] = now;
}

void SharedKeys::check_group(const Loads& loads, const Round& round, const Found& found, Faults& faults) {
  for (const Load& load : loads) {
    for (const Step& step : load.steps()) {
      if (step.target != Target::kGroup || !step.is_answered()) continue;
      const bool fits = step.request.command == Command::kMget ? is_whole(step.reply) : !step.reply.is_error();
      if (!fits) faults.push_back("the group was answered with " + shown(step.reply.payload));
    }
  }
  const std::string now = value_of(found, kGroupKeys[0]);
  for (const std::string& key : kGroupKeys) {
    if (value_of(found, key) != now) {
      faults.push_back("MSET in part: " + key + " is " + shown(value_of(found, key)) + " and " + kGroupKeys[0] + " " +
                       shown(now));
    }
  }
  const std::vector<Write> writes = group_writes(loads, round, group_);
  // Of all writes that were answered, the one that was sent last came after every write answered before that.
  Moment last_sent = Moment::min();
  for (const Write& write : writes) {
    if (write.answered != kNever) last_sent = std::max(last_sent, write.sent);
  }
  const bool explained = std::ranges::any_of(
      writes, [&](const Write& write) { return write.value == now && write.answered >= last_sent; });
  if (!explained) faults.push_back("the group holds what was written over: " + shown(now));
  group_ = now;
}

void SharedKeys::check_lock(const Loads& loads, const Round& round, const Found& found, Faults& faults) {
  const auto entry = found.find(kLockKey);
  const std::string value = value_of(found, kLockKey);
  bool explained = value.empty();
  for (const Load& load : loads) {
    const Hold hold = hold_of(load);
    const bool holds = value == encode_string(load.owner());
    if (holds) explained = hold.was_told || hold.may_have;
    if (hold.was_told && !hold.gives_up && !holds && !round.flush) {
      faults.push_back(load.owner() + " was told that it has the lock, which now is " + shown(value));
    }
  }
  if (!explained) faults.push_back("nobody can have the lock, which is " + shown(value));
  if (entry == found.end()) return;
  if (!entry->second.is_lock) faults.push_back("the lock is an ordinary value");
  if (!entry->second.has_deadline()) faults.push_back("the lock has no deadline");
}

std::vector<std::string> BriefKeys::check(const Loads& loads, const Round& round, RawClient& client) {
  std::vector<std::string> faults;
  if (round.flush) {
    for (auto& [key, life] : keys_) life.ends_from = Moment::min();
  }
  for (const Load& load : loads) {
    for (const Step& step : load.steps()) {
      if (step.target != Target::kBrief) continue;
      if (step.is_answered() && step.reply.is_error()) faults.push_back("SET is answered with " + step.reply.payload);
      const milliseconds ttl(step.request.ttl_ms);
      const bool must_be = step.is_answered() && !(round.flush && round.flush->answered >= step.sent);
      keys_[step.request.key] = {must_be ? step.sent + ttl - kClockTolerance : Moment::min(),
                                 (step.is_answered() ? step.answered : round.ended) + ttl + kClockTolerance};
    }
  }
  std::string requests;
  for (const auto& [key, life] : keys_) requests += get(key);
  const Moment before = std::chrono::system_clock::now();
  const std::vector<Reply> replies = client.pipeline(requests, keys_.size());
  const Moment after = std::chrono::system_clock::now();
  std::size_t i = 0;
  for (const auto& [key, life] : keys_) {
    const Reply& reply = replies[i++];
    if (reply == null()) {
      if (after < life.ends_from) faults.push_back(key + " is gone before its time");
    } else if (reply != ok(encode_string(key))) {
      faults.push_back(key + " is " + shown(reply.payload));
    } else if (before > life.ends_to) {
      faults.push_back(key + " has come back after its time");
    }
  }
  return faults;
}

}  // namespace kv::test::crash
