// snapshot, lastsave and backup against a server that does what they ask for.
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/client/fake_server.hpp"
#include "support/process/requests.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using test::FakePeer;
using test::FakeServer;
using test::unhex;

constexpr const char* kSaved = "2023-11-14T22:13:20.123Z\n1700000000123\n";
constexpr const char* kSavedJson = "{\"time\":\"2023-11-14T22:13:20.123Z\",\"ms\":1700000000123}\n";
constexpr std::uint8_t kBackground = 1;
constexpr std::uint8_t kBackup = 2;

const std::string kNothing = unhex("00 00000000");
const std::string kTime = unhex("00 00000008 0000018bcfe5687b");

// What kv-cli prints when its request is `request` and gets `reply`, some time later.
std::string printed_by(const Arguments& arguments, const std::string& request, const std::string& reply,
                       std::chrono::milliseconds later = {}) {
  FakeServer server([&](FakePeer& peer) {
    EXPECT_EQ(test::hex(peer.read_frame()), test::hex(request));
    std::this_thread::sleep_for(later);
    peer.write(reply);
    peer.wait_for_close();
  });
  return output_of(server.port(), arguments);
}

TEST(Snapshot, PrintsWhenItWasDone) {
  EXPECT_EQ(printed_by({"snapshot"}, test::snapshot(), kTime), kSaved);
  EXPECT_EQ(printed_by({"snapshot", "--json"}, test::snapshot(), kTime), kSavedJson);
}

TEST(Snapshot, InTheBackgroundPrintsThatItHasBegun) {
  EXPECT_EQ(printed_by({"snapshot", "--background"}, test::snapshot(kBackground), kNothing), "OK\n");
  EXPECT_EQ(printed_by({"--json", "snapshot", "--background"}, test::snapshot(kBackground), kNothing), "\"OK\"\n");
}

// However long it takes, that is not the server's silence.
TEST(Snapshot, TakesLongerThanTheTimeout) {
  constexpr std::chrono::milliseconds kLater{400};
  const std::string folder = "/backup";
  EXPECT_EQ(printed_by({"--timeout", "50ms", "snapshot"}, test::snapshot(), kTime, kLater), kSaved);
  EXPECT_EQ(printed_by({"--timeout", "50ms", "backup", folder}, test::snapshot(kBackup, folder), kTime, kLater),
            "the backup is in /backup\n");
}

TEST(Snapshot, AnAnswerOfAnotherKindIsRefused) {
  EXPECT_TRUE(printed_by({"snapshot"}, test::snapshot(), kNothing).starts_with("exit 3: "));
  EXPECT_TRUE(printed_by({"snapshot", "--background"}, test::snapshot(kBackground), kTime).starts_with("exit 3: "));
  EXPECT_TRUE(printed_by({"backup", "/b"}, test::snapshot(kBackup, "/b"), kNothing).starts_with("exit 3: "));
}

TEST(Lastsave, PrintsWhenThatWas) {
  EXPECT_EQ(printed_by({"lastsave"}, test::lastsave(), kTime), kSaved);
  EXPECT_EQ(printed_by({"lastsave", "--json"}, test::lastsave(), kTime), kSavedJson);
}

TEST(Backup, PrintsWhereItLies) {
  const std::string request = test::snapshot(kBackup, "/var/backups/kv");
  EXPECT_EQ(printed_by({"backup", "/var/backups/kv"}, request, kTime), "the backup is in /var/backups/kv\n");
  EXPECT_EQ(printed_by({"backup", "/var/backups/kv", "--json"}, request, kTime),
            "{\"folder\":\"/var/backups/kv\",\"time\":\"2023-11-14T22:13:20.123Z\",\"ms\":1700000000123}\n");
}

// The server has a working directory of its own.
TEST(Backup, AFolderIsAnAbsolutePathForTheServer) {
  const std::string here = std::filesystem::current_path();
  const std::pair<std::string, std::string> kFolders[] = {
      {"monday", here + "/monday"}, {"./a/../b/", here + "/b"}, {".", here}, {"[a]", here + "/[a]"}, {"/", "/"},
      {"/a//b/./c/..", "/a/b"},
  };
  for (const auto& [given, sent] : kFolders) {
    EXPECT_EQ(printed_by({"backup", given}, test::snapshot(kBackup, sent), kTime), "the backup is in " + sent + "\n");
  }
}

}  // namespace
}  // namespace kv::cli
