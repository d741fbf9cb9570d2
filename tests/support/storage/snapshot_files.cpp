#include "support/storage/snapshot_files.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "kv/base/assert.hpp"
#include "kv/engine/engine.hpp"
#include "kv/value/decode.hpp"

#include "storage/snapshot_reader.hpp"
#include "support/value/random_value.hpp"

namespace kv::storage::test {
namespace {

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryFiles& files, MemoryFiles::Contents contents) : files_(files), contents_(std::move(contents)) {}

  IoResult<std::size_t> read_at(std::uint64_t offset, std::span<char> to) const override {
    if (offset >= contents_->size()) return std::size_t{0};
    return contents_->copy(to.data(), std::min(to.size(), files_.bytes_per_call), offset);
  }
  IoResult<std::size_t> write_at(std::uint64_t offset, std::span<const ByteView> pieces) override {
    if (const auto change = files_.change("write"); !change) return change.error();
    std::size_t written = 0;
    for (const ByteView piece : pieces) {
      const ByteView part = piece.substr(0, files_.bytes_per_call - written);
      if (contents_->size() < offset + part.size()) contents_->resize(offset + part.size());
      std::copy(part.begin(), part.end(), contents_->begin() + static_cast<std::ptrdiff_t>(offset));
      offset += part.size();
      written += part.size();
    }
    return written;
  }
  IoResult<void> sync() override { return files_.change("sync"); }
  IoResult<void> truncate(std::uint64_t size) override {
    contents_->resize(size);
    return {};
  }
  IoResult<std::uint64_t> size() const override { return contents_->size(); }

 private:
  MemoryFiles& files_;
  MemoryFiles::Contents contents_;
};

class NoFile final : public File {
 public:
  IoResult<std::size_t> read_at(std::uint64_t, std::span<char>) const override { return std::size_t{0}; }
  IoResult<std::size_t> write_at(std::uint64_t, std::span<const ByteView> pieces) override {
    std::size_t bytes = 0;
    for (const ByteView piece : pieces) bytes += piece.size();
    return bytes;
  }
  IoResult<void> sync() override { return {}; }
  IoResult<void> truncate(std::uint64_t) override { return {}; }
  IoResult<std::uint64_t> size() const override { return std::uint64_t{0}; }
};

boost::system::error_code to_error(boost::system::errc::errc_t error) {
  return boost::system::errc::make_error_code(error);
}

}  // namespace

IoResult<void> MemoryFiles::change(const std::string& call) {
  calls.push_back(call);
  if (calls_that_work == 0) {
    calls_that_work = SIZE_MAX;
    return to_error(error);
  }
  if (calls_that_work != SIZE_MAX) --calls_that_work;
  return {};
}

IoResult<std::unique_ptr<File>> MemoryFiles::open(const std::string& path, OpenMode mode) {
  const auto found = files.find(path);
  if (mode == OpenMode::kCreate) {
    if (const auto made = change("create " + path); !made) return made.error();
    if (found != files.end()) return to_error(boost::system::errc::file_exists);
    return std::make_unique<MemoryFile>(*this, files[path] = std::make_shared<std::string>());
  }
  if (found == files.end()) return to_error(boost::system::errc::no_such_file_or_directory);
  return std::make_unique<MemoryFile>(*this, found->second);
}

IoResult<void> MemoryFiles::rename(const std::string& from, const std::string& to) {
  if (const auto renamed = change("rename " + from + " " + to); !renamed) return renamed;
  files[to] = files.at(from);
  files.erase(from);
  return {};
}

IoResult<void> MemoryFiles::remove(const std::string& path) {
  if (const auto removed = change("remove " + path); !removed) return removed;
  files.erase(path);
  return {};
}

IoResult<void> MemoryFiles::link(const std::string& from, const std::string& to) {
  files[to] = files.at(from);
  return {};
}

IoResult<void> MemoryFiles::create_directories(const std::string&) {
  return {};
}

IoResult<std::vector<std::string>> MemoryFiles::list(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& [name, contents] : files) {
    if (name.starts_with(path + "/")) names.push_back(name.substr(path.size() + 1));
  }
  return names;
}

IoResult<void> MemoryFiles::sync_directory(const std::string& path) {
  return change("sync " + path);
}

IoResult<std::unique_ptr<DirectoryLock>> MemoryFiles::lock(const std::string&) {
  return std::make_unique<DirectoryLock>();
}

IoResult<std::unique_ptr<File>> NoFiles::open(const std::string&, OpenMode) {
  return std::make_unique<NoFile>();
}

StoredEntry random_entry(Random& random) {
  const std::string encoded = kv::test::random_value(random);
  ByteView rest = encoded;
  value::DecodeScratch scratch;
  const value::ValueView value = value::decode_value(rest, scratch).value();
  StoredEntry entry{value.type, std::string(value.data)};
  if (random.one_in(2)) entry.deadline = 1 + random.below(kDeadlineMax);
  if (random.one_in(4)) entry.is_lock = true;
  return entry;
}

StoredEntry bytes_entry(std::string data) {
  return {value::ValueType::kBytes, std::move(data)};
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

void add_all(SnapshotWriter& writer, const Entries& entries) {
  engine::Engine engine({.shards = 1});
  engine::Call call{.now = 1};
  std::size_t since_flush = 0;
  for (const auto& [key, entry] : entries) {
    const value::ValueView value{entry.type, entry.data};
    engine.modify(key, call, [&](const engine::EntryView*) { return engine::Change::put(value, 0); });
    engine.read(key, call, [&](const engine::EntryView& view) {
      writer.add(
          {.key = key, .value = view.value, .deadline = entry.deadline, .is_lock = entry.is_lock, .large = view.large});
    });
    // From here on only the writer keeps it.
    engine.modify(key, call, [&](const engine::EntryView*) { return engine::Change::remove(); });
    if (++since_flush < kSnapshotStepEntries) continue;
    since_flush = 0;
    while (writer.wants_flush()) writer.flush().value();
  }
}

SnapshotInfo write_snapshot(MemoryFiles& files, const Entries& entries, SnapshotCodec codec) {
  const auto writer = SnapshotWriter::create(files, "data", kStart, {.codec = codec, .created = kCreated}).value();
  add_all(*writer, entries);
  return writer->finish(kEnd, kToken).value();
}

std::string snapshot_of(const Entries& entries, SnapshotCodec codec) {
  MemoryFiles files;
  write_snapshot(files, entries, codec);
  return *files.files.at(kPath);
}

Result<Entries> load(ByteView bytes, unsigned threads) {
  MemoryFiles files;
  files.files["file"] = std::make_shared<std::string>(bytes);
  const auto reader = SnapshotReader::open(files, "file");
  if (!reader) return reader.error();

  std::mutex mutex;
  Entries entries;
  const auto keep = [&](std::span<const engine::Mutation> puts) {
    const std::lock_guard lock(mutex);
    for (const engine::Mutation& put : puts) {
      KV_ASSERT(put.kind == engine::Mutation::Kind::kPut && put.token == 0 && put.large == nullptr);
      entries[std::string(put.key)] = {put.value.type, std::string(put.value.data), put.deadline, put.is_lock};
    }
  };
  const auto loaded = reader->load(threads, keep, [](std::uint64_t) {});
  if (!loaded) return loaded.error();
  return entries;
}

}  // namespace kv::storage::test
