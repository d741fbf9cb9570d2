// Random requests on a few keys, so that they meet each other all the time.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "integration/model/store.hpp"

namespace kv::test::model {

// Unlike a ttl of 0 these are told apart by what is left of them, for as long as a test can take.
inline constexpr std::uint64_t kTtlUnitMs = 1'000'000'000;

class RandomRequests {
 public:
  // Every key begins with `prefix`.
  explicit RandomRequests(std::uint64_t seed, std::string prefix = {}) : random_(seed), prefix_(std::move(prefix)) {}

  // All keys that there can be.
  std::vector<std::string> keys() const;

  Request next();
  // A number in [0, bound).
  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  bool one_in(std::size_t chance) { return below(chance) == 0; }
  std::string key_name(std::size_t number) const;
  std::string key();
  std::string owner() { return "owner" + std::to_string(below(3)); }
  std::string text();
  Decimal decimal();
  std::uint64_t float_bits();
  std::int64_t integer_near_somewhere();
  Value value(int levels = 3);
  Value number();

  std::mt19937_64 random_;
  std::string prefix_;
};

// The bytes of a request. `noise` chooses among the ways to write a decimal, which mean the same.
std::string to_frame(const Request& request, std::size_t noise);

}  // namespace kv::test::model
