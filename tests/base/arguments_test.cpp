#include "kv/base/arguments.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kv {
namespace {

std::string describe(const std::vector<std::string>& arguments) {
  return describe_unknown(arguments);
}

TEST(Arguments, AnOptionIsNamed) {
  EXPECT_EQ(describe({"--shard"}), "unknown option --shard");
  EXPECT_EQ(describe({"--max_payload", "1"}), "unknown option --max_payload");
  EXPECT_EQ(describe({"-x"}), "unknown option -x");
  EXPECT_EQ(describe({"--"}), "unknown option --");
  EXPECT_EQ(describe({"word", "--first", "--second"}), "unknown option --first");
}

TEST(Arguments, OthersAreCounted) {
  EXPECT_EQ(describe({"serve"}), "1 argument too many");
  EXPECT_EQ(describe({"", "-"}), "2 arguments too many");
}

TEST(Arguments, NothingIsQuotedThatMayBeASecret) {
  EXPECT_EQ(describe({"secret"}), "1 argument too many");
  EXPECT_EQ(describe({"--pasword", "secret"}), "unknown option --pasword");
  EXPECT_EQ(describe({"secret", "--pasword"}), "unknown option --pasword");
  EXPECT_EQ(describe({"--pasword=secret"}), "unknown option --pasword");
  EXPECT_EQ(describe({"--pasword secret"}), "unknown option --pasword");
  EXPECT_EQ(describe({"-psecret"}), "unknown option -p");
  EXPECT_EQ(describe({"-\xC3\xA9secret"}), "1 argument too many");
}

TEST(Arguments, WhatIsSaidIsAShortLine) {
  EXPECT_EQ(describe({"--a\nb\x1b"}), "unknown option --a");
  EXPECT_EQ(describe({"-\n"}), "1 argument too many");
  EXPECT_LT(describe({"--" + std::string(1'000'000, 'x')}).size(), 80U);
}

}  // namespace
}  // namespace kv
