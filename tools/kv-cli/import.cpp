#include "kv-cli/import.hpp"

#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "kv/base/limits.hpp"
#include "kv/client/payload.hpp"
#include "kv/client/value_text.hpp"
#include "kv/value/compare.hpp"
#include "kv/value/decode.hpp"

#include "kv-cli/progress.hpp"

namespace kv::cli {
namespace {

using client::JsonRecord;
using value::ValueType;
using value::ValueView;

// What may be under way: so many requests, and so many bytes that the kernel hasn't taken. A full window is emptied to
// a half, so that requests go out and replies come in by the dozen.
constexpr std::size_t kWindowRequests = 1'024;
constexpr std::size_t kWindowBytes = 1U << 20;
constexpr std::size_t kReadBytes = 256U << 10;

// What a record becomes.
struct Entry {
  std::string key;
  std::string value;  // encoded; empty: the record's own
  std::uint64_t ttl_ms = 0;
};

// REQUIRES: `encoded` is a valid value.
ValueView view_of(ByteView encoded) {
  return value::next_value(encoded);
}

// The text of a record's member as a key; nothing when it isn't there or is neither a String nor a number.
std::optional<std::string> key_in(const ValueView& record, ByteView field) {
  if (record.type != ValueType::kMap) return std::nullopt;
  for (value::MapCursor at(record); at.more();) {
    const auto [name, value] = at.next();
    if (name != field) continue;
    if (value.type == ValueType::kInt) return std::to_string(value.as_int());
    if (value.type == ValueType::kString || value.type == ValueType::kDecimal) return std::string(value.data);
    break;
  }
  return std::nullopt;
}

// Reads what `export --typed` wrote. The key is left empty where there is none.
Outcome<Entry> typed_entry(const ValueView& record) {
  const Failure unknown = usage(R"(a typed record is {"key": "…", "value": "…", "ttl": milliseconds or null})");
  if (record.type != ValueType::kMap) return unknown;
  Entry entry;
  for (value::MapCursor at(record); at.more();) {
    const auto [name, value] = at.next();
    if (name == "key" && value.type == ValueType::kString) {
      entry.key = value.data;
    } else if (name == "value" && value.type == ValueType::kString) {
      auto parsed = client::parse_value(value.data);
      if (!parsed) return usage(parsed.error().message);
      entry.value = *std::move(parsed);
    } else if (name == "ttl" && value.type == ValueType::kInt && value.as_int() > 0) {
      entry.ttl_ms = static_cast<std::uint64_t>(value.as_int());
    } else if (name != "ttl" || value.type != ValueType::kNull) {
      return unknown;
    }
  }
  if (entry.value.empty()) return unknown;
  return entry;
}

Outcome<Entry> entry_of(const JsonRecord& record, const ImportOptions& options) {
  Entry entry;
  if (options.typed) {
    auto typed = typed_entry(view_of(record.value));
    if (!typed) return typed.error();
    entry = *std::move(typed);
  } else if (options.key_field) {
    auto key = key_in(view_of(record.value), *options.key_field);
    if (!key) return usage("the record has no " + client::print_key(*options.key_field) + " to be its key");
    entry.key = *std::move(key);
  } else {
    entry.key = record.name ? std::string(*record.name) : std::to_string(record.position);
  }
  entry.key.insert(0, options.prefix);
  if (entry.key.empty()) return usage("the key is empty");
  if (entry.key.size() > kKeyBytesMax) return usage("the key is over 65,535 bytes");
  return entry;
}

class Importer {
 public:
  Importer(client::Connection& connection, const ImportOptions& options)
      : connection_(connection),
        options_(options),
        records_(options.format, [this](const JsonRecord& record) { return take(record); }) {}

  Outcome<std::uint64_t> run(int file, std::uint64_t file_bytes);

 private:
  bool take(const JsonRecord& record);
  bool receive_down_to(std::size_t in_flight, std::size_t unsent_bytes);
  bool read_all(int file, std::uint64_t file_bytes);
  bool fail(Failure failure, std::uint64_t line = kNoLine);

  static constexpr std::uint64_t kNoLine = ~std::uint64_t{0};

  client::Connection& connection_;
  const ImportOptions& options_;
  client::JsonRecords records_;
  client::Payload payload_;
  std::deque<std::uint64_t> lines_;  // of the records under way
  std::uint64_t stored_ = 0;
  std::optional<Failure> failure_;
  std::uint64_t failure_line_ = kNoLine;
};

Outcome<std::uint64_t> Importer::run(int file, std::uint64_t file_bytes) {
  if (!read_all(file, file_bytes) && records_.fault()) fail(usage(records_.fault()->message), records_.fault()->line);
  receive_down_to(0, 0);
  if (!failure_) return stored_;
  std::string message = failure_line_ == kNoLine ? "" : "line " + std::to_string(failure_line_) + ": ";
  message += failure_->message + "; " + std::to_string(stored_) + " records were stored";
  return Failure{failure_->code, std::move(message)};
}

bool Importer::read_all(int file, std::uint64_t file_bytes) {
  Progress progress(file_bytes);
  std::vector<char> buffer(kReadBytes);
  for (std::uint64_t bytes = 0;;) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(usage("can't read the file: " + std::generic_category().message(errno)));
    if (got == 0) return records_.finish();
    bytes += static_cast<std::uint64_t>(got);
    if (!records_.feed({buffer.data(), static_cast<std::size_t>(got)})) return false;
    progress.show(bytes, stored_);
  }
}

bool Importer::take(const JsonRecord& record) {
  const auto entry = entry_of(record, options_);
  if (!entry) return fail(entry.error(), record.line);
  payload_.clear();
  payload_.key(entry->key).u64(entry->ttl_ms).raw(options_.typed ? ByteView(entry->value) : record.value);
  if (payload_.bytes().size() > kPayloadBytesCeiling) return fail(usage("the record is over 4 GiB"), record.line);
  connection_.send(protocol::Command::kSet, payload_.bytes());
  lines_.push_back(record.line);
  const bool full = lines_.size() >= kWindowRequests || connection_.unsent_bytes() >= kWindowBytes;
  return !full || receive_down_to(kWindowRequests / 2, kWindowBytes / 2);
}

// Every record's answer is waited for, after a refusal too, so that what was stored is counted.
bool Importer::receive_down_to(std::size_t in_flight, std::size_t unsent_bytes) {
  while (lines_.size() > in_flight || (!lines_.empty() && connection_.unsent_bytes() > unsent_bytes)) {
    if (const auto reply = accepted(connection_.receive())) {
      ++stored_;
    } else {
      fail(reply.error(), lines_.front());
    }
    lines_.pop_front();
  }
  return !failure_;
}

// Always false. The first failure in the file is kept: answers come after the records that follow were looked at.
bool Importer::fail(Failure failure, std::uint64_t line) {
  if (!failure_ || line < failure_line_) {
    failure_ = std::move(failure);
    failure_line_ = line;
  }
  return false;
}

struct FileCloser {
  int file;
  ~FileCloser() {
    if (file != STDIN_FILENO) ::close(file);
  }
};

}  // namespace

Outcome<std::uint64_t> import_file(client::Connection& connection, const ImportOptions& options) {
  const int file = options.file == "-" ? STDIN_FILENO : ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return usage("can't open " + options.file + ": " + std::generic_category().message(errno));
  const FileCloser closer{file};
  struct stat about {};
  const bool known = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  return Importer(connection, options).run(file, known ? static_cast<std::uint64_t>(about.st_size) : 0);
}

}  // namespace kv::cli
