#include "kv/base/arguments.hpp"

#include <algorithm>

#include "kv/base/bytes.hpp"

namespace kv {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The option that `argument` names; empty: it is a bare word.
ByteView option_of(ByteView argument) {
  constexpr std::size_t kNameBytesMax = 40;
  if (argument.starts_with("--")) {
    const auto end = std::ranges::find_if_not(argument, [](char c) { return is_letter(c) || c == '-' || c == '_'; });
    return argument.substr(0, std::min(static_cast<std::size_t>(end - argument.begin()), kNameBytesMax));
  }
  const bool has_letter = argument.size() >= 2 && argument[0] == '-' && is_letter(argument[1]);
  return has_letter ? argument.substr(0, 2) : ByteView();
}

}  // namespace

std::string describe_unknown(std::span<const std::string> arguments) {
  for (const std::string& argument : arguments) {
    if (const ByteView option = option_of(argument); !option.empty()) return "unknown option " + std::string(option);
  }
  return arguments.size() == 1 ? "1 argument too many" : std::to_string(arguments.size()) + " arguments too many";
}

}  // namespace kv
