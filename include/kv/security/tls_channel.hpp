// TLS on one connected socket. It reads and writes by itself what TLS needs, never waits, and says what has to be
// waited for; waiting is its caller's, by whatever means.
//
//   caller:   bytes ──▶ write() ──▶ records ──▶ socket ──▶ records ──▶ read() ──▶ bytes
//
//   1. A call that says kWantsRead or kWantsWrite has done nothing; it is to be made again once the socket is ready. A
//      write() is then to be made again with the same bytes, wherever they lie by then, and possibly more.
//   2. What has been received is not all on the socket: a record is taken off it as a whole, and has_pending() says
//   that
//      there may be more here. Only after kWantsRead is the socket the one to ask.
//   3. One call takes at most about kTlsBytesAtOnce, so that a peer that reads or writes as fast as it is served can't
//      keep its thread.
//
// Used by one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "kv/base/bytes.hpp"

struct ssl_st;

namespace kv::security {

class TlsChannel {
 public:
  enum class Outcome : unsigned char {
    kDone,
    kWantsRead,   // not before the socket can be read
    kWantsWrite,  // not before the socket can be written
    kEnded,       // of read(): the peer sends no more; it may still read
    kFailed,      // the connection is of no more use; failure() says why
  };
  struct Transfer {
    std::size_t size = 0;  // with kDone: how many bytes, at least 1
    Outcome outcome = Outcome::kDone;
  };

  // What TlsContext makes it of; takes `tls` over.
  TlsChannel(ssl_st* tls, int descriptor);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Goes on with the handshake; never says kEnded. Nothing else may be called before it is done.
  Outcome handshake();
  // Reads what is there, up to `room` bytes. REQUIRES: room > 0.
  Transfer read(char* to, std::size_t room);
  // Writes what the socket takes. REQUIRES: bytes aren't empty.
  Transfer write(ByteView bytes);
  // Whether read() may have something to say without the socket being readable: bytes, the end, a failure.
  bool has_pending() const;
  // Whether read() would do anything but kWantsRead.
  bool is_readable();
  // Tells the peer that nothing more comes. Whatever the socket doesn't take at once is not sent.
  void close();

  // Why it failed, in words for people.
  const std::string& failure() const { return failure_; }
  // After the handshake: the common name in the certificate that the peer proved to own; empty where it has none that
  // was asked for and is good, or one without exactly one name that can be printed.
  std::string peer_common_name() const;
  // After the handshake: TLSv1.3.
  const char* version() const;

 private:
  friend struct TlsWire;

  Outcome outcome_of(int result);
  Outcome fail(std::string why);

  ssl_st* const tls_;
  const int descriptor_;
  int wire_error_ = 0;            // errno of what failed on the socket
  bool wire_is_blocked_ = false;  // the last thing the socket said was: not now
  bool is_open_ = false;          // the handshake is done, and nothing has failed since
  std::string failure_;
};

}  // namespace kv::security
