// What a user may do: which commands it may run, and which keys it may read and write.
//
// Rules are words, taken from left to right, so that a later one changes what an earlier one said:
//
//   +get -flush +@read -@write     a command, or all of a category
//   ~app:*  %R~shared:*  %W~log:*  keys to read and write, to read, to write: globs (kv/base/glob.hpp)
//   allcommands nocommands allkeys resetkeys
//
// What a command is called and does to keys comes from the command table, as a list of CommandInfo; this room knows no
// command by itself.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/glob.hpp"
#include "kv/base/result.hpp"

namespace kv::security {

// What rules need to know of a command.
struct CommandInfo {
  std::uint8_t byte = 0;
  ByteView name{};      // in capitals
  ByteView category{};  // its family
  bool reads = false;   // keys
  bool writes = false;  // keys
  bool admin = false;   // then it is in the categories `admin` and `all` alone
  bool open = false;    // everybody may run it, whatever the rules
};
// In the order of their bytes. What it points to outlives whoever is given it.
using CommandInfos = std::span<const CommandInfo>;

enum class KeyUse : std::uint8_t { kRead = 1, kWrite = 2, kBoth = 3 };

class Rules {
 public:
  // No command but the open ones, and no key.
  explicit Rules(CommandInfos commands);

  // Adds the word to the rules. False when it is none of the words above. Fails with kArgument, and a sentence that
  // says what is expected, where it is one of them and wrong.
  Result<bool> add(ByteView word);

  bool may_run(std::uint8_t command) const { return commands_.test(command); }
  // Adds the steps that matching took to `steps`.
  bool may_use(ByteView key, KeyUse use, std::uint64_t& steps) const;
  // Whether there is no key that it may not use so.
  bool may_use_all(KeyUse use) const;
  bool allows_everything() const { return commands_.all() && may_use_all(KeyUse::kBoth); }

  // The words that make the same rules, in the one order that they are written in.
  std::vector<std::string> words() const;

 private:
  struct KeyPattern {
    std::string text;
    KeyUse use;
    Glob glob;
  };

  Result<void> add_command(ByteView word);
  Result<void> add_pattern(ByteView word);
  void set_all(bool allowed);

  CommandInfos infos_;
  std::bitset<256> commands_;
  std::vector<std::string> command_words_;  // +… and -…, none of them twice
  std::vector<KeyPattern> patterns_;
};

}  // namespace kv::security
