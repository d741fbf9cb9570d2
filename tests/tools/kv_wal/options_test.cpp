#include "kv-wal/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kv::wal {
namespace {

using testing::ElementsAre;

std::variant<Options, ExitCode> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "kv-wal");
  return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(KvWalOptions, AreACommandAndWhatItWorksOn) {
  EXPECT_THAT(std::get<Verify>(std::get<Options>(parse({"verify", "a", "b"}))).paths, ElementsAre("a", "b"));
  EXPECT_EQ(std::get<Dump>(std::get<Options>(parse({"dump", "a"}))).path, "a");
  const auto repair = std::get<Repair>(std::get<Options>(parse({"repair", "a", "--truncate-at", "123"})));
  EXPECT_EQ(repair.path, "a");
  EXPECT_EQ(repair.truncate_at, 123U);
}

TEST(KvWalOptions, AreRefusedWithCode2) {
  const std::vector<std::vector<const char*>> wrong = {{},
                                                       {"verify"},
                                                       {"dump"},
                                                       {"dump", "a", "b"},
                                                       {"repair", "a"},
                                                       {"repair", "--truncate-at", "1"},
                                                       {"repair", "a", "--truncate-at", "-1"},
                                                       {"repair", "a", "--truncate-at", "x"},
                                                       {"burn", "a"}};
  for (const auto& words : wrong) EXPECT_EQ(std::get<ExitCode>(parse(words)), ExitCode::kFailed);
  EXPECT_EQ(std::get<ExitCode>(parse({"--help"})), ExitCode::kGood);
  EXPECT_EQ(std::get<ExitCode>(parse({"repair", "--help"})), ExitCode::kGood);
}

}  // namespace
}  // namespace kv::wal
