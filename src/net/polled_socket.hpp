// A connected TCP socket whose readiness comes from a Poller. It is an AsyncReadStream, an AsyncWriteStream and a
// SyncWriteStream of Asio's, and never blocks. An operation can be cancelled by cancel() and through its cancellation
// slot, as any of Asio's. At most one read and one write are under way at a time. Used by its Poller's thread alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>

#include "kv/base/assert.hpp"

#include "net/asio_types.hpp"
#include "net/poller.hpp"

namespace kv::net {

class PolledSocket final : private Polled {
 public:
  using executor_type = Executor;

  // Takes `descriptor` over, which is open and doesn't block.
  PolledSocket(Poller& poller, int descriptor) : poller_(poller), descriptor_(descriptor) {}
  // Pending operations never complete.
  ~PolledSocket();
  PolledSocket(const PolledSocket&) = delete;
  PolledSocket& operator=(const PolledSocket&) = delete;

  executor_type get_executor() { return poller_.io().get_executor(); }
  int native_handle() const { return descriptor_; }

  // Reads what is there, up to the size of the first of `buffers` that isn't empty; completes with asio::error::eof at
  // the end.
  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return start(reading_, EPOLLIN, first_of<asio::mutable_buffer>(buffers), std::forward<Token>(token));
  }
  // Writes what the kernel takes of the first of `buffers` that isn't empty.
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    const auto bytes = first_of<asio::const_buffer>(buffers);
    return start(writing_, EPOLLOUT, asio::mutable_buffer(const_cast<void*>(bytes.data()), bytes.size()),
                 std::forward<Token>(token));
  }
  // Writes what the kernel takes now; asio::error::would_block when that is nothing.
  std::size_t write_some(asio::const_buffer bytes, error_code& error);

  // Pending operations complete with asio::error::operation_aborted, by way of the io_context.
  void cancel();
  // Sends the end of the stream.
  void shutdown_send();
  // Whether there is something to read: bytes, the end, or an error.
  bool is_readable() const;

 private:
  // An operation that waits until the socket is ready for it. Both functions end its life.
  class Operation {
   public:
    explicit Operation(asio::mutable_buffer bytes) : buffer(bytes) {}
    virtual void complete(error_code error, std::size_t size) = 0;
    virtual void drop() = 0;
    const asio::mutable_buffer buffer;

   protected:
    ~Operation() = default;
  };
  struct Drop {
    void operator()(Operation* operation) const { operation->drop(); }
  };
  using Pending = std::unique_ptr<Operation, Drop>;

  template <typename Handler>
  class OperationOf;

  template <typename Buffer, typename Buffers>
  static Buffer first_of(const Buffers& buffers) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      if (Buffer buffer(*at); buffer.size() != 0) return buffer;
    }
    return {};
  }
  template <typename Token>
  auto start(Pending& pending, std::uint32_t event, asio::mutable_buffer buffer, Token&& token);

  void ready(std::uint32_t events) override;
  error_code watch_for(std::uint32_t events);
  // Completes it by way of the io_context.
  void end_later(Pending& pending, error_code error);

  Poller& poller_;
  const int descriptor_;
  std::uint32_t watched_ = 0;
  Pending reading_;
  Pending writing_;
};

// Lives in memory from its handler's allocator, which for a coroutine recycles it.
template <typename Handler>
class PolledSocket::OperationOf final : public Operation {
 public:
  static Pending make(Handler handler, const Executor& executor, asio::mutable_buffer buffer) {
    Allocator allocator(asio::get_associated_allocator(handler));
    OperationOf* memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
    return Pending(new (memory) OperationOf(std::move(handler), executor, buffer));
  }

  void complete(error_code error, std::size_t size) override {
    asio::get_associated_cancellation_slot(handler_).clear();
    const auto executor = asio::get_associated_executor(handler_, executor_);
    Handler handler = free();
    asio::dispatch(executor,
                   [handler = std::move(handler), error, size]() mutable { std::move(handler)(error, size); });
  }
  void drop() override { free(); }

 private:
  using Allocator =
      typename std::allocator_traits<asio::associated_allocator_t<Handler>>::template rebind_alloc<OperationOf>;

  OperationOf(Handler handler, const Executor& executor, asio::mutable_buffer bytes)
      : Operation(bytes), handler_(std::move(handler)), executor_(executor) {}

  // The handler may own the socket, and with it whatever this could refer to: it goes on living outside.
  Handler free() {
    Handler handler = std::move(handler_);
    Allocator allocator(asio::get_associated_allocator(handler));
    this->~OperationOf();
    std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
    return handler;
  }

  Handler handler_;
  Executor executor_;
};

template <typename Token>
auto PolledSocket::start(Pending& pending, std::uint32_t event, asio::mutable_buffer buffer, Token&& token) {
  return asio::async_initiate<Token, void(error_code, std::size_t)>(
      [this, &pending, event, buffer](auto handler) {
        KV_ASSERT(pending == nullptr && buffer.size() != 0);
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
          slot.assign(
              [this, &pending](asio::cancellation_type) { end_later(pending, asio::error::operation_aborted); });
        }
        pending = OperationOf<decltype(handler)>::make(std::move(handler), get_executor(), buffer);
        if ((watched_ & event) != 0) return;
        if (const error_code error = watch_for(watched_ | event)) end_later(pending, error);
      },
      token);
}

}  // namespace kv::net
