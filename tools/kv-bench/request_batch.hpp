// The bytes of a row of requests, in one buffer that all connections of a thread share. What stands in the buffer is
// reused: where the last batch had the same kind of request in the same place, only its key (and what its value takes
// from the key) is patched. A connection that could send no more than a part remembers where it was and has the rest
// built anew later, so that nothing is ever copied aside.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kv-bench/codec.hpp"
#include "kv-bench/keyspace.hpp"

namespace kv::bench {

struct Request {
  std::uint32_t key;
  Op op;
};

class RequestBatch {
 public:
  // `templates` are those of GET and SET, for keys and values of `keyspace`, which must outlive this object.
  RequestBatch(std::array<RequestTemplate, 2> templates, const Keyspace& keyspace)
      : templates_(std::move(templates)),
        keyspace_(keyspace),
        buffer_(std::max(kBytesUsual, std::max(size_of(Op::kGet), size_of(Op::kSet))), '\0') {
    standing_.reserve(buffer_.size() / std::min(size_of(Op::kGet), size_of(Op::kSet)) + 1);
  }

  std::size_t size_of(Op op) const { return template_of(op).bytes.size(); }

  // The bytes of as many `requests` as fit, one at least, from the first on. Good until the next call.
  ByteView build(std::span<const Request> requests) {
    char* at = buffer_.data();
    const char* const end = at + buffer_.size();
    std::size_t index = 0;
    for (const Request& request : requests) {
      const RequestTemplate& form = template_of(request.op);
      if (form.bytes.size() > static_cast<std::size_t>(end - at)) break;
      if (index >= standing_.size() || standing_[index] != request.op) {
        std::memcpy(at, form.bytes.data(), form.bytes.size());
        standing_.resize(index);  // what stood behind it may be overwritten
        standing_.push_back(request.op);
      }
      keyspace_.patch_key(request.key, at + form.key_at);
      if (form.value_at != RequestTemplate::kNone) keyspace_.patch_value(at + form.key_at, at + form.value_at);
      at += form.bytes.size();
      ++index;
    }
    return {buffer_.data(), static_cast<std::size_t>(at - buffer_.data())};
  }

 private:
  static constexpr std::size_t kBytesUsual = 256U << 10;

  const RequestTemplate& template_of(Op op) const { return templates_[static_cast<std::size_t>(op)]; }

  std::array<RequestTemplate, 2> templates_;
  const Keyspace& keyspace_;
  std::string buffer_;
  std::vector<Op> standing_;  // the kinds of the requests that the buffer begins with
};

}  // namespace kv::bench
