#include "kv-wal/dump.hpp"

#include "kv/base/utf8.hpp"
#include "kv/client/value_text.hpp"
#include "kv/engine/mutation.hpp"
#include "kv/value/value_view.hpp"

#include "kv-wal/segment_file.hpp"
#include "storage/record.hpp"
#include "storage/segment.hpp"

namespace kv::wal {
namespace {

using engine::Mutation;
using storage::Record;

// A line of JSON: {"offset":32,"lsn":1,"op":"put", …}
class Line {
 public:
  explicit Line(std::uint64_t offset) { add("offset", offset); }

  Line& add(const char* name, std::uint64_t number) {
    begin(name);
    text_ += std::to_string(number);
    return *this;
  }
  Line& add(const char* name, ByteView text) {
    begin(name);
    client::append_quoted(text, text_);
    return *this;
  }
  Line& add_key(ByteView key) {
    if (is_utf8(key)) return add("key", key);
    constexpr const char* kDigits = "0123456789abcdef";
    std::string hex;
    for (const char c : key) {
      hex += kDigits[static_cast<unsigned char>(c) >> 4];
      hex += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return add("key_hex", hex);
  }
  Line& add_true(const char* name) {
    begin(name);
    text_ += "true";
    return *this;
  }
  std::string finish() { return text_ + "}"; }

 private:
  void begin(const char* name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_ += name;
    text_ += "\":";
  }

  std::string text_;
};

std::string describe(std::uint64_t offset, Lsn lsn, const Mutation& mutation) {
  Line line(offset);
  line.add("lsn", number(lsn));
  switch (mutation.kind) {
    case Mutation::Kind::kPut:
      line.add("op", "put").add_key(mutation.key);
      line.add("type", value::type_name(mutation.value.type)).add("size", mutation.value.data.size());
      if (mutation.deadline != 0) line.add("deadline", mutation.deadline);
      if (mutation.is_lock) line.add_true("lock");
      if (mutation.token != 0) line.add("token", mutation.token);
      break;
    case Mutation::Kind::kDelete:
      line.add("op", "delete").add_key(mutation.key);
      break;
    case Mutation::Kind::kSetDeadline:
      line.add("op", "set_deadline").add_key(mutation.key).add("deadline", mutation.deadline);
      break;
    case Mutation::Kind::kClear:
      line.add("op", "clear");
      break;
  }
  return line.finish();
}

Result<void> dump_record(std::uint64_t offset, const Record& record, const Output& output) {
  if (record.type == storage::RecordType::kMark) {
    output.out(Line(offset).add("op", "mark").add("synced", number(record.lsn)).finish());
    return {};
  }
  return storage::for_each_mutation(
      record.body, [&](const Mutation& mutation) { output.out(describe(offset, record.lsn, mutation)); });
}

Result<ExitCode> dump(storage::FileSystem& files, const SegmentFile& segment, const Output& output) {
  auto reader = storage::SegmentReader::open(files, segment.path, segment.first);
  if (!reader) return reader.error();
  while (true) {
    const std::uint64_t offset = reader->offset();
    Record record;
    const auto more = reader->next(record);
    if (!more) return more.error();
    if (!*more) break;
    if (const auto done = dump_record(offset, record, output); !done) {
      output.err(segment.path + ", offset " + std::to_string(offset) + ": " + done.error().message);
      return ExitCode::kLost;
    }
  }
  if (!reader->damage()) return ExitCode::kGood;
  output.err(describe(*reader->damage(), segment.path));
  return ExitCode::kLost;
}

}  // namespace

ExitCode dump(storage::FileSystem& files, const std::string& path, const Output& output) {
  const auto segments = segment_files(files, path);
  if (!segments) {
    output.err(segments.error().message);
    return ExitCode::kFailed;
  }
  ExitCode worst = ExitCode::kGood;
  for (const SegmentFile& segment : *segments) {
    const auto code = dump(files, segment, output);
    if (!code) {
      output.err(code.error().message);
      return ExitCode::kFailed;
    }
    if (*code != ExitCode::kGood) worst = *code;
  }
  return worst;
}

}  // namespace kv::wal
