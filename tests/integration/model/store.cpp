#include "integration/model/store.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include "support/process/requests.hpp"

namespace kv::test::model {
namespace {

bool fits_int(Int128 number) {
  return number >= std::numeric_limits<std::int64_t>::min() && number <= std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Store::Entry* Store::find(const std::string& key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> Store::keys() const {
  std::vector<std::string> all;
  for (const auto& [key, entry] : entries_) all.push_back(key);
  return all;
}

std::optional<Expected> Store::apply(const Request& request) {
  Entry* entry = find(request.key);
  const Reply current = entry == nullptr ? null() : ok(encode(entry->value));
  switch (request.command) {
    case Command::kGet:
      return current;
    case Command::kSet:
      put(request.key, request.value, deadline_after(request.ttl_ms));
      return ok();
    case Command::kDel:
      return ok_bool(remove(request.key));
    case Command::kExists:
      return ok_bool(entry != nullptr);
    case Command::kIncr:
      return count(request, 1);
    case Command::kDecr:
      return count(request, -1);
    case Command::kCas:
      return cas(request);
    case Command::kSetnx:
      if (entry == nullptr) put(request.key, request.value, deadline_after(request.ttl_ms));
      return ok_bool(entry == nullptr);
    case Command::kLock:
    case Command::kAcquire:
      return lock(request);
    case Command::kUnlock:
    case Command::kExtend:
      return change_lock(request);
    case Command::kMget:
    case Command::kMset:
    case Command::kMdel:
    case Command::kMexists:
      return batch(request);
    case Command::kExpire:
    case Command::kTtl:
    case Command::kPersist:
      return time(request);
    case Command::kSwap:
      put(request.key, request.value, deadline_after(request.ttl_ms));
      return current;
    case Command::kTake:
      remove(request.key);
      return current;
    case Command::kType:
      return entry == nullptr ? null() : ok(current.payload.substr(0, 1));
    case Command::kAdd:
      return add(request);
    case Command::kFlush: {
      const std::size_t removed = entries_.size();
      entries_.clear();
      return ok_u64(removed);
    }
    case Command::kPing:
    case Command::kInfo:
    case Command::kScan:
    case Command::kSnapshot:
    case Command::kLastsave:
      break;
  }
  return ok("PONG");
}

Reply Store::count(const Request& request, int sign) {
  const Entry* entry = find(request.key);
  if (entry != nullptr && entry->value.type != Type::kInt) return error("WRONGTYPE");
  const Int128 sum = (entry == nullptr ? 0 : Int128{entry->value.integer}) + sign * Int128{request.delta};
  if (!fits_int(sum)) return error("OVERFLOW");
  put(request.key, integer(static_cast<std::int64_t>(sum)), entry == nullptr ? 0 : entry->deadline_ms);
  return ok_i64(static_cast<std::int64_t>(sum));
}

std::optional<Expected> Store::add(const Request& request) {
  const Value& delta = request.value;
  if (delta.type != Type::kInt && delta.type != Type::kFloat && delta.type != Type::kDecimal) return error("WRONGTYPE");
  Entry* entry = find(request.key);
  if (entry == nullptr) {
    put(request.key, delta, 0);
    return ok(encode(delta));
  }
  Value& held = entry->value;
  if (held.type != delta.type) return error("WRONGTYPE");
  if (held.type == Type::kInt) {
    const Int128 sum = Int128{held.integer} + delta.integer;
    if (!fits_int(sum)) return error("OVERFLOW");
    held.integer = static_cast<std::int64_t>(sum);
  } else if (held.type == Type::kFloat) {
    const double sum = std::bit_cast<double>(held.float_bits) + std::bit_cast<double>(delta.float_bits);
    if (std::isnan(sum)) return std::nullopt;
    held.float_bits = std::bit_cast<std::uint64_t>(sum);
  } else {
    held.decimal = held.decimal + delta.decimal;
  }
  return ok(encode(held));
}

Reply Store::cas(const Request& request) {
  Entry* entry = find(request.key);
  if (entry == nullptr && request.expected.type != Type::kNull) return null();
  if (entry != nullptr && !equal(entry->value, request.expected)) return ok_not_swapped(encode(entry->value));
  const std::uint64_t kept = entry == nullptr ? 0 : entry->deadline_ms;
  put(request.key, request.value, request.ttl_ms == 0 ? kept : deadline_after(request.ttl_ms));
  return ok_bool(true);
}

// LOCK, and ACQUIRE that doesn't wait.
Expected Store::lock(const Request& request) {
  const bool is_acquire = request.command == Command::kAcquire;
  if (const Entry* entry = find(request.key)) {
    return is_acquire ? Expected(Expected::Kind::kHeldFor, left_of(*entry)) : Expected(ok_bool(false));
  }
  entries_[request.key] = {string(request.owner), deadline_after(request.ttl_ms), true};
  return is_acquire ? Expected(Expected::Kind::kGranted, 0) : Expected(ok_bool(true));
}

Reply Store::change_lock(const Request& request) {
  Entry* entry = find(request.key);
  if (entry == nullptr) return ok_bool(false);
  if (!entry->is_lock) return error("WRONGTYPE");
  if (entry->value.text != request.owner) return error("LOCKED");
  if (request.command == Command::kUnlock) {
    remove(request.key);
  } else {
    entry->deadline_ms = deadline_after(request.ttl_ms);
  }
  return ok_bool(true);
}

Reply Store::batch(const Request& request) {
  if (request.command == Command::kMset) {
    for (const auto& [key, value] : request.pairs) put(key, value, deadline_after(request.ttl_ms));
    return ok();
  }
  std::vector<std::string> values;
  std::vector<bool> present;
  std::uint32_t removed = 0;
  for (const std::string& key : request.keys) {
    const Entry* entry = find(key);
    values.push_back(encode(entry == nullptr ? Value{} : entry->value));
    present.push_back(entry != nullptr);
    if (request.command == Command::kMdel && remove(key)) ++removed;
  }
  if (request.command == Command::kMget) return ok_values(values);
  return request.command == Command::kMexists ? ok_bools(present) : ok_u32(removed);
}

Expected Store::time(const Request& request) {
  Entry* entry = find(request.key);
  if (request.command == Command::kTtl) {
    if (entry == nullptr) return null();
    if (entry->deadline_ms == 0) return ok_i64(-1);
    return {Expected::Kind::kTimeLeft, left_of(*entry)};
  }
  if (entry == nullptr) return ok_bool(false);
  if (request.command == Command::kPersist) return ok_bool(std::exchange(entry->deadline_ms, 0) != 0);
  if (request.ttl_ms == 0) {
    remove(request.key);
  } else {
    entry->deadline_ms = deadline_after(request.ttl_ms);
  }
  return ok_bool(true);
}

}  // namespace kv::test::model
