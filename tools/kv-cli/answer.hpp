// What a server answered, as kv-cli prints it.
#pragma once

#include <string>

#include "kv/client/reply.hpp"

#include "kv-cli/command_row.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

enum class OutputForm {
  kText,  // for people: a value a line, typed, as it can be typed in again
  kJson,  // for scripts: one line of JSON
};

// The text of an answer, its last line ended; NULL is `(null)`, or null in JSON. Fails when the payload isn't what such
// an answer brings. REQUIRES: an OK or NULL reply; not Answer::kKeys, which is printed as it comes (scan.hpp).
Outcome<std::string> print_answer(Answer answer, const client::Reply& reply, OutputForm form);

// A key on a line of its own.
std::string print_key_line(ByteView key, OutputForm form);

}  // namespace kv::cli
