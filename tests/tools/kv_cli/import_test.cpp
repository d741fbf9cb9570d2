// kv-cli import against the real server.
#include "kv-cli/import.hpp"

#include <fstream>
#include <future>
#include <pty.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/allocation_meter.hpp"
#include "support/base/hex.hpp"
#include "support/client/fake_server.hpp"
#include "support/process/server_process.hpp"
#include "support/process/wait.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using testing::HasSubstr;

// A file that goes away with the test.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& content)
      : path_(testing::TempDir() + "kv_cli_" + std::to_string(::getpid()) + "_" + name) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct ImportCase {
  std::string file;
  Arguments arguments;  // behind `import -`
  Arguments keys;
  std::string values;  // as `mget` prints them
};

TEST(Import, MakesRecordsIntoEntries) {
  const ImportCase kCases[] = {
      {"[1, \"two\"]", {}, {"0", "1"}, "1\n\"two\"\n"},
      {"[1, \"two\"]", {"--prefix", "p:"}, {"p:0", "p:1"}, "1\n\"two\"\n"},
      {"{\"a\": null, \"\xC3\xA9\": [true]}", {}, {"a", "\xC3\xA9"}, "null\n[true]\n"},
      {"{\"\": 7}", {"--prefix", "p"}, {"p"}, "7\n"},
      {"{\"a\": 1}\n{\"a\": 2}\n", {}, {"0", "1"}, "{\"a\": 1}\n{\"a\": 2}\n"},
      {"{\"a\": 1}\n", {"--format", "lines"}, {"0"}, "{\"a\": 1}\n"},
      {"{\"a\": 1}\n", {"--format", "object"}, {"a"}, "1\n"},
      {"[{\"id\": \"x\", \"n\": 1}, {\"n\": 2, \"id\": 5}, {\"id\": 1.50}]",
       {"--key-field", "id", "--prefix", "r:"},
       {"r:x", "r:5", "r:1.50"},
       "{\"id\": \"x\", \"n\": 1}\n{\"n\": 2, \"id\": 5}\n{\"id\": 1.50m}\n"},
      {"{\"a\": {\"id\": \"x\"}}", {"--key-field", "id"}, {"x"}, "{\"id\": \"x\"}\n"},
      {"[42, 42.0, 1e2, 9223372036854775807, 9223372036854775808, -0.10, 0.1000000000000000055511151231257827]",
       {},
       {"0", "1", "2", "3", "4", "5", "6"},
       "42\n42.0m\n100m\n9223372036854775807\n9223372036854775808m\n-0.10m\n0.1000000000000000055511151231257827m\n"},
      {"[\"\\u0000\\ud83c\\udf0d\"]", {}, {"0"}, "\"\\u0000🌍\"\n"},
      {"[{\"[k]\": \"[1]\"}]", {"--prefix", "[x]", "--key-field", "[k]"}, {"[x][1]"}, "{\"[k]\": \"[1]\"}\n"},
  };
  const test::ServerProcess server;
  for (const ImportCase& row : kCases) {
    SCOPED_TRACE(row.file);
    Arguments arguments{"import", "-"};
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    EXPECT_EQ(output_of(server.port(), arguments, row.file),
              std::to_string(row.keys.size()) + " records were stored\n");
    Arguments mget{"mget"};
    mget.insert(mget.end(), row.keys.begin(), row.keys.end());
    EXPECT_EQ(output_of(server.port(), mget), row.values);
    EXPECT_EQ(output_of(server.port(), {"flush"}), std::to_string(row.keys.size()) + "\n");
  }
}

TEST(Import, ReadsAFileAndMindsItsName) {
  const test::ServerProcess server;
  const std::string content = "{\"a\": 1}\n";
  const TemporaryFile json("object.json", content);
  const TemporaryFile lines("lines.jsonl", content);
  EXPECT_EQ(output_of(server.port(), {"import", json.path()}), "1 records were stored\n");
  EXPECT_EQ(output_of(server.port(), {"get", "a"}), "1\n");
  EXPECT_EQ(output_of(server.port(), {"import", lines.path(), "--json"}), "{\"stored\":1}\n");
  EXPECT_EQ(output_of(server.port(), {"get", "0"}), "{\"a\": 1}\n");
}

TEST(Import, NothingIsFine) {
  const test::ServerProcess server;
  for (const std::string file : {"", "\n\n", "[]", "{}"}) {
    EXPECT_EQ(output_of(server.port(), {"import", "-"}, file), "0 records were stored\n");
  }
}

TEST(Import, GoesFarPastItsWindow) {
  const test::ServerProcess server;
  std::string file = "[\n";
  for (int i = 0; i < 20'000; ++i) file += std::string(i == 0 ? "" : ",\n") + "{\"n\": " + std::to_string(i) + "}";
  for (int i = 0; i < 8; ++i) file += ",\n\"" + std::string(3U << 20, static_cast<char>('a' + i)) + '"';
  EXPECT_EQ(output_of(server.port(), {"import", "-"}, file + "]"), "20008 records were stored\n");
  EXPECT_EQ(output_of(server.port(), {"get", "19999"}), "{\"n\": 19999}\n");
  EXPECT_EQ(output_of(server.port(), {"get", "20007"}), '"' + std::string(3U << 20, 'h') + "\"\n");
}

// A server that doesn't read keeps kv-cli from reading on, not only from sending.
TEST(Import, HoldsNoMoreThanItsWindow) {
  constexpr int kRecords = 128;
  constexpr std::size_t kRecordBytes = 1U << 20;
  constexpr std::size_t kLimit = kRecords / 2 * kRecordBytes;
  std::string content;
  for (int i = 0; i < kRecords; ++i) content += '"' + std::string(kRecordBytes, 'x') + "\"\n";
  const TemporaryFile file("large.jsonl", content);
  std::promise<void> begun;
  std::promise<void> measured;
  test::FakeServer server([&](test::FakePeer& peer) {
    const std::string header = peer.read(5);
    begun.set_value();
    measured.get_future().wait_for(test::kDeadline);
    peer.read(load_big_endian<std::uint32_t>(header.data() + 1));
    for (int answered = 0; answered < kRecords; ++answered) {
      if (answered > 0) peer.read_frame();
      peer.write(test::unhex("00 00000000"));
    }
    peer.wait_for_close();
  });
  test::ChildProcess cli({.argv = {KV_CLI_BINARY, "-p", std::to_string(server.port()), "import", file.path()},
                          .environment = {},
                          .input = {}});
  begun.get_future().wait_for(test::kDeadline);
  // It waits for the server when its memory stands still for a while.
  std::size_t peak = 0;
  int alike = 0;
  const auto stands_still_or_is_over = [&] {
    const std::size_t now = cli.peak_rss_bytes();
    alike = now == peak ? alike + 1 : 0;
    peak = now;
    return alike == 200 || peak > kLimit;
  };
  EXPECT_TRUE(test::eventually(stands_still_or_is_over));
  EXPECT_LT(peak, kLimit);
  measured.set_value();
  EXPECT_EQ(cli.wait_exit().exit_code, 0);
  EXPECT_EQ(cli.stdout_text(), "128 records were stored\n");
}

struct FaultCase {
  std::string file;
  Arguments arguments;
  std::string reason;
};

TEST(Import, NamesTheLineOfABadRecord) {
  const FaultCase kCases[] = {
      {"[1,\n2,\nhello]", {}, "line 3: syntax error; 2 records were stored"},
      {"[1,\n2", {}, "line 2: incomplete JSON; 2 records"},
      {"1\n\n{\"a\": 1, \"a\": 2}\n", {}, "line 3: a Map has two equal keys; 1 records"},
      {"[\n1,\n1e1000\n]", {}, "line 3: a decimal has too many digits; 1 records"},
      {"{\"id\": 1}\n{\"ID\": 2}\n", {"--key-field", "id"}, "line 2: the record has no id to be its key; 1 records"},
      {"{\"id\": [1]}\n", {"--format", "lines", "--key-field", "id"}, "line 1: the record has no id"},
      {"[1]", {"--key-field", "id"}, "line 1: the record has no id"},
      {"{\"a\": 1,\n\"\": 2}", {}, "line 2: the key is empty; 1 records"},
      {"{\"a\": 1}", {"--prefix", std::string(65'535, 'p')}, "line 1: the key is over 65,535 bytes"},
      {"[1]", {"--format", "object"}, "line 1: an object is expected"},
  };
  const test::ServerProcess server;
  for (const FaultCase& row : kCases) {
    SCOPED_TRACE(row.file);
    Arguments arguments{"import", "-"};
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    const CliRun run = run_cli(server.port(), arguments, row.file);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr("kv-cli: " + row.reason));
  }
}

TEST(Import, NamesTheLineThatTheServerRefused) {
  const test::ServerProcess server({"--max-key-bytes", "8"});
  std::string file;
  for (int i = 1; i <= 3'000; ++i)
    file += "{\"id\": \"" + std::string(i == 1'500 || i == 2'000 ? "far too long" : "k") + "\"}\n";
  const CliRun run = run_cli(server.port(), {"import", "-", "--key-field", "id"}, file + "broken");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("kv-cli: line 1500: KEY "));
  // What was under way behind it has been stored too, and is counted.
  EXPECT_THAT(run.err, HasSubstr(" records were stored\n"));
}

// A fault further down doesn't hide that the server has refused an earlier line.
TEST(Import, TellsTheFirstFailureInTheFile) {
  const test::ServerProcess server({"--max-key-bytes", "8"});
  const CliRun run = run_cli(server.port(), {"import", "-"}, "{\"far too long\": 1,\n\"k\": 2,\nbroken");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("kv-cli: line 1: KEY "));
  EXPECT_THAT(run.err, HasSubstr("; 1 records were stored\n"));
}

TEST(Import, TellsWhenTheServerGoesAway) {
  test::FakeServer server([](test::FakePeer& peer) {
    for (int i = 0; i < 2; ++i) {
      peer.read_frame();
      peer.write(test::unhex("00 00000000"));
    }
  });
  const CliRun run = run_cli(server.port(), {"import", "-"}, "1\n2\n3\n4\n");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("kv-cli: line 3: "));
  EXPECT_THAT(run.err, HasSubstr("; 2 records were stored\n"));
}

TEST(Import, AFileThatCannotBeReadIsBadUsage) {
  const test::ServerProcess server;
  const CliRun missing = run_cli(server.port(), {"import", "/nonexistent/file.json"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.err, "kv-cli: can't open /nonexistent/file.json: No such file or directory\n");
  const CliRun folder = run_cli(server.port(), {"import", "/"});
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_THAT(folder.err, HasSubstr("kv-cli: can't read the file: Is a directory; 0 records"));
}

TEST(Import, TypedRecordsAreCheckedFieldByField) {
  const FaultCase kCases[] = {
      {"{\"key\": \"k\", \"value\": \"hello\", \"ttl\": null}", {}, "line 1: hello is no value"},
      {"{\"key\": \"k\", \"value\": 5, \"ttl\": null}", {}, "line 1: a typed record is"},
      {"{\"key\": 5, \"value\": \"5\"}", {}, "line 1: a typed record is"},
      {"{\"key\": \"k\"}", {}, "line 1: a typed record is"},
      {"{\"value\": \"5\"}", {}, "line 1: the key is empty"},
      {"{\"key\": \"k\", \"value\": \"5\", \"ttl\": 0}", {}, "line 1: a typed record is"},
      {"{\"key\": \"k\", \"value\": \"5\", \"ttl\": -1}", {}, "line 1: a typed record is"},
      {"{\"key\": \"k\", \"value\": \"5\", \"tll\": 5}", {}, "line 1: a typed record is"},
      {"\n[1]", {}, "line 2: a typed record is"},
  };
  const test::ServerProcess server;
  for (const FaultCase& row : kCases) {
    const CliRun run = run_cli(server.port(), {"import", "-", "--typed"}, row.file);
    EXPECT_EQ(run.exit_code, 2) << row.file;
    EXPECT_THAT(run.err, HasSubstr(row.reason));
  }
  EXPECT_EQ(output_of(server.port(), {"import", "-", "--typed", "--prefix", "p:"},
                      "{\"ttl\": 3600000, \"value\": \"0xff\", \"key\": \"k\"}\n{\"key\": \"l\", \"value\": \" nan\"}"),
            "2 records were stored\n");
  EXPECT_EQ(output_of(server.port(), {"mget", "p:k", "p:l"}), "0xff\nnan\n");
  EXPECT_GT(std::stol(output_of(server.port(), {"ttl", "p:k"})), 3'000'000);
  EXPECT_EQ(output_of(server.port(), {"ttl", "p:l"}), "-1\n");
}

// Runs kv-cli on a terminal of its own and returns what came out there, stdout and stderr alike.
std::string on_a_terminal(std::vector<std::string> argv) {
  std::vector<char*> pointers;
  for (std::string& word : argv) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  std::string out;
  if (child < 0) {
    ADD_FAILURE() << "there is no pseudo-terminal to be had";
    return out;
  }
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(terminal, buffer, sizeof(buffer))) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  ::waitpid(child, nullptr, 0);
  ::close(terminal);
  return out;
}

TEST(Import, ShowsItsProgressOnATerminal) {
  const test::ServerProcess server;
  std::string content;
  for (int i = 0; i < 50'000; ++i) content += "{\"n\": " + std::to_string(i) + "}\n";
  const TemporaryFile file("progress.jsonl", content);
  const std::string out = on_a_terminal({KV_CLI_BINARY, "-p", std::to_string(server.port()), "import", file.path()});
  EXPECT_THAT(out, HasSubstr("\r["));
  EXPECT_THAT(out, HasSubstr("% "));
  EXPECT_THAT(out, HasSubstr("\r\x1B[K"));
  EXPECT_THAT(out, HasSubstr("50000 records were stored"));
  // And nowhere else.
  EXPECT_EQ(run_cli(server.port(), {"import", file.path()}).err, "");
}

}  // namespace
}  // namespace kv::cli
