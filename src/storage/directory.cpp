#include "storage/directory.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/system/errc.hpp>

#include "storage/segment.hpp"

namespace kv::storage {
namespace {

namespace errc = boost::system::errc;
using OpenMode = FileSystem::OpenMode;

constexpr ByteView kFormatBegin = "kv-server data, format ";
constexpr std::size_t kFormatBytesMax = 64;

Error failed(std::string what, boost::system::error_code error) {
  return {Errc::kInternal, std::move(what) + ": " + error.message()};
}
Error failed(std::string sentence) {
  return {Errc::kInternal, std::move(sentence)};
}

std::string format_text() {
  return std::string(kFormatBegin) + std::to_string(kDataFormat) + "\n";
}

// The number in what the file FORMAT says; nothing where it says something else.
std::optional<int> parse_format(ByteView text) {
  if (!text.starts_with(kFormatBegin) || !text.ends_with('\n')) return std::nullopt;
  text.remove_prefix(kFormatBegin.size());
  text.remove_suffix(1);
  int format = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format);
  if (error != std::errc() || end != text.data() + text.size() || format < 1) return std::nullopt;
  return format;
}

IoResult<std::string> read_format(FileSystem& files, const std::string& path) {
  const auto file = files.open(path, OpenMode::kRead);
  if (!file) return file.error();
  std::string text(kFormatBytesMax, '\0');
  const auto read = read_all(**file, 0, text);
  if (!read) return read.error();
  text.resize(*read);
  return text;
}

std::vector<Lsn> numbers_among(const std::vector<std::string>& names, std::optional<Lsn> (*parse)(ByteView)) {
  std::vector<Lsn> numbers;
  for (const std::string& name : names) {
    if (const auto number = parse(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace

std::vector<Lsn> segments_among(const std::vector<std::string>& names) {
  return numbers_among(names, parse_segment_name);
}

std::vector<Lsn> snapshots_among(const std::vector<std::string>& names) {
  return numbers_among(names, snapshot_start);
}

IoResult<void> write_file(FileSystem& files, const std::string& folder, const std::string& name, ByteView content) {
  const std::string path = folder + "/" + name;
  const std::string temporary = path + std::string(kTemporarySuffix);
  const auto make = [&]() -> IoResult<void> {
    const auto file = files.open(temporary, OpenMode::kCreate);
    if (!file) return file.error();
    if (auto written = write_all(**file, 0, {&content, 1}); !written) return written;
    return (*file)->sync();
  };
  if (auto made = make(); !made) {
    if (made.error() != errc::file_exists) static_cast<void>(files.remove(temporary));
    return made;
  }
  if (auto renamed = files.rename(temporary, path); !renamed) return renamed;
  return files.sync_directory(folder);
}

Result<DataDirectory> DataDirectory::open(FileSystem& files, std::string path) {
  if (const auto made = files.create_directories(path); !made) {
    return failed("The data directory " + path + " can't be made", made.error());
  }
  auto lock = files.lock(path + "/" + kLockName);
  if (!lock && lock.error() == errc::operation_would_block) {
    return failed("Another server uses the data directory " + path +
                  ": stop it, or give this one a directory of its own");
  }
  if (!lock) return failed("The data directory " + path + " can't be locked", lock.error());
  const auto names = files.list(path);
  if (!names) return failed("The data directory " + path + " can't be read", names.error());
  DataDirectory directory(files, std::move(path), *std::move(lock));
  // The format first: what a newer version left half made is none of our business.
  if (auto checked = directory.check_format(*names); !checked) return checked.error();
  if (auto removed = directory.remove_temporary(*names); !removed) return removed.error();
  return directory;
}

Result<void> DataDirectory::check_format(const std::vector<std::string>& names) {
  const std::string path = path_of(kFormatName);
  const auto text = read_format(*files_, path);
  if (!text && text.error() == errc::no_such_file_or_directory) {
    if (!segments_among(names).empty() || !snapshots_among(names).empty()) {
      return failed("The data directory " + path_ + " has data, but its file FORMAT is missing: restore the file, or " +
                    "move the data away");
    }
    static_cast<void>(files_->remove(path + std::string(kTemporarySuffix)));
    if (const auto written = write_file(*files_, path_, kFormatName, format_text()); !written) {
      return failed(path + " can't be written", written.error());
    }
    return {};
  }
  if (!text) return failed(path + " can't be read", text.error());
  const auto format = parse_format(*text);
  if (!format) return failed(path + " isn't what kv-server writes: is this the right data directory?");
  if (*format > kDataFormat) {
    return failed("The data directory " + path_ + " has format " + std::to_string(*format) +
                  ", and this version of kv-server knows up to format " + std::to_string(kDataFormat) +
                  ": use the version that wrote it, or a newer one");
  }
  // Whoever made the file may have been killed before its name was safe, and data without it is refused.
  if (const auto synced = files_->sync_directory(path_); !synced) {
    return failed("The data directory " + path_ + " can't be synced", synced.error());
  }
  return {};
}

Result<void> DataDirectory::remove_temporary(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!name.ends_with(kTemporarySuffix)) continue;
    const auto removed = files_->remove(path_of(name));
    if (!removed && removed.error() != errc::no_such_file_or_directory) {
      return failed(path_of(name) + " can't be removed", removed.error());
    }
  }
  return {};
}

std::string DataDirectory::segment_path(Lsn first) const {
  return path_of(segment_name(first));
}

Result<std::vector<Lsn>> DataDirectory::segments() const {
  const auto names = files_->list(path_);
  if (!names) return failed("The data directory " + path_ + " can't be read", names.error());
  return segments_among(*names);
}

Result<std::vector<Lsn>> DataDirectory::snapshots() const {
  const auto names = files_->list(path_);
  if (!names) return failed("The data directory " + path_ + " can't be read", names.error());
  return snapshots_among(*names);
}

}  // namespace kv::storage
