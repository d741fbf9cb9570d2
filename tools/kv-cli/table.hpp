// Answers that are a list in JSON, as tables for people.
#pragma once

#include <optional>
#include <string>

#include "kv/base/bytes.hpp"

#include "kv-cli/command_row.hpp"

namespace kv::cli {

// Whether an answer of this form is one.
bool is_table(Answer answer);

// A line for each item, below one that heads the columns; without a newline at the end. Nothing where the document
// isn't what such an answer brings. REQUIRES: is_table(answer).
std::optional<std::string> print_table(Answer answer, ByteView document);

}  // namespace kv::cli
