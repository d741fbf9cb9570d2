#include "security/verified_passwords.hpp"

#include <utility>

namespace kv::security {

const std::string* VerifiedPasswords::find(const LoginDigest& digest) {
  const auto found = index_.find(digest);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->hash;
}

void VerifiedPasswords::add(const LoginDigest& digest, std::string hash) {
  if (find(digest) != nullptr) {
    entries_.front().hash = std::move(hash);
    return;
  }
  if (entries_.size() == most_) {
    index_.erase(entries_.back().digest);
    entries_.pop_back();
  }
  entries_.push_front({digest, std::move(hash)});
  index_.emplace(digest, entries_.begin());
}

}  // namespace kv::security
