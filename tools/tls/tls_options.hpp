// How a client speaks TLS, as its command line says it: the same flags for every tool.
#pragma once

#include <memory>
#include <string>

#include "kv/base/result.hpp"
#include "kv/security/tls_context.hpp"

namespace CLI {
class App;
}

namespace kv::tools {

struct TlsOptions {
  bool is_on = false;
  security::TlsClientFiles files;
  std::string server_name;  // empty: the host that it connects to
  bool takes_anybody = false;
};

// Adds the flags to `app`. `options` must outlive it.
void add_tls_options(CLI::App& app, TlsOptions& options);

// What they make; nullptr where TLS is off. Fails with a sentence that names the file that is no good.
Result<std::shared_ptr<const security::TlsContext>> make_tls_context(const TlsOptions& options);

}  // namespace kv::tools
