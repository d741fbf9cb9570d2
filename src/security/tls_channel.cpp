#include "kv/security/tls_channel.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "kv/base/limits.hpp"

#include "security/tls_error.hpp"
#include "security/tls_name.hpp"

namespace kv::security {

// How OpenSSL reaches the socket. Its own way raises SIGPIPE, and doesn't tell a socket that has nothing from a record
// that was none of the caller's.
struct TlsWire {
  static TlsChannel& channel_of(BIO* bio) { return *static_cast<TlsChannel*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t room, std::size_t* size) {
    TlsChannel& channel = channel_of(bio);
    const ssize_t got = ::recv(channel.descriptor_, to, room, MSG_DONTWAIT);
    BIO_clear_retry_flags(bio);
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (got < 0 && may_retry(channel)) BIO_set_retry_read(bio);
    *size = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got > 0 ? 1 : 0;
  }

  static int write(BIO* bio, const char* from, std::size_t bytes, std::size_t* size) {
    TlsChannel& channel = channel_of(bio);
    const ssize_t sent = ::send(channel.descriptor_, from, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (sent < 0 && may_retry(channel)) BIO_set_retry_write(bio);
    *size = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    return sent > 0 ? 1 : 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      if (made == nullptr) throw std::bad_alloc();
      BIO_meth_set_read_ex(made, read);
      BIO_meth_set_write_ex(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return method;
  }

 private:
  static bool may_retry(TlsChannel& channel) {
    channel.wire_is_blocked_ = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (!channel.wire_is_blocked_) channel.wire_error_ = errno;
    return channel.wire_is_blocked_;
  }
};

namespace {

// A peer that sends so many records in a row without a byte for us (new keys, over and over) means no good.
constexpr int kEmptyRecordsMax = 32;

}  // namespace

TlsChannel::TlsChannel(ssl_st* tls, int descriptor) : tls_(tls), descriptor_(descriptor) {
  BIO* const bio = BIO_new(TlsWire::method());
  if (bio == nullptr) {
    SSL_free(tls_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_, bio, bio);
}

TlsChannel::~TlsChannel() {
  SSL_free(tls_);
}

TlsChannel::Outcome TlsChannel::handshake() {
  const int result = SSL_do_handshake(tls_);
  if (result == 1) {
    is_open_ = true;
    return Outcome::kDone;
  }
  const Outcome outcome = outcome_of(result);
  return outcome == Outcome::kEnded ? fail("the peer closed the connection") : outcome;
}

TlsChannel::Transfer TlsChannel::read(char* to, std::size_t room) {
  if (!failure_.empty()) return {0, Outcome::kFailed};
  std::size_t size = 0;
  for (int empty = 0; size < room && (size == 0 || has_pending());) {
    wire_is_blocked_ = false;
    std::size_t got = 0;
    const int result = SSL_read_ex(tls_, to + size, room - size, &got);
    size += got;
    if (result == 1) continue;
    Outcome outcome = outcome_of(result);
    if (outcome == Outcome::kWantsRead && !wire_is_blocked_) {
      if (++empty < kEmptyRecordsMax) continue;
      outcome = fail("too many records with nothing in them");
    }
    // What came before it comes first; then the same is found again.
    return size > 0 ? Transfer{size, Outcome::kDone} : Transfer{0, outcome};
  }
  return {size, Outcome::kDone};
}

TlsChannel::Transfer TlsChannel::write(ByteView bytes) {
  if (!failure_.empty()) return {0, Outcome::kFailed};
  std::size_t size = 0;
  const int result = SSL_write_ex(tls_, bytes.data(), std::min(bytes.size(), kTlsBytesAtOnce), &size);
  return {size, result == 1 ? Outcome::kDone : outcome_of(result)};
}

bool TlsChannel::has_pending() const {
  return SSL_has_pending(tls_) == 1 || !failure_.empty() || (SSL_get_shutdown(tls_) & SSL_RECEIVED_SHUTDOWN) != 0;
}

bool TlsChannel::is_readable() {
  if (!failure_.empty()) return true;
  wire_is_blocked_ = false;
  char first;
  std::size_t size = 0;
  const int result = SSL_peek_ex(tls_, &first, 1, &size);
  return result == 1 || outcome_of(result) != Outcome::kWantsRead || !wire_is_blocked_;
}

void TlsChannel::close() {
  if (!is_open_) return;
  SSL_shutdown(tls_);
  ERR_clear_error();
}

std::string TlsChannel::peer_common_name() const {
  const X509* const certificate = SSL_get0_peer_certificate(tls_);
  const bool is_good = certificate != nullptr && SSL_get_verify_result(tls_) == X509_V_OK;
  return is_good ? common_name_of(*certificate) : std::string();
}

const char* TlsChannel::version() const {
  return SSL_get_version(tls_);
}

TlsChannel::Outcome TlsChannel::outcome_of(int result) {
  switch (SSL_get_error(tls_, result)) {
    case SSL_ERROR_WANT_READ:
      return Outcome::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return Outcome::kWantsWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::kEnded;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      return fail(wire_error_ == 0 ? "the peer closed the connection" : std::generic_category().message(wire_error_));
    default:
      break;
  }
  std::string why = take_tls_error();
  const long verified = SSL_get_verify_result(tls_);
  if (verified != X509_V_OK) why.append(": ").append(X509_verify_cert_error_string(verified));
  return fail(std::move(why));
}

TlsChannel::Outcome TlsChannel::fail(std::string why) {
  failure_ = std::move(why);
  is_open_ = false;
  return Outcome::kFailed;
}

}  // namespace kv::security
