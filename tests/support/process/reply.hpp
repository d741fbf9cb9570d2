// A response as a test sees it, and the responses that tests expect: EXPECT_EQ(client.call(get("foo")), null()).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/protocol/status.hpp"

namespace kv::test {

struct Reply {
  protocol::Status status = protocol::Status::kOk;
  std::string payload;

  bool is_error() const { return status == protocol::Status::kError || status == protocol::Status::kInvalid; }
  // The stable word that an ERROR or INVALID starts with.
  ByteView word() const { return ByteView(payload).substr(0, payload.find(' ')); }
  // The payload as an integer at `offset`. Throws std::out_of_range when it isn't there.
  std::uint64_t u64(std::size_t offset = 0) const;
  std::uint32_t u32(std::size_t offset = 0) const;
  std::int64_t i64() const { return static_cast<std::int64_t>(u64()); }

  // Errors are the same when their words are: that is all that programs may match.
  friend bool operator==(const Reply& left, const Reply& right);
  friend std::ostream& operator<<(std::ostream& out, const Reply& reply);
};

Reply ok(ByteView payload = {});
Reply ok_bool(bool value);
Reply ok_i64(std::int64_t value);
Reply ok_u32(std::uint32_t value);
Reply ok_u64(std::uint64_t value);
// As MGET and MEXISTS answer: a count, then the encoded values or the Bools.
Reply ok_values(const std::vector<std::string>& values);
Reply ok_bools(const std::vector<bool>& values);
// As a CAS that didn't swap answers.
Reply ok_not_swapped(ByteView current);
Reply null();
Reply error(ByteView word);
Reply invalid(ByteView word);

// What SCAN answers.
struct ScanPage {
  std::uint64_t cursor = 0;
  std::vector<std::string> keys;
};
// Throws std::runtime_error when `reply` isn't exactly one page.
ScanPage scan_page(const Reply& reply);

}  // namespace kv::test
