#include "kv-cli/indent_json.hpp"

#include <algorithm>

namespace kv::cli {
namespace {

// The length of the string, its quotes included, or of the other token at the front.
std::size_t token_size(ByteView json) {
  if (json[0] != '"') return 1;
  for (std::size_t at = 1; at < json.size(); ++at) {
    if (json[at] == '\\') {
      ++at;
    } else if (json[at] == '"') {
      return at + 1;
    }
  }
  return json.size();
}

bool is_empty_container(ByteView json) {
  const std::size_t next = json.find_first_not_of(" \t\r\n", 1);
  return next != ByteView::npos && (json[next] == '}' || json[next] == ']');
}

}  // namespace

std::string indent_json(ByteView json) {
  std::string out;
  std::size_t levels = 0;
  const auto new_line = [&] { out.append(1, '\n').append(2 * levels, ' '); };
  while (!json.empty()) {
    const ByteView token = json.substr(0, token_size(json));
    const char c = token[0];
    const bool opens = c == '{' || c == '[';
    const bool closes = c == '}' || c == ']';
    if (closes && !out.ends_with('{') && !out.ends_with('[')) {
      levels -= std::min<std::size_t>(levels, 1);
      new_line();
    }
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') out += token;
    if (c == ':') out += ' ';
    if (opens && !is_empty_container(json)) {
      ++levels;
      new_line();
    }
    if (c == ',') new_line();
    json.remove_prefix(token.size());
  }
  return out;
}

}  // namespace kv::cli
