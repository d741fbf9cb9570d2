// TLS of the real server: spoken by OpenSSL's own client, by ours, and by nobody at all.
#include <csignal>
#include <filesystem>
#include <future>

#include <gmock/gmock.h>

#include "integration/info_json.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"
#include "support/process/wait.hpp"
#include "support/tls/certificates.hpp"

namespace kv::test {
namespace {

using security::TlsContext;
using ::testing::HasSubstr;
using ::testing::Not;
using Args = std::vector<std::string>;
using Ran = Run;  // which within a test is another one

class Tls : public ::testing::Test {
 protected:
  Args tls_args(const Args& more = {}) const {
    Args args{"--tls-bind", "127.0.0.1:0", "--tls-cert", files_.certificate, "--tls-key", files_.key};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  std::shared_ptr<const TlsContext> context(const CertificateFiles& own = {}) const {
    return TlsContext::for_client({authority_.file(), own.certificate, own.key}, TlsContext::Verify::kServer).value();
  }
  RawClient connect(const ServerProcess& server, const CertificateFiles& own = {}) const {
    RawClient client(server.tls_port());
    client.encrypt(context(own), "localhost");
    return client;
  }
  // What openssl s_client says of the server, given `input`.
  std::string s_client(const ServerProcess& server, const Args& more, const std::string& input = {}) const {
    Args argv{"/usr/bin/openssl",
              "s_client",
              "-connect",
              "127.0.0.1:" + std::to_string(server.tls_port()),
              "-CAfile",
              authority_.file(),
              "-verify_return_error"};
    argv.insert(argv.end(), more.begin(), more.end());
    const Ran ran = run({argv, {}, input});
    return ran.out + ran.err;
  }
  Ran kv_cli(std::uint16_t port, const Args& more) const {
    Args argv{KV_CLI_BINARY, "-p", std::to_string(port)};
    argv.insert(argv.end(), more.begin(), more.end());
    return run({argv, {}, {}});
  }

  TemporaryFolder folder_;
  CertificateAuthority authority_{folder_.path()};
  CertificateFiles files_ = authority_.issue("server");
};

TEST_F(Tls, SpeaksTls12AndTls13AndNothingOlder) {
  const ServerProcess server(tls_args());
  EXPECT_THAT(s_client(server, {"-tls1_3"}), HasSubstr("New, TLSv1.3"));
  EXPECT_THAT(s_client(server, {"-tls1_2"}), HasSubstr("Protocol  : TLSv1.2"));
  EXPECT_THAT(s_client(server, {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}), HasSubstr("alert protocol version"));
  // Of TLS 1.2 only what keeps past connections secret and is authenticated as a whole.
  EXPECT_THAT(s_client(server, {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"}), HasSubstr("handshake failure"));
  EXPECT_THAT(s_client(server, {"-tls1_2", "-cipher", "AES256-GCM-SHA384"}), HasSubstr("handshake failure"));
}

TEST_F(Tls, NothingIsResumedOrCompressed) {
  const ServerProcess server(tls_args());
  const std::string said = s_client(server, {"-tls1_2"});
  EXPECT_THAT(said, HasSubstr("Compression: NONE"));
  EXPECT_THAT(said, Not(HasSubstr("TLS session ticket:")));
  EXPECT_EQ(connect(server).call(ping()), ok("PONG"));
}

TEST_F(Tls, BothWaysInLeadToTheSameData) {
  const ServerProcess server(tls_args());
  RawClient plain(server);
  RawClient encrypted = connect(server);
  EXPECT_EQ(plain.call(set("k", encode_int(1))), ok());
  EXPECT_EQ(encrypted.call(get("k")), ok(encode_int(1)));
  const auto info = info_json(encrypted, "tls");
  EXPECT_TRUE(info.at("enabled").as_bool());
  EXPECT_EQ(info.at("listeners").as_array().size(), 1U);
  EXPECT_EQ(info.at("client_auth").as_string(), "none");
  EXPECT_GT(info.at("certificate_not_after").to_number<std::uint64_t>(), 1'700'000'000'000U);
}

TEST_F(Tls, MayBeTheOnlyWayIn) {
  ChildProcess server({{KV_SERVER_BINARY, "--bind", "none", "--tls-bind", "127.0.0.1:0", "--tls-cert",
                        files_.certificate, "--tls-key", files_.key},
                       {},
                       {}});
  ASSERT_TRUE(eventually([&] { return server.stderr_text().find("kv-server is up") != std::string::npos; }));
  EXPECT_THAT(server.stderr_text(), HasSubstr("tls=true"));
  EXPECT_THAT(server.stderr_text(), Not(HasSubstr("tls=false")));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), (Exit{0, 0}));
}

TEST_F(Tls, FilesThatAreNoGoodAreOneLineAndExitCode1) {
  const CertificateFiles other = authority_.issue("other");
  struct Case {
    std::string certificate;
    std::string key;
    std::string reason;
  };
  for (const Case& c : {Case{folder_.path() + "/none", files_.key, "none can't be read: No such file or directory"},
                        Case{files_.certificate, other.key, "is not the one of the certificate"},
                        Case{files_.certificate, files_.certificate, "is not good"}}) {
    const Ran ran = run_server({"--bind", "127.0.0.1:0", "--tls-bind", "127.0.0.1:0", "--tls-cert", c.certificate,
                                "--tls-key", c.key, "--log-level", "off"});
    EXPECT_EQ(ran.exit, (Exit{1, 0}));
    EXPECT_THAT(ran.err, HasSubstr(c.reason));
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
  }
}

TEST_F(Tls, EveryClientAuthModeLetsInWhomItShould) {
  const CertificateFiles alice = authority_.issue("alice", {.common_name = "alice", .names = ""});
  CertificateAuthority other(folder_.path(), "other-ca");
  const CertificateFiles foreign = other.issue("foreign", {.common_name = "alice"});
  struct Case {
    std::string mode;
    CertificateFiles own;
    bool is_let_in;
  };
  for (const std::string mode : {"optional", "require"}) {
    const ServerProcess server(tls_args({"--tls-client-auth", mode, "--tls-ca", authority_.file()}));
    for (const Case& c : {Case{mode, {}, mode == "optional"}, Case{mode, alice, true}, Case{mode, foreign, false}}) {
      SCOPED_TRACE(c.mode + " " + c.own.certificate);
      // With TLS 1.3 a client has done before it hears that it is refused.
      const auto ask = [&] { return connect(server, c.own).call(ping()); };
      if (c.is_let_in) {
        EXPECT_EQ(ask(), ok("PONG"));
      } else {
        EXPECT_THROW(ask(), std::runtime_error);
      }
    }
  }
}

TEST_F(Tls, ANewCertificateIsTakenAndNobodyIsCutOff) {
  ServerProcess server(tls_args());
  RawClient before = connect(server);
  EXPECT_EQ(before.call(ping()), ok("PONG"));
  authority_.issue("server", {.common_name = "the second"});
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return s_client(server, {}).find("CN = the second") != std::string::npos; }));
  EXPECT_EQ(before.call(ping()), ok("PONG"));

  // Without a signal, too.
  authority_.issue("server", {.common_name = "the third"});
  EXPECT_TRUE(eventually([&] { return s_client(server, {}).find("CN = the third") != std::string::npos; }));
  EXPECT_EQ(before.call(ping()), ok("PONG"));
  EXPECT_EQ(info_json(before, "tls").at("reloads").to_number<int>(), 2);
}

TEST_F(Tls, ABrokenCertificateIsToldAndTheOldOneStays) {
  ServerProcess server(tls_args());
  folder_.write("server.pem", "nonsense");
  server.signal(SIGHUP);
  ASSERT_TRUE(server.says("the old certificate stays"));
  RawClient client = connect(server);
  EXPECT_EQ(client.call(ping()), ok("PONG"));
  EXPECT_THAT(std::string(info_json(client, "tls").at("last_reload_error").as_string()), HasSubstr("is not good"));
}

TEST_F(Tls, ACertificateThatEndsSoonIsAWarning) {
  files_ = authority_.issue("server", {.until_s = 86'400L * 3});
  const ServerProcess server(tls_args());
  EXPECT_TRUE(server.says("the TLS certificate expires soon days_left=2"));
}

TEST_F(Tls, TheWrongWayInIsNoHarm) {
  const ServerProcess server(tls_args({"--request-timeout", "300ms"}));
  RawClient plain(server.tls_port());
  plain.send(ping());
  plain.receive_until_eof();
  // To a plain listener a hello of TLS is the beginning of a long frame.
  RawClient encrypted(server.port());
  EXPECT_THROW(encrypted.encrypt(context(), "localhost"), std::exception);
  EXPECT_EQ(connect(server).call(ping()), ok("PONG"));
  EXPECT_EQ(RawClient(server).call(ping()), ok("PONG"));
}

TEST_F(Tls, LargeValuesAndDeepPipelinesComeBackWhole) {
  const ServerProcess server(tls_args());
  RawClient client = connect(server);
  const std::string large = encode_bytes(std::string(8 << 20, 'v'));
  EXPECT_EQ(client.pipeline(set("large", large) + get("large") + get("large"), 3),
            (std::vector{ok(), ok(large), ok(large)}));
  std::string requests;
  std::vector<Reply> replies;
  for (int i = 1; i <= 20'000; ++i) {
    requests += incr("counter");
    replies.push_back(ok_i64(i));
  }
  EXPECT_EQ(client.pipeline(requests, replies.size()), replies);
}

TEST_F(Tls, WhatWasReceivedIsAnsweredBeforeTheEnd) {
  ServerProcess server(tls_args());
  std::vector<RawClient> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(connect(server));
  RawClient half(server.tls_port());
  half.send("\x16\x03\x01");
  RawClient client = connect(server);
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += incr("k");
  client.send(requests);
  EXPECT_EQ(client.receive(), ok_i64(1));
  server.signal(SIGTERM);
  for (int i = 2; i <= 1'000; ++i) ASSERT_EQ(client.receive(), ok_i64(i));
  EXPECT_EQ(client.receive_until_eof(), "");
  for (RawClient& one : idle) EXPECT_EQ(one.receive_until_eof(), "");
  client.close();
  EXPECT_EQ(server.wait_exit(), (Exit{0, 0}));
}

TEST_F(Tls, ACertificateIsTheUserOfItsNameWithItsRules) {
  const auto certificate_of = [&](const std::string& user) {
    return authority_.issue(user, {.common_name = user, .names = ""});
  };
  const std::string users = folder_.write("users.acl",
                                          "user alice on cert ~a:* +get +set\n"
                                          "user bob on ~* +@all\n");
  const ServerProcess server(
      tls_args({"--tls-client-auth", "require", "--tls-ca", authority_.file(), "--acl-file", users}));
  RawClient alice = connect(server, certificate_of("alice"));
  EXPECT_EQ(alice.call(whoami()), ok("alice"));
  EXPECT_EQ(alice.call(set("a:1", encode_int(1))), ok());
  EXPECT_EQ(alice.call(get("a:1")), ok(encode_int(1)));
  EXPECT_EQ(alice.call(get("b:1")), error("NOPERM"));
  EXPECT_EQ(alice.call(del("a:1")), error("NOPERM"));
  for (const char* user : {"bob", "nobody"}) {
    RawClient client = connect(server, certificate_of(user));
    EXPECT_EQ(client.call(whoami()), error("NOAUTH")) << user << " has no rule `cert`, or isn't a user";
  }
}

TEST_F(Tls, KvCliSpeaksItAndKnowsWhomItTalksTo) {
  const CertificateFiles alice = authority_.issue("alice", {.common_name = "alice", .names = ""});
  const ServerProcess server(tls_args({"--tls-client-auth", "optional", "--tls-ca", authority_.file()}));
  const auto with = [&](const Args& flags, const Args& command = {"ping"}) {
    Args all{"--tls"};
    all.insert(all.end(), flags.begin(), flags.end());
    all.insert(all.end(), command.begin(), command.end());
    return kv_cli(server.tls_port(), all);
  };
  EXPECT_EQ(with({"--tls-ca", authority_.file()}).out, "PONG\n");
  EXPECT_EQ(with({"--tls-ca", authority_.file(), "-h", "localhost"}).out, "PONG\n");
  EXPECT_EQ(with({"--tls-insecure"}).out, "PONG\n");
  EXPECT_EQ(with({"--tls-ca", authority_.file(), "--tls-cert", alice.certificate, "--tls-key", alice.key}).out,
            "PONG\n");
  const Ran unknown = with({});
  EXPECT_EQ(unknown.exit.exit_code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("self-signed certificate in certificate chain"));
  const Ran other_name = with({"--tls-ca", authority_.file(), "--tls-server-name", "elsewhere"});
  EXPECT_EQ(other_name.exit.exit_code, 3);
  EXPECT_THAT(other_name.err, HasSubstr("hostname mismatch"));
  const Ran no_file = with({"--tls-ca", folder_.path() + "/none"});
  EXPECT_EQ(no_file.exit.exit_code, 2);
  EXPECT_THAT(no_file.err, HasSubstr("can't be read"));
  EXPECT_EQ(kv_cli(server.port(), {"--tls-ca", authority_.file(), "ping"}).exit.exit_code, 2) << "without --tls";
}

TEST_F(Tls, KvBenchLoadsItAndEveryValueIsRight) {
  const ServerProcess server(tls_args());
  const Ran ran = run({{KV_BENCH_BINARY,
                        "-p",
                        std::to_string(server.tls_port()),
                        "--tls",
                        "--tls-ca",
                        authority_.file(),
                        "--preload",
                        "--keys",
                        "2000",
                        "--op",
                        "mixed",
                        "--verify",
                        "-c",
                        "8",
                        "-P",
                        "16",
                        "-n",
                        "50000",
                        "--warmup",
                        "0",
                        "--value-size",
                        "3000"},
                       {},
                       {}});
  EXPECT_EQ(ran.exit, (Exit{0, 0})) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("misses 0, errors 0, unanswered 0"));
}

}  // namespace
}  // namespace kv::test
