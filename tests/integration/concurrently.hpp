// Several clients at once, each on a thread.
#pragma once

#include <atomic>
#include <future>
#include <vector>

namespace kv::test {

// Runs work(0) … work(count - 1), each on a thread of its own, and waits for all. What one of them throws is thrown.
template <typename Work>
void concurrently(int count, Work work) {
  std::vector<std::future<void>> running;
  for (int i = 0; i < count; ++i) running.push_back(std::async(std::launch::async, work, i));
  for (std::future<void>& one : running) one.wait();
  for (std::future<void>& one : running) one.get();
}

// Counts one down when it goes, however its thread ends: for those who work until the others are done.
class CountDown {
 public:
  explicit CountDown(std::atomic<int>& left) : left_(left) {}
  ~CountDown() { --left_; }
  CountDown(const CountDown&) = delete;
  CountDown& operator=(const CountDown&) = delete;

 private:
  std::atomic<int>& left_;
};

}  // namespace kv::test
