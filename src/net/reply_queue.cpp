#include "net/reply_queue.hpp"

#include <algorithm>
#include <utility>

#include "kv/base/assert.hpp"

namespace kv::net {

void ReplyQueue::add_tail(std::unique_ptr<protocol::ReplyTail> tail) {
  std::size_t before = buffer_.size();
  for (const Tail& earlier : tails_) before -= earlier.before;
  const ByteView bytes = tail->bytes();
  KV_ASSERT(!bytes.empty());
  tails_.push_back({before, bytes, std::move(tail)});
  tail_bytes_ += bytes.size();
}

ReplyQueue::Pieces ReplyQueue::front(std::size_t bytes_max) const {
  Pieces pieces;
  const auto add = [&](ByteView bytes) {
    bytes = bytes.substr(0, bytes_max);
    bytes_max -= bytes.size();
    if (!bytes.empty() && pieces.size() < pieces.capacity()) pieces.emplace_back(bytes.data(), bytes.size());
  };
  ByteView own = buffer_.view();
  for (const Tail& tail : tails_) {
    add(own.substr(0, tail.before));
    add(tail.left);
    own.remove_prefix(tail.before);
  }
  add(own);
  return pieces;
}

void ReplyQueue::consume(std::size_t bytes) {
  while (!tails_.empty() && bytes != 0) {
    Tail& next = tails_.front();
    const std::size_t own = std::min(bytes, next.before);
    const std::size_t of_tail = std::min(bytes - own, next.left.size());
    buffer_.consume(own);
    next.before -= own;
    next.left.remove_prefix(of_tail);
    tail_bytes_ -= of_tail;
    bytes -= own + of_tail;
    if (next.left.empty()) tails_.erase(tails_.begin());
  }
  buffer_.consume(bytes);
}

void ReplyQueue::clear() {
  buffer_.clear();
  tails_.clear();
  tail_bytes_ = 0;
}

}  // namespace kv::net
