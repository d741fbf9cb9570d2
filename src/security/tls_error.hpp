// What OpenSSL has to say.
#pragma once

#include <string>

namespace kv::security {

// Takes all errors of this thread off OpenSSL's queue, and puts the one that tells most into words: `certificate has
// expired`. A text even where there is none.
std::string take_tls_error();

}  // namespace kv::security
