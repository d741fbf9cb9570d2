#include "server/machine_memory.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/base/temporary_folder.hpp"

namespace kv::server {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class MachineMemory : public testing::Test {
 protected:
  MachineMemory() { std::filesystem::create_directories(paths_.cgroups); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  void in_cgroups(const std::string& lines) { write(paths_.own_cgroups, lines); }
  void limit(const std::string& file, const std::string& text) { write(paths_.cgroups + file, text); }

  const test::TemporaryFolder folder_;
  const MachinePaths paths_{folder_.path() + "/own", folder_.path() + "/cgroups"};
  const std::uint64_t machine_ =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
};

TEST_F(MachineMemory, WithoutCgroupsIsAllThereIs) {
  EXPECT_EQ(available_memory(paths_), machine_);
  in_cgroups("nonsense\n:\n0:\n0::\n");
  EXPECT_EQ(available_memory(paths_), machine_);
}

TEST_F(MachineMemory, OfVersion2IsTheLeastOfTheGroupAndThoseAbove) {
  in_cgroups("0::/service/kv\n");
  limit("/service/kv/memory.max", "max\n");
  EXPECT_EQ(available_memory(paths_), machine_);
  limit("/service/memory.max", std::to_string(20 * kMiB) + "\n");
  EXPECT_EQ(available_memory(paths_), 20 * kMiB);
  limit("/service/kv/memory.max", std::to_string(10 * kMiB) + "\n");
  EXPECT_EQ(available_memory(paths_), 10 * kMiB);
}

TEST_F(MachineMemory, InAContainerIsThatOfTheTopmostGroupThatItSees) {
  in_cgroups("0::/a/name/of/the/host\n");
  limit("/memory.max", std::to_string(30 * kMiB) + "\n");
  EXPECT_EQ(available_memory(paths_), 30 * kMiB);
}

TEST_F(MachineMemory, OfVersion1StandsWithItsController) {
  in_cgroups("5:cpu,cpuacct:/other\n4:hugetlb,memory:/kv\n0::/\n");
  limit("/memory/other/memory.limit_in_bytes", std::to_string(kMiB));
  EXPECT_EQ(available_memory(paths_), machine_);
  limit("/memory/kv/memory.limit_in_bytes", std::to_string(40 * kMiB));
  EXPECT_EQ(available_memory(paths_), 40 * kMiB);
  limit("/memory/kv/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(available_memory(paths_), machine_) << "which is how version 1 says that there is none";
}

}  // namespace
}  // namespace kv::server
