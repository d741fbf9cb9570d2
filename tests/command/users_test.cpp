// Commands on users: AUTH WHOAMI ACL; and what rules do to all others.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/security/password.hpp"

#include "command/test_server.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using protocol::Caller;
using security::Hashes;
using testing::HasSubstr;
using testing::Not;

std::string hash_of(ByteView password) {
  return security::hash_password(password, {1, 8'192}).value();
}

class UserCommands : public CommandTest {
 protected:
  UserCommands() {
    set_user("app", "on #" + hash_of("secret") + " ~app:* %R~shared:* %W~log:* +@read +@write +scan -take");
    set_user("admin", "on #" + hash_of("secret") + " ~* +@all");
  }
  void set_user(ByteView name, const std::string& rules) { EXPECT_TRUE(users.set(name, rules).has_value()); }
  void need_authentication() { set_user("default", "off"); }

  std::unique_ptr<Caller> connect(std::string certificate_name = {}) {
    return dispatcher.connect({.id = 1, .address = "10.0.0.1:1", .certificate_name = std::move(certificate_name)});
  }
  // As the session of that connection would carry it out.
  Reply call(Caller& connection, ByteView request) {
    protocol::Frame frame;
    EXPECT_EQ(protocol::take_frame(request, kPayloadBytesCeiling, frame), protocol::FrameState::kComplete);
    ByteBuffer out;
    const auto pending = dispatcher.handle(frame, connection, clock.now(), dispatcher.weigh(frame), out).pending;
    if (pending != nullptr) {
      std::atomic<bool> woken{false};
      pending->notify([&] { woken = true; });
      EXPECT_TRUE(eventually([&] { return woken.load(); }));
      EXPECT_FALSE(pending->ends_with_peer());
      EXPECT_EQ(pending->complete(out), kNoLsn);
    }
    return decode_reply(out.view());
  }
  std::unique_ptr<Caller> connect_as(ByteView user) {
    auto connection = connect();
    EXPECT_EQ(call(*connection, auth(user, "secret")), ok());
    return connection;
  }
  std::uint64_t failures() const { return counters.totals()[observability::Counter::kAuthenticationFailures]; }
};

TEST_F(UserCommands, WithoutAuthenticationEverybodyIsDefault) {
  const auto connection = connect();
  EXPECT_TRUE(connection->is_admitted());
  EXPECT_EQ(connection->user(), "default");
  EXPECT_EQ(call(*connection, whoami()), ok("default"));
  EXPECT_EQ(call(*connection, set("k", encode_int(1))), ok());
}

TEST_F(UserCommands, WhoIsNobodyMayAuthenticateAndPingOnly) {
  need_authentication();
  const auto connection = connect();
  EXPECT_FALSE(connection->is_admitted());
  EXPECT_EQ(connection->user(), "");
  EXPECT_EQ(call(*connection, ping("hello")), ok("hello"));
  EXPECT_EQ(call(*connection, get("k")), error("NOAUTH"));
  EXPECT_EQ(call(*connection, whoami()), error("NOAUTH"));
  EXPECT_EQ(call(*connection, auth("app", "wrong")), error("NOAUTH"));
  EXPECT_EQ(call(*connection, get("app:1")), error("NOAUTH"));
  EXPECT_EQ(call(*connection, auth("app", "secret")), ok());
  EXPECT_TRUE(connection->is_admitted());
  EXPECT_EQ(call(*connection, whoami()), ok("app"));
  EXPECT_EQ(call(*connection, get("app:1")), null());
}

TEST_F(UserCommands, NoauthComesBeforeThePayloadAndNopermAfterIt) {
  need_authentication();
  const auto nobody = connect();
  EXPECT_EQ(call(*nobody, frame(0xFF)), invalid("COMMAND"));
  EXPECT_EQ(call(*nobody, get("")), error("NOAUTH"));
  EXPECT_EQ(call(*nobody, auth("app", "secret")), ok());
  EXPECT_EQ(call(*nobody, frame(protocol::Command::kAuth, "x")), invalid("FRAME"));
  const auto app = connect_as("app");
  EXPECT_EQ(call(*app, get("")), invalid("KEY"));
  EXPECT_EQ(call(*app, get("other")), error("NOPERM"));
  EXPECT_EQ(call(*app, frame(protocol::Command::kFlush, "x")), invalid("FRAME"));
  EXPECT_EQ(call(*app, flush()), error("NOPERM"));
  read_only = true;
  EXPECT_EQ(call(*app, set("other", encode_int(1))), error("NOPERM"));
  EXPECT_EQ(call(*app, set("app:1", encode_int(1))), error("READONLY"));
}

TEST_F(UserCommands, AWrongUserAndAWrongPasswordGetTheSameAnswer) {
  need_authentication();
  const auto connection = connect();
  const Reply wrong_password = call(*connection, auth("app", "wrong"));
  for (const auto& request : {auth("nobody", "secret"), auth("", "secret"), auth("default", ""), auth("app\xFF", "")}) {
    EXPECT_EQ(call(*connection, request).payload, wrong_password.payload);
  }
  EXPECT_EQ(failures(), 5U);
}

TEST_F(UserCommands, WithoutANameItIsThePasswordOfDefault) {
  set_user("default", "on resetpass #" + hash_of("open sesame"));
  const auto connection = connect();
  EXPECT_EQ(call(*connection, get("k")), error("NOAUTH"));
  EXPECT_EQ(call(*connection, auth("", "open sesame")), ok());
  EXPECT_EQ(call(*connection, whoami()), ok("default"));
  EXPECT_EQ(call(*connection, get("k")), null());
}

TEST_F(UserCommands, WhoFailsToAuthenticateAnewStaysWhoItWas) {
  const auto connection = connect_as("app");
  EXPECT_EQ(call(*connection, auth("admin", "wrong")), error("NOAUTH"));
  EXPECT_EQ(call(*connection, whoami()), ok("app"));
  EXPECT_EQ(call(*connection, auth("admin", "secret")), ok());
  EXPECT_EQ(call(*connection, whoami()), ok("admin"));
}

TEST_F(UserCommands, KeysAreReadAndWrittenByTheirOwnPatterns) {
  call(*caller, mset({{"app:1", encode_int(1)}, {"shared:1", encode_int(1)}, {"other", encode_int(1)}}));
  const auto app = connect_as("app");
  for (const ByteView key : {"app:1", "shared:1"}) EXPECT_EQ(call(*app, get(key)), ok(encode_int(1)));
  for (const ByteView key : {"log:1", "other"}) EXPECT_EQ(call(*app, get(key)), error("NOPERM"));
  for (const ByteView key : {"app:1", "log:1"}) EXPECT_EQ(call(*app, set(key, encode_int(2))), ok());
  for (const ByteView key : {"shared:1", "other"}) {
    EXPECT_EQ(call(*app, set(key, encode_int(2))), error("NOPERM"));
    EXPECT_EQ(run(get(key)), ok(encode_int(1)));
  }
}

TEST_F(UserCommands, WhatReadsAndWritesNeedsBoth) {
  const auto app = connect_as("app");
  for (const ByteView key : {"shared:1", "log:1", "other"}) {
    for (const std::string& request : {incr(key), decr(key), add(key, encode_int(1)), test::swap(key, encode_int(1)),
                                       cas(key, encode_null(), "\0")}) {
      EXPECT_EQ(call(*app, request), request[0] == 7 ? invalid("FRAME") : error("NOPERM")) << key;
    }
    EXPECT_EQ(call(*app, cas(key, encode_null(), encode_int(1))), error("NOPERM"));
    EXPECT_EQ(run(exists(key)), ok_bool(false));
  }
  EXPECT_EQ(call(*app, incr("app:1")), ok_i64(1));
  EXPECT_EQ(call(*app, take("app:1")), error("NOPERM")) << "a command that it may not run";
}

TEST_F(UserCommands, OneForbiddenKeyForbidsItAll) {
  const auto app = connect_as("app");
  EXPECT_EQ(call(*app, mset({{"app:1", encode_int(1)}, {"log:1", encode_int(1)}})), ok());
  EXPECT_EQ(call(*app, mset({{"app:1", encode_int(2)}, {"shared:1", encode_int(2)}})), error("NOPERM"));
  EXPECT_EQ(run(get("app:1")), ok(encode_int(1)));
  EXPECT_EQ(call(*app, mget({"app:1", "shared:1"})), ok_values({encode_int(1), encode_null()}));
  EXPECT_EQ(call(*app, mget({"app:1", "log:1"})), error("NOPERM"));
  EXPECT_EQ(call(*app, mexists({"log:1"})), error("NOPERM"));
  EXPECT_EQ(call(*app, mdel({"app:1", "shared:1"})), error("NOPERM"));
  EXPECT_EQ(run(exists("app:1")), ok_bool(true));
  EXPECT_EQ(call(*app, mget({})), ok_values({}));
}

TEST_F(UserCommands, ScanReturnsOnlyKeysThatTheUserMayRead) {
  call(*caller, mset({{"app:1", encode_int(1)}, {"shared:1", encode_int(1)}, {"log:1", encode_int(1)}}));
  const auto app = connect_as("app");
  EXPECT_THAT(scan_page(call(*app, scan(0, 10'000))).keys, testing::UnorderedElementsAre("app:1", "shared:1"));
  EXPECT_THAT(scan_page(call(*app, scan(0, 10'000, "*1"))).keys, testing::UnorderedElementsAre("app:1", "shared:1"));
  EXPECT_THAT(scan_page(call(*app, scan(0, 10'000, "log*"))).keys, testing::IsEmpty());
  set_user("app", "resetkeys");
  EXPECT_THAT(scan_page(call(*app, scan(0, 10'000))).keys, testing::IsEmpty());
}

TEST_F(UserCommands, AChangeOfRulesHoldsFromTheNextRequestOn) {
  const auto app = connect_as("app");
  EXPECT_EQ(call(*app, get("other")), error("NOPERM"));
  set_user("app", "%R~other");
  EXPECT_EQ(call(*app, get("other")), null());
  set_user("app", "-get");
  EXPECT_EQ(call(*app, get("other")), error("NOPERM"));
  EXPECT_EQ(call(*app, whoami()), ok("app"));
}

TEST_F(UserCommands, WhoseUserIsGoneOrOffIsNobody) {
  for (const bool is_off : {true, false}) {
    set_user("app", "on");
    const auto app = connect_as("app");
    if (is_off) {
      set_user("app", "off");
    } else {
      EXPECT_TRUE(users.remove("app"));
    }
    EXPECT_EQ(call(*app, get("app:1")), error("NOAUTH")) << "though default may do everything";
    EXPECT_FALSE(app->is_admitted());
    EXPECT_EQ(app->user(), "");
    EXPECT_EQ(call(*app, auth("admin", "secret")), ok());
  }
}

TEST_F(UserCommands, AUserMadeAnewIsAnotherOne) {
  const auto app = connect_as("app");
  EXPECT_TRUE(users.remove("app"));
  set_user("app", "on #" + hash_of("another") + " ~* +@all");
  EXPECT_EQ(call(*app, get("app:1")), error("NOAUTH"));
}

TEST_F(UserCommands, WhatWasRightWhenItWasCheckedMayBeWrongByTheTimeItIsAnswered) {
  const auto is_accepted_after = [&](const std::string& name, const auto& change) {
    set_user(name, "on #" + hash_of("secret") + " +@all");
    const auto login = authenticator.begin(name, "secret", "10.0.0.1:1");
    EXPECT_TRUE(eventually([&] { return login->verdict().has_value(); }));
    EXPECT_EQ(login->verdict(), security::Verdict::kAccepted);
    change();
    const auto now = users.find(name);
    return now != nullptr && login->is_accepted_as(*now);
  };
  EXPECT_TRUE(is_accepted_after("one", [] {}));
  EXPECT_TRUE(is_accepted_after("two", [&] { set_user("two", "-get"); })) << "its rules alone";
  EXPECT_FALSE(is_accepted_after("three", [&] { set_user("three", "off"); }));
  EXPECT_FALSE(is_accepted_after("four", [&] {
    EXPECT_TRUE(users.remove("four"));
    set_user("four", "on #" + hash_of("another") + " +@all");
  }));
}

TEST_F(UserCommands, WhoNeverAuthenticatedGoesOutWhenDefaultNeedsAPassword) {
  const auto connection = connect();
  EXPECT_EQ(call(*connection, get("k")), null());
  set_user("default", "#" + hash_of("secret"));
  EXPECT_EQ(call(*connection, get("k")), error("NOAUTH"));
  EXPECT_EQ(call(*connection, auth("", "secret")), ok());
  EXPECT_EQ(call(*connection, get("k")), null());
}

TEST_F(UserCommands, AUserHasAsManyConnectionsAsItMayHave) {
  set_user("app", "connections=2");
  const auto first = connect_as("app");
  auto second = connect_as("app");
  const auto third = connect();
  EXPECT_EQ(call(*third, auth("app", "secret")), error("BUSY"));
  EXPECT_EQ(call(*third, whoami()), ok("default")) << "it stays who it was";
  EXPECT_EQ(call(*second, auth("app", "secret")), ok()) << "it is one of them already";
  second.reset();
  EXPECT_EQ(call(*third, auth("app", "secret")), ok());
  EXPECT_EQ(call(*first, auth("admin", "secret")), ok());
  EXPECT_EQ(users.find("app")->presence->connections(), 1U);
}

TEST_F(UserCommands, DefaultHasThatLimitToo) {
  set_user("default", "connections=2");
  const auto second = connect();  // the first is the fixture's
  const auto third = connect();
  EXPECT_TRUE(second->is_admitted());
  EXPECT_FALSE(third->is_admitted());
}

TEST_F(UserCommands, ACertificateProvesAUserThatTakesThem) {
  set_user("machine", "on cert ~* +@all");
  EXPECT_EQ(connect("machine")->user(), "machine");
  EXPECT_EQ(connect("app")->user(), "default") << "this one has no such mark";
  EXPECT_EQ(connect("unknown")->user(), "default");
  set_user("machine", "off");
  EXPECT_EQ(connect("machine")->user(), "default");
  need_authentication();
  EXPECT_FALSE(connect("machine")->is_admitted());
}

TEST_F(UserCommands, WhoCameByACertificateGoesWithItsMark) {
  set_user("machine", "on cert ~* +@all");
  const auto machine = connect("machine");
  EXPECT_EQ(call(*machine, get("k")), null());
  set_user("machine", "nocert");
  EXPECT_EQ(call(*machine, get("k")), error("NOAUTH"));
}

TEST_F(UserCommands, AclListHidesHashes) {
  EXPECT_EQ(run(acl_list()).payload, users.text(Hashes::kHidden));
  EXPECT_THAT(run(acl_list()).payload, HasSubstr("user admin on #*** ~* +@all\n"));
  EXPECT_THAT(run(acl_list()).payload, Not(HasSubstr("argon2id")));
}

TEST_F(UserCommands, AclSetuserAndDeluserChangeUsers) {
  EXPECT_EQ(run(acl_setuser("new", "on ~* +get")), ok());
  EXPECT_EQ(run(acl_setuser("new", "-get +set")), ok());
  EXPECT_THAT(users.text(Hashes::kShown), HasSubstr("user new on ~* -get +set\n"));
  EXPECT_EQ(run(acl_deluser("new")), ok_bool(true));
  EXPECT_EQ(run(acl_deluser("new")), ok_bool(false));
  EXPECT_EQ(run(acl_setuser("", "on")), invalid("ARGUMENT"));
  const Reply reply = run(acl_setuser("app", "on >plain"));
  EXPECT_EQ(reply, invalid("ARGUMENT"));
  EXPECT_THAT(reply.payload, HasSubstr("rule 2: expected on, off,"));
  EXPECT_THAT(reply.payload, Not(HasSubstr("plain")));
}

TEST_F(UserCommands, AclLoadAndSaveNeedAFile) {
  for (const std::string& request : {acl_load(), acl_save()}) {
    const Reply reply = run(request);
    EXPECT_EQ(reply, error("INTERNAL"));
    EXPECT_THAT(reply.payload, HasSubstr("--acl-file"));
  }
}

TEST_F(UserCommands, AclIsForAdministrators) {
  const auto app = connect_as("app");
  for (const std::string& request : {acl_list(), acl_setuser("app", "+@all"), acl_deluser("admin"), acl_load()}) {
    EXPECT_EQ(call(*app, request), error("NOPERM"));
  }
}

TEST_F(UserCommands, EveryFamilyIsACategory) {
  for (const char* category :
       {"read", "write", "admin", "all", "string", "counter", "batch", "keyspace", "lock", "server", "connection"}) {
    EXPECT_EQ(run(acl_setuser("new", std::string("+@") + category)), ok()) << category;
  }
}

}  // namespace
}  // namespace kv::test
