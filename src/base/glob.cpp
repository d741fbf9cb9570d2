#include "kv/base/glob.hpp"

#include <algorithm>

namespace kv {

Glob::Glob(ByteView pattern) {
  // Once one `[` has no end, none after it has one either; looking again each time would take quadratic time.
  bool classes_may_close = true;
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '*') {
      if (tokens_.empty() || tokens_.back().kind != Token::Kind::kStar) tokens_.push_back({Token::Kind::kStar});
    } else if (c == '?') {
      tokens_.push_back({Token::Kind::kAnyByte});
    } else if (c == '[' && classes_may_close) {
      if (parse_class(pattern, at)) continue;
      classes_may_close = false;
      tokens_.push_back({Token::Kind::kByte, '['});
    } else {
      if (c == '\\' && at + 1 < pattern.size()) ++at;
      tokens_.push_back({Token::Kind::kByte, static_cast<unsigned char>(pattern[at])});
    }
    ++at;
  }
}

// Parses the class whose `[` is at `at` and moves `at` past its `]`. False, nothing changed, when it is unclosed.
bool Glob::parse_class(ByteView pattern, std::size_t& at) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  // The byte at i, or the one that it escapes; moves past it.
  const auto take = [&] {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    return static_cast<unsigned char>(pattern[i++]);
  };
  Class members;
  while (i < pattern.size() && pattern[i] != ']') {
    unsigned char first = take();
    unsigned char last = first;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      last = take();
    }
    if (first > last) std::swap(first, last);
    for (unsigned byte = first; byte <= last; ++byte) members.set(byte);
  }
  if (i >= pattern.size()) return false;
  at = i + 1;
  tokens_.push_back({Token::Kind::kClass, 0, static_cast<std::uint32_t>(classes_.size())});
  classes_.push_back(negated ? ~members : members);
  return true;
}

bool Glob::matches_one(const Token& token, unsigned char byte) const {
  switch (token.kind) {
    case Token::Kind::kByte:
      return token.byte == byte;
    case Token::Kind::kAnyByte:
      return true;
    case Token::Kind::kClass:
      return classes_[token.class_index].test(byte);
    case Token::Kind::kStar:
      return false;
  }
  return false;
}

// When a token fails after a star, the star takes one byte more and matching goes on from there. Only the last star has
// to be reconsidered: whatever an earlier one could take, the later one can.
bool Glob::matches(ByteView text, std::uint64_t& steps) const {
  constexpr std::size_t kNoStar = ~std::size_t{0};
  std::size_t token = 0;
  std::size_t at = 0;
  std::size_t star = kNoStar;
  std::size_t star_end = 0;  // how far the text goes that the star has taken
  for (; at < text.size(); ++steps) {
    if (token < tokens_.size() && tokens_[token].kind == Token::Kind::kStar) {
      star = token++;
      star_end = at;
    } else if (token < tokens_.size() && matches_one(tokens_[token], static_cast<unsigned char>(text[at]))) {
      ++token;
      ++at;
    } else if (star != kNoStar) {
      token = star + 1;
      at = ++star_end;
    } else {
      return false;
    }
  }
  while (token < tokens_.size() && tokens_[token].kind == Token::Kind::kStar) ++token;
  return token == tokens_.size();
}

}  // namespace kv
