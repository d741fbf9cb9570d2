#include "kv-bench/login.hpp"

#include <poll.h>

#include "kv/base/bytes.hpp"
#include "kv/protocol/command.hpp"
#include "kv/protocol/frame.hpp"

namespace kv::bench {
namespace {

std::string auth_frame(const Login& login) {
  std::string payload;
  for (const std::string& text : {login.user, login.password}) {
    append_big_endian(payload, static_cast<std::uint16_t>(text.size()));
    payload += text;
  }
  std::string frame(protocol::kHeaderBytes, '\0');
  protocol::encode_header(static_cast<std::uint8_t>(protocol::Command::kAuth),
                          static_cast<std::uint32_t>(payload.size()), frame.data());
  return frame + payload;
}

using Outcome = Stream::Outcome;

// Until the socket is ready for what `outcome` wants. False for any other outcome, and when it takes too long.
bool wait_for(const Stream& socket, Outcome outcome, std::chrono::milliseconds timeout) {
  if (outcome != Outcome::kWantsRead && outcome != Outcome::kWantsWrite) return false;
  const short events = outcome == Outcome::kWantsRead ? POLLIN : POLLOUT;
  pollfd waiting{socket.fd(), events, 0};
  return poll(&waiting, 1, static_cast<int>(timeout.count())) > 0;
}

bool send_all(Stream& socket, std::chrono::milliseconds timeout, ByteView bytes) {
  while (!bytes.empty()) {
    const Stream::Transfer sent = socket.send(bytes);
    if (sent.outcome == Outcome::kDone) {
      bytes.remove_prefix(sent.size);
    } else if (!wait_for(socket, sent.outcome, timeout)) {
      return false;
    }
  }
  return true;
}

// Reads one whole reply into `frame`, which points into `bytes`.
bool read_reply(Stream& socket, std::chrono::milliseconds timeout, std::string& bytes, protocol::Frame& frame) {
  constexpr std::size_t kReplyBytesMax = 4'096;
  while (bytes.size() < kReplyBytesMax) {
    ByteView rest = bytes;
    if (protocol::take_frame(rest, kReplyBytesMax, frame) == protocol::FrameState::kComplete) return true;
    char chunk[1'024];
    const Stream::Transfer received = socket.receive(chunk, sizeof(chunk));
    if (received.outcome == Outcome::kDone) {
      bytes.append(chunk, received.size);
    } else if (!wait_for(socket, received.outcome, timeout)) {
      return false;
    }
  }
  return false;
}

}  // namespace

std::optional<Failure> log_in(std::vector<Stream>& sockets, const Login& login, std::chrono::milliseconds timeout) {
  if (login.password.empty()) return std::nullopt;
  const std::string request = auth_frame(login);
  for (Stream& socket : sockets) {
    std::string bytes;
    protocol::Frame reply;
    if (!send_all(socket, timeout, request) || !read_reply(socket, timeout, bytes, reply)) {
      return Failure{Failure::Kind::kConnection, "no answer to AUTH"};
    }
    if (reply.tag != 0) return Failure{Failure::Kind::kReply, "not authenticated: " + std::string(reply.payload)};
  }
  return std::nullopt;
}

}  // namespace kv::bench
