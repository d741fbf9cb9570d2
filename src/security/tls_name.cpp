#include "security/tls_name.hpp"

#include <algorithm>
#include <openssl/x509.h>

#include "kv/base/utf8.hpp"

namespace kv::security {
namespace {

// A zero byte may make a name look like another one to whoever stops reading there.
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace

std::string common_name_of(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
  if (size < 0) return {};
  std::string name(utf8, utf8 + size);
  OPENSSL_free(utf8);
  if (!is_utf8(name) || std::any_of(name.begin(), name.end(), is_control)) return {};
  return name;
}

}  // namespace kv::security
