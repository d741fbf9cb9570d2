#include "kv/security/tls_context.hpp"

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <system_error>
#include <unistd.h>

#include "kv/base/assert.hpp"

#include "security/tls_error.hpp"

namespace kv::security {
namespace {

constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

// Without it OpenSSL would ask for a passphrase on the terminal.
int refuse_passphrase(char*, int, int, void*) {
  return -1;
}

void set_up(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kTls12Ciphers);
  // Where a peer closes without a word of TLS's, a frame that was cut short is no frame, so nothing is taken for whole
  // that isn't.
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
}

Result<void> check_readable(const std::string& what, const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char byte;
  const bool is_readable = descriptor >= 0 && ::read(descriptor, &byte, 1) >= 0;  // a folder can't be read
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (is_readable) return {};
  return bad(what + " " + path + " can't be read: " + std::generic_category().message(error));
}

Error bad_file(const std::string& what, const std::string& path) {
  return bad(what + " " + path + " is not good: " + take_tls_error());
}

Result<void> use_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  if (auto readable = check_readable("the certificate", certificate); !readable) return readable;
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return bad_file("the certificate", certificate);
  }
  if (auto readable = check_readable("the key", key); !readable) return readable;
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1) return {};
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH) {
    ERR_clear_error();
    return bad("the key " + key + " is not the one of the certificate " + certificate);
  }
  return bad_file("the key", key);
}

Result<void> trust(SSL_CTX* context, const std::string& authorities) {
  const std::string what = "the file of authorities";
  if (auto readable = check_readable(what, authorities); !readable) return readable;
  if (SSL_CTX_load_verify_file(context, authorities.c_str()) != 1) return bad_file(what, authorities);
  return {};
}

UnixMillis end_of(const X509* certificate) {
  tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return 0;
  return static_cast<UnixMillis>(timegm(&end)) * 1000;
}

}  // namespace

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::for_server(const TlsServerFiles& files, ClientAuth client_auth) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return bad("TLS can't be set up: " + take_tls_error());
  const std::shared_ptr<TlsContext> made(new TlsContext(context));
  set_up(context);
  if (auto used = use_certificate(context, files.certificate, files.key); !used) return used.error();
  made->not_after_ = end_of(SSL_CTX_get0_certificate(context));
  if (client_auth == ClientAuth::kNone) return std::shared_ptr<const TlsContext>(made);
  if (auto trusted = trust(context, files.authorities); !trusted) return trusted.error();
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(files.authorities.c_str()));
  const int must_have = client_auth == ClientAuth::kRequire ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | must_have, nullptr);
  return std::shared_ptr<const TlsContext>(made);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::for_client(const TlsClientFiles& files, Verify verify) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return bad("TLS can't be set up: " + take_tls_error());
  const std::shared_ptr<TlsContext> made(new TlsContext(context));
  set_up(context);
  if (!files.certificate.empty()) {
    if (auto used = use_certificate(context, files.certificate, files.key); !used) return used.error();
    made->not_after_ = end_of(SSL_CTX_get0_certificate(context));
  }
  if (verify == Verify::kNothing) return std::shared_ptr<const TlsContext>(made);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (files.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (auto trusted = trust(context, files.authorities); !trusted) {
    return trusted.error();
  }
  return std::shared_ptr<const TlsContext>(made);
}

std::unique_ptr<TlsChannel> TlsContext::accept(int descriptor) const {
  SSL* const tls = SSL_new(context_);
  if (tls == nullptr) throw std::bad_alloc();
  SSL_set_accept_state(tls);
  return std::make_unique<TlsChannel>(tls, descriptor);
}

std::unique_ptr<TlsChannel> TlsContext::connect(int descriptor, const std::string& server_name) const {
  SSL* const tls = SSL_new(context_);
  if (tls == nullptr) throw std::bad_alloc();
  SSL_set_connect_state(tls);
  auto channel = std::make_unique<TlsChannel>(tls, descriptor);
  KV_ASSERT(!server_name.empty());  // which OpenSSL would take for any name
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), server_name.c_str()) == 1) return channel;
  ERR_clear_error();
  SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(server_name.c_str()));
  SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(tls, server_name.c_str()) != 1) throw std::bad_alloc();
  return channel;
}

}  // namespace kv::security
