// Random numbers for tests. The same seed gives the same numbers on every machine and with every standard library.
#pragma once

#include <cstdint>
#include <random>

namespace kv::test {

class Random {
 public:
  // Takes the seed from the environment variable KV_TEST_SEED or else from the system, and prints it.
  Random();
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() { return engine_(); }
  // Evenly from 0 to limit - 1. REQUIRES: limit is not 0, and far below 2^64.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  // True once in `n` times.
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kv::test
