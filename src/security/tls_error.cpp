#include "security/tls_error.hpp"

#include <openssl/err.h>

namespace kv::security {

// The first error is the cause; what follows says which functions it went through.
std::string take_tls_error() {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return "no reason given";
  if (const char* reason = ERR_reason_error_string(first)) return reason;
  char text[256];
  ERR_error_string_n(first, text, sizeof(text));
  return text;
}

}  // namespace kv::security
