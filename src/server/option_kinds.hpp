// The kinds of values that options have: how each is read from text, and written back so that it can be read again.
//
// A kind has a Value, parse(), format(), the placeholder that --help shows, and whether a configuration file writes it
// in quotes. parse() fails with a text that starts with the value: `0 is not between 1 and 65536`.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"

#include "server/options.hpp"

namespace kv::server {

// A whole number: 256.
struct Whole {
  using Value = std::uint64_t;
  static constexpr bool kQuoted = false;
  std::uint64_t min;
  std::uint64_t max;
  const char* placeholder = "N";

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const { return std::to_string(value); }
  std::string allowed() const { return format(min) + " to " + format(max); }
};

// A time span as a whole number of the unit that the option's name says: 100 for --fsync-interval-ms.
template <typename Unit>
struct Count {
  using Value = Unit;
  static constexpr bool kQuoted = false;
  Unit min;
  Unit max;
  const char* placeholder = "N";

  Whole whole() const { return {static_cast<std::uint64_t>(min.count()), static_cast<std::uint64_t>(max.count())}; }
  Result<Value> parse(ByteView text) const {
    const auto number = whole().parse(text);
    if (number.has_error()) return number.error();
    return Unit(*number);
  }
  std::string format(Value value) const { return std::to_string(value.count()); }
  std::string allowed() const { return whole().allowed(); }
};

// A number of bytes: 64KiB, 1MB, 4096.
struct Size {
  using Value = std::uint64_t;
  static constexpr bool kQuoted = true;
  std::uint64_t min;
  std::uint64_t max;
  const char* placeholder = "SIZE";

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const;
  std::string allowed() const { return format(min) + " to " + format(max); }
};

// A limit of memory: a number of bytes, or off, or auto.
struct MemorySize {
  using Value = std::uint64_t;
  static constexpr bool kQuoted = true;
  std::uint64_t min;
  std::uint64_t max;
  const char* placeholder = "SIZE";

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const;
  std::string allowed() const { return Size{min, max}.allowed() + ", off, or auto"; }
};

// A time span, or none: 500ms, 30s, 5m, 2h, 30 (seconds), off.
struct Duration {
  using Value = std::chrono::milliseconds;
  static constexpr bool kQuoted = true;
  std::chrono::milliseconds min;  // also what it must be a multiple of
  std::chrono::milliseconds max;
  const char* placeholder = "TIME";

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const;
  std::string allowed() const { return format(min) + " to " + format(max) + ", or off"; }
};

// One of a few words. The value is the word's index.
struct Choice {
  using Value = std::size_t;
  static constexpr bool kQuoted = true;
  std::span<const std::string_view> words;
  const char* placeholder;

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const { return std::string(words[value]); }
  std::string allowed() const;
};

// HOST:PORT, [IPV6]:PORT.
struct HostPort {
  using Value = Address;
  static constexpr bool kQuoted = true;
  const char* placeholder = "HOST:PORT";

  Result<Value> parse(ByteView text) const;
  std::string format(const Value& value) const { return to_string(value); }
  std::string allowed() const { return {}; }
};

// The same, or `none`, which is the address without a host.
struct HostPortOrNone : HostPort {
  Result<Value> parse(ByteView text) const;
  std::string format(const Value& value) const { return value.host.empty() ? "none" : to_string(value); }
};

// Yes or no. A flag alone says yes; in a variable or a file it is true or false.
struct Switch {
  using Value = bool;
  static constexpr bool kQuoted = false;
  const char* placeholder = "";  // which is how the command line knows it

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const { return value ? "true" : "false"; }
  std::string allowed() const { return {}; }
};

// The name of a file or folder, or nothing. Without the characters that the reader of configuration files can't keep
// apart.
struct Path {
  using Value = std::string;
  static constexpr bool kQuoted = true;
  const char* placeholder = "FILE";

  Result<Value> parse(ByteView text) const;
  std::string format(const Value& value) const { return value; }
  std::string allowed() const { return {}; }
};

// The URL of a collector of traces, or nothing. What is none isn't shown: somebody may have put a password into it.
struct TraceEndpoint {
  using Value = std::string;
  static constexpr bool kQuoted = true;
  const char* placeholder = "URL";

  Result<Value> parse(ByteView text) const;
  std::string format(const Value& value) const { return value; }
  std::string allowed() const { return "http://HOST[:PORT][/PATH]"; }
};

// A share of a whole: 0.25.
struct Share {
  using Value = double;
  static constexpr bool kQuoted = true;
  const char* placeholder = "SHARE";

  Result<Value> parse(ByteView text) const;
  std::string format(Value value) const;
  std::string allowed() const { return "0 to 1"; }
};

// A secret, or nothing. It is never shown: neither by a message nor by --print-config.
struct Password {
  using Value = std::string;
  static constexpr bool kQuoted = true;
  const char* placeholder = "PASSWORD";

  Result<Value> parse(ByteView text) const;
  std::string format(const Value& value) const { return value.empty() ? "" : "***"; }
  std::string allowed() const { return {}; }
};

// Text that somebody typed, made fit for a message: on one line, not endless, visible where it is empty.
std::string shown(ByteView text);

}  // namespace kv::server
