#include "kv-cli/answer.hpp"

#include <cstdint>

#include "kv/base/utf8.hpp"
#include "kv/client/json.hpp"
#include "kv/client/value_text.hpp"
#include "kv/value/value_view.hpp"

#include "kv-cli/indent_json.hpp"
#include "kv-cli/table.hpp"
#include "kv-cli/utc.hpp"

namespace kv::cli {
namespace {

using client::PayloadReader;

std::string word(bool value) {
  return value ? "true" : "false";
}

std::string quoted(ByteView text) {
  std::string out;
  client::append_quoted(text, out);
  return out;
}

class AnswerPrinter {
 public:
  AnswerPrinter(PayloadReader& payload, OutputForm form) : payload_(payload), json_(form == OutputForm::kJson) {}

  // What the payload says, as far as it can be read: good only if is_good() then.
  std::string print(Answer answer);
  bool is_good() const { return good_ && payload_.done(); }

 private:
  std::string print_value() {
    const value::ValueView value = payload_.take_value();
    return json_ ? client::print_json(value) : client::print_value(value);
  }
  template <typename PrintItem>
  std::string print_items(PrintItem print_item);
  std::string print_swapped();
  std::string print_acquired();
  std::string print_text();
  std::string print_lines();
  std::string print_document();
  std::string print_list(Answer answer);
  std::string print_type();
  std::string print_saved_at();

  PayloadReader& payload_;
  bool json_;
  bool good_ = true;
};

std::string AnswerPrinter::print(Answer answer) {
  switch (answer) {
    case Answer::kNothing:
      return json_ ? "\"OK\"" : "OK";
    case Answer::kBool:
      return word(payload_.take_bool());
    case Answer::kInt:
      return std::to_string(static_cast<std::int64_t>(payload_.take<std::uint64_t>()));
    case Answer::kCount32:
      return std::to_string(payload_.take<std::uint32_t>());
    case Answer::kCount64:
      return std::to_string(payload_.take<std::uint64_t>());
    case Answer::kValue:
      return print_value();
    case Answer::kValues:
      return print_items([this] { return print_value(); });
    case Answer::kBools:
      return print_items([this] { return word(payload_.take_bool()); });
    case Answer::kSwapped:
      return print_swapped();
    case Answer::kText:
      return print_text();
    case Answer::kLines:
      return print_lines();
    case Answer::kDocument:
      return print_document();
    case Answer::kType:
      return print_type();
    case Answer::kAcquired:
      return print_acquired();
    case Answer::kSavedAt:
      return print_saved_at();
    case Answer::kSettings:
    case Answer::kBigKeys:
    case Answer::kHotKeys:
    case Answer::kLatency:
    case Answer::kSlowlog:
      return print_list(answer);
    case Answer::kKeys:
      break;
  }
  return {};
}

template <typename PrintItem>
std::string AnswerPrinter::print_items(PrintItem print_item) {
  std::string out;
  const auto count = payload_.take<std::uint16_t>();
  for (unsigned i = 0; i < count && payload_.good(); ++i) {
    if (i > 0) out += json_ ? ',' : '\n';
    out += print_item();
  }
  return json_ ? '[' + out + ']' : out;
}

std::string AnswerPrinter::print_swapped() {
  const bool swapped = payload_.take_bool();
  const std::string current = swapped ? "" : print_value();
  if (json_) return swapped ? R"({"swapped":true})" : R"({"swapped":false,"current":)" + current + '}';
  return swapped ? "true" : "false\n" + current;
}

std::string AnswerPrinter::print_acquired() {
  const bool acquired = payload_.take_bool();
  // A token, or the milliseconds that the holder has left; without expiry they are -1, as TTL has it.
  const auto number = payload_.take<std::uint64_t>();
  const std::string text = acquired ? std::to_string(number) : std::to_string(static_cast<std::int64_t>(number));
  if (!json_) return word(acquired) + '\n' + text;
  return "{\"acquired\":" + word(acquired) + (acquired ? ",\"token\":" : ",\"ttl\":") + text + '}';
}

// Their ends are the answer's own.
std::string AnswerPrinter::print_lines() {
  ByteView lines = payload_.take_rest();
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  return json_ ? quoted(lines) : std::string(lines);
}

std::string AnswerPrinter::print_text() {
  const ByteView text = payload_.take_rest();
  if (!is_utf8(text)) {
    const value::ValueView bytes{value::ValueType::kBytes, text};
    return json_ ? client::print_json(bytes) : client::print_value(bytes);
  }
  return json_ ? quoted(text) : client::print_key(text);
}

std::string AnswerPrinter::print_document() {
  const ByteView document = payload_.take_rest();
  return json_ ? std::string(document) : indent_json(document);
}

std::string AnswerPrinter::print_list(Answer answer) {
  const ByteView document = payload_.take_rest();
  if (json_) return std::string(document);
  auto table = print_table(answer, document);
  if (!table) good_ = false;
  return table.value_or("");
}

std::string AnswerPrinter::print_type() {
  const auto byte = payload_.take<std::uint8_t>();
  const auto name = byte <= value::kValueTypeLast ? value::type_name(static_cast<value::ValueType>(byte)) : "unknown";
  return json_ ? quoted(name) : std::string(name);
}

std::string AnswerPrinter::print_saved_at() {
  const auto at = payload_.take<std::uint64_t>();
  const std::string number = std::to_string(at);
  if (json_) return R"({"time":)" + (at == 0 ? "null" : quoted(print_utc(at))) + R"(,"ms":)" + number + '}';
  return at == 0 ? "never" : print_utc(at) + '\n' + number;
}

}  // namespace

Outcome<std::string> print_answer(Answer answer, const client::Reply& reply, OutputForm form) {
  if (reply.status == protocol::Status::kNull) return form == OutputForm::kJson ? "null\n" : "(null)\n";
  PayloadReader payload(reply.payload);
  AnswerPrinter printer(payload, form);
  std::string text = printer.print(answer);
  if (!printer.is_good()) return not_understood();
  return text + '\n';
}

std::string print_key_line(ByteView key, OutputForm form) {
  return (form == OutputForm::kJson ? quoted(key) : client::print_key(key)) + '\n';
}

}  // namespace kv::cli
