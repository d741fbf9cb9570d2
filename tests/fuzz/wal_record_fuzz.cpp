// A record of the log: what is decoded is what encoding it again gives. A record may be any bytes under a checksum that
// is right, so the target makes it right first, where the input is long enough.
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "storage/record.hpp"

namespace {

using namespace kv;
using namespace kv::storage;

void check(ByteView input) {
  Record record;
  if (decode_record(input, record) != RecordState::kComplete) return;
  KV_ASSERT(record.bytes <= input.size() && record.body.size() + kRecordHeaderBytes == record.bytes);
  std::vector<engine::Mutation> mutations;
  const auto visit = [&](const engine::Mutation& mutation) { mutations.push_back(mutation); };
  if (!for_each_mutation(record.body, visit)) return;
  KV_ASSERT(encoded_size(mutations) == record.bytes);
  std::string again(record.bytes, '\xEE');
  KV_ASSERT(encode_record(record.lsn, mutations, again.data()) == again.data() + again.size());
  seal(again);
  KV_ASSERT(again == input.substr(0, record.bytes));
}

}  // namespace

void fuzz(ByteView input) {
  check(input);
  if (input.size() <= kRecordHeaderBytes) return;
  std::string sealed(input);
  store_big_endian(sealed.data(), static_cast<std::uint32_t>(sealed.size() - kRecordHeaderBytes));
  seal(sealed);
  check(sealed);
}
