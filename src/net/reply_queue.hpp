// The replies that a session has still to send, in their order. They stand one after the other in a buffer of the
// session's own, but for the tails of large ones, which stand elsewhere and are sent from there:
//
//   buffer   [reply][reply][head of a reply]        [reply][head of a reply]
//                                           \_ tail                         \_ tail
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/container/static_vector.hpp>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/bytes.hpp"
#include "kv/protocol/request_handler.hpp"

#include "net/polled_socket.hpp"

namespace kv::net {

class ReplyQueue {
 public:
  // To append replies to; and memory is given back here.
  ByteBuffer& buffer() { return buffer_; }
  const ByteBuffer& buffer() const { return buffer_; }
  // It goes after all that was appended so far. Throws std::bad_alloc.
  void add_tail(std::unique_ptr<protocol::ReplyTail> tail);

  // Of all replies, tails included.
  std::size_t size() const { return buffer_.size() + tail_bytes_; }
  bool empty() const { return size() == 0; }

  // The bytes to send next, in the pieces in which they stand: at most `bytes_max`, and as many pieces as fit. None is
  // empty.
  using Pieces = boost::container::static_vector<asio::const_buffer, PolledSocket::kPiecesMax>;
  Pieces front(std::size_t bytes_max) const;
  // Drops `bytes` from the front. REQUIRES: bytes <= size().
  void consume(std::size_t bytes);
  void clear();

 private:
  struct Tail {
    std::size_t before;  // so many bytes of the buffer go between the tail before, or the front, and this one
    ByteView left;       // of the tail, to be sent
    std::unique_ptr<protocol::ReplyTail> keeper;
  };

  ByteBuffer buffer_;
  std::vector<Tail> tails_;  // as many as fit a session's backlog: a handful
  std::size_t tail_bytes_ = 0;
};

}  // namespace kv::net
