// Logging: the one door to spdlog, which no other header or room names.
//
// A line is a message and fields; it goes to stderr or a file as text or as one JSON object:
//
//   log::info("listening", {{"address", "127.0.0.1:6380"}, {"threads", 2}});
//
//   2026-01-31T12:00:00.123Z info  listening address=127.0.0.1:6380 threads=2
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"listening","address":"127.0.0.1:6380","threads":2}
//
// 1. Logging never waits for the disk, or for whoever reads stderr: a thread of its own writes the lines, and when its
//    queue is full the oldest line in it gives way and is counted.
// 2. Messages and fields may hold bytes that a peer sent. They are escaped on the way out, so that a key can neither
//    forge a line nor reach a terminal as an escape sequence; and cut, so that it can't fill the queue's memory.
// 3. A call below the level costs one relaxed load.
//
// Nothing is logged before start() and after stop(). All else may be called from any thread at any time.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"

namespace kv::log {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };
enum class Format : std::uint8_t { kText, kJson };

// The names by which flags and log lines call them, in the order of the enumerators.
inline constexpr std::array<std::string_view, 6> kLevelNames{"trace", "debug", "info", "warn", "error", "off"};
inline constexpr std::array<std::string_view, 2> kFormatNames{"text", "json"};

struct Settings {
  Level level = Level::kInfo;
  Format format = Format::kText;
  std::string file;  // empty: stderr
};

// Opens the log and starts the thread that writes it. Fails when the file can't be opened.
// REQUIRES: not running, and no other thread is logging yet.
Result<void> start(const Settings& settings);

// Writes what is queued, for a second at most where nobody takes it, and closes the log.
void stop();

// Opens the log file by its name again, so that logrotate can move the old one away. The log's own thread does it,
// before the next line that it writes, or at once when there is none; the old file stays in use when the new one can't
// be opened. Nothing happens on stderr.
void reopen();

// How many lines were lost, since the process began, because the queue was full or they could not be written.
std::uint64_t dropped_messages();

// `bytes` as printable text on one line: control characters, bytes that are not UTF-8 and what changes the direction of
// text become `\n`, `\t`, `\x1b` and so on, and `"` and `\` get a `\` before them. Past `bytes_max` it is cut and says
// how much is missing: `abc…(+97 bytes)`. Not needed for what is logged; it is for texts that go elsewhere.
std::string escape_for_log(ByteView bytes, std::size_t bytes_max);

// A named piece of a line. It only refers to its name and text, which must outlive the call that logs it.
struct Field {
  Field(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  Field(std::string_view field_name, const char* text) : Field(field_name, std::string_view(text)) {}
  Field(std::string_view field_name, const std::string& text) : Field(field_name, std::string_view(text)) {}
  Field(std::string_view field_name, bool yes) : name(field_name), value(yes) {}
  template <std::signed_integral T>
  Field(std::string_view field_name, T number) : name(field_name), value(std::int64_t{number}) {}
  template <std::unsigned_integral T>
  Field(std::string_view field_name, T number) : name(field_name), value(std::uint64_t{number}) {}

  std::string_view name;  // not `time`, `level` or `message`
  std::variant<std::string_view, bool, std::int64_t, std::uint64_t> value;
};
using Fields = std::initializer_list<Field>;

namespace detail {
inline std::atomic<Level> threshold{Level::kOff};
void write(Level level, std::string_view message, Fields fields);
}  // namespace detail

inline bool enabled(Level level) {
  return level >= detail::threshold.load(std::memory_order_relaxed);
}
// Has an effect between start() and stop().
void set_level(Level level);

inline void write(Level level, std::string_view message, Fields fields = {}) {
  if (enabled(level)) detail::write(level, message, fields);
}
inline void trace(std::string_view message, Fields fields = {}) {
  write(Level::kTrace, message, fields);
}
inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::kWarn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::kError, message, fields);
}
// As info(), but at every level except kOff: for what has to be found in the log however quiet it was made.
inline void note(std::string_view message, Fields fields = {}) {
  if (enabled(Level::kError)) detail::write(Level::kInfo, message, fields);
}

}  // namespace kv::log
