// The events of Boost.JSON's parser, turned into encoded records.
//
// A record is encoded while it is parsed: the bytes of each value are appended as they come, and the count of a List or
// Map, or the length of a String, is filled in at its end. Numbers are taken from their text, never from what the
// parser made of it: it would have rounded it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/basic_parser.hpp>

#include "kv/client/json.hpp"

namespace kv::client {

class JsonHandler {
 public:
  using ErrorCode = boost::json::error_code;
  using Text = boost::json::string_view;

  static constexpr std::size_t max_array_size = ~std::size_t{0};   // NOLINT(readability-identifier-naming)
  static constexpr std::size_t max_object_size = ~std::size_t{0};  // NOLINT(readability-identifier-naming)
  static constexpr std::size_t max_string_size = ~std::size_t{0};  // NOLINT(readability-identifier-naming)
  static constexpr std::size_t max_key_size = ~std::size_t{0};     // NOLINT(readability-identifier-naming)

  // REQUIRES: `format` is not kDetect. `sink` outlives this object.
  JsonHandler(JsonFormat format, const JsonRecords::Sink& sink) : format_(format), sink_(sink) {}

  void next_line() { ++line_; }
  std::uint64_t line() const { return line_; }
  // Why an event was refused: empty when the parser or the sink was the one who did it.
  const std::string& message() const { return message_; }
  bool stopped_by_sink() const { return stopped_by_sink_; }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_array_begin(ErrorCode& error) { return begin_container(value::ValueType::kList, error); }
  bool on_array_end(std::size_t, ErrorCode& error) { return end_container(error); }
  bool on_object_begin(ErrorCode& error) { return begin_container(value::ValueType::kMap, error); }
  bool on_object_end(std::size_t, ErrorCode& error) { return end_container(error); }
  bool on_string_part(Text part, std::size_t, ErrorCode& error) { return append_text(part, error); }
  bool on_string(Text part, std::size_t size, ErrorCode& error);
  bool on_key_part(Text part, std::size_t, ErrorCode&);
  bool on_key(Text part, std::size_t size, ErrorCode& error);
  bool on_number_part(Text part, ErrorCode&);
  bool on_int64(std::int64_t number, Text rest, ErrorCode& error);
  bool on_uint64(std::uint64_t, Text rest, ErrorCode& error) { return end_decimal(rest, error); }
  bool on_double(double, Text rest, ErrorCode& error) { return end_decimal(rest, error); }
  bool on_bool(bool value, ErrorCode& error);
  bool on_null(ErrorCode& error);
  bool on_comment_part(Text, ErrorCode&) { return true; }
  bool on_comment(Text, ErrorCode&) { return true; }

 private:
  // A List or Map that is still open: where its count goes, and what it is so far.
  struct Container {
    std::size_t count_at;
    std::uint32_t count;
  };

  bool is_outermost() const { return !inside_outermost_ && format_ != JsonFormat::kLines; }
  bool begin_container(value::ValueType type, ErrorCode& error);
  bool end_container(ErrorCode& error);
  bool begin_outermost(value::ValueType type, ErrorCode& error);
  bool append_text(Text part, ErrorCode& error);
  bool end_decimal(Text rest, ErrorCode& error);
  bool append_scalar(const std::string& encoded, ErrorCode& error);
  bool end_value(ErrorCode& error);
  bool hand_over(ErrorCode& error);
  bool refuse(std::string message, ErrorCode& error);
  void begin_record();

  JsonFormat format_;
  const JsonRecords::Sink& sink_;
  std::uint64_t line_ = 1;
  std::string message_;
  bool stopped_by_sink_ = false;

  bool inside_outermost_ = false;  // kArray, kObject: the container whose items are the records
  std::string name_;               // kObject: the member's
  std::uint64_t position_ = 0;
  std::uint64_t record_line_ = 0;  // 0 between records
  std::string bytes_;              // the record
  std::vector<Container> open_;
  bool has_map_ = false;
  std::string key_;          // parts of a Map's key
  std::string number_;       // parts of a number
  std::size_t text_at_ = 0;  // where a String that came in parts has its length; 0 when there is none
};

}  // namespace kv::client
