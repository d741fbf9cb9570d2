// Random changes, for round trips and histories, and fuzz seeds.
#pragma once

#include <forward_list>
#include <span>
#include <string>
#include <vector>

#include "kv/engine/mutation.hpp"
#include "kv/value/decode.hpp"

#include "support/base/random.hpp"

namespace kv::test {

// Some changes, with the bytes that they refer to.
class RandomMutations {
 public:
  // Exactly `count`, of every kind, with keys of which there are only a few.
  RandomMutations(Random& random, std::size_t count);
  RandomMutations(const RandomMutations&) = delete;
  RandomMutations& operator=(const RandomMutations&) = delete;

  const std::vector<engine::Mutation>& get() const { return mutations_; }

 private:
  ByteView keep(std::string bytes) { return bytes_.emplace_front(std::move(bytes)); }
  engine::Mutation make(Random& random);

  std::forward_list<std::string> bytes_;
  value::DecodeScratch scratch_;
  std::vector<engine::Mutation> mutations_;
};

// As a line of text, to compare with and to print: everything that a record keeps of it.
std::string describe(const engine::Mutation& mutation);

// The sealed record of `mutations`.
std::string encoded_record(Lsn lsn, std::span<const engine::Mutation> mutations);

}  // namespace kv::test
