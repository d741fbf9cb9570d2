// A file of FaultyFileSystem: its bytes as the process sees them, as the disk has them, and what lies between.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"

#include "support/base/random.hpp"

namespace kv::test {

// What of all that wasn't synced survives a power cut.
enum class Survives { kNothing, kAll, kSome };

class FaultyInode {
 public:
  const std::string& content() const { return now_; }
  std::uint64_t size() const { return now_.size(); }

  void write(std::uint64_t offset, ByteView bytes);
  void truncate(std::uint64_t size);
  void sync();
  // From now on it is open, for each block that isn't synced, whether it will be.
  void fail_to_sync();
  // `block_bytes` is how much survives or goes together: a multiple of kBlockBytes.
  void power_cut(Random& random, Survives survives, std::size_t block_bytes);
  // Makes this the content, synced.
  void put(std::string content);

  static constexpr std::size_t kBlockBytes = 512;

 private:
  // A block that was written since it was synced.
  struct Dirty {
    std::vector<std::string> states;  // that it has had, the last one being now's
    bool doubtful = false;            // a sync of it has failed since it was written
  };
  void touch(std::uint64_t begin, std::uint64_t end);
  std::string block(const std::string& bytes, std::uint64_t index) const;

  std::string now_;
  std::string synced_;
  std::map<std::uint64_t, Dirty> dirty_;
  std::vector<std::uint64_t> sizes_;  // that it has had since it was synced
};

}  // namespace kv::test
