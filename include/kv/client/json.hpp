// Values to JSON, for scripts, and JSON to values, for import.
//
// To JSON some of a value's type is lost, because JSON has no more types than it has:
//
//   Null, Bool, String, List    as they are            Bytes    a string of base64
//   Map                         an object, in order    Float    a number with a point or an exponent; "nan", "inf",
//   Int                         a number                        "-inf" where it is none
//                                                      Decimal  a number, every digit of it
//
// From JSON: a number without point or exponent that fits i64 becomes Int, every other one the Decimal of its own
// digits; the rest as above. No Float or Bytes comes out of JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kv/base/bytes.hpp"
#include "kv/value/value_view.hpp"

namespace kv::client {

// REQUIRES: `value` is well-formed, as decode_value() leaves it.
std::string print_json(const value::ValueView& value);
void append_json(const value::ValueView& value, std::string& out);

// What a file of records looks like.
enum class JsonFormat {
  kDetect,  // kLines when a second value follows the first, else what the first value is
  kArray,   // one array: its items are the records
  kObject,  // one object: its members are the records
  kLines,   // values one after the other, white space between them: each is a record
};

struct JsonRecord {
  ByteView value;                // encoded, valid, within the protocol's limits but for the payload's
  std::optional<ByteView> name;  // the member's, of an object's members
  std::uint64_t position;        // counts from 0
  std::uint64_t line;            // where the record begins; counts from 1
};

struct JsonFault {
  std::uint64_t line;
  std::string message;
};

// Takes the bytes of a file as they come and hands its records on, one at a time. It holds one record and, while it
// detects the format, the first value of the file up to 16 MiB of it (a longer array or object is taken for the file's
// only value). A byte order mark is skipped.
class JsonRecords {
 public:
  // Gets each record in turn; its views are good during the call. Returns false to stop.
  using Sink = std::function<bool(const JsonRecord&)>;

  JsonRecords(JsonFormat format, Sink sink);
  ~JsonRecords();
  JsonRecords(const JsonRecords&) = delete;
  JsonRecords& operator=(const JsonRecords&) = delete;

  // Reads on. False when the sink stopped it or the bytes are at fault; then it must not be called again.
  [[nodiscard]] bool feed(ByteView bytes);
  // The file ends here. False as above.
  [[nodiscard]] bool finish();

  // What was wrong with the bytes; nothing when it was the sink that stopped.
  const std::optional<JsonFault>& fault() const;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace kv::client
