#include <algorithm>
#include <array>
#include <sys/stat.h>

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include "storage/file_system.hpp"
#include "support/base/temporary_folder.hpp"

namespace kv::storage {
namespace {

namespace errc = boost::system::errc;
using OpenMode = FileSystem::OpenMode;

class PosixFileSystem : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::unique_ptr<File> create(const std::string& name) { return files_.open(path(name), OpenMode::kCreate).value(); }
  std::string content(const std::string& name) {
    const auto file = files_.open(path(name), OpenMode::kRead).value();
    std::string bytes(file->size().value(), '\0');
    EXPECT_EQ(read_all(*file, 0, bytes).value(), bytes.size());
    return bytes;
  }
  std::vector<std::string> names() {
    auto found = files_.list(folder_.path()).value();
    std::ranges::sort(found);
    return found;
  }

  test::TemporaryFolder folder_;
  FileSystem& files_ = posix_file_system();
};

TEST_F(PosixFileSystem, WritesInPiecesAndReadsBack) {
  const auto file = create("a");
  const std::array<ByteView, 4> pieces{"one ", "", "two ", "three"};
  ASSERT_TRUE(write_all(*file, 0, pieces));
  ASSERT_TRUE(write_all(*file, 4, std::array<ByteView, 1>{"TWO"}));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->size().value(), 13U);
  EXPECT_EQ(content("a"), "one TWO three");

  std::string few(3, '\0');
  EXPECT_EQ(read_all(*file, 11, few).value(), 2U);
  EXPECT_EQ(few.substr(0, 2), "ee");
  EXPECT_EQ(read_all(*file, 100, few).value(), 0U);
}

TEST_F(PosixFileSystem, TakesMorePiecesThanOneCallCan) {
  const auto file = create("a");
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 3'000; ++i) all += texts.emplace_back(std::to_string(i));
  const std::vector<ByteView> pieces(texts.begin(), texts.end());
  ASSERT_TRUE(write_all(*file, 0, pieces));
  EXPECT_EQ(content("a"), all);
}

TEST_F(PosixFileSystem, WritingPastTheEndLeavesZerosBetween) {
  const auto file = create("a");
  ASSERT_TRUE(write_all(*file, 3, std::array<ByteView, 1>{"x"}));
  EXPECT_EQ(content("a"), std::string("\0\0\0x", 4));
  ASSERT_TRUE(file->truncate(1));
  EXPECT_EQ(content("a"), std::string("\0", 1));
}

TEST_F(PosixFileSystem, CreatesOnlyWhatIsNotThere) {
  create("a");
  EXPECT_EQ(files_.open(path("a"), OpenMode::kCreate).error(), errc::file_exists);
  EXPECT_EQ(files_.open(path("b"), OpenMode::kRead).error(), errc::no_such_file_or_directory);
  EXPECT_EQ(files_.open(path("b"), OpenMode::kReadWrite).error(), errc::no_such_file_or_directory);
  EXPECT_EQ(files_.open(path("a"), OpenMode::kRead).value()->write_at(0, std::array<ByteView, 1>{"x"}).error(),
            errc::bad_file_descriptor);
}

TEST_F(PosixFileSystem, RenamesLinksRemovesAndLists) {
  ASSERT_TRUE(write_all(*create("a"), 0, std::array<ByteView, 1>{"a"}));
  create("b");
  ASSERT_TRUE(files_.rename(path("a"), path("b")));
  ASSERT_TRUE(files_.link(path("b"), path("c")));
  EXPECT_EQ(names(), (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(files_.remove(path("b")));
  EXPECT_EQ(content("c"), "a");
  EXPECT_TRUE(files_.sync_directory(folder_.path()));
  EXPECT_EQ(files_.remove(path("b")).error(), errc::no_such_file_or_directory);
  EXPECT_EQ(files_.link(path("b"), path("d")).error(), errc::no_such_file_or_directory);
  EXPECT_EQ(files_.list(path("none")).error(), errc::no_such_file_or_directory);
}

TEST_F(PosixFileSystem, CreatesFoldersWithTheirParents) {
  ASSERT_TRUE(files_.create_directories(path("x/y//z/")));
  EXPECT_TRUE(files_.create_directories(path("x/y/z")));
  EXPECT_TRUE(files_.create_directories(folder_.path()));
  EXPECT_TRUE(files_.list(path("x/y/z")).value().empty());
  create("file");
  EXPECT_EQ(files_.create_directories(path("file")).error(), errc::not_a_directory);
  EXPECT_EQ(files_.create_directories(path("file/x")).error(), errc::not_a_directory);
  EXPECT_EQ(files_.create_directories("").error(), errc::no_such_file_or_directory);
}

TEST_F(PosixFileSystem, SaysHowMuchRoomIsLeft) {
  EXPECT_GT(files_.free_bytes(folder_.path()).value(), 0);
  EXPECT_FALSE(files_.free_bytes(folder_.path() + "/nowhere"));
}

TEST_F(PosixFileSystem, HasOneHolderOfALock) {
  auto lock = files_.lock(path("LOCK")).value();
  EXPECT_EQ(files_.lock(path("LOCK")).error(), errc::operation_would_block);
  lock.reset();
  EXPECT_TRUE(files_.lock(path("LOCK")));
}

TEST_F(PosixFileSystem, KeepsFilesToTheirOwner) {
  create("a");
  ASSERT_TRUE(files_.create_directories(path("x")));
  struct stat status;
  ASSERT_EQ(::stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 077, 0U);
  ASSERT_EQ(::stat(path("x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 077, 0U);
}

}  // namespace
}  // namespace kv::storage
