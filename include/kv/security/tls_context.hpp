// What a side of TLS brings to every connection: its certificate and key, whom it trusts, and which ways of encrypting
// it accepts. TLS 1.2 and 1.3 alone; of 1.2 only what keeps past connections secret (ECDHE) and is authenticated as a
// whole (AES-GCM, ChaCha20-Poly1305). No compression, no renegotiation, and no resumption: every connection proves anew
// who it is.
//
// A context never changes once it is made, and may be used by all threads. To change a certificate is to make another
// context; connections keep the one they began with.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "kv/base/clock.hpp"
#include "kv/base/result.hpp"
#include "kv/security/tls_channel.hpp"

struct ssl_ctx_st;

namespace kv::security {

// What a server asks of its clients.
enum class ClientAuth : unsigned char {
  kNone,      // nothing
  kOptional,  // a certificate, where they have one; one that is not good ends the connection
  kRequire,   // a certificate
};

// The words for them, in that order.
inline constexpr std::array<std::string_view, 3> kClientAuthNames{"none", "optional", "require"};

// Names of PEM files.
struct TlsServerFiles {
  std::string certificate;  // the server's own first, then those that lead to its authority
  std::string key;          // its private key, without a passphrase
  std::string authorities;  // who may vouch for clients; empty with kNone
};

struct TlsClientFiles {
  std::string authorities;  // who may vouch for the server; empty: the authorities that the system trusts
  std::string certificate;  // the client's own, and its key; empty: it has none
  std::string key;
};

class TlsContext {
 public:
  // Reads the files. Fails with a sentence that names the file and what is wrong with it: missing, no certificate in
  // it, a key that doesn't belong to the certificate …
  static Result<std::shared_ptr<const TlsContext>> for_server(const TlsServerFiles& files, ClientAuth client_auth);

  enum class Verify : unsigned char {
    kServer,   // its certificate has to be good, and to be for the name that was asked for
    kNothing,  // whoever answers will do
  };
  static Result<std::shared_ptr<const TlsContext>> for_client(const TlsClientFiles& files, Verify verify);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // The server's end of the connection on `descriptor`, which stays the caller's. Made for_server().
  std::unique_ptr<TlsChannel> accept(int descriptor) const;
  // The client's end, of a server that is to be called `server_name`: a name or an IP
  // address, and not empty. Made for_client().
  std::unique_ptr<TlsChannel> connect(int descriptor, const std::string& server_name) const;

  // When the certificate ends; 0 where there is none.
  UnixMillis not_after() const { return not_after_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  ssl_ctx_st* const context_;
  UnixMillis not_after_ = 0;
};

}  // namespace kv::security
