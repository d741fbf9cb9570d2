#include "engine/hash.hpp"

#include <cerrno>
#include <sys/random.h>
#include <system_error>

#include <xxhash.h>

namespace kv::engine {

static_assert(XXH3_SECRET_SIZE_MIN <= 192);

Hasher::Hasher() {
  if (getrandom(secret_.data(), secret_.size(), 0) != static_cast<ssize_t>(secret_.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
}

KeyHash Hasher::operator()(ByteView key) const {
  if (function_ != nullptr) return {function_(key)};
  return {XXH3_64bits_withSecret(key.data(), key.size(), secret_.data(), secret_.size())};
}

}  // namespace kv::engine
