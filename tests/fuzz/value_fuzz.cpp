// The value validator: what it accepts comes back unchanged when it is decoded again, and equals itself.
#include "kv/value/compare.hpp"
#include "kv/value/decode.hpp"

#include "fuzz/fuzz.hpp"

void fuzz(kv::ByteView input) {
  using namespace kv::value;
  DecodeScratch scratch;
  const auto once = decode_value(input, scratch);
  if (!once) return;

  std::string bytes(encoded_size(*once), '\0');
  KV_ASSERT(encode(*once, bytes.data()) == bytes.data() + bytes.size());
  kv::ByteView rest = bytes;
  const auto twice = decode_value(rest, scratch);
  KV_ASSERT(twice && rest.empty());
  KV_ASSERT(twice->type == once->type && twice->data == once->data);
  KV_ASSERT(equal(*once, *twice));
}
