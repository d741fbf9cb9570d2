#include "kv/security/authenticator.hpp"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <utility>

#include "kv/base/limits.hpp"

#include "security/login_delays.hpp"
#include "security/verified_passwords.hpp"

namespace kv::security {
namespace {

bool has_hash(const User& user, const std::string& hash) {
  return user.is_on && std::ranges::find(user.hashes, hash) != user.hashes.end();
}

}  // namespace

std::optional<Verdict> Login::verdict() const {
  const std::lock_guard guard(mutex_);
  return verdict_;
}

void Login::on_verdict(std::function<void()> wake) {
  const std::lock_guard guard(mutex_);
  wake_ = std::move(wake);
  if (wake_ && verdict_) wake_();
}

void Login::decide(Verdict verdict, std::string hash) {
  const std::lock_guard guard(mutex_);
  hash_ = std::move(hash);
  verdict_ = verdict;
  if (wake_) wake_();
}

bool Login::is_accepted_as(const User& now) const {
  const std::lock_guard guard(mutex_);
  return verdict_ == Verdict::kAccepted && has_hash(now, hash_);
}

Authenticator::Authenticator(const Users& users, const Clock& clock)
    : users_(users),
      clock_(clock),
      delays_(std::make_unique<LoginDelays>()),
      verified_(std::make_unique<VerifiedPasswords>()) {}

Authenticator::~Authenticator() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::shared_ptr<Login> Authenticator::begin(ByteView user, ByteView password, ByteView address) {
  // Of what is longer than anybody's, enough is kept to be wrong.
  user = user.substr(0, kUserNameBytesMax + 1);
  password = password.substr(0, kPasswordBytesMax + 1);
  const UnixMillis now = clock_.now();
  auto login = std::make_shared<Login>(user, password, digester_.digest(user, password), now);
  std::string network = network_of(address);

  const std::lock_guard guard(mutex_);
  const bool is_trusted = !in_line_.contains(network) && delays_->allowed_at(network, now) == now;
  if (const std::string* hash = is_trusted ? verified_hash(*login) : nullptr) {
    login->decide(Verdict::kAccepted, *hash);
  } else if (line_.size() >= kLoginsMax) {
    login->decide(Verdict::kBusy);
  } else {
    if (threads_.empty()) {
      for (std::size_t i = 0; i < kPasswordThreads; ++i) threads_.emplace_back([this] { work(); });
    }
    ++in_line_[network];
    line_.emplace(now, Place{login, std::move(network)});
    changed_.notify_one();
  }
  return login;
}

void Authenticator::work() {
  pthread_setname_np(pthread_self(), "kv-login");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const UnixMillis now = clock_.now();
    if (line_.empty()) {
      changed_.wait(lock);
    } else if (const UnixMillis due = line_.begin()->first; due > now) {
      // The clock is looked at again before long, as it needn't go like the one that this waits by.
      changed_.wait_for(lock, std::min(std::chrono::milliseconds(due - now), kLoginDelayMin));
    } else {
      Place place = std::move(line_.begin()->second);
      line_.erase(line_.begin());
      look_at(std::move(place), now, lock);
    }
  }
}

// The attempt whose turn it is goes back into the line where its network has to wait, or gets its verdict.
void Authenticator::look_at(Place place, UnixMillis now, std::unique_lock<std::mutex>& lock) {
  if (place.is_delayed) --delayed_;
  const std::shared_ptr<Login> login = place.login.lock();
  if (login == nullptr) return leave_line(place.network);  // nobody waits for it any more

  if (const UnixMillis due = delays_->allowed_at(place.network, now); due > now) {
    const auto wait_max = static_cast<UnixMillis>(std::chrono::milliseconds(kLoginWaitMax).count());
    if (delayed_ < kLoginsDelayedMax && due - login->begun <= wait_max) {
      ++delayed_;
      place.is_delayed = true;
      line_.emplace(due, std::move(place));
      return;
    }
    leave_line(place.network);
    return login->decide(Verdict::kBusy);
  }
  const std::string* hash = verified_hash(*login);
  if (hash == nullptr && check(*login, lock)) hash = verified_hash(*login);
  if (hash == nullptr) delays_->add_failure(place.network, clock_.now());
  leave_line(place.network);
  hash == nullptr ? login->decide(Verdict::kRefused) : login->decide(Verdict::kAccepted, *hash);
}

// Checks the password, without the lock. True when it was right, and has become a verified one.
bool Authenticator::check(const Login& login, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  const auto user = users_.find(login.user);
  std::string right;
  for (const std::string& hash : users_.hashes_to_check(user.get())) {
    if (is_password_of(hash, login.password.view()) && user != nullptr && has_hash(*user, hash)) right = hash;
  }
  lock.lock();
  if (right.empty()) return false;
  verified_->add(login.digest, right);
  return true;
}

// The hash of its user's that its password is known to fit; nullptr where none is known. Good until the next call.
const std::string* Authenticator::verified_hash(const Login& login) {
  const std::string* hash = verified_->find(login.digest);
  const auto user = hash == nullptr ? nullptr : users_.find(login.user);
  return user != nullptr && has_hash(*user, *hash) ? hash : nullptr;
}

void Authenticator::leave_line(const std::string& network) {
  const auto found = in_line_.find(network);
  if (--found->second == 0) in_line_.erase(found);
}

}  // namespace kv::security
