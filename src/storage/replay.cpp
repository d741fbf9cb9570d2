#include "storage/replay.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "storage/record.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;

constexpr std::size_t kBatchBytes = std::size_t{8} << 20;
constexpr std::size_t kPrefetchKeys = 16;

}  // namespace

Replay::Replay(engine::Engine& engine, unsigned threads) : engine_(engine), threads_(threads), faults_(threads) {
  collected_.shares.resize(threads);
  applied_.shares.resize(threads);
}

Result<void> Replay::add(ByteView body) {
  bool is_clear = false;
  shares_.clear();
  auto valid = for_each_mutation(body, [&](const Mutation& mutation) {
    is_clear = is_clear || mutation.kind == Mutation::Kind::kClear;
    const unsigned share = share_of(mutation.key);
    if (std::ranges::find(shares_, share) == shares_.end()) shares_.push_back(share);
  });
  if (!valid) return valid;
  // A CLEAR concerns all keys, so nothing else may be applied beside it.
  if (is_clear) {
    finish();
    return for_each_mutation(body, [&](const Mutation& mutation) { engine_.apply(mutation); });
  }
  for (const unsigned share : shares_) {
    collected_.shares[share].push_back({collected_.bytes.size(), body.size(), shares_.size() > 1});
  }
  collected_.bytes.append(body);
  if (collected_.bytes.size() >= kBatchBytes) start();
  return {};
}

void Replay::finish() {
  start();
  wait();
}

unsigned Replay::share_of(ByteView key) const {
  return threads_ == 1 ? 0 : static_cast<unsigned>(std::hash<ByteView>()(key) % threads_);
}

// What is collected is applied next.
void Replay::start() {
  wait();
  std::swap(collected_, applied_);
  for (unsigned share = 0; share < threads_; ++share) {
    if (applied_.shares[share].empty()) continue;
    appliers_.emplace_back([this, share] {
      try {
        apply_share(share);
      } catch (...) {
        faults_[share] = std::current_exception();
      }
    });
  }
}

void Replay::wait() {
  appliers_.clear();
  for (const std::exception_ptr& fault : faults_) {
    if (fault) std::rethrow_exception(fault);
  }
  applied_.bytes.clear();
  for (auto& pieces : applied_.shares) pieces.clear();
}

// A few changes are announced to the engine before they are applied.
void Replay::apply_share(unsigned share) {
  std::array<Mutation, kPrefetchKeys> next;
  std::array<ByteView, kPrefetchKeys> keys;
  std::size_t count = 0;
  const auto apply_announced = [&] {
    engine_.prefetch({keys.data(), count});
    for (std::size_t i = 0; i < count; ++i) engine_.apply(next[i]);
    count = 0;
  };
  for (const Piece& piece : applied_.shares[share]) {
    const ByteView body = applied_.bytes.view().substr(piece.offset, piece.size);
    static_cast<void>(for_each_mutation(body, [&](const Mutation& mutation) {
      if (piece.is_shared && share_of(mutation.key) != share) return;
      next[count] = mutation;
      keys[count] = mutation.key;
      if (++count == kPrefetchKeys) apply_announced();
    }));
  }
  apply_announced();
}

}  // namespace kv::storage
