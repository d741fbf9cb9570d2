// The files of a data directory, looked at and damaged while no server runs on it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"

namespace kv::test {

class DataFolder {
 public:
  explicit DataFolder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // Full paths, oldest first; empty when there is no folder.
  std::vector<std::string> segments() const { return files("wal-", ".log"); }
  std::vector<std::string> snapshots() const { return files("snapshot-", ".kvs"); }
  std::vector<std::string> all_files() const { return files("", ""); }

 private:
  std::vector<std::string> files(ByteView prefix, ByteView suffix) const;

  std::string path_;
};

std::string file_name(const std::string& path);
std::uint64_t file_size(const std::string& path);
std::string read_file(const std::string& path);
void write_file(const std::string& path, ByteView bytes);
// Flips the lowest bit of one byte. REQUIRES: the file has it.
void flip_bit(const std::string& path, std::uint64_t offset);
void cut_tail(const std::string& path, std::uint64_t bytes);
void append_to(const std::string& path, ByteView bytes);

}  // namespace kv::test
