#include "kv-wal/repair.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <boost/system/errc.hpp>

#include "kv-wal/segment_file.hpp"
#include "storage/directory.hpp"
#include "storage/segment.hpp"

namespace kv::wal {
namespace {

using storage::DirectoryLock;
using storage::File;
using storage::FileSystem;

constexpr std::size_t kCopyBytes = 1U << 20;

Error failed(const std::string& what, boost::system::error_code error) {
  return {Errc::kInternal, what + ": " + error.message()};
}
Error failed(std::string sentence) {
  return {Errc::kInternal, std::move(sentence)};
}

// Nothing where the folder is no server's data directory, as with a copy that somebody looks at.
Result<std::unique_ptr<DirectoryLock>> lock_folder(FileSystem& files, const std::string& folder) {
  const auto names = files.list(folder);
  if (!names) return failed(folder + " can't be read", names.error());
  if (std::ranges::find(*names, storage::kLockName) == names->end()) return nullptr;
  auto lock = files.lock(folder + "/" + storage::kLockName);
  if (lock) return *std::move(lock);
  if (lock.error() == boost::system::errc::operation_would_block) {
    return failed("A server uses " + folder + ": stop it first");
  }
  return failed(folder + " can't be locked", lock.error());
}

// Where the cut goes, in numbers of records.
struct Cut {
  Lsn first = kNoLsn;  // of the records that go
  Lsn end = kNoLsn;    // after the last that can be read
  bool damaged = false;
};

Result<Cut> find_cut(FileSystem& files, const SegmentFile& segment, std::uint64_t offset) {
  auto reader = storage::SegmentReader::open(files, segment.path, segment.first);
  if (!reader) return reader.error();
  Cut cut;
  bool found = false;
  storage::Record record;
  while (true) {
    if (reader->offset() == offset && offset != 0) {
      found = true;
      cut.first = reader->next_lsn();
    }
    const auto more = reader->next(record);
    if (!more) return more.error();
    if (!*more) break;
  }
  if (!found) {
    return failed(segment.path + " has no record that begins at offset " + std::to_string(offset) +
                  ": kv-wal dump shows where they begin, and kv-wal verify where the damage does");
  }
  cut.end = reader->next_lsn();
  cut.damaged = reader->damage().has_value();
  return cut;
}

// Copies what stands from `offset` on to the begin of `to`, and syncs it.
Result<std::uint64_t> copy_rest(FileSystem& files, const File& from, std::uint64_t offset, File& to,
                                const std::string& path) {
  std::vector<char> buffer(kCopyBytes);
  std::uint64_t copied = 0;
  while (true) {
    const auto read = storage::read_all(from, offset + copied, buffer);
    if (!read) return failed("What is to be cut can't be read", read.error());
    const ByteView piece(buffer.data(), *read);
    if (const auto written = storage::write_all(to, copied, {&piece, 1}); !written) {
      return failed(path + " can't be written", written.error());
    }
    copied += *read;
    if (*read < buffer.size()) break;
  }
  if (const auto synced = to.sync(); !synced) return failed(path + " can't be synced", synced.error());
  if (const auto synced = files.sync_directory(folder_of(path)); !synced) {
    return failed(folder_of(path) + " can't be synced", synced.error());
  }
  return copied;
}

// Keeps what stands from `offset` on in a new file, or leaves none.
Result<std::uint64_t> keep_rest(FileSystem& files, const File& from, std::uint64_t offset, const std::string& path) {
  const auto to = files.open(path, FileSystem::OpenMode::kCreate);
  if (!to && to.error() == boost::system::errc::file_exists) {
    return failed(path + " is there already, perhaps from an earlier repair: move it away first");
  }
  if (!to) return failed(path + " can't be created", to.error());
  auto copied = copy_rest(files, from, offset, **to, path);
  if (!copied) static_cast<void>(files.remove(path));
  return copied;
}

std::string lost(const Cut& cut, std::uint64_t bytes) {
  std::string text = "Cut " + std::to_string(bytes) + " bytes: ";
  if (cut.first == cut.end) {
    text += "no record that could be read";
  } else {
    text += "records " + std::to_string(number(cut.first)) + " to " + std::to_string(number(cut.end) - 1);
  }
  return cut.damaged ? text + ", and all from the damage on" : text;
}

Result<void> repair(FileSystem& files, const SegmentFile& segment, std::uint64_t offset, const Output& output) {
  const auto lock = lock_folder(files, folder_of(segment.path));
  if (!lock) return lock.error();
  const auto cut = find_cut(files, segment, offset);
  if (!cut) return cut.error();
  const auto file = files.open(segment.path, FileSystem::OpenMode::kReadWrite);
  if (!file) return failed(segment.path + " can't be opened", file.error());
  const std::string kept = segment.path + ".bak";
  const auto bytes = keep_rest(files, **file, offset, kept);
  if (!bytes) return bytes.error();
  if (const auto done = (*file)->truncate(offset); !done) {
    return failed(segment.path + " can't be cut", done.error());
  }
  if (const auto synced = (*file)->sync(); !synced) return failed(segment.path + " can't be synced", synced.error());
  output.out(lost(*cut, *bytes) + ". They are kept in " + kept);
  if (!segment.last) {
    output.out(
        "The segments after this one no longer follow it: a server starts only when they are moved away, too, "
        "and then without their records");
  }
  return {};
}

}  // namespace

ExitCode repair(FileSystem& files, const std::string& path, std::uint64_t offset, const Output& output) {
  const auto segments = segment_files(files, path);
  if (!segments) {
    output.err(segments.error().message);
    return ExitCode::kFailed;
  }
  if (segments->front().path != path) {
    output.err(path + " is a directory: name the file to repair, as kv-wal verify shows it");
    return ExitCode::kFailed;
  }
  if (const auto done = repair(files, segments->front(), offset, output); !done) {
    output.err(done.error().message);
    return ExitCode::kFailed;
  }
  return ExitCode::kGood;
}

}  // namespace kv::wal
