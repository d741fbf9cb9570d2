#include "support/http/http_client.hpp"

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace kv::test {
namespace {

constexpr timeval kPatience{60, 0};

std::system_error system_fault(const char* what) {
  return {errno, std::generic_category(), what};
}

}  // namespace

std::string HttpReply::field(const std::string& name) const {
  const std::string start = "\r\n" + name + ": ";
  const std::size_t found = header.find(start);
  if (found == std::string::npos) return {};
  const std::size_t value = found + start.size();
  return header.substr(value, header.find("\r\n", value) - value);
}

HttpClient::HttpClient(std::uint16_t port, int receive_buffer_bytes)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (receive_buffer_bytes != 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
  }
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const auto fault = system_fault("connect");
    close(fd_);
    throw fault;
  }
}

HttpClient::~HttpClient() {
  if (fd_ != -1) close(fd_);
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}

void HttpClient::send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
    if (sent < 0) throw system_fault("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// False once the peer has closed or reset the connection.
bool HttpClient::read_more() {
  std::array<char, 16384> piece;
  const ssize_t size = recv(fd_, piece.data(), piece.size(), 0);
  if (size < 0 && errno != ECONNRESET) throw system_fault("recv");
  if (size <= 0) return false;
  received_.append(piece.data(), static_cast<std::size_t>(size));
  return true;
}

HttpReply HttpClient::receive(bool has_body) {
  const auto wait_for = [this](const auto& condition) {
    while (!condition()) {
      if (!read_more()) throw std::runtime_error("the connection ended within a reply: " + received_);
    }
  };
  std::size_t end = std::string::npos;
  wait_for([&] { return (end = received_.find("\r\n\r\n")) != std::string::npos; });
  HttpReply reply;
  reply.header = received_.substr(0, end + 2);
  if (!reply.header.starts_with("HTTP/1.")) throw std::runtime_error("this is no reply: " + reply.header);
  reply.status = std::stoi(reply.header.substr(reply.header.find(' ') + 1));
  const std::size_t size = has_body ? std::stoul(reply.field("Content-Length")) : 0;
  wait_for([&] { return received_.size() >= end + 4 + size; });
  reply.body = received_.substr(end + 4, size);
  received_.erase(0, end + 4 + size);
  return reply;
}

HttpReply HttpClient::get(const std::string& path) {
  send("GET " + path + " HTTP/1.1\r\nHost: here\r\n\r\n");
  return receive();
}

std::string HttpClient::receive_to_the_end() {
  while (read_more()) {
  }
  return std::exchange(received_, {});
}

HttpReply http_get(std::uint16_t port, const std::string& path) {
  return HttpClient(port).get(path);
}

std::uint16_t admin_port(const std::string& log) {
  const std::string mark = "admin listening on 127.0.0.1:";
  const std::size_t found = log.find(mark);
  // Without the end of the line there may be digits to come.
  if (found == std::string::npos || log.find('\n', found) == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::stoul(log.substr(found + mark.size())));
}

}  // namespace kv::test
