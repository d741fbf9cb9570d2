#include "support/base/random.hpp"

#include <cstdio>
#include <cstdlib>

namespace kv::test {

Random::Random() {
  const char* given = std::getenv("KV_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed: KV_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  engine_.seed(seed);
}

}  // namespace kv::test
