// Whose certificate it is.
#pragma once

#include <openssl/types.h>
#include <string>

namespace kv::security {

// The subject's common name as UTF-8; empty where it has none, several, or one with characters that can't be printed.
std::string common_name_of(const X509& certificate);

}  // namespace kv::security
