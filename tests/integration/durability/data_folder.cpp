#include "integration/durability/data_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace kv::test {

namespace fs = std::filesystem;

std::vector<std::string> DataFolder::files(ByteView prefix, ByteView suffix) const {
  std::vector<std::string> found;
  if (!fs::exists(path_)) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(suffix)) found.push_back(entry.path().string());
  }
  std::ranges::sort(found);  // all numbers have as many digits
  return found;
}

std::string file_name(const std::string& path) {
  return fs::path(path).filename().string();
}

std::uint64_t file_size(const std::string& path) {
  return fs::file_size(path);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, ByteView bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

void flip_bit(const std::string& path, std::uint64_t offset) {
  std::string bytes = read_file(path);
  bytes.at(offset) = static_cast<char>(bytes[offset] ^ 1);
  write_file(path, bytes);
}

void cut_tail(const std::string& path, std::uint64_t bytes) {
  fs::resize_file(path, file_size(path) - bytes);
}

void append_to(const std::string& path, ByteView bytes) {
  write_file(path, read_file(path).append(bytes));
}

}  // namespace kv::test
