#include "support/tls/certificates.hpp"

#include <cstdio>
#include <memory>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <utility>

namespace kv::test {
namespace {

void check(bool is_good, const char* what) {
  if (!is_good) throw std::runtime_error(std::string("OpenSSL fails: ") + what);
}

EVP_PKEY* make_key() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  check(key != nullptr, "a key");
  return key;
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "an extension");
  X509_EXTENSION_free(extension);
}

// Everything but extensions and the signature. `issuer` is nullptr for one that vouches for itself.
X509* make_certificate(const CertificateOptions& options, EVP_PKEY* key, X509* issuer) {
  static long serial = 0;
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), options.from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.until_s);
  X509_set_pubkey(certificate, key);
  const auto* name = reinterpret_cast<const unsigned char*>(options.common_name.data());
  const int size = static_cast<int>(options.common_name.size());
  if (size > 0) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, size, -1, 0);
  }
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer == nullptr ? certificate : issuer));
  return certificate;
}

// Written beside it and then put in its place, as whoever exchanges certificates under a running server should.
template <typename Write>
void save(const std::string& path, Write write) {
  const std::string next = path + ".next";
  std::FILE* const file = std::fopen(next.c_str(), "w");
  check(file != nullptr && write(file) == 1 && std::fclose(file) == 0, "a file");
  check(std::rename(next.c_str(), path.c_str()) == 0, "a file's name");
}

void save(const std::string& path, X509* certificate) {
  save(path, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
}

}  // namespace

CertificateAuthority::CertificateAuthority(std::string folder, const std::string& name)
    : folder_(std::move(folder)), file_(folder_ + "/" + name + ".pem"), key_(make_key()) {
  certificate_ = make_certificate({.common_name = "Authority " + name}, key_, nullptr);
  add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign,cRLSign");
  check(X509_sign(certificate_, key_, EVP_sha256()) > 0, "a signature");
  save(file_, certificate_);
}

CertificateAuthority::~CertificateAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

CertificateFiles CertificateAuthority::issue(const std::string& name, const CertificateOptions& options) {
  CertificateFiles files{folder_ + "/" + name + ".pem", folder_ + "/" + name + ".key"};
  EVP_PKEY* const key = make_key();
  X509* const certificate = make_certificate(options, key, certificate_);
  if (!options.names.empty()) add_extension(certificate, certificate_, NID_subject_alt_name, options.names);
  check(X509_sign(certificate, key_, EVP_sha256()) > 0, "a signature");
  save(files.certificate, certificate);
  save(files.key,
       [&](std::FILE* file) { return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

}  // namespace kv::test
