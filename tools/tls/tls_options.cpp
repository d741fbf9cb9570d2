#include "tls/tls_options.hpp"

#include <CLI/CLI.hpp>

namespace kv::tools {

void add_tls_options(CLI::App& app, TlsOptions& options) {
  CLI::Option* const tls = app.add_flag("--tls", options.is_on, "Speak TLS, with a server whose certificate is good");
  const auto file = [&](const char* name, std::string& path, const char* help) {
    return app.add_option(name, path, help)->type_name("FILE")->default_str("")->needs(tls);
  };
  file("--tls-ca", options.files.authorities, "Who may vouch for the server (PEM); else whom the system trusts");
  CLI::Option* const certificate =
      file("--tls-cert", options.files.certificate, "A certificate to show the server (PEM)");
  CLI::Option* const key = file("--tls-key", options.files.key, "Its private key (PEM)")->needs(certificate);
  certificate->needs(key);
  app.add_option("--tls-server-name", options.server_name, "The name in the server's certificate; else the host")
      ->type_name("NAME")
      ->default_str("")
      ->needs(tls);
  app.add_flag("--tls-insecure", options.takes_anybody, "Take any certificate, from whoever answers")->needs(tls);
}

Result<std::shared_ptr<const security::TlsContext>> make_tls_context(const TlsOptions& options) {
  using security::TlsContext;
  if (!options.is_on) return std::shared_ptr<const TlsContext>();
  return TlsContext::for_client(options.files,
                                options.takes_anybody ? TlsContext::Verify::kNothing : TlsContext::Verify::kServer);
}

}  // namespace kv::tools
