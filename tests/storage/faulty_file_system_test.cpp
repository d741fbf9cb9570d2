// What other tests rely on: that the disk in memory keeps what was synced, and loses other things in every way.
#include "support/storage/faulty_file_system.hpp"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace kv::storage {
namespace {

using test::FaultyFileSystem;
using test::Random;
using Call = FaultyFileSystem::Call;
using OpenMode = FileSystem::OpenMode;
namespace errc = boost::system::errc;

class FaultyDisk : public testing::Test {
 protected:
  FaultyDisk() { EXPECT_TRUE(files_.create_directories("d")); }

  std::unique_ptr<File> create(const std::string& path) { return files_.open(path, OpenMode::kCreate).value(); }
  static IoResult<void> write(File& file, std::uint64_t offset, ByteView bytes) {
    return write_all(file, offset, std::array<ByteView, 1>{bytes});
  }
  // A file "d/f" whose content and name are synced.
  std::unique_ptr<File> synced(const std::string& content) {
    files_.put("d/f", content);
    return files_.open("d/f", OpenMode::kReadWrite).value();
  }
  std::string after_cut() {
    files_.power_cut(random_);
    return files_.exists("d/f") ? files_.content("d/f") : "(none)";
  }

  FaultyFileSystem files_;
  Random random_;
};

TEST_F(FaultyDisk, BehavesLikeAFileSystem) {
  const auto file = create("d/a");
  ASSERT_TRUE(write(*file, 2, "xyz"));
  EXPECT_EQ(file->size().value(), 5U);
  EXPECT_EQ(files_.content("d/a"), std::string("\0\0xyz", 5));
  ASSERT_TRUE(file->truncate(3));
  std::string bytes(9, '?');
  EXPECT_EQ(read_all(*file, 1, bytes).value(), 2U);
  EXPECT_EQ(bytes.substr(0, 2), std::string("\0x", 2));

  EXPECT_EQ(files_.open("d/a", OpenMode::kCreate).error(), errc::file_exists);
  EXPECT_EQ(files_.open("d/b", OpenMode::kRead).error(), errc::no_such_file_or_directory);
  EXPECT_EQ(files_.open("e/b", OpenMode::kCreate).error(), errc::no_such_file_or_directory);
  ASSERT_TRUE(files_.link("d/a", "d/b"));
  EXPECT_EQ(files_.link("d/a", "d/b").error(), errc::file_exists);
  ASSERT_TRUE(files_.rename("d/a", "d/c"));
  EXPECT_EQ(files_.list("d").value(), (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(files_.remove("d/c"));
  EXPECT_EQ(files_.remove("d/c").error(), errc::no_such_file_or_directory);
  EXPECT_EQ(files_.content("d/b").size(), 3U);
  EXPECT_EQ(files_.open("d/b", OpenMode::kRead).value()->write_at(0, std::array<ByteView, 1>{"x"}).error(),
            errc::bad_file_descriptor);
  EXPECT_EQ(files_.create_directories("d/b/c").error(), errc::not_a_directory);
}

TEST_F(FaultyDisk, KeepsWhatWasSyncedAndSomeOfTheRest) {
  std::set<std::string> seen;
  for (int i = 0; i < 300; ++i) {
    const auto file = synced(std::string(512, 'a') + std::string(512, 'b'));
    ASSERT_TRUE(write(*file, 0, std::string(512, 'A')));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(write(*file, 512, std::string(1'024, 'B')));
    const std::string left = after_cut();
    ASSERT_EQ(left.substr(0, 512), std::string(512, 'A'));
    ASSERT_TRUE(left.size() == 1'024 || left.size() == 1'536);
    std::string summary{left[512]};
    if (left.size() > 1'024) summary += left[1'024] == '\0' ? '0' : left[1'024];
    seen.insert(summary);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"b", "B", "b0", "B0", "bB", "BB"}));
}

TEST_F(FaultyDisk, KeepsNothingThatIsSyncedFromChanging) {
  for (int i = 0; i < 200; ++i) {
    const auto file = synced("old");
    ASSERT_TRUE(file->truncate(1));
    ASSERT_TRUE(write(*file, 3, "new"));
    ASSERT_TRUE(file->sync());
    ASSERT_EQ(after_cut(), std::string("o\0\0new", 6));
  }
}

TEST_F(FaultyDisk, LosesOrKeepsNamesThatAreNotSynced) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    files_.put("d/old", "old");
    const auto file = create("d/tmp");
    ASSERT_TRUE(write(*file, 0, "new"));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files_.rename("d/tmp", "d/f"));
    ASSERT_TRUE(files_.remove("d/old"));
    const std::string left = after_cut();
    std::string names;
    for (const std::string& name : files_.list("d").value()) names += name + " ";
    seen.insert(names);
    for (const char* name : {"d/f", "d/tmp", "d/old"}) {
      if (files_.exists(name)) {
        ASSERT_TRUE(files_.remove(name));
      }
    }
    ASSERT_TRUE(files_.sync_directory("d"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "f ", "f old ", "old ", "old tmp ", "tmp "}));
}

TEST_F(FaultyDisk, KeepsNamesThatAreSynced) {
  for (int i = 0; i < 100; ++i) {
    files_.put("d/old", "old");
    ASSERT_TRUE(create("d/tmp")->sync());
    ASSERT_TRUE(files_.rename("d/tmp", "d/f"));
    ASSERT_TRUE(files_.remove("d/old"));
    ASSERT_TRUE(files_.sync_directory("d"));
    ASSERT_EQ(after_cut(), "");
    ASSERT_EQ(files_.list("d").value(), std::vector<std::string>{"f"});
    ASSERT_TRUE(files_.remove("d/f"));
    ASSERT_TRUE(files_.sync_directory("d"));
  }
}

TEST_F(FaultyDisk, ForgetsForGoodWhatASyncHasFailedOn) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto file = synced("old");
    ASSERT_TRUE(write(*file, 0, "new"));
    files_.fail(Call::kSync, errc::io_error);
    ASSERT_EQ(file->sync().error(), errc::io_error);
    ASSERT_TRUE(file->sync());
    seen.insert(after_cut());
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST_F(FaultyDisk, KillsFilesAndLocksWithTheirProcess) {
  for (const bool power : {true, false}) {
    const auto file = synced("content");
    const auto lock = files_.lock("d/LOCK").value();
    ASSERT_EQ(files_.lock("d/LOCK").error(), errc::operation_would_block);
    ASSERT_TRUE(write(*file, 0, "C"));
    if (power) {
      files_.power_cut(random_);
    } else {
      files_.kill_process();
      EXPECT_EQ(files_.content("d/f"), "Content");
    }
    EXPECT_EQ(file->size().error(), errc::io_error);
    EXPECT_EQ(file->sync().error(), errc::io_error);
    EXPECT_TRUE(files_.lock("d/LOCK"));
    EXPECT_TRUE(files_.open("d/f", OpenMode::kReadWrite));
  }
}

TEST_F(FaultyDisk, FailsAtTheNthCall) {
  const auto file = create("d/f");
  files_.fail(Call::kWrite, errc::io_error, {.after = 2, .times = 2});
  std::string outcomes;
  for (int i = 0; i < 6; ++i) outcomes += write(*file, 0, "x") ? '+' : '-';
  EXPECT_EQ(outcomes, "++--++");
  EXPECT_EQ(files_.calls(Call::kWrite), 6U);

  files_.fail(Call::kOpen, errc::too_many_files_open, {.times = FaultyFileSystem::kForever});
  EXPECT_EQ(files_.open("d/f", OpenMode::kRead).error(), errc::too_many_files_open);
  EXPECT_EQ(files_.open("d/f", OpenMode::kRead).error(), errc::too_many_files_open);
  files_.heal();
  EXPECT_TRUE(files_.open("d/f", OpenMode::kRead));
}

TEST_F(FaultyDisk, WritesAndReadsShort) {
  const auto file = create("d/f");
  files_.cut_short(1);
  const std::string text(1'000, 'x');
  const auto once = file->write_at(0, std::array<ByteView, 1>{text});
  EXPECT_LT(once.value(), text.size());
  const std::array<ByteView, 3> pieces{text, "", "end"};
  ASSERT_TRUE(write_all(*file, 0, pieces));
  EXPECT_EQ(files_.content("d/f"), text + "end");
  std::string back(2'000, '\0');
  EXPECT_EQ(read_all(*file, 0, back).value(), 1'003U);
}

TEST_F(FaultyDisk, RunsOutOfRoomAndGetsItBack) {
  files_.put("d/other", std::string(60, 'x'));
  const auto file = create("d/f");
  files_.set_room(100);
  EXPECT_EQ(write(*file, 0, std::string(50, 'y')).error(), errc::no_space_on_device);
  EXPECT_EQ(files_.used(), 100U);
  EXPECT_TRUE(write(*file, 0, std::string(40, 'z')));  // what is there already takes no room
  ASSERT_TRUE(files_.remove("d/other"));
  EXPECT_TRUE(write(*file, 0, std::string(100, 'y')));
  files_.set_room(std::nullopt);
  EXPECT_TRUE(write(*file, 0, std::string(1'000, 'y')));

  ASSERT_TRUE(files_.remove("d/f"));
  EXPECT_EQ(files_.used(), 1'000U);  // for as long as it is open
}

TEST_F(FaultyDisk, DoesTheSameForTheSameSeed) {
  std::vector<std::string> results;
  for (int run = 0; run < 2; ++run) {
    FaultyFileSystem files;
    Random random(42);
    std::string all;
    ASSERT_TRUE(files.create_directories("d"));
    for (int i = 0; i < 50; ++i) {
      const auto file = files.open("d/" + std::to_string(i), OpenMode::kCreate).value();
      ASSERT_TRUE(write(*file, random.below(2'000), std::string(random.below(3'000), 'x')));
      if (random.one_in(3)) {
        ASSERT_TRUE(file->sync());
      }
      if (random.one_in(5)) {
        ASSERT_TRUE(files.sync_directory("d"));
      }
      if (random.one_in(5)) files.power_cut(random);
    }
    for (const std::string& name : files.list("d").value()) all += name + files.content("d/" + name);
    results.push_back(all);
  }
  EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace kv::storage
