#include "support/storage/random_mutation.hpp"

#include "kv/base/assert.hpp"

#include "storage/record.hpp"
#include "support/base/hex.hpp"
#include "support/value/random_value.hpp"

namespace kv::test {

using engine::Mutation;

RandomMutations::RandomMutations(Random& random, std::size_t count) {
  mutations_.reserve(count);
  while (mutations_.size() < count) mutations_.push_back(make(random));
}

Mutation RandomMutations::make(Random& random) {
  Mutation mutation;
  if (random.one_in(30)) {
    mutation.kind = Mutation::Kind::kClear;
    return mutation;
  }
  mutation.key = keep("key:" + std::to_string(random.below(20)));
  if (random.one_in(5)) {
    mutation.kind = Mutation::Kind::kDelete;
    return mutation;
  }
  if (random.one_in(3)) mutation.deadline = 1'700'000'000'000 + random.below(1'000'000);
  if (random.one_in(6)) {
    mutation.kind = Mutation::Kind::kSetDeadline;
    return mutation;
  }
  ByteView value = keep(random_value(random));
  const auto decoded = value::decode_value(value, scratch_);
  KV_ASSERT(decoded);
  mutation.value = *decoded;
  mutation.is_lock = random.one_in(5);
  if (mutation.is_lock && !random.one_in(3)) mutation.token = 1 + random.next() / 2;
  return mutation;
}

std::string describe(const Mutation& mutation) {
  constexpr const char* kKinds[] = {"?", "put ", "delete ", "set_deadline ", "clear "};
  std::string text = kKinds[static_cast<std::size_t>(mutation.kind)];
  text += std::string(mutation.key) + " until " + std::to_string(mutation.deadline);
  if (mutation.is_lock) text += " lock " + std::to_string(mutation.token);
  if (mutation.kind == Mutation::Kind::kPut) text += " " + hex(encoded(mutation.value));
  return text;
}

std::string encoded_record(Lsn lsn, std::span<const Mutation> mutations) {
  std::string record(storage::encoded_size(mutations), '\xEE');
  KV_ASSERT(storage::encode_record(lsn, mutations, record.data()) == record.data() + record.size());
  storage::seal(record);
  return record;
}

}  // namespace kv::test
