// Feeding Boost.JSON's parser with a file. It is fed line by line, so that whatever an event complains of can name its
// line; a line break never stands inside a string or a number, so no text is cut by that.
#include <algorithm>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>

#include "kv/base/limits.hpp"
#include "kv/client/json.hpp"

#include "client/json_handler.hpp"

namespace kv::client {
namespace {

constexpr std::size_t kDetectBytesMax = 16U << 20;
constexpr ByteView kByteOrderMark = "\xEF\xBB\xBF";
constexpr ByteView kWhiteSpace = " \t\r\n";
constexpr ByteView kBeforeValue = " \t\r\n\xEF\xBB\xBF";

boost::json::parse_options parser_options() {
  boost::json::parse_options options;
  options.max_depth = kNestingLevelsMax + 2;  // the outermost container, and one more that the handler refuses
  return options;
}

// Finds where the array or object that begins a growing text ends, by its brackets alone; each byte is looked at once.
class ContainerEnd {
 public:
  // True once the end was found; at() is then just behind it.
  bool find(ByteView text) {
    for (; at_ < text.size() && !found_; ++at_) look_at(text[at_]);
    return found_;
  }
  std::size_t at() const { return at_; }

 private:
  void look_at(char c) {
    if (std::exchange(escaped_, false)) return;
    if (in_string_) {
      escaped_ = c == '\\';
      in_string_ = c != '"';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '[' || c == '{') {
      ++depth_;
    } else if (c == ']' || c == '}') {
      found_ = --depth_ <= 0;
    }
  }

  std::size_t at_ = 0;
  std::int64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool found_ = false;
};

}  // namespace

class JsonRecords::Reader {
 public:
  Reader(JsonFormat format, Sink sink) : format_(format), sink_(std::move(sink)) {}

  bool feed(ByteView bytes);
  bool finish();
  const std::optional<JsonFault>& fault() const { return fault_; }

 private:
  bool detect(bool is_all);
  bool start();
  bool parse(ByteView bytes);
  bool parse_some(ByteView& bytes);
  bool end_parsing();
  bool fail(std::string message);

  JsonFormat format_;
  Sink sink_;
  std::string head_;  // what came before the format was known
  ContainerEnd first_value_;
  std::optional<boost::json::basic_parser<JsonHandler>> parser_;
  bool inside_value_ = false;
  bool ended_ = false;  // kArray, kObject: the only value is over
  std::optional<JsonFault> fault_;
};

bool JsonRecords::Reader::feed(ByteView bytes) {
  if (parser_) return parse(bytes);
  head_ += bytes;
  return !detect(false) || start();
}

bool JsonRecords::Reader::finish() {
  if (!parser_) {
    detect(true);
    if (!start()) return false;
  }
  return end_parsing();
}

// Settles the format as far as what is there allows: false when more is needed, never so when this `is_all`.
bool JsonRecords::Reader::detect(bool is_all) {
  if (head_.size() < kByteOrderMark.size() && !is_all) return false;
  if (format_ != JsonFormat::kDetect) return true;

  const ByteView head = head_;
  const bool must_settle = is_all || head.size() > kDetectBytesMax;
  const std::size_t first = head.find_first_not_of(kBeforeValue);
  const char opening = first == ByteView::npos ? ' ' : head[first];
  if (opening == '[' || opening == '{') {
    const bool one_value =
        !first_value_.find(head) || head.find_first_not_of(kWhiteSpace, first_value_.at()) == head.npos;
    if (one_value && !must_settle) return false;
    if (one_value) format_ = opening == '[' ? JsonFormat::kArray : JsonFormat::kObject;
  } else if (opening == ' ' && !must_settle) {
    return false;
  }
  if (format_ == JsonFormat::kDetect) format_ = JsonFormat::kLines;
  return true;
}

bool JsonRecords::Reader::start() {
  parser_.emplace(parser_options(), format_, sink_);
  const std::string head = std::exchange(head_, {});
  const bool marked = head.starts_with(kByteOrderMark);
  return parse(ByteView(head).substr(marked ? kByteOrderMark.size() : 0));
}

bool JsonRecords::Reader::parse(ByteView bytes) {
  while (!bytes.empty()) {
    if (inside_value_) {
      if (!parse_some(bytes)) return false;
    } else if (kWhiteSpace.find(bytes[0]) != ByteView::npos) {
      if (bytes[0] == '\n') parser_->handler().next_line();
      bytes.remove_prefix(1);
    } else if (ended_) {
      return fail("something follows the end of the file's only value");
    } else {
      inside_value_ = true;
    }
  }
  return true;
}

// Parses to the end of the line or of the value, whichever comes first.
bool JsonRecords::Reader::parse_some(ByteView& bytes) {
  const ByteView line = bytes.substr(0, std::min(bytes.find('\n'), bytes.size() - 1) + 1);
  boost::json::error_code error;
  const std::size_t taken = parser_->write_some(true, line.data(), line.size(), error);
  if (error) return fail(error.message());
  if (taken > 0 && line[taken - 1] == '\n') parser_->handler().next_line();
  bytes.remove_prefix(taken);
  if (parser_->done()) {
    parser_->reset();
    inside_value_ = false;
    ended_ = format_ != JsonFormat::kLines;
  }
  return true;
}

bool JsonRecords::Reader::end_parsing() {
  if (!inside_value_) return format_ == JsonFormat::kLines || ended_ || fail("the file is empty");
  boost::json::error_code error;
  parser_->write_some(false, "", 0, error);  // ends a number, and complains of anything else
  return !error || fail(error.message());
}

// Always false. The handler's reason goes before the parser's, and a sink that stopped is no fault.
bool JsonRecords::Reader::fail(std::string message) {
  const JsonHandler& handler = parser_->handler();
  if (handler.stopped_by_sink()) return false;
  fault_ = JsonFault{handler.line(), handler.message().empty() ? std::move(message) : handler.message()};
  return false;
}

JsonRecords::JsonRecords(JsonFormat format, Sink sink) : reader_(std::make_unique<Reader>(format, std::move(sink))) {}
JsonRecords::~JsonRecords() = default;
bool JsonRecords::feed(ByteView bytes) {
  return reader_->feed(bytes);
}
bool JsonRecords::finish() {
  return reader_->finish();
}
const std::optional<JsonFault>& JsonRecords::fault() const {
  return reader_->fault();
}

}  // namespace kv::client
