// Which files make a context, and who is let in by it.
#include "kv/security/tls_context.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "security/tls_pair.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/tls/certificates.hpp"

namespace kv::security {
namespace {

using test::CertificateAuthority;
using test::CertificateFiles;
using testing::AllOf;
using testing::HasSubstr;
using Verify = TlsContext::Verify;

class TlsContextTest : public testing::Test {
 protected:
  std::shared_ptr<const TlsContext> server(ClientAuth client_auth = ClientAuth::kNone) {
    return TlsContext::for_server({files_.certificate, files_.key, authority_.file()}, client_auth).value();
  }
  std::shared_ptr<const TlsContext> client(const CertificateFiles& own = {}) {
    return TlsContext::for_client({authority_.file(), own.certificate, own.key}, Verify::kServer).value();
  }
  std::string refusal(const TlsServerFiles& files, ClientAuth client_auth = ClientAuth::kNone) {
    const auto made = TlsContext::for_server(files, client_auth);
    return made ? "it was taken" : made.error().message;
  }
  // Why a client that trusts our authority doesn't take this server; empty: it does.
  std::string client_refusal(const CertificateFiles& own, const std::string& name = "localhost") {
    test::TlsPair pair(TlsContext::for_server({own.certificate, own.key, ""}, ClientAuth::kNone).value(), client(),
                       name);
    return pair.shake_hands() ? "" : pair.client->failure();
  }
  // Why the server doesn't take this client; empty: it does.
  std::string server_refusal(ClientAuth client_auth, const CertificateFiles& own) {
    test::TlsPair pair(server(client_auth), client(own));
    return pair.shake_hands() ? "" : pair.server->failure();
  }

  test::TemporaryFolder folder_;
  CertificateAuthority authority_{folder_.path()};
  CertificateFiles files_ = authority_.issue("server");
};

TEST_F(TlsContextTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(refusal({folder_.path() + "/none.pem", files_.key, ""}),
              AllOf(HasSubstr("the certificate"), HasSubstr("none.pem can't be read: No such file")));
  EXPECT_THAT(refusal({files_.certificate, folder_.path() + "/none.key", ""}), HasSubstr("the key"));
  EXPECT_THAT(refusal({files_.certificate, files_.key, folder_.path()}, ClientAuth::kRequire),
              HasSubstr("can't be read: Is a directory"));
}

TEST_F(TlsContextTest, SaysWhichFileIsNoGood) {
  const std::string nonsense = folder_.write("nonsense", "not a certificate");
  EXPECT_THAT(refusal({nonsense, files_.key, ""}), HasSubstr("nonsense is not good: no start line"));
  EXPECT_THAT(refusal({files_.certificate, nonsense, ""}), AllOf(HasSubstr("the key"), HasSubstr("is not good")));
  EXPECT_THAT(refusal({files_.certificate, files_.key, nonsense}, ClientAuth::kOptional), HasSubstr("is not good"));
}

TEST_F(TlsContextTest, SaysThatTheKeyBelongsToAnotherCertificate) {
  const CertificateFiles other = authority_.issue("other");
  EXPECT_THAT(refusal({files_.certificate, other.key, ""}), HasSubstr("is not the one of the certificate"));
}

TEST_F(TlsContextTest, NeverAsksForAPassphrase) {
  // A key under the passphrase "secret", of no use to anybody.
  const std::string locked = folder_.path() + "/locked.key";
  const std::string command = "openssl ec -in " + files_.key + " -aes256 -passout pass:secret -out " + locked;
  ASSERT_EQ(std::system((command + " 2>/dev/null").c_str()), 0);
  EXPECT_THAT(refusal({files_.certificate, locked, ""}), HasSubstr("is not good"));
}

TEST_F(TlsContextTest, KnowsWhenTheCertificateEnds) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const CertificateFiles files = authority_.issue("short", {.until_s = 3'600});
  const auto made = TlsContext::for_server({files.certificate, files.key, ""}, ClientAuth::kNone).value();
  EXPECT_NEAR(static_cast<double>(made->not_after()) / 1'000, static_cast<double>(now.count() + 3'600), 60);
}

TEST_F(TlsContextTest, AClientTakesAServerThatItsAuthorityVouchesFor) {
  EXPECT_EQ(client_refusal(files_), "");
  EXPECT_EQ(client_refusal(files_, "127.0.0.1"), "") << "an address, too";
}

TEST_F(TlsContextTest, AClientRefusesAServerOfAnotherNameOrTimeOrAuthority) {
  EXPECT_THAT(client_refusal(files_, "elsewhere"), HasSubstr("hostname mismatch"));
  EXPECT_THAT(client_refusal(files_, "127.0.0.2"), HasSubstr("IP address mismatch"));
  EXPECT_THAT(client_refusal(authority_.issue("past", {.from_s = -7'200, .until_s = -3'600})),
              HasSubstr("certificate has expired"));
  EXPECT_THAT(client_refusal(authority_.issue("future", {.from_s = 3'600})), HasSubstr("not yet valid"));
  CertificateAuthority other(folder_.path(), "other-ca");
  EXPECT_THAT(client_refusal(other.issue("foreign")), HasSubstr("unable to get local issuer certificate"));
}

TEST_F(TlsContextTest, AClientThatVerifiesNothingTakesAnybody) {
  const CertificateFiles past = authority_.issue("past", {.from_s = -7'200, .until_s = -3'600});
  test::TlsPair pair(TlsContext::for_server({past.certificate, past.key, ""}, ClientAuth::kNone).value(),
                     TlsContext::for_client({}, Verify::kNothing).value(), "elsewhere");
  EXPECT_TRUE(pair.shake_hands());
}

TEST_F(TlsContextTest, AServerAsksForWhatItsModeSays) {
  const CertificateFiles good = authority_.issue("alice", {.common_name = "alice", .names = ""});
  const CertificateFiles past = authority_.issue("past", {.common_name = "alice", .until_s = -1});
  CertificateAuthority other(folder_.path(), "other-ca");
  const CertificateFiles foreign = other.issue("foreign", {.common_name = "alice"});
  struct Case {
    ClientAuth mode;
    CertificateFiles own;
    std::string refusal;  // what it has in it; empty: it is let in
  };
  const Case cases[] = {
      {ClientAuth::kNone, {}, ""},
      {ClientAuth::kNone, past, ""},
      {ClientAuth::kOptional, {}, ""},
      {ClientAuth::kOptional, good, ""},
      {ClientAuth::kOptional, past, "certificate has expired"},
      {ClientAuth::kOptional, foreign, "unable to get local issuer certificate"},
      {ClientAuth::kRequire, {}, "peer did not return a certificate"},
      {ClientAuth::kRequire, good, ""},
      {ClientAuth::kRequire, past, "certificate has expired"},
      {ClientAuth::kRequire, foreign, "unable to get local issuer certificate"},
  };
  for (const Case& c : cases) {
    const std::string refusal = server_refusal(c.mode, c.own);
    EXPECT_EQ(refusal.empty(), c.refusal.empty()) << refusal;
    EXPECT_THAT(refusal, HasSubstr(c.refusal)) << "mode " << static_cast<int>(c.mode) << ", " << c.own.certificate;
  }
}

TEST_F(TlsContextTest, KnowsTheNameInACertificateThatItAskedFor) {
  const auto name_of = [&](ClientAuth mode, const test::CertificateOptions& options) {
    test::TlsPair pair(server(mode), client(authority_.issue("named", options)));
    EXPECT_TRUE(pair.shake_hands());
    return pair.server->peer_common_name();
  };
  EXPECT_EQ(name_of(ClientAuth::kRequire, {.common_name = "alice"}), "alice");
  EXPECT_EQ(name_of(ClientAuth::kOptional, {.common_name = "Zoë Ω"}), "Zoë Ω");
  EXPECT_EQ(name_of(ClientAuth::kNone, {.common_name = "alice"}), "") << "which nobody has verified";
  EXPECT_EQ(name_of(ClientAuth::kRequire, {.common_name = ""}), "");
  EXPECT_EQ(name_of(ClientAuth::kRequire, {.common_name = std::string("admin\0.evil", 11)}), "");
  EXPECT_EQ(name_of(ClientAuth::kRequire, {.common_name = "two\nlines"}), "");
  test::TlsPair nobody(server(ClientAuth::kOptional), client());
  EXPECT_TRUE(nobody.shake_hands());
  EXPECT_EQ(nobody.server->peer_common_name(), "");
}

}  // namespace
}  // namespace kv::security
