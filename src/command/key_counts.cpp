#include "command/key_counts.hpp"

#include <algorithm>

namespace kv::command {

void KeyCounts::add(ByteView key, bool reads, bool writes, std::uint32_t times) {
  auto found = keys_.find(key);
  if (found == keys_.end()) {
    if (keys_.size() >= capacity_) times = make_room(times);
    if (times == 0) return;
    found = keys_.emplace(std::string(key), Uses{}).first;
  }
  Uses& uses = found->second;
  uses.weight += times;
  if (reads) uses.reads += times;
  if (writes) uses.writes += times;
}

std::uint32_t KeyCounts::make_room(std::uint32_t times) {
  std::uint64_t least = times;
  for (const auto& [key, uses] : keys_) least = std::min(least, uses.weight);
  for (auto& [key, uses] : keys_) uses.weight -= least;
  std::erase_if(keys_, [](const auto& known) { return known.second.weight == 0; });
  lost_ += least;
  return times - static_cast<std::uint32_t>(least);
}

std::vector<KeyCounts::Counted> KeyCounts::most(std::size_t count) const {
  std::vector<Counted> all;
  for (const auto& [key, uses] : keys_) all.push_back({key, uses});
  const auto comes_first = [](const Counted& a, const Counted& b) {
    const std::uint64_t of_a = a.uses.reads + a.uses.writes;
    const std::uint64_t of_b = b.uses.reads + b.uses.writes;
    return of_a != of_b ? of_a > of_b : a.key < b.key;
  };
  count = std::min(count, all.size());
  std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(count), comes_first);
  all.resize(count);
  return all;
}

}  // namespace kv::command
