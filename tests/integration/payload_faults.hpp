// Payloads with exactly one thing wrong, for any command whose fields are known.
#pragma once

#include <string>
#include <vector>

#include "kv/base/bytes.hpp"

namespace kv::test {

// Valid bytes for a field of the command table; `key` is what its key or keys say. Throws std::out_of_range for a field
// that isn't known here.
std::string valid_field(const std::string& field, ByteView key);

// What can be wrong with a field, other than being cut short.
struct FieldFault {
  std::string what;
  std::string bytes;
  ByteView word;  // what the server must answer
};
std::vector<FieldFault> field_faults(const std::string& field);

// Whether a field takes all that is left of a payload, so that nothing can be left over after it.
bool takes_the_rest(const std::string& field);

}  // namespace kv::test
