#include "kv/base/byte_buffer.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "kv/base/free_beside.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/memory_account.hpp"

namespace kv {
namespace {

void count(std::size_t capacity, int times) {
  if (capacity == 0) return;
  const auto use = capacity > kBufferBytesUsual ? memory::Use::kLargeBuffers : memory::Use::kBuffers;
  memory::add(use, times * static_cast<std::int64_t>(capacity));
}

}  // namespace

ByteBuffer::~ByteBuffer() {
  release();
}

void ByteBuffer::release() {
  free_beside(data_, capacity_);
  count(capacity_, -1);
}

ByteBuffer::ByteBuffer(ByteBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

ByteBuffer& ByteBuffer::operator=(ByteBuffer&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void ByteBuffer::reserve(std::size_t capacity) {
  if (capacity > capacity_) reallocate(capacity);
}

void ByteBuffer::shrink_to(std::size_t capacity) {
  capacity = std::max(capacity, size());
  if (capacity < capacity_) reallocate(capacity);
}

// Moving what is readable to the front is enough when that frees the room asked for and at least half of the buffer, so
// that each byte is moved a bounded number of times.
void ByteBuffer::make_room(std::size_t bytes) {
  const std::size_t needed = size() + bytes;
  if (needed <= capacity_ && begin_ >= capacity_ / 2) {
    compact();
    return;
  }
  reallocate(std::max(needed, capacity_ * 2));
}

void ByteBuffer::compact() {
  if (begin_ == 0) return;
  std::memmove(data_, data_ + begin_, size());
  end_ -= begin_;
  begin_ = 0;
}

void ByteBuffer::reallocate(std::size_t capacity) {
  char* fresh = nullptr;
  const bool shrinks_much = capacity < capacity_ && capacity_ >= kFreedBesideBytesMin;
  if (begin_ == 0 && capacity != 0 && !shrinks_much) {
    // realloc moves large blocks by remapping pages, without copying them.
    fresh = static_cast<char*>(std::realloc(data_, capacity));
    if (fresh == nullptr) throw std::bad_alloc();
  } else {
    if (capacity != 0) {
      fresh = static_cast<char*>(std::malloc(capacity));
      if (fresh == nullptr) throw std::bad_alloc();
      std::memcpy(fresh, data_ + begin_, size());
    }
    free_beside(data_, capacity_);
    end_ -= begin_;
    begin_ = 0;
  }
  data_ = fresh;
  count(capacity_, -1);
  count(capacity, 1);
  capacity_ = capacity;
}

}  // namespace kv
