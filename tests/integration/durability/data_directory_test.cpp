// Who may use a data directory, and what is refused before anything is touched.
#include <filesystem>
#include <regex>

#include <gmock/gmock.h>

#include "integration/durability/durable_test.hpp"

namespace kv::test {
namespace {

using ::testing::HasSubstr;

using DataDirectory = DurableTest;

TEST_F(DataDirectory, IsMadeWhenItIsNotThere) {
  data_ = DataFolder(folder_.path() + "/new/and/deep");
  start();
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  restart_after_kill();
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(DataDirectory, ASecondServerOnItIsRefused) {
  start();
  EXPECT_THAT(refusal(), HasSubstr(data_.path()));
  EXPECT_EQ(call(set("k", encode_int(1))), ok()) << "whose it is goes on";
  restart_after_kill();
  EXPECT_EQ(call(get("k")), ok(encode_int(1))) << "one that was killed owns it no longer";
}

TEST_F(DataDirectory, ANewerFormatIsRefused) {
  start();
  stop();
  const std::string file = data_.path() + "/FORMAT";
  const std::string format = read_file(file);
  ASSERT_TRUE(std::regex_search(format, std::regex("\\b1\\b"))) << format;
  write_file(file, std::regex_replace(format, std::regex("\\b1\\b"), "2"));
  EXPECT_THAT(refusal(), HasSubstr("2"));
  write_file(file, format);
  start();
}

TEST_F(DataDirectory, AFormatThatCannotBeReadIsRefused) {
  start();
  stop();
  for (const char* text : {"", "?", "-1", "99999999999999999999999"}) {
    SCOPED_TRACE(text);
    write_file(data_.path() + "/FORMAT", text);
    EXPECT_THAT(refusal(), HasSubstr("FORMAT"));
  }
}

TEST_F(DataDirectory, OneThatCannotBeMadeIsRefused) {
  const std::string file = folder_.write("file", "");
  for (const std::string& path : {file, file + "/data", std::string("/proc/no/such")}) {
    SCOPED_TRACE(path);
    EXPECT_THAT(refusal_of({"--data-dir", path}), HasSubstr(path));
  }
}

TEST_F(DataDirectory, WithPersistenceDisabledNothingIsWritten) {
  start({"--disable-persistence"});
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  EXPECT_EQ(persistence_info(*client_).at("enabled"), false);
  EXPECT_EQ(call(test::snapshot()).status, protocol::Status::kError);
  stop();
  EXPECT_THAT(data_.all_files(), ::testing::IsEmpty());
}

TEST_F(DataDirectory, WithPersistenceDisabledWhatIsThereIsNotTouched) {
  start();
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  stop();
  start({"--disable-persistence"});
  EXPECT_EQ(call(get("k")), null());
  EXPECT_EQ(call(set("k", encode_int(2))), ok());
  stop();
  start();
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(DataDirectory, WithoutOneTheServerIsInMemoryAlone) {
  server_.emplace();
  client_.emplace(*server_);
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  EXPECT_EQ(persistence_info(*client_).at("enabled"), false);
  EXPECT_EQ(call(test::snapshot()).status, protocol::Status::kError);
  stop();
  server_.emplace();
  client_.emplace(*server_);
  EXPECT_EQ(call(get("k")), null());
}

TEST_F(DataDirectory, InfoSaysWhatIsInIt) {
  start({"--fsync", "always"});
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  const boost::json::object info = persistence_info(*client_);
  EXPECT_EQ(info.at("enabled"), true);
  EXPECT_EQ(info.at("fsync"), "always");
  EXPECT_EQ(info.at("read_only"), false);
  EXPECT_GE(info.at("last_lsn").to_number<std::uint64_t>(), 1u);
  EXPECT_EQ(info.at("synced_lsn"), info.at("last_lsn")) << "it was answered";
  EXPECT_EQ(info.at("written_lsn"), info.at("last_lsn"));
}

TEST_F(DataDirectory, BadFlagsAreExitCode2) {
  const Args bad[] = {{"--fsync", "sometimes"},
                      {"--fsync-interval-ms", "0"},
                      {"--wal-segment-bytes", "1"},
                      {"--snapshot-interval-secs", "-1"},
                      {"--snapshot-compression", "rar"}};
  for (Args args : bad) {
    SCOPED_TRACE(::testing::PrintToString(args));
    args.insert(args.end(), {"--data-dir", data_.path(), "--bind", "127.0.0.1:0"});
    EXPECT_EQ(run_server(args).exit, (Exit{2, 0}));
  }
  EXPECT_FALSE(std::filesystem::exists(data_.path()));
}

}  // namespace
}  // namespace kv::test
