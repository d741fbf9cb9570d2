#include "integration/model/random_requests.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "support/process/requests.hpp"

namespace kv::test::model {
namespace {

constexpr std::size_t kKeys = 24;

struct Weight {
  Command command;
  std::size_t weight;
};

constexpr Weight kWeights[] = {
    {Command::kGet, 8},     {Command::kSet, 10},   {Command::kDel, 5},  {Command::kExists, 2},  {Command::kIncr, 6},
    {Command::kDecr, 4},    {Command::kCas, 10},   {Command::kPing, 1}, {Command::kSetnx, 4},   {Command::kLock, 4},
    {Command::kUnlock, 6},  {Command::kExtend, 4}, {Command::kMget, 3}, {Command::kMset, 3},    {Command::kMdel, 2},
    {Command::kMexists, 2}, {Command::kExpire, 5}, {Command::kTtl, 6},  {Command::kPersist, 3}, {Command::kSwap, 4},
    {Command::kTake, 4},    {Command::kType, 2},   {Command::kAdd, 8},  {Command::kAcquire, 4},
};

constexpr std::size_t total_weight() {
  std::size_t total = 0;
  for (const Weight& row : kWeights) total += row.weight;
  return total;
}

Command pick(std::size_t point) {
  for (const Weight& row : kWeights) {
    if (point < row.weight) return row.command;
    point -= row.weight;
  }
  return Command::kPing;
}

// The same number as the canonical text, written in another way.
std::string written(const Decimal& decimal, std::size_t noise) {
  const std::string canonical = decimal.canonical();
  switch (noise % 4) {
    case 0:
      return canonical;
    case 1:
      return std::string(canonical).insert(decimal.digits < 0 ? 1 : 0, decimal.digits < 0 ? "00" : "+0");
    case 2:
      return Decimal{decimal.digits, 0}.canonical() + (noise % 8 < 4 ? "e-" : "E-") + std::to_string(decimal.scale);
    default:
      return canonical + "e0";
  }
}

// As encode(), but decimals may be written in another way; the server has to make them canonical wherever they are.
std::string encode_noisy(const Value& value, std::size_t noise) {
  if (value.type == Type::kDecimal) return encode_decimal(written(value.decimal, noise));
  if (value.type == Type::kList) {
    std::string bytes = '\x06' + u32(static_cast<std::uint32_t>(value.items.size()));
    for (const Value& item : value.items) bytes += encode_noisy(item, noise / 3);
    return bytes;
  }
  if (value.type == Type::kMap) {
    std::string bytes = '\x07' + u32(static_cast<std::uint32_t>(value.pairs.size()));
    for (const auto& [key, item] : value.pairs) bytes += sized(key) + encode_noisy(item, noise / 3);
    return bytes;
  }
  return encode(value);
}

}  // namespace

std::string RandomRequests::key_name(std::size_t number) const {
  if (number == 0) return prefix_ + std::string(300, 'k');
  if (number == 1) return prefix_ + "ключ";
  if (number == 2) return prefix_ + '\0';
  return prefix_ + "k" + std::to_string(number);
}

std::string RandomRequests::key() {
  return key_name(below(kKeys));
}

std::vector<std::string> RandomRequests::keys() const {
  std::vector<std::string> all;
  for (std::size_t number = 0; number < kKeys; ++number) all.push_back(key_name(number));
  return all;
}

std::string RandomRequests::text() {
  constexpr std::size_t kSizes[] = {0, 1, 3, 8, 20, 100};
  // Entries past a kilobyte are kept in another way, and so are very large ones.
  const std::size_t size = one_in(40)      ? below(6'000)
                           : one_in(4'000) ? below(300'000)
                                           : kSizes[below(std::size(kSizes))];
  return std::string(size, static_cast<char>('a' + below(3)));
}

Decimal RandomRequests::decimal() {
  return {static_cast<Int128>(below(2'001)) - 1'000, static_cast<int>(below(6))};
}

std::uint64_t RandomRequests::float_bits() {
  constexpr double kFew[] = {0.0,
                             -0.0,
                             1.0,
                             0.1,
                             -2.5,
                             std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::max()};
  return one_in(5) ? random_() : std::bit_cast<std::uint64_t>(kFew[below(std::size(kFew))]);
}

std::int64_t RandomRequests::integer_near_somewhere() {
  constexpr std::int64_t kCentres[] = {0, 0, 0, std::numeric_limits<std::int64_t>::max() - 3,
                                       std::numeric_limits<std::int64_t>::min() + 3};
  return kCentres[below(std::size(kCentres))] + (static_cast<std::int64_t>(below(7)) - 3);
}

Value RandomRequests::number() {
  Value value;
  value.type = one_in(2) ? Type::kInt : one_in(2) ? Type::kDecimal : Type::kFloat;
  value.integer = integer_near_somewhere();
  value.float_bits = float_bits();
  value.decimal = decimal();
  return value;
}

Value RandomRequests::value(int levels) {
  if (one_in(3)) return number();
  Value value;
  value.type = static_cast<Type>(below(levels == 0 ? 6 : 9));
  if (levels == 0 && value.type == Type::kNull) value.type = Type::kBool;
  value.integer = value.type == Type::kBool ? static_cast<std::int64_t>(below(2)) : integer_near_somewhere();
  value.float_bits = float_bits();
  value.decimal = decimal();
  if (value.type == Type::kString || value.type == Type::kBytes) value.text = one_in(3) ? owner() : text();
  for (std::size_t left = below(4); left != 0; --left) {
    if (value.type == Type::kList) value.items.push_back(this->value(levels - 1));
    if (value.type == Type::kMap) value.pairs.emplace_back(std::string(left - 1, 'm'), this->value(levels - 1));
  }
  // The same pairs in another order are the same map.
  if (one_in(2)) std::ranges::reverse(value.pairs);
  return value;
}

Request RandomRequests::next() {
  Request request;
  request.command = one_in(5'000) ? Command::kFlush : pick(below(total_weight()));
  request.key = key();
  request.owner = owner();
  request.value = request.command == Command::kAdd && !one_in(10) ? number() : value();
  request.expected = one_in(4) ? Value{} : value(1);
  request.delta = integer_near_somewhere();
  const bool is_lock =
      request.command == Command::kLock || request.command == Command::kExtend || request.command == Command::kAcquire;
  request.ttl_ms = kTtlUnitMs * (is_lock ? 1 + below(5) : one_in(2) ? 0 : below(6));
  for (std::size_t left = below(6); left != 0; --left) {
    request.keys.push_back(key());
    if (request.command == Command::kMset) request.pairs.emplace_back(key(), value(1));
  }
  return request;
}

std::string to_frame(const Request& request, std::size_t noise) {
  const std::string value = encode_noisy(request.value, noise);
  switch (request.command) {
    case Command::kGet:
    case Command::kDel:
    case Command::kExists:
    case Command::kTtl:
    case Command::kPersist:
    case Command::kTake:
    case Command::kType:
      return frame(request.command, request.key);
    case Command::kSet:
    case Command::kSetnx:
    case Command::kSwap:
      return frame(request.command, sized(request.key) + u64(request.ttl_ms) + value);
    case Command::kIncr:
    case Command::kDecr:
      return frame(request.command, sized(request.key) + u64(static_cast<std::uint64_t>(request.delta)));
    case Command::kCas:
      return cas(request.key, encode_noisy(request.expected, noise / 5), value, request.ttl_ms);
    case Command::kLock:
    case Command::kExtend:
      return frame(request.command, sized(request.key) + sized(request.owner) + u64(request.ttl_ms));
    case Command::kUnlock:
      return unlock(request.key, request.owner);
    case Command::kMget:
      return mget(request.keys);
    case Command::kMdel:
      return mdel(request.keys);
    case Command::kMexists:
      return mexists(request.keys);
    case Command::kMset: {
      Pairs pairs;
      for (const auto& [key, item] : request.pairs) pairs.emplace_back(key, encode_noisy(item, noise));
      return mset(pairs, request.ttl_ms);
    }
    case Command::kExpire:
      return expire(request.key, request.ttl_ms);
    case Command::kAdd:
      return add(request.key, value);
    case Command::kAcquire:
      return acquire(request.key, request.owner, request.ttl_ms, 0);
    case Command::kFlush:
      return flush();
    case Command::kPing:
    case Command::kInfo:
    case Command::kScan:
    case Command::kSnapshot:
    case Command::kLastsave:
      break;
  }
  return ping();
}

}  // namespace kv::test::model
