// A connected TCP socket whose readiness comes from a Poller. It is an AsyncReadStream and an AsyncWriteStream of
// Asio's, and never blocks. An operation can be cancelled by cancel() and through its cancellation slot, as any of
// Asio's. At most one read and one write are under way at a time. Used by its Poller's thread alone.
//
// What it reads and writes are the bytes on the wire, or, once it has been given a TlsChannel, those that TLS carries;
// everything else is the same. But TLS takes whole records off the wire, so a read may find its bytes there already,
// and whether something can be read is a question to TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>

#include "kv/base/asio_types.hpp"
#include "kv/base/assert.hpp"
#include "kv/security/tls_channel.hpp"

#include "net/operation.hpp"
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

  // From now on TLS carries what is read and written. REQUIRES: its handshake is done, and no operation is under way.
  void use(std::unique_ptr<security::TlsChannel> tls) { tls_ = std::move(tls); }
  bool is_encrypted() const { return tls_ != nullptr; }

  // Completes, with size 0, once the socket can be read, or written: for whoever reads and writes by other means.
  enum class Ready : std::uint32_t { kToRead = EPOLLIN, kToWrite = EPOLLOUT };
  template <typename Token>
  auto async_wait(Ready what, Token&& token) {
    Transfer& transfer = what == Ready::kToRead ? reading_ : writing_;
    return start(transfer, static_cast<std::uint32_t>(what), {}, std::forward<Token>(token));
  }

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
  // Writes what the kernel takes now of all these pieces; asio::error::would_block when that is nothing.
  // REQUIRES: there are 1 to kPiecesMax, and none is empty.
  static constexpr std::size_t kPiecesMax = 16;
  std::size_t write_some(std::span<const asio::const_buffer> pieces, error_code& error);

  // Pending operations complete with asio::error::operation_aborted, by way of the io_context.
  void cancel();
  // Sends the end of the stream.
  void shutdown_send();
  // Whether there is something to read: bytes, the end, or an error.
  bool is_readable();

 private:
  // What waits until the socket is ready for it, and the bytes it is about.
  struct Transfer {
    PendingOperation<error_code, std::size_t> operation;
    asio::mutable_buffer buffer;  // empty where it waits for no more than that
  };

  template <typename Buffer, typename Buffers>
  static Buffer first_of(const Buffers& buffers) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      if (Buffer buffer(*at); buffer.size() != 0) return buffer;
    }
    return {};
  }
  template <typename Token>
  auto start(Transfer& transfer, std::uint32_t event, asio::mutable_buffer buffer, Token&& token);

  void ready(std::uint32_t events) override;
  std::size_t receive(asio::mutable_buffer buffer, error_code& error);
  std::size_t send(asio::const_buffer buffer, error_code& error);
  std::size_t send_through_tls(std::span<const asio::const_buffer> pieces, error_code& error);
  void begin(Transfer& transfer, std::uint32_t event);
  error_code watch_for(std::uint32_t events);
  // Completes it by way of the io_context.
  void end_later(Transfer& transfer, error_code error, std::size_t size = 0);

  Poller& poller_;
  const int descriptor_;
  std::uint32_t watched_ = 0;
  Transfer reading_;
  Transfer writing_;
  std::unique_ptr<security::TlsChannel> tls_;  // nullptr: none
};

template <typename Token>
auto PolledSocket::start(Transfer& transfer, std::uint32_t event, asio::mutable_buffer buffer, Token&& token) {
  return asio::async_initiate<Token, void(error_code, std::size_t)>(
      [this, &transfer, event, buffer](auto handler) {
        KV_ASSERT(transfer.operation == nullptr);
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
          slot.assign(
              [this, &transfer](asio::cancellation_type) { end_later(transfer, asio::error::operation_aborted); });
        }
        transfer.operation =
            OperationOf<decltype(handler), error_code, std::size_t>::make(std::move(handler), get_executor());
        transfer.buffer = buffer;
        if ((watched_ & event) == 0 || tls_ != nullptr) begin(transfer, event);
      },
      token);
}

}  // namespace kv::net
