#include "kv/security/rules.hpp"

#include <algorithm>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"

#include "security/word.hpp"

namespace kv::security {
namespace {

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

bool includes(KeyUse use, KeyUse wanted) {
  return (static_cast<unsigned>(use) & static_cast<unsigned>(wanted)) == static_cast<unsigned>(wanted);
}

std::string lower(ByteView text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool is_in(const CommandInfo& command, ByteView category) {
  if (category == "all") return true;
  if (command.admin) return category == "admin";
  if (category == "read") return command.reads && !command.writes;
  if (category == "write") return command.writes;
  return category == command.category;
}

// Whoever writes a rule may have put a secret where a name should be; so nothing is quoted that doesn't look like one.
std::string quoted_name(ByteView name) {
  constexpr std::size_t kNameBytesMax = 20;
  const bool looks_like_one = !name.empty() && name.size() <= kNameBytesMax &&
                              std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '@'; });
  return looks_like_one ? " " + std::string(name) : "";
}

}  // namespace

Rules::Rules(CommandInfos commands) : infos_(commands) {
  set_all(false);
}

Result<bool> Rules::add(ByteView word) {
  Result<void> done;
  if (word == "allcommands") {
    done = add_command("+@all");
  } else if (word == "nocommands") {
    done = add_command("-@all");
  } else if (word == "allkeys") {
    done = add_pattern("~*");
  } else if (word == "resetkeys") {
    patterns_.clear();
  } else if (word.starts_with('+') || word.starts_with('-')) {
    done = add_command(word);
  } else if (word.starts_with('~') || word.starts_with('%')) {
    done = add_pattern(word);
  } else {
    return false;
  }
  if (!done) return done.error();
  return true;
}

Result<void> Rules::add_command(ByteView word) {
  const bool allowed = word[0] == '+';
  const std::string name = lower(word.substr(1));
  if (name == "@all") {
    set_all(allowed);
    return {};
  }
  const bool is_category = name.starts_with('@');
  bool found = false;
  for (const CommandInfo& command : infos_) {
    const bool meant = is_category ? is_in(command, ByteView(name).substr(1)) : lower(command.name) == name;
    if (!meant) continue;
    found = true;
    if (command.open && !allowed && !is_category) return bad("everybody may run " + std::string(command.name));
    commands_.set(command.byte, allowed || command.open);
  }
  if (!found) {
    return bad("there is no " + std::string(is_category ? "category" : "command") + quoted_name(name) +
               "; kv-server --print-commands lists them");
  }
  // Only the last word about it counts.
  std::erase_if(command_words_, [&](const std::string& earlier) { return ByteView(earlier).substr(1) == name; });
  command_words_.push_back(word[0] + name);
  return {};
}

void Rules::set_all(bool allowed) {
  command_words_.clear();
  if (allowed) {
    // Those too that aren't commands yet, and are answered with COMMAND anyway.
    commands_.set();
    command_words_.emplace_back("+@all");
    return;
  }
  commands_.reset();
  for (const CommandInfo& command : infos_) commands_.set(command.byte, command.open);
}

Result<void> Rules::add_pattern(ByteView word) {
  const std::size_t tilde = word.find('~');
  const std::string prefix = lower(word.substr(0, std::min(tilde, word.size())));
  const bool both = prefix.empty() || prefix == "%rw" || prefix == "%wr";
  if (tilde == word.npos || (!both && prefix != "%r" && prefix != "%w")) {
    return bad("a key pattern begins with ~, %R~ or %W~");
  }
  const ByteView text = word.substr(tilde + 1);
  if (text.empty()) return bad("the key pattern is empty");
  if (text.size() > kKeyPatternBytesMax) return bad("the key pattern is over 1,024 bytes");
  if (!is_utf8(text)) return bad("the key pattern is not valid UTF-8");
  if (!is_in_one_word(text)) return bad("a key pattern has no blanks and control characters; ? stands for one");
  const KeyUse use = both ? KeyUse::kBoth : prefix == "%r" ? KeyUse::kRead : KeyUse::kWrite;
  const auto same = std::ranges::find(patterns_, text, &KeyPattern::text);
  if (same != patterns_.end()) {
    same->use = static_cast<KeyUse>(static_cast<unsigned>(same->use) | static_cast<unsigned>(use));
    return {};
  }
  if (patterns_.size() == kKeyPatternsMax) return bad("more than 256 key patterns");
  patterns_.push_back({std::string(text), use, Glob(text)});
  return {};
}

bool Rules::may_use(ByteView key, KeyUse use, std::uint64_t& steps) const {
  const auto allows = [&](KeyUse wanted) {
    return std::ranges::any_of(patterns_, [&](const KeyPattern& pattern) {
      return includes(pattern.use, wanted) && pattern.glob.matches(key, steps);
    });
  };
  // Reading may come from one pattern and writing from another.
  return (!includes(use, KeyUse::kRead) || allows(KeyUse::kRead)) &&
         (!includes(use, KeyUse::kWrite) || allows(KeyUse::kWrite));
}

bool Rules::may_use_all(KeyUse use) const {
  const auto allows = [&](KeyUse wanted) {
    return std::ranges::any_of(patterns_, [&](const KeyPattern& pattern) {
      return includes(pattern.use, wanted) && pattern.text.find_first_not_of('*') == std::string::npos;
    });
  };
  return (!includes(use, KeyUse::kRead) || allows(KeyUse::kRead)) &&
         (!includes(use, KeyUse::kWrite) || allows(KeyUse::kWrite));
}

std::vector<std::string> Rules::words() const {
  std::vector<std::string> all;
  for (const KeyPattern& pattern : patterns_) {
    const char* prefix = pattern.use == KeyUse::kBoth ? "~" : pattern.use == KeyUse::kRead ? "%R~" : "%W~";
    all.push_back(prefix + pattern.text);
  }
  all.insert(all.end(), command_words_.begin(), command_words_.end());
  return all;
}

}  // namespace kv::security
