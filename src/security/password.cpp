#include "kv/security/password.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <sodium.h>

#include "kv/base/assert.hpp"

namespace kv::security {
namespace {

// Of "nobody", which doesn't matter: what is checked against it is refused either way.
constexpr ByteView kNobodysHash =
    "$argon2id$v=19$m=65536,t=2,p=1$kxSMsvf/5IeMxUOiLD4HSw$"
    "fD3pJ6oFTKla+bTkGktkQyZ0IJVd5JP6JcM5L+Ahn8M";

// What libsodium wants: a text that ends, in an array of this size.
using HashText = std::array<char, crypto_pwhash_STRBYTES>;

bool to_hash_text(ByteView text, HashText& out) {
  if (text.size() >= out.size() || text.find('\0') != text.npos) return false;
  out.fill('\0');
  std::ranges::copy(text, out.begin());
  return true;
}

void make_ready() {
  static const bool ready = sodium_init() >= 0;
  KV_ASSERT(ready);
}

}  // namespace

Result<std::string> hash_password(ByteView password, const HashCost& cost) {
  make_ready();
  if (password.empty()) return Error{Errc::kArgument, "the password is empty"};
  if (password.size() > kPasswordBytesMax) {
    return Error{Errc::kArgument, "the password is over " + std::to_string(kPasswordBytesMax) + " bytes"};
  }
  HashText hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), cost.passes, cost.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Error{Errc::kOutOfMemory, "there is no memory to hash a password with"};
  }
  return std::string(hash.data());
}

bool is_password_hash(ByteView text) {
  HashText hash;
  if (!text.starts_with(crypto_pwhash_argon2id_STRPREFIX) || !to_hash_text(text, hash)) return false;
  unsigned memory_kib = 0;
  unsigned passes = 0;
  int read = 0;
  std::sscanf(hash.data(), "$argon2id$v=19$m=%9u,t=%9u,p=1$%n", &memory_kib, &passes, &read);
  if (read == 0) return false;
  // Without this a hash that has lost its end would pass for a shorter one.
  constexpr std::size_t kHashCharacters = 43;  // 32 bytes in base64
  if (text.size() - text.rfind('$') - 1 != kHashCharacters) return false;
  if (memory_kib > kPasswordMemoryMax / 1024 || passes > kPasswordPassesMax) return false;
  return crypto_pwhash_str_needs_rehash(hash.data(), kHashCost.passes, kHashCost.memory_bytes) >= 0;
}

bool is_password_of(ByteView hash, ByteView password) {
  make_ready();
  HashText text;
  return to_hash_text(hash, text) && crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0;
}

// All before the salt, which is the last part but one.
ByteView cost_of(ByteView hash) {
  return hash.substr(0, hash.rfind('$', hash.rfind('$') - 1));
}

ByteView nobodys_hash() {
  return kNobodysHash;
}

void wipe(char* bytes, std::size_t size) {
  sodium_memzero(bytes, size);
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // what it held before may lie behind its end
  wipe(text.data(), text.size());
  text.clear();
}

LoginDigester::LoginDigester() {
  make_ready();
  randombytes_buf(key_.data(), key_.size());
}

LoginDigester::~LoginDigester() {
  sodium_memzero(key_.data(), key_.size());
}

LoginDigest LoginDigester::digest(ByteView user, ByteView password) const {
  const auto bytes = [](ByteView text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  crypto_generichash_state state;
  LoginDigest digest;
  crypto_generichash_init(&state, key_.data(), key_.size(), digest.size());
  // The size of the first keeps apart where the one ends and the other begins.
  char size[sizeof(std::uint64_t)];
  store_big_endian(size, std::uint64_t{user.size()});
  crypto_generichash_update(&state, bytes({size, sizeof(size)}), sizeof(size));
  crypto_generichash_update(&state, bytes(user), user.size());
  crypto_generichash_update(&state, bytes(password), password.size());
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(digest.data()), digest.size());
  sodium_memzero(&state, sizeof(state));
  return digest;
}

}  // namespace kv::security
