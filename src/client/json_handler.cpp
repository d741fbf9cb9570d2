#include "client/json_handler.hpp"

#include <utility>

#include <boost/system/errc.hpp>

#include "kv/base/limits.hpp"
#include "kv/value/build.hpp"
#include "kv/value/decimal.hpp"
#include "kv/value/decode.hpp"

namespace kv::client {

using value::ValueType;

bool JsonHandler::begin_container(ValueType type, ErrorCode& error) {
  if (is_outermost()) return begin_outermost(type, error);
  if (open_.size() == kNestingLevelsMax) return refuse("arrays and objects nest too deep", error);
  begin_record();
  bytes_ += static_cast<char>(type);
  open_.push_back({bytes_.size(), 0});
  bytes_.append(sizeof(std::uint32_t), '\0');
  has_map_ |= type == ValueType::kMap;
  return true;
}

bool JsonHandler::begin_outermost(ValueType type, ErrorCode& error) {
  inside_outermost_ = true;
  if (format_ == JsonFormat::kArray && type != ValueType::kList) return refuse("an array is expected", error);
  if (format_ == JsonFormat::kObject && type != ValueType::kMap) return refuse("an object is expected", error);
  return true;
}

bool JsonHandler::end_container(ErrorCode& error) {
  if (open_.empty()) return true;  // the outermost one
  store_big_endian(bytes_.data() + open_.back().count_at, open_.back().count);
  open_.pop_back();
  return end_value(error);
}

bool JsonHandler::append_text(Text part, ErrorCode& error) {
  if (text_at_ == 0) {
    if (is_outermost()) return begin_outermost(ValueType::kString, error);
    begin_record();
    bytes_ += static_cast<char>(ValueType::kString);
    text_at_ = bytes_.size();
    bytes_.append(sizeof(std::uint32_t), '\0');
  }
  bytes_.append(part.data(), part.size());
  return bytes_.size() <= kPayloadBytesCeiling || refuse("the record is over 4 GiB", error);
}

bool JsonHandler::on_string(Text part, std::size_t size, ErrorCode& error) {
  if (!append_text(part, error)) return false;
  store_big_endian(bytes_.data() + text_at_, static_cast<std::uint32_t>(size));
  text_at_ = 0;
  return end_value(error);
}

bool JsonHandler::on_key_part(Text part, std::size_t, ErrorCode&) {
  key_.append(part.data(), part.size());
  return true;
}

bool JsonHandler::on_key(Text part, std::size_t size, ErrorCode& error) {
  key_.append(part.data(), part.size());
  if (size > kKeyBytesMax) return refuse("a name is over 65,535 bytes", error);
  if (open_.empty()) {
    begin_record();
    name_.swap(key_);
  } else {
    append_big_endian(bytes_, static_cast<std::uint16_t>(size));
    bytes_ += key_;
  }
  key_.clear();
  return true;
}

bool JsonHandler::on_number_part(Text part, ErrorCode&) {
  number_.append(part.data(), part.size());
  return true;
}

// Only what is written without point and exponent and fits i64 comes here: 10.0 and 1e2 are doubles to the parser.
bool JsonHandler::on_int64(std::int64_t number, Text, ErrorCode& error) {
  number_.clear();
  return append_scalar(value::encode_int(number), error);
}

bool JsonHandler::end_decimal(Text rest, ErrorCode& error) {
  number_.append(rest.data(), rest.size());
  const auto canonical = value::canonical_decimal(std::exchange(number_, {}));
  if (!canonical) return refuse(canonical.error().message, error);
  return append_scalar(value::encode_decimal(*canonical), error);
}

bool JsonHandler::on_bool(bool value, ErrorCode& error) {
  return append_scalar(value::encode_bool(value), error);
}

bool JsonHandler::on_null(ErrorCode& error) {
  return append_scalar(value::encode_null(), error);
}

bool JsonHandler::append_scalar(const std::string& encoded, ErrorCode& error) {
  if (is_outermost()) return begin_outermost(ValueType::kNull, error);
  begin_record();
  bytes_ += encoded;
  return end_value(error);
}

bool JsonHandler::end_value(ErrorCode& error) {
  if (bytes_.size() > kPayloadBytesCeiling) return refuse("the record is over 4 GiB", error);
  if (open_.empty()) return hand_over(error);
  ++open_.back().count;
  return true;
}

void JsonHandler::begin_record() {
  if (record_line_ == 0) record_line_ = line_;
}

bool JsonHandler::hand_over(ErrorCode& error) {
  if (std::exchange(has_map_, false)) {  // only equal keys are still unchecked
    value::DecodeScratch scratch;
    ByteView check = bytes_;
    if (auto decoded = value::decode_value(check, scratch); !decoded) return refuse(decoded.error().message, error);
  }
  JsonRecord record{bytes_, std::nullopt, position_++, std::exchange(record_line_, 0)};
  if (format_ == JsonFormat::kObject) record.name = name_;
  const bool go_on = sink_(record);
  bytes_.clear();
  if (go_on) return true;
  stopped_by_sink_ = true;
  return refuse({}, error);
}

bool JsonHandler::refuse(std::string message, ErrorCode& error) {
  message_ = std::move(message);
  error = boost::system::errc::make_error_code(boost::system::errc::operation_canceled);
  return false;
}

}  // namespace kv::client
