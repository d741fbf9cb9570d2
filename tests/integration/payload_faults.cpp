#include "integration/payload_faults.hpp"

#include <stdexcept>

#include "support/process/requests.hpp"

namespace kv::test {
namespace {

constexpr std::uint64_t kPastYear9999 = std::uint64_t{1} << 48;

std::string nested(std::size_t levels) {
  std::string value;
  for (std::size_t i = 1; i < levels; ++i) value += '\x06' + u32(1);
  return value + '\x06' + u32(0);
}

const FieldFault kValueFaults[] = {
    {"unknown type", "\x09", "VALUE"},
    {"unknown type ff", "\xFF", "VALUE"},
    {"a Bool that is 2", std::string("\x08\x02", 2), "VALUE"},
    {"a String that is no UTF-8", encode_string("\xC0\x80"), "VALUE"},
    {"a Decimal that is none", encode_decimal("1.2.3"), "VALUE"},
    {"a Decimal that is empty", encode_decimal(""), "VALUE"},
    {"a NaN Decimal", encode_decimal("NaN"), "VALUE"},
    {"a Decimal with too many digits", encode_decimal("1e1000"), "VALUE"},
    {"a map key twice", map_of({{"a", encode_int(1)}, {"a", encode_int(2)}}), "VALUE"},
    {"a map key that is no UTF-8", map_of({{"\xFF", encode_int(1)}}), "VALUE"},
    {"129 levels", nested(129), "VALUE"},
    {"a fault deep inside", list_of({map_of({{"a", list_of({"\x0A"})}})}), "VALUE"},
    {"4 billion items", '\x06' + u32(0xFFFF'FFFF), "FRAME"},
    {"4 billion pairs", '\x07' + u32(0xFFFF'FFFF), "FRAME"},
    {"4 billion bytes", '\x05' + u32(0xFFFF'FFFF), "FRAME"},
};

const FieldFault kTtlFaults[] = {
    {"past the year 9999", u64(kPastYear9999), "ARGUMENT"},
    {"the sign bit", u64(std::uint64_t{1} << 63), "ARGUMENT"},
    {"the largest u64", u64(~std::uint64_t{0}), "ARGUMENT"},
};

const FieldFault kKeyFaults[] = {
    {"an empty key", sized(""), "KEY"},
    {"a key that is no UTF-8", sized("\xFF"), "KEY"},
    {"a key with a surrogate", sized("a\xED\xA0\x80"), "KEY"},
    {"a key cut short", u16(0xFFFF) + "abc", "FRAME"},
};

// Each fault with `before` and `after` around it.
template <std::size_t N>
void append(std::vector<FieldFault>& all, const FieldFault (&faults)[N], const std::string& before = {},
            const std::string& after = {}) {
  for (const FieldFault& fault : faults) all.push_back({fault.what, before + fault.bytes + after, fault.word});
}

}  // namespace

std::string valid_field(const std::string& field, ByteView key) {
  if (field == "key") return sized(key);
  if (field == "key_rest") return std::string(key);
  if (field == "owner") return sized("me");
  if (field == "ttl") return u64(0);
  if (field == "delta") return u64(1);
  if (field == "wait") return u64(0);
  if (field == "expected") return map_of({{"a", list_of({encode_decimal("1.5"), encode_string("text")})}});
  if (field == "value") return list_of({encode_int(1), map_of({{"key", encode_bytes("bytes")}}), encode_bool(true)});
  if (field == "keys") return u16(2) + sized(key) + sized("other");
  if (field == "pairs") return u16(2) + u64(0) + sized(key) + encode_int(9) + sized("other") + encode_float(2.5);
  if (field == "cursor") return u64(0);
  if (field == "count") return u32(10);
  if (field == "pattern") return sized("[k]*");
  if (field == "mode") return std::string(1, '\0');  // of SNAPSHOT, and one that takes no folder
  if (field == "folder") return "";
  if (field == "client_call" || field == "acl_call") return std::string(1, '\0');  // lists
  if (field == "config_call") return '\0' + sized("*");
  if (field == "slowlog_call") return '\0' + u32(10);
  if (field == "latency_call" || field == "memory_call") return std::string(1, '\0');
  if (field == "keys_call") return '\0' + u32(1) + u64(0);
  if (field == "user") return sized("me");
  if (field == "password") return sized("secret");
  if (field == "rest") return "";
  throw std::out_of_range("a field that the error matrix doesn't know: " + field);
}

std::vector<FieldFault> field_faults(const std::string& field) {
  std::vector<FieldFault> all;
  const std::string good_pair = sized("k") + encode_int(1);
  if (field == "key") append(all, kKeyFaults);
  if (field == "key_rest") {
    all = {{"an empty key", "", "KEY"},
           {"a key that is no UTF-8", "k\xFF", "KEY"},
           {"65,536 bytes", std::string(65'536, 'k'), "KEY"},
           {"70,000 bytes", std::string(70'000, 'k'), "KEY"}};
  }
  if (field == "owner") {
    all = {{"an empty owner", sized(""), "ARGUMENT"},
           {"an owner that is no UTF-8", sized("me\xFF"), "ARGUMENT"},
           {"an owner cut short", u16(0xFFFF) + "me", "FRAME"}};
  }
  if (field == "ttl") append(all, kTtlFaults);
  if (field == "wait") {
    all = {{"a day and 1 ms", u64(86'400'001), "ARGUMENT"}, {"the largest u64", u64(~std::uint64_t{0}), "ARGUMENT"}};
  }
  if (field == "value" || field == "expected") append(all, kValueFaults);
  if (field == "keys") {
    append(all, kKeyFaults, u16(1));
    append(all, kKeyFaults, u16(3) + sized("k") + sized("other"));
    all.push_back({"more keys than counted", u16(1) + sized("k") + sized("other"), "FRAME"});
    all.push_back({"fewer keys than counted", u16(0xFFFF) + sized("k"), "FRAME"});
  }
  if (field == "pairs") {
    append(all, kTtlFaults, u16(1), good_pair);
    append(all, kKeyFaults, u16(2) + u64(0) + good_pair, encode_int(1));
    append(all, kValueFaults, u16(2) + u64(0) + good_pair + sized("other"));
    all.push_back({"more pairs than counted", u16(1) + u64(0) + good_pair + good_pair, "FRAME"});
    all.push_back({"fewer pairs than counted", u16(0xFFFF) + u64(0) + good_pair, "FRAME"});
  }
  if (field == "mode") {
    all = {{"a mode that is none", "\3", "ARGUMENT"},
           {"the largest mode", "\xFF", "ARGUMENT"},
           {"a backup into a folder from no root", "\2folder", "ARGUMENT"},
           {"a backup into a folder with a NUL", std::string("\2/a\0b", 5), "ARGUMENT"},
           {"a backup into a folder that is no UTF-8", "\2/\xFF", "ARGUMENT"}};
  }
  if (field == "client_call") {
    all = {{"a call that is none", "\3", "ARGUMENT"},
           {"a list of something", std::string("\0x", 2), "FRAME"},
           {"a kill cut short", "\1" + std::string(7, '\0'), "FRAME"},
           {"a name that is no UTF-8", "\2\xFF", "ARGUMENT"},
           {"a name of 256 bytes", "\2" + std::string(256, 'n'), "ARGUMENT"}};
  }
  if (field == "user" || field == "password") all = {{"a text cut short", u16(0xFFFF) + "me", "FRAME"}};
  if (field == "acl_call") {
    all = {{"a call that is none", "\5", "ARGUMENT"},
           {"a list of something", std::string("\0x", 2), "FRAME"},
           {"a user cut short", "\1" + u16(0xFFFF) + "me", "FRAME"},
           {"a user to delete, and more", "\2" + sized("me") + "x", "FRAME"},
           {"rules for nobody", "\1" + sized("") + "on", "ARGUMENT"},
           {"rules that are none", "\1" + sized("me") + "nonsense", "ARGUMENT"}};
  }
  if (field == "config_call") {
    all = {{"a call that is none", "\2", "ARGUMENT"},
           {"a pattern cut short", '\0' + u16(0xFFFF) + "*", "FRAME"},
           {"fewer settings than counted", "\1" + u16(2) + sized("log-level") + sized("warn"), "FRAME"},
           {"more settings than counted", "\1" + u16(0) + sized("log-level") + sized("warn"), "FRAME"},
           {"a value cut short", "\1" + u16(1) + sized("log-level") + u16(9) + "warn", "FRAME"},
           {"a setting that is none", "\1" + u16(1) + sized("nonsense") + sized("1"), "ARGUMENT"},
           {"a value that is none", "\1" + u16(1) + sized("log-level") + sized("loud"), "ARGUMENT"}};
  }
  if (field == "slowlog_call") {
    all = {{"a call that is none", "\3", "ARGUMENT"},
           {"a length of something", "\1x", "FRAME"},
           {"a count cut short", std::string("\0\0\0\0", 4), "FRAME"}};
  }
  if (field == "latency_call") all = {{"a call that is none", "\2", "ARGUMENT"}};
  if (field == "keys_call") {
    all = {{"a call that is none", "\2" + u32(1) + u64(0), "ARGUMENT"},
           {"a count cut short", std::string("\0\0\0", 3), "FRAME"},
           {"a wait over a day", "\1" + u32(1) + u64(86'400'001), "ARGUMENT"}};
  }
  if (field == "memory_call") all = {{"a call that is none", "\1", "ARGUMENT"}};
  if (field == "folder") all = {{"a folder without a backup", "/folder", "FRAME"}};
  if (field == "pattern") all = {{"a pattern cut short", u16(0xFFFF) + "*", "FRAME"}};
  return all;
}

bool takes_the_rest(const std::string& field) {
  return field == "key_rest" || field == "rest";
}

}  // namespace kv::test
