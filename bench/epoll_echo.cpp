// The limit that kv-server is measured against: it takes the same requests off the wire and sends the same number of
// bytes back, but stores nothing. A GET is answered with a fixed value, a SET with OK; payloads are skipped as they
// come. Whatever a real server costs above this is its own doing.
//
//   kv-epoll-echo [PORT [VALUE_BYTES]]   binds 127.0.0.1; port 0 (the default) picks a free one, and it prints which;
//                                        values are 32 bytes; SIGTERM and SIGINT end it
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>

#include "kv/base/byte_buffer.hpp"
#include "kv/protocol/command.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/status.hpp"
#include "kv/value/build.hpp"

#include "epoll_server.hpp"

namespace {

using kv::ByteBuffer;
using kv::ByteView;
using kv::protocol::kHeaderBytes;

std::string frame(kv::protocol::Status status, const std::string& payload) {
  std::string bytes(kHeaderBytes, '\0');
  kv::protocol::encode_header(static_cast<std::uint8_t>(status), static_cast<std::uint32_t>(payload.size()),
                              bytes.data());
  return bytes + payload;
}

class Echo {
 public:
  struct Session {
    std::array<char, kHeaderBytes> header{};
    std::size_t header_bytes = 0;   // how much of it has come
    std::size_t payload_bytes = 0;  // how much of the payload is still to come
  };

  explicit Echo(std::size_t value_bytes)
      : value_(frame(kv::protocol::Status::kOk, kv::value::encode_bytes(std::string(value_bytes, 'v')))) {}

  bool answer(Session& session, ByteView input, ByteBuffer& replies) const {
    while (!input.empty()) {
      if (session.header_bytes < kHeaderBytes) {
        const std::size_t size = std::min(kHeaderBytes - session.header_bytes, input.size());
        std::memcpy(session.header.data() + session.header_bytes, input.data(), size);
        session.header_bytes += size;
        input.remove_prefix(size);
        if (session.header_bytes < kHeaderBytes) return true;
        session.payload_bytes = kv::load_big_endian<std::uint32_t>(session.header.data() + 1);
      }
      const std::size_t skipped = std::min(session.payload_bytes, input.size());
      session.payload_bytes -= skipped;
      input.remove_prefix(skipped);
      if (session.payload_bytes != 0) return true;
      replies.append(reply_to(session.header[0]));
      session.header_bytes = 0;
    }
    return true;
  }

 private:
  ByteView reply_to(char command) const {
    switch (kv::protocol::Command{static_cast<std::uint8_t>(command)}) {
      case kv::protocol::Command::kGet:
        return value_;
      case kv::protocol::Command::kSet:
        return ok_;
      default:
        return unknown_;
    }
  }

  const std::string value_;
  const std::string ok_ = frame(kv::protocol::Status::kOk, "");
  const std::string unknown_ = frame(kv::protocol::Status::kInvalid, "COMMAND only GET and SET are answered here");
};

}  // namespace

int main(int argc, char** argv) {
  using namespace kv::bench;
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  const int signals = stop_signals();
  Echo echo(number_argument<std::uint32_t>(arguments, 2, 32));
  EpollServer(echo, listen_on(number_argument<std::uint16_t>(arguments, 1, 0)), signals).run();
}
