// Commands that count: INCR DECR ADD.
#include <cstdint>
#include <limits>
#include <string>

#include "kv/value/decimal.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

using engine::Change;
using engine::EntryView;
using value::ValueType;
using value::ValueView;

Error wrong_type(ByteView expected, ValueType found) {
  return {Errc::kWrongType, "expected " + std::string(expected) + ", found " + std::string(value::type_name(found))};
}

// The eight bytes of an Int or Float that is about to be stored.
class Word {
 public:
  ValueView set(ValueType type, std::uint64_t bits) {
    store_big_endian(bytes_, bits);
    return {type, {bytes_, sizeof(bytes_)}};
  }

 private:
  char bytes_[8] = {};
};

// Adds to the Int that the key holds, 0 where it is absent, and answers with the sum. A key keeps its deadline.
Result<void> count(Context& context, Request& request, bool (*overflows)(std::int64_t, std::int64_t, std::int64_t*)) {
  Result<void> result;
  std::int64_t sum = 0;
  Word word;
  context.engine().modify(request.key, context.call, [&](const EntryView* entry) {
    if (entry != nullptr && entry->value.type != ValueType::kInt) {
      result = wrong_type("Int", entry->value.type);
      return Change::keep();
    }
    if (overflows(entry == nullptr ? 0 : entry->value.as_int(), request.delta, &sum)) {
      result = Error{Errc::kOverflow, "the result does not fit an Int"};
      return Change::keep();
    }
    return Change::put(word.set(ValueType::kInt, static_cast<std::uint64_t>(sum)),
                       entry == nullptr ? 0 : entry->deadline);
  });
  if (result) context.reply.ok_i64(sum);
  return result;
}

bool add_overflows(std::int64_t left, std::int64_t right, std::int64_t* sum) {
  return __builtin_add_overflow(left, right, sum);
}
bool subtract_overflows(std::int64_t left, std::int64_t right, std::int64_t* difference) {
  return __builtin_sub_overflow(left, right, difference);
}

Result<void> incr(Context& context, Request& request) {
  return count(context, request, add_overflows);
}
Result<void> decr(Context& context, Request& request) {
  return count(context, request, subtract_overflows);
}

// left + right, of one type; the bytes of the sum are kept in `word` or `text`.
Result<ValueView> sum_of(const ValueView& left, const ValueView& right, Word& word, std::string& text) {
  switch (left.type) {
    case ValueType::kInt: {
      std::int64_t sum = 0;
      if (add_overflows(left.as_int(), right.as_int(), &sum)) {
        return Error{Errc::kOverflow, "the result does not fit an Int"};
      }
      return word.set(ValueType::kInt, static_cast<std::uint64_t>(sum));
    }
    case ValueType::kFloat:
      return word.set(ValueType::kFloat, std::bit_cast<std::uint64_t>(left.as_float() + right.as_float()));
    default: {
      auto sum = value::add_decimals(left.data, right.data);
      if (!sum) return std::move(sum).error();
      text = *std::move(sum);
      return ValueView{ValueType::kDecimal, text};
    }
  }
}

bool is_number(ValueType type) {
  return type == ValueType::kInt || type == ValueType::kFloat || type == ValueType::kDecimal;
}

Result<void> add(Context& context, Request& request) {
  if (!is_number(request.value.type)) return wrong_type("a delta that is Int, Float or Decimal", request.value.type);
  Word word;
  std::string text;
  Result<ValueView> sum = request.value;
  context.engine().modify(request.key, context.call, [&](const EntryView* entry) {
    if (entry == nullptr) return Change::put(request.value, 0);
    if (entry->value.type != request.value.type) {
      sum = wrong_type(value::type_name(request.value.type), entry->value.type);
      return Change::keep();
    }
    sum = sum_of(entry->value, request.value, word, text);
    return sum ? Change::put(*sum, entry->deadline) : Change::keep();
  });
  if (!sum) return std::move(sum).error();
  context.reply.ok_value(*sum);
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kIncr, "INCR", {kKey, kDelta}, kRead | kWrite | kGrows, "counter", incr},
    {Command::kDecr, "DECR", {kKey, kDelta}, kRead | kWrite | kGrows, "counter", decr},
    {Command::kAdd, "ADD", {kKey, kValue}, kRead | kWrite | kGrows, "counter", add},
};

}  // namespace

std::span<const CommandRow> counter_commands() {
  return kRows;
}

}  // namespace kv::command
