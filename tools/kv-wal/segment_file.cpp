#include "kv-wal/segment_file.hpp"

#include <algorithm>
#include <array>

#include "storage/directory.hpp"
#include "storage/segment.hpp"

namespace kv::wal {
namespace {

std::string name_of(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

Result<Lsn> first_in_header(storage::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, storage::FileSystem::OpenMode::kRead);
  if (!file) return Error{Errc::kInternal, path + " can't be opened: " + file.error().message()};
  std::array<char, storage::kSegmentHeaderBytes> header{};
  const auto read = storage::read_all(**file, 0, header);
  if (!read) return Error{Errc::kInternal, path + " can't be read: " + read.error().message()};
  const Lsn first = storage::first_lsn({header.data(), *read});
  if (first == kNoLsn) return Error{Errc::kInternal, path + " is no segment of a log, by its name and its first bytes"};
  return first;
}

}  // namespace

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::vector<SegmentFile>> segment_files(storage::FileSystem& files, const std::string& path) {
  std::vector<SegmentFile> found;
  if (const auto names = files.list(path)) {
    for (const Lsn first : storage::segments_among(*names)) {
      found.push_back({path + "/" + storage::segment_name(first), first, false, !found.empty()});
    }
    if (found.empty()) return Error{Errc::kInternal, path + " has no segments of a log"};
    found.back().last = true;
    return found;
  }
  auto first = storage::parse_segment_name(name_of(path));
  if (!first) {
    const auto in_header = first_in_header(files, path);
    if (!in_header) return in_header.error();
    first = *in_header;
  }
  bool last = true;
  if (const auto names = files.list(folder_of(path)); names && storage::parse_segment_name(name_of(path))) {
    last = std::ranges::none_of(storage::segments_among(*names), [&](Lsn other) { return other > *first; });
  }
  found.push_back({path, *first, last, false});
  return found;
}

}  // namespace kv::wal
