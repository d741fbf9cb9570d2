// The table of options: one row each, and everything else reads the row. To add an option, add a member to Options and
// a row to the table in option_rows.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kv/base/result.hpp"

#include "server/options.hpp"

namespace kv::server {

using Values = std::vector<std::string>;

// An option: all that the command line, the environment, the file, --help and --print-config know of it.
struct Row {
  std::string name{};
  std::string letter{};  // empty: none
  std::string group{};   // its heading in --help
  std::string help{};    // a sentence or two
  bool secret = false;   // --print-config hides it
  bool live = false;     // CONFIG SET may change it while the server runs
  bool limited = false;  // where it is live: only in a server that was started with a limit of memory
  bool guards = false;   // without it everybody is let in, so nobody may leave it out by giving it as empty
  // What follows from its kind and its member.
  std::string placeholder{};
  std::string allowed{};  // which values, in words; empty: the help says it
  bool list = false;
  bool quoted = false;
  bool is_switch = false;  // on the command line it needs no value
  // Puts values into their member. Fails with a text that starts with the bad value, unless that may be a secret.
  std::function<Result<void>(Options&, const Values&)> set{};
  // The member's values as set() takes them.
  std::function<Values(const Options&)> get{};
};

const std::vector<Row>& option_rows();

// KV_MAX_PAYLOAD for max-payload.
std::string variable_of(const std::string& name);

}  // namespace kv::server
