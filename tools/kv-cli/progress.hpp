#pragma once

#include <chrono>
#include <cstdint>

namespace kv::cli {

// A progress bar on stderr: drawn now and then where that is a terminal, else not at all, and gone with this object.
class Progress {
 public:
  // `total_bytes` 0: unknown, so only a count is shown.
  explicit Progress(std::uint64_t total_bytes);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::uint64_t bytes, std::uint64_t records);

 private:
  std::uint64_t total_bytes_;
  bool enabled_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace kv::cli
