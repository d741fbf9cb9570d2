// A queue of bytes in one allocation: filled at the end, consumed at the front. Sessions read into one and write from
// another. Unlike std::string it leaves new room uninitialised, so that room for a large frame costs nothing until its
// bytes arrive. Not thread-safe; moves are cheap, copies are not offered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kv/base/bytes.hpp"

namespace kv {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t capacity) { reserve(capacity); }
  ~ByteBuffer();
  ByteBuffer(ByteBuffer&& other) noexcept;
  ByteBuffer& operator=(ByteBuffer&& other) noexcept;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;

  // The bytes that were committed or appended and not yet consumed. Good until the next non-const call.
  ByteView view() const { return {data_ + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }
  // How many bytes prepare() can hand out without allocating or moving anything.
  std::size_t writable() const { return capacity_ - end_; }

  // Room for `bytes` more at the end, uninitialised; commit() says how many of them were filled.
  // Throws std::bad_alloc when there is no memory, and then has changed nothing.
  char* prepare(std::size_t bytes) {
    if (writable() < bytes) make_room(bytes);
    return data_ + end_;
  }
  void commit(std::size_t bytes) { end_ += bytes; }

  void append(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  template <std::unsigned_integral T>
  void append_big_endian(T value) {
    store_big_endian(prepare(sizeof(T)), value);
    commit(sizeof(T));
  }
  void append_byte(std::uint8_t byte) { append_big_endian(byte); }

  // Drops `bytes` from the front. REQUIRES: bytes <= size().
  void consume(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Drops everything after the first `size` readable bytes. REQUIRES: size <= this->size().
  void truncate(std::size_t size) { end_ = begin_ + size; }
  void clear() { begin_ = end_ = 0; }

  // The readable byte at `offset`, to fill in what was not known when it was appended.
  char* mutable_at(std::size_t offset) { return data_ + begin_ + offset; }

  // Moves what is readable to the front, so that all free room is writable.
  void compact();
  // At least `capacity` bytes of capacity in all.
  void reserve(std::size_t capacity);
  // Gives memory back until the capacity is at most `capacity`, or as close to it as what is readable allows.
  void shrink_to(std::size_t capacity);

 private:
  void make_room(std::size_t bytes);
  void reallocate(std::size_t capacity);
  void release();

  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace kv
