#include "support/storage/faulty_file_system.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>

#include "kv/base/assert.hpp"

#include "support/storage/faulty_inode.hpp"

namespace kv::test {

using storage::DirectoryLock;
using storage::File;
using storage::IoResult;
namespace errc = boost::system::errc;

namespace {

using InodePtr = std::shared_ptr<FaultyInode>;
using Names = std::map<std::string, InodePtr>;
using Error = boost::system::error_code;
using Call = FaultyFileSystem::Call;

// Without the slash that a folder's name may end with.
std::string plain(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// A change of names, as far as it isn't synced: `gone` is no longer there, `name` stands for `inode`. Either may be
// empty.
struct NameChange {
  std::string gone;
  std::string name;
  InodePtr inode;

  void apply(Names& names) const {
    if (!gone.empty()) names.erase(gone);
    if (!name.empty()) names[name] = inode;
  }
  bool is_in(const std::string& folder) const {
    return (!gone.empty() && parent_of(gone) == folder) || (!name.empty() && parent_of(name) == folder);
  }
};

struct Fault {
  Call call;
  errc::errc_t error;
  FaultyFileSystem::Window window;
};

}  // namespace

// All state; each function that begins a call of the interface locks it first.
class FaultyFileSystem::Disk {
 public:
  std::unique_lock<std::mutex> guard() const { return std::unique_lock(mutex_); }

  // Counts a call and says whether it fails.
  Error begin(Call call) {
    ++calls_[static_cast<std::size_t>(call)];
    if (calls_left_) {
      if (*calls_left_ == 0) return make_error_code(errc::io_error);
      --*calls_left_;
    }
    for (Fault& fault : faults_) {
      if (fault.call != call) continue;
      if (fault.window.after != 0) {
        --fault.window.after;
      } else if (fault.window.times != 0) {
        if (fault.window.times != kForever) --fault.window.times;
        return make_error_code(fault.error);
      }
    }
    return {};
  }

  std::size_t part_of(std::size_t bytes) {
    return short_ && bytes > 1 ? 1 + static_cast<std::size_t>(short_->below(bytes)) : bytes;
  }

  std::uint64_t used() const {
    std::set<const FaultyInode*> seen;
    std::uint64_t bytes = 0;
    const auto count = [&](const InodePtr& inode) {
      if (seen.insert(inode.get()).second) bytes += inode->size();
    };
    for (const auto& [name, inode] : names_) count(inode);
    for (const auto& [inode, handles] : open_) count(inode);
    return bytes;
  }

  // How many of `bytes` bytes there is room for from `offset` on.
  std::size_t room_for(const FaultyInode& inode, std::uint64_t offset, std::size_t bytes) const {
    if (!room_) return bytes;
    const std::uint64_t used_now = used();
    const std::uint64_t end_max = inode.size() + (*room_ > used_now ? *room_ - used_now : 0);
    return offset >= end_max ? 0 : std::min<std::uint64_t>(bytes, end_max - offset);
  }

  InodePtr find(const std::string& path) const {
    const auto found = names_.find(path);
    return found == names_.end() ? nullptr : found->second;
  }

  void change(NameChange change) {
    change.apply(names_);
    unsynced_names_.push_back(std::move(change));
  }

  void sync_names(const std::string& folder) {
    for (const NameChange& change : unsynced_names_) {
      if (change.is_in(folder)) change.apply(synced_names_);
    }
    std::erase_if(unsynced_names_, [&](const NameChange& change) { return change.is_in(folder); });
  }

  void power_cut(Random& random) {
    // Often all or nothing, as it happens mostly; else anything.
    const Survives survives = random.one_in(6)   ? Survives::kNothing
                              : random.one_in(6) ? Survives::kAll
                                                 : Survives::kSome;
    const std::size_t block_bytes = random.one_in(2) ? FaultyInode::kBlockBytes : 4'096;
    std::vector<InodePtr> inodes;  // in the order of their names, so that a seed repeats it
    for (const auto& [name, inode] : names_) inodes.push_back(inode);
    for (const auto& [name, inode] : synced_names_) inodes.push_back(inode);
    std::set<const FaultyInode*> seen;
    for (const InodePtr& inode : inodes) {
      if (seen.insert(inode.get()).second) inode->power_cut(random, survives, block_bytes);
    }
    for (const NameChange& change : unsynced_names_) {
      if (survives == Survives::kAll || (survives == Survives::kSome && random.one_in(2))) change.apply(synced_names_);
    }
    names_ = synced_names_;
    unsynced_names_.clear();
    end_process();
  }

  // Open files and locks are those of an earlier process from now on.
  void end_process() {
    ++process_;
    open_.clear();
    locks_.clear();
    calls_left_.reset();
  }

  mutable std::mutex mutex_;
  Names names_;
  Names synced_names_;
  std::vector<NameChange> unsynced_names_;
  std::set<std::string> folders_{"", "/", "."};
  std::map<InodePtr, std::size_t> open_;
  std::set<std::string> locks_;
  std::uint64_t process_ = 0;
  std::vector<Fault> faults_;
  std::array<std::uint64_t, kCalls> calls_{};
  std::optional<Random> short_;
  std::optional<std::uint64_t> room_;
  std::optional<std::uint64_t> calls_left_;  // nothing: no end is in sight
};

class FaultyFileSystem::OpenFile final : public File {
 public:
  // REQUIRES: the disk is locked.
  OpenFile(std::shared_ptr<Disk> disk, InodePtr inode, OpenMode mode)
      : disk_(std::move(disk)), inode_(std::move(inode)), mode_(mode), process_(disk_->process_) {
    ++disk_->open_[inode_];
  }
  ~OpenFile() override {
    const auto guard = disk_->guard();
    const auto found = disk_->open_.find(inode_);
    if (process_ == disk_->process_ && --found->second == 0) disk_->open_.erase(found);
  }

  IoResult<std::size_t> read_at(std::uint64_t offset, std::span<char> to) const override {
    const auto guard = disk_->guard();
    if (const Error error = begin(Call::kRead)) return error;
    const std::string& content = inode_->content();
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t bytes = disk_->part_of(std::min<std::uint64_t>(to.size(), content.size() - offset));
    content.copy(to.data(), bytes, offset);
    return bytes;
  }

  IoResult<std::size_t> write_at(std::uint64_t offset, std::span<const ByteView> pieces) override {
    const auto guard = disk_->guard();
    if (const Error error = begin(Call::kWrite)) return error;
    if (mode_ == OpenMode::kRead) return make_error_code(errc::bad_file_descriptor);
    std::string bytes;
    for (const ByteView piece : pieces) bytes += piece;
    if (bytes.empty()) return std::size_t{0};
    bytes.resize(disk_->part_of(bytes.size()));
    bytes.resize(disk_->room_for(*inode_, offset, bytes.size()));
    if (bytes.empty()) return make_error_code(errc::no_space_on_device);
    inode_->write(offset, bytes);
    return bytes.size();
  }

  IoResult<void> sync() override {
    const auto guard = disk_->guard();
    if (const Error error = begin(Call::kSync)) {
      inode_->fail_to_sync();
      return error;
    }
    inode_->sync();
    return {};
  }

  IoResult<void> truncate(std::uint64_t size) override {
    const auto guard = disk_->guard();
    if (const Error error = begin(Call::kTruncate)) return error;
    inode_->truncate(size);
    return {};
  }

  IoResult<std::uint64_t> size() const override {
    const auto guard = disk_->guard();
    if (const Error error = begin(Call::kSize)) return error;
    return inode_->size();
  }

 private:
  Error begin(Call call) const {
    if (process_ != disk_->process_) return make_error_code(errc::io_error);
    return disk_->begin(call);
  }

  const std::shared_ptr<Disk> disk_;
  const InodePtr inode_;
  const OpenMode mode_;
  const std::uint64_t process_;
};

class FaultyFileSystem::HeldLock final : public DirectoryLock {
 public:
  HeldLock(std::shared_ptr<Disk> disk, std::string path)
      : disk_(std::move(disk)), path_(std::move(path)), process_(disk_->process_) {}
  ~HeldLock() override {
    const auto guard = disk_->guard();
    if (process_ == disk_->process_) disk_->locks_.erase(path_);
  }

 private:
  const std::shared_ptr<Disk> disk_;
  const std::string path_;
  const std::uint64_t process_;
};

FaultyFileSystem::FaultyFileSystem() : disk_(std::make_shared<Disk>()) {}
FaultyFileSystem::~FaultyFileSystem() = default;

// The interface

IoResult<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kOpen)) return error;
  InodePtr inode = disk_->find(path);
  if (mode == OpenMode::kCreate) {
    if (inode) return make_error_code(errc::file_exists);
    if (!disk_->folders_.contains(parent_of(path))) return make_error_code(errc::no_such_file_or_directory);
    inode = std::make_shared<FaultyInode>();
    disk_->change({.gone = {}, .name = path, .inode = inode});
  }
  if (!inode) return make_error_code(errc::no_such_file_or_directory);
  return std::make_unique<OpenFile>(disk_, std::move(inode), mode);
}

IoResult<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kRename)) return error;
  const InodePtr inode = disk_->find(from);
  if (!inode) return make_error_code(errc::no_such_file_or_directory);
  if (from != to) disk_->change({.gone = from, .name = to, .inode = inode});
  return {};
}

IoResult<void> FaultyFileSystem::remove(const std::string& path) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kRemove)) return error;
  if (!disk_->find(path)) return make_error_code(errc::no_such_file_or_directory);
  disk_->change({.gone = path, .name = {}, .inode = nullptr});
  return {};
}

IoResult<void> FaultyFileSystem::link(const std::string& from, const std::string& to) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kLink)) return error;
  const InodePtr inode = disk_->find(from);
  if (!inode || !disk_->folders_.contains(parent_of(to))) return make_error_code(errc::no_such_file_or_directory);
  if (disk_->find(to)) return make_error_code(errc::file_exists);
  disk_->change({.gone = {}, .name = to, .inode = inode});
  return {};
}

IoResult<void> FaultyFileSystem::create_directories(const std::string& path) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kCreateDirectories)) return error;
  for (std::string folder = plain(path); !disk_->folders_.contains(folder); folder = parent_of(folder)) {
    if (disk_->find(folder)) return make_error_code(errc::not_a_directory);
    disk_->folders_.insert(folder);
  }
  return {};
}

IoResult<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kList)) return error;
  const std::string folder = plain(path);
  if (!disk_->folders_.contains(folder)) return make_error_code(errc::no_such_file_or_directory);
  std::vector<std::string> found;
  const auto take = [&](const std::string& name) {
    if (name.size() > folder.size() && parent_of(name) == folder) found.push_back(name.substr(folder.size() + 1));
  };
  for (const auto& [name, inode] : disk_->names_) take(name);
  for (const std::string& name : disk_->folders_) take(name);
  return found;
}

IoResult<void> FaultyFileSystem::sync_directory(const std::string& path) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kSyncDirectory)) return error;
  if (!disk_->folders_.contains(plain(path))) return make_error_code(errc::no_such_file_or_directory);
  disk_->sync_names(plain(path));
  return {};
}

IoResult<std::uint64_t> FaultyFileSystem::free_bytes(const std::string&) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kFreeBytes)) return error;
  if (!disk_->room_) return ~std::uint64_t{0};
  const std::uint64_t used = disk_->used();
  return *disk_->room_ > used ? *disk_->room_ - used : 0;
}

IoResult<std::unique_ptr<DirectoryLock>> FaultyFileSystem::lock(const std::string& path) {
  const auto guard = disk_->guard();
  if (const Error error = disk_->begin(Call::kLock)) return error;
  if (!disk_->folders_.contains(parent_of(path))) return make_error_code(errc::no_such_file_or_directory);
  if (!disk_->locks_.insert(path).second) return make_error_code(errc::operation_would_block);
  if (!disk_->find(path)) disk_->change({.gone = {}, .name = path, .inode = std::make_shared<FaultyInode>()});
  return std::make_unique<HeldLock>(disk_, path);
}

// Trouble

void FaultyFileSystem::fail(Call call, errc::errc_t error, Window window) {
  const auto guard = disk_->guard();
  disk_->faults_.push_back({call, error, window});
}

void FaultyFileSystem::end_after(std::uint64_t calls) {
  const auto guard = disk_->guard();
  disk_->calls_left_ = calls;
}

void FaultyFileSystem::heal() {
  const auto guard = disk_->guard();
  disk_->calls_left_.reset();
  disk_->faults_.clear();
  disk_->short_.reset();
  disk_->room_.reset();
}

void FaultyFileSystem::cut_short(std::uint64_t seed) {
  const auto guard = disk_->guard();
  disk_->short_.emplace(seed);
}

void FaultyFileSystem::set_room(std::optional<std::uint64_t> bytes) {
  const auto guard = disk_->guard();
  disk_->room_ = bytes;
}

std::uint64_t FaultyFileSystem::used() const {
  const auto guard = disk_->guard();
  return disk_->used();
}

std::uint64_t FaultyFileSystem::calls(Call call) const {
  const auto guard = disk_->guard();
  return disk_->calls_[static_cast<std::size_t>(call)];
}

void FaultyFileSystem::power_cut(Random& random) {
  const auto guard = disk_->guard();
  disk_->power_cut(random);
}

void FaultyFileSystem::kill_process() {
  const auto guard = disk_->guard();
  disk_->end_process();
}

// Files as bytes

std::string FaultyFileSystem::content(const std::string& path) const {
  const auto guard = disk_->guard();
  const InodePtr inode = disk_->find(path);
  if (!inode) throw std::out_of_range("no file " + path);
  return inode->content();
}

bool FaultyFileSystem::exists(const std::string& path) const {
  const auto guard = disk_->guard();
  return disk_->find(path) != nullptr;
}

void FaultyFileSystem::put(const std::string& path, std::string content) {
  const auto guard = disk_->guard();
  InodePtr inode = disk_->find(path);
  if (!inode) inode = std::make_shared<FaultyInode>();
  inode->put(std::move(content));
  const NameChange change{.gone = {}, .name = path, .inode = inode};
  change.apply(disk_->names_);
  change.apply(disk_->synced_names_);
}

void FaultyFileSystem::flip_bit(const std::string& path, std::uint64_t bit) {
  const auto guard = disk_->guard();
  const InodePtr inode = disk_->find(path);
  KV_ASSERT(inode && bit / 8 < inode->size());
  std::string content = inode->content();
  content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << bit % 8));
  inode->put(std::move(content));
}

}  // namespace kv::test
