#include "command/observers.hpp"

#include <algorithm>

#include "kv/base/limits.hpp"
#include "kv/observability/log.hpp"

namespace kv::command {
namespace {

// Any request of a group, every one as often as the others.
std::size_t next_index(std::size_t size) {
  thread_local std::uint32_t turn = 0;
  turn += 0x9E37'79B9U;
  return static_cast<std::size_t>((std::uint64_t{turn} * size) >> 32);
}

}  // namespace

std::vector<ByteView> keys_of(const CommandRow& row, const protocol::Request& request) {
  std::vector<ByteView> keys;
  every_key(row, request, [&](ByteView key) {
    keys.push_back(key);
    return true;
  });
  return keys;
}

std::string shown_key(ByteView key) {
  return log::escape_for_log(key, kShownKeyBytesMax);
}

void Observers::add(const std::shared_ptr<Observer>& observer) {
  const std::lock_guard guard(mutex_);
  observers_.push_back(observer);
  const Attention before = attention_.load(std::memory_order_relaxed);
  attention_.store(std::max(before, observer->attention()), std::memory_order_relaxed);
}

void Observers::show(std::span<const protocol::Frame> frames, const Connection& caller, UnixMillis now,
                     Attention attention) {
  std::uint32_t stands_for = 1;
  if (attention == Attention::kSample) {
    stands_for = static_cast<std::uint32_t>(frames.size());
    frames = frames.subspan(next_index(frames.size()), 1);
  }
  std::vector<SeenRequest> requests;
  for (const protocol::Frame& frame : frames) {
    const CommandRow* row = find_command(frame.tag);
    protocol::Request request;
    if (row == nullptr || !protocol::decode_request(row->shape, frame.payload, limits_, now, request)) continue;
    requests.push_back({row, keys_of(*row, request), stands_for});
  }
  const std::lock_guard guard(mutex_);
  Attention closest = Attention::kNone;
  std::erase_if(observers_, [&](const std::weak_ptr<Observer>& known) {
    const std::shared_ptr<Observer> observer = known.lock();
    if (observer == nullptr || !observer->see({caller, now, requests})) return true;
    closest = std::max(closest, observer->attention());
    return false;
  });
  attention_.store(closest, std::memory_order_relaxed);
}

}  // namespace kv::command
