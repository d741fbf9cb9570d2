#include "storage/backup.hpp"

#include <algorithm>
#include <vector>

#include <boost/system/errc.hpp>

#include "storage/segment.hpp"
#include "storage/snapshot_format.hpp"

namespace kv::storage {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

Error cannot(const std::string& what, boost::system::error_code error) {
  return {Errc::kInternal, "can't " + what + ": " + error.message()};
}

bool is_data(const std::string& name) {
  return parse_segment_name(name).has_value() || snapshot_start(name).has_value();
}

// An empty folder, made where it is missing.
Result<void> make_empty(FileSystem& files, const std::string& path) {
  if (auto made = files.create_directories(path); !made) return cannot("make the folder " + path, made.error());
  const auto names = files.list(path);
  if (!names) return cannot("read the folder " + path, names.error());
  if (!names->empty()) return Error{Errc::kArgument, "the folder " + path + " is not empty"};
  return {};
}

Result<void> link(const DataDirectory& directory, const std::string& name, const std::string& to) {
  const auto linked = directory.files().link(directory.path_of(name), to + "/" + name);
  if (linked) return {};
  if (linked.error() == boost::system::errc::cross_device_link) {
    return Error{Errc::kArgument, to + " is on another file system than the data directory, where links can't reach"};
  }
  return cannot("link " + directory.path_of(name) + " into " + to, linked.error());
}

Result<std::uint64_t> copy(FileSystem& files, const std::string& from, const std::string& to) {
  auto source = files.open(from, FileSystem::OpenMode::kRead);
  if (!source) return cannot("open " + from, source.error());
  auto target = files.open(to, FileSystem::OpenMode::kCreate);
  if (!target) return cannot("make " + to, target.error());
  std::vector<char> buffer(kCopyBytes);
  for (std::uint64_t at = 0;;) {
    const auto read = read_all(**source, at, buffer);
    if (!read) return cannot("read " + from, read.error());
    if (*read == 0) {
      if (auto synced = (*target)->sync(); !synced) return cannot("sync " + to, synced.error());
      return at;
    }
    const ByteView piece(buffer.data(), *read);
    if (auto written = write_all(**target, at, {&piece, 1}); !written) return cannot("write " + to, written.error());
    at += *read;
  }
}

}  // namespace

Result<void> back_up(const DataDirectory& directory, Lsn snapshot, Lsn last, const std::string& to) {
  const auto segments = directory.segments();
  if (!segments) return segments.error();
  if (auto empty = make_empty(directory.files(), to); !empty) return empty;
  if (auto linked = link(directory, snapshot_name(snapshot), to); !linked) return linked;
  for (auto first = segments->begin(); first != segments->end() && *first <= last; ++first) {
    const auto following = std::next(first);
    const bool ends_before = following != segments->end() && *following <= snapshot;
    if (ends_before) continue;
    if (auto linked = link(directory, segment_name(*first), to); !linked) return linked;
  }
  // FORMAT comes last: data without it is refused, so a backup that broke off is never taken for a whole one.
  if (auto synced = directory.files().sync_directory(to); !synced)
    return cannot("sync the folder " + to, synced.error());
  if (auto linked = link(directory, kFormatName, to); !linked) return linked;
  if (auto synced = directory.files().sync_directory(to); !synced)
    return cannot("sync the folder " + to, synced.error());
  return {};
}

Result<std::uint64_t> restore(FileSystem& files, const std::string& from, const std::string& to) {
  const auto names = files.list(from);
  if (!names) return cannot("read the backup " + from, names.error());
  if (std::ranges::none_of(*names, is_data) || std::ranges::find(*names, kFormatName) == names->end()) {
    return Error{Errc::kArgument, "there is no whole backup in " + from};
  }
  if (auto empty = make_empty(files, to); !empty) return empty.error();
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) {
    if (!is_data(name)) continue;
    const auto copied = copy(files, from + "/" + name, to + "/" + name);
    if (!copied) return copied.error();
    bytes += *copied;
  }
  if (auto synced = files.sync_directory(to); !synced) return cannot("sync the folder " + to, synced.error());
  // Last, as in a backup.
  if (const auto copied = copy(files, from + "/" + kFormatName, to + "/" + kFormatName); !copied) return copied.error();
  if (auto synced = files.sync_directory(to); !synced) return cannot("sync the folder " + to, synced.error());
  return bytes;
}

}  // namespace kv::storage
