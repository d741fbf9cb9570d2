#include "kv-cli/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace kv::cli {

Progress::Progress(std::uint64_t total_bytes)
    : total_bytes_(total_bytes), enabled_(::isatty(STDERR_FILENO) == 1), next_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  if (enabled_) std::fputs("\r\x1B[K", stderr);  // back to the start of the line, and clear it
}

void Progress::show(std::uint64_t bytes, std::uint64_t records) {
  constexpr std::chrono::milliseconds kPause{100};
  if (!enabled_ || std::chrono::steady_clock::now() < next_) return;
  next_ = std::chrono::steady_clock::now() + kPause;
  std::string line = "\r";
  if (total_bytes_ > 0) {
    constexpr std::size_t kWidth = 30;
    const double share = std::min(1.0, static_cast<double>(bytes) / static_cast<double>(total_bytes_));
    const auto filled = static_cast<std::size_t>(share * kWidth);
    line += '[' + std::string(filled, '#') + std::string(kWidth - filled, ' ') + "] " +
            std::to_string(static_cast<int>(share * 100)) + "% ";
  }
  line += std::to_string(records) + " records";
  std::fputs(line.c_str(), stderr);
}

}  // namespace kv::cli
