// Patterns that keys are matched against, by SCAN and by the rules of users: globs on bytes.
//
//   *       any bytes, none too       [a-z]   one byte of the class; a reversed range is the same range
//   ?       one byte                  [^a]    one byte that isn't
//   \x      x itself, in a class too  []      an empty class: nothing
//
// An unclosed `[` and a final `\` stand for themselves.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "kv/base/bytes.hpp"

namespace kv {

class Glob {
 public:
  // Any bytes are a pattern. Takes time and memory in proportion to their number.
  explicit Glob(ByteView pattern);

  // Whether all of `text` matches. Adds the steps that it took to `steps`: at most a few more than the product of both
  // lengths.
  bool matches(ByteView text, std::uint64_t& steps) const;

 private:
  using Class = std::bitset<256>;
  struct Token {
    enum class Kind : std::uint8_t { kByte, kAnyByte, kClass, kStar };
    Kind kind;
    unsigned char byte = 0;         // kByte
    std::uint32_t class_index = 0;  // kClass
  };

  bool parse_class(ByteView pattern, std::size_t& at);
  bool matches_one(const Token& token, unsigned char byte) const;

  std::vector<Token> tokens_;
  std::vector<Class> classes_;
};

}  // namespace kv
