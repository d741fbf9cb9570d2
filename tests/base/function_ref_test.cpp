#include "kv/base/function_ref.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace kv {
namespace {

int apply(FunctionRef<int(int)> function, int argument) {
  return function(argument);
}

TEST(FunctionRef, CallsWhatItWasGivenNotACopy) {
  int calls = 0;
  auto count = [&calls, own = 0](int by) mutable {
    own += by;
    ++calls;
    return own;
  };
  EXPECT_EQ(apply(count, 3), 3);
  EXPECT_EQ(apply(count, 4), 7) << "the state is the lambda's own";
  EXPECT_EQ(calls, 2);
}

TEST(FunctionRef, CallsWhatIsConst) {
  const auto twice = [](int number) { return 2 * number; };
  EXPECT_EQ(apply(twice, 21), 42);
}

TEST(FunctionRef, RefersToTheSameWhenItIsCopied) {
  int seen = 0;
  const auto note = [&](int number) { seen = number; };
  const FunctionRef<void(int)> one = note;
  const FunctionRef<void(int)> other = one;
  other(5);
  EXPECT_EQ(seen, 5);
}

TEST(FunctionRef, PassesReferencesAndWhatCanOnlyBeMoved) {
  const auto fill = [](std::string& out, std::unique_ptr<int> number) { out = std::to_string(*number); };
  const FunctionRef<void(std::string&, std::unique_ptr<int>)> reference = fill;
  std::string out;
  reference(out, std::make_unique<int>(7));
  EXPECT_EQ(out, "7");
}

}  // namespace
}  // namespace kv
