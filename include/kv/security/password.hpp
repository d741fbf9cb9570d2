// Passwords: how they are kept, checked and forgotten. The one door to libsodium.
//
// What is kept of a password is an argon2id hash in the text form that other programs know as well:
//
//   $argon2id$v=19$m=32768,t=4,p=1$SALT$HASH         m: memory in KiB, t: passes over it
//
// Checking one is slow on purpose. All functions may be called from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "kv/base/bytes.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/result.hpp"

namespace kv::security {

struct HashCost {
  unsigned passes;
  std::size_t memory_bytes;
};
// About 60 ms of one processor, at the time of writing.
inline constexpr HashCost kHashCost{4, 32U << 20};

// Fails with kArgument where the password is empty or over kPasswordBytesMax, with kOutOfMemory where there is none.
Result<std::string> hash_password(ByteView password, const HashCost& cost = kHashCost);

// Whether `text` is such a hash, and checking a password against it takes at most kPasswordMemoryMax and
// kPasswordPassesMax.
bool is_password_hash(ByteView text);

// False also where there is no memory for it. Its memory is counted as Use::kPasswords meanwhile.
// REQUIRES: is_password_hash(hash).
bool is_password_of(ByteView hash, ByteView password);

// The part of a hash that says what checking a password against it costs. REQUIRES: is_password_hash(hash).
ByteView cost_of(ByteView hash);

// The memory that checking a password against it takes, in bytes. REQUIRES: is_password_hash(hash).
std::size_t memory_to_check(ByteView hash);

// The password in a file: its first line, without its end. Fails with kArgument, and a message that begins with the
// file's name, where it can't be read, or what is in it is empty or over kPasswordBytesMax.
Result<std::string> load_password(const std::string& path);

// Overwrites the bytes, in a way that no compiler leaves out.
void wipe(char* bytes, std::size_t size);
void wipe(std::string& text);

// A text that is overwritten when it goes.
class Secret {
 public:
  explicit Secret(ByteView text) : text_(text) {}
  ~Secret() { wipe(text_); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ByteView view() const { return text_; }

 private:
  std::string text_;
};

using LoginDigest = std::array<char, 32>;

// Turns users with their passwords into digests (keyed BLAKE2b) that tell nobody anything who hasn't the key, which is
// drawn anew by each object.
class LoginDigester {
 public:
  LoginDigester();
  ~LoginDigester();
  LoginDigester(const LoginDigester&) = delete;
  LoginDigester& operator=(const LoginDigester&) = delete;

  LoginDigest digest(ByteView user, ByteView password) const;

 private:
  std::array<unsigned char, 32> key_{};
};

}  // namespace kv::security
