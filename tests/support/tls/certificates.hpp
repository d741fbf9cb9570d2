// Authorities and the certificates they issue, as PEM files.
#pragma once

#include <string>

struct evp_pkey_st;
struct x509_st;

namespace kv::test {

struct CertificateFiles {
  std::string certificate;
  std::string key;
};

struct CertificateOptions {
  std::string common_name = "localhost";
  std::string names = "DNS:localhost,IP:127.0.0.1";  // the subject's other names; empty: none
  long from_s = -3'600;                              // when it begins and ends, in seconds from now
  long until_s = 365L * 86'400;
};

class CertificateAuthority {
 public:
  // Makes FOLDER/NAME.pem, its own certificate. FOLDER has to be there.
  explicit CertificateAuthority(std::string folder, const std::string& name = "ca");
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  // The file with its certificate.
  const std::string& file() const { return file_; }
  // Makes FOLDER/NAME.pem and FOLDER/NAME.key, in the place of what is there.
  CertificateFiles issue(const std::string& name, const CertificateOptions& options = {});

 private:
  const std::string folder_;
  const std::string file_;
  evp_pkey_st* key_;
  x509_st* certificate_;
};

}  // namespace kv::test
