// Which passwords have been verified before, so that who comes back needn't be verified again. It knows digests only
// (LoginDigester), and for each the hash that its password was found right for: it counts as long as its user has that
// hash, so nothing has to be told when users change. Of more than it holds, the one longest unused is forgotten.
//
// Used under the caller's lock.
#pragma once

#include <cstddef>
#include <cstring>
#include <list>
#include <string>
#include <unordered_map>

#include "kv/base/limits.hpp"
#include "kv/security/password.hpp"

namespace kv::security {

class VerifiedPasswords {
 public:
  explicit VerifiedPasswords(std::size_t most = kVerifiedPasswordsMax) : most_(most) {}

  // The hash that it was verified against; nullptr where it wasn't. Good until the next call.
  const std::string* find(const LoginDigest& digest);
  void add(const LoginDigest& digest, std::string hash);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    LoginDigest digest;
    std::string hash;
  };
  struct FirstBytes {  // which are as good a hash as any
    std::size_t operator()(const LoginDigest& digest) const {
      std::size_t bytes;
      std::memcpy(&bytes, digest.data(), sizeof(bytes));
      return bytes;
    }
  };

  const std::size_t most_;
  std::list<Entry> entries_;  // the latest used first
  std::unordered_map<LoginDigest, std::list<Entry>::iterator, FirstBytes> index_;
};

}  // namespace kv::security
