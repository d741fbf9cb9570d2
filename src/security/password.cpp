#include "kv/security/password.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <sodium.h>

#include "kv/base/assert.hpp"
#include "kv/base/memory_account.hpp"

namespace kv::security {
namespace {

// What libsodium wants: a text that ends, in an array of this size.
using HashText = std::array<char, crypto_pwhash_STRBYTES>;

bool to_hash_text(ByteView text, HashText& out) {
  if (text.size() >= out.size() || text.find('\0') != text.npos) return false;
  out.fill('\0');
  std::ranges::copy(text, out.begin());
  return true;
}

// What the text of a hash says; nothing where it doesn't begin like one.
std::optional<HashCost> read_cost(const char* hash) {
  unsigned memory_kib = 0;
  unsigned passes = 0;
  int read = 0;
  std::sscanf(hash, "$argon2id$v=19$m=%9u,t=%9u,p=1$%n", &memory_kib, &passes, &read);
  if (read == 0) return std::nullopt;
  return HashCost{passes, std::size_t{memory_kib} << 10};
}

class CountedMemory {
 public:
  explicit CountedMemory(std::size_t bytes) : bytes_(static_cast<std::int64_t>(bytes)) {
    memory::add(memory::Use::kPasswords, bytes_);
  }
  ~CountedMemory() { memory::add(memory::Use::kPasswords, -bytes_); }
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

 private:
  const std::int64_t bytes_;
};

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
  const auto cost = read_cost(hash.data());
  if (!cost) return false;
  // Without this a hash that has lost its end would pass for a shorter one.
  constexpr std::size_t kHashCharacters = 43;  // 32 bytes in base64
  if (text.size() - text.rfind('$') - 1 != kHashCharacters) return false;
  if (cost->memory_bytes > kPasswordMemoryMax || cost->passes > kPasswordPassesMax) return false;
  return crypto_pwhash_str_needs_rehash(hash.data(), kHashCost.passes, kHashCost.memory_bytes) >= 0;
}

bool is_password_of(ByteView hash, ByteView password) {
  make_ready();
  HashText text;
  if (!to_hash_text(hash, text)) return false;
  const CountedMemory counted(memory_to_check(hash));
  return crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0;
}

// All before the salt, which is the last part but one.
ByteView cost_of(ByteView hash) {
  return hash.substr(0, hash.rfind('$', hash.rfind('$') - 1));
}

std::size_t memory_to_check(ByteView hash) {
  return read_cost(std::string(hash.substr(0, crypto_pwhash_STRBYTES)).c_str())->memory_bytes;
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
