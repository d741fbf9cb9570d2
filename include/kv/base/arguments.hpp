// What a program says of command line arguments that it doesn't know.
#pragma once

#include <span>
#include <string>

namespace kv {

// `unknown option --pasword`, or `2 arguments too many` where none of them looks like an option. Any other word may be
// a secret that stands in the wrong place, and what a program complains of ends up in logs; so of `--name=value` only
// the name is told, of `-pvalue` only the letter, and of a bare word nothing. One line. REQUIRES: there is one.
std::string describe_unknown(std::span<const std::string> arguments);

}  // namespace kv
