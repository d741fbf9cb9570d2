#include "kv/observability/counters.hpp"

namespace kv::observability {
namespace {

std::atomic<std::uint64_t> ids_given{0};

}  // namespace

constinit thread_local std::uint64_t Counters::cached_owner_ = 0;
constinit thread_local Counters::Slot* Counters::cached_slot_ = nullptr;

Counters::Counters() : id_(ids_given.fetch_add(1) + 1) {}

// A thread that goes back and forth between two Counters gets a new slot each time; there is one in a process.
void Counters::find_slot() {
  const std::lock_guard lock(mutex_);
  cached_slot_ = slots_.emplace_back(std::make_unique<Slot>()).get();
  cached_owner_ = id_;
}

Counters::Totals Counters::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals;
  const auto add = [](auto& sums, const auto& cells) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += cells[i].load(std::memory_order_relaxed);
  };
  for (const auto& slot : slots_) {
    add(totals.counters, slot->counters);
    add(totals.commands, slot->commands);
    add(totals.errors, slot->errors);
  }
  return totals;
}

}  // namespace kv::observability
