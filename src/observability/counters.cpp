#include "kv/observability/counters.hpp"

#include <new>
#include <numeric>

namespace kv::observability {
namespace {

std::atomic<std::uint64_t> ids_given{0};

}  // namespace

constinit thread_local std::uint64_t Counters::cached_owner_ = 0;
constinit thread_local Counters::Slot* Counters::cached_slot_ = nullptr;

Counters::Counters() : id_(ids_given.fetch_add(1) + 1) {}

Counters::~Counters() {
  for (const auto& slot : slots_) {
    for (const auto& command : slot->commands) delete command.load();
  }
}

// A thread that goes back and forth between two Counters gets a new slot each time; there is one in a process.
void Counters::find_slot() {
  const std::lock_guard lock(mutex_);
  cached_slot_ = slots_.emplace_back(std::make_unique<Slot>()).get();
  cached_owner_ = id_;
}

Counters::Command* Counters::make_command(std::uint8_t command_byte) {
  auto* const made = new (std::nothrow) Command;
  local().commands[command_byte].store(made, std::memory_order_release);
  return made;
}

void Counters::add_failed(std::uint8_t command_byte, Errc code) {
  add_error(code);
  if (Command* of = command(command_byte)) bump(of->replies[static_cast<std::size_t>(code)], 1);
}

std::uint64_t Counters::CommandTotals::calls() const {
  return std::accumulate(replies.begin(), replies.end(), nulls);
}

Counters::Totals Counters::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals;
  const auto add = [](auto& sums, const auto& cells) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += cells[i].load(std::memory_order_relaxed);
  };
  for (const auto& slot : slots_) {
    add(totals.counters, slot->counters);
    add(totals.errors, slot->errors);
    for (unsigned byte = 0; byte < slot->commands.size(); ++byte) {
      const Command* command = slot->commands[byte].load(std::memory_order_acquire);
      if (command == nullptr) continue;
      CommandTotals& sums = totals.commands[static_cast<std::uint8_t>(byte)];
      add(sums.replies, command->replies);
      sums.nulls += command->nulls.load(std::memory_order_relaxed);
      sums.latency += command->latency.read();
    }
  }
  return totals;
}

std::map<std::uint8_t, Distribution> Counters::latencies() const {
  std::map<std::uint8_t, Distribution> since;
  for (const auto& [byte, sums] : totals().commands) since.emplace(byte, sums.latency);
  const std::lock_guard lock(mutex_);
  // What was counted before a reset that came between is there still, so nothing goes below zero.
  for (const auto& [byte, before] : latencies_before_reset_) {
    if (const auto of = since.find(byte); of != since.end()) of->second -= before;
  }
  std::erase_if(since, [](const auto& of) { return of.second.count() == 0; });
  return since;
}

void Counters::reset_latencies() {
  Totals now = totals();
  const std::lock_guard lock(mutex_);
  for (const auto& [byte, sums] : now.commands) latencies_before_reset_[byte] = sums.latency;
}

}  // namespace kv::observability
