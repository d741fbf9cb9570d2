// Counts what a piece of code takes from operator new. A test binary that names this class has its operator new and
// delete replaced by counting ones.
#pragma once

#include <cstddef>

namespace kv::test {

class AllocationMeter {
 public:
  // Counts from here.
  AllocationMeter();
  // The most bytes that were allocated at one time since then, above what was allocated then; by all threads.
  std::size_t peak_bytes() const;
  // How many allocations there were since then.
  std::size_t allocations() const;

 private:
  std::size_t bytes_before_;
  std::size_t allocations_before_;
};

}  // namespace kv::test
