// A start takes its address, recovers, and only then lets anybody in.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <gmock/gmock.h>

#include "integration/durability/durable_test.hpp"
#include "support/base/datagram_receiver.hpp"
#include "support/http/http_client.hpp"
#include "support/process/child_process.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using ::testing::HasSubstr;

// A port that was free a moment ago.
std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

bool is_refused(std::uint16_t port) {
  try {
    const RawClient client(port);
    return false;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::connection_refused;
  }
}

class StartOrder : public DurableTest {
 protected:
  // Recovery reads this first, and whoever opens a pipe to read waits for somebody who opens it to write.
  void let_recovery_wait() {
    pipe_ = data_.path() + "/snapshot-00000000000000000001.kvs";
    ASSERT_EQ(mkfifo(pipe_.c_str(), 0600), 0);
  }
  // It turns out to be no snapshot, and all is in the log.
  void let_recovery_go_on() const {
    const int fd = open(pipe_.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_NE(fd, -1);
    close(fd);
  }

  std::string pipe_;
};

TEST_F(StartOrder, WhoConnectsBeforeTheDataIsThereIsRefused) {
  start();
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  kill();
  let_recovery_wait();
  const std::uint16_t port = free_port();
  const std::string address = "127.0.0.1:" + std::to_string(port);
  ChildProcess server(server_command({"--data-dir", data_.path(), "--bind", address}));
  ASSERT_TRUE(eventually([&] { return server.stderr_text().find("recovering") != std::string::npos; }));
  EXPECT_TRUE(is_refused(port));
  EXPECT_THAT(refusal_of({"--bind", address}), HasSubstr(address)) << "it is taken all the same";

  let_recovery_go_on();
  ASSERT_TRUE(eventually([&] { return server.stderr_text().find("listening") != std::string::npos; }))
      << server.stderr_text();
  RawClient client(port);
  EXPECT_EQ(client.call(get("k")), ok(encode_int(1)));
  client.close();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), (Exit{0, 0}));
}

TEST_F(StartOrder, WhoAsksMeanwhileIsToldThatItIsAliveAndNotReady) {
  start();
  stop();
  let_recovery_wait();
  const std::string socket = folder_.path() + "/notify";
  const DatagramReceiver manager(socket);
  ChildProcess server(
      server_command({"--data-dir", data_.path(), "--bind", "127.0.0.1:0", "--admin-bind", "127.0.0.1:0"},
                     {"NOTIFY_SOCKET=" + socket}));
  ASSERT_TRUE(eventually([&] { return server.stderr_text().find("recovering the data") != std::string::npos; }));
  HttpClient client(admin_port(server.stderr_text()));
  EXPECT_EQ(client.get("/livez").status, 200);
  const HttpReply ready = client.get("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "recovering\n");
  EXPECT_EQ(client.get("/healthz").status, 503);
  EXPECT_THAT(client.get("/metrics").body, HasSubstr("\nkv_persistence_enabled 1\n"));
  EXPECT_EQ(manager.receive(), "STATUS=recovering the data");
  EXPECT_EQ(manager.receive(), "");

  let_recovery_go_on();
  EXPECT_TRUE(eventually([&] { return client.get("/readyz").status == 200; }));
  EXPECT_TRUE(eventually([&] { return manager.receive().starts_with("READY=1\n"); }));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), (Exit{0, 0}));
}

TEST_F(StartOrder, AnAddressThatIsTakenIsKnownBeforeAnythingIsRecovered) {
  start();
  stop();
  const ServerProcess other;
  let_recovery_wait();
  EXPECT_THAT(refusal({"--bind", "127.0.0.1:" + std::to_string(other.port())}), HasSubstr("cannot listen"));
}

}  // namespace
}  // namespace kv::test
