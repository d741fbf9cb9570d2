// The heap as a test sees it: how much of it is in use, and what happens when there is no more. Counts and fails what
// the code that is linked into the test takes by operator new, malloc() and their kin; a mapping can fail too.
#pragma once

#include <cstddef>

namespace kv::test {

// Bytes on the heap now, by all threads.
std::size_t heap_bytes();

// From now on the calling thread gets no block of `bytes` or more. 0 ends that.
void fail_large_allocations(std::size_t bytes);

// As long as this object lives, one allocation of the calling thread fails: the one after `nth` others. One at a time.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t nth);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  // Whether there were so many allocations.
  bool happened() const;
};

}  // namespace kv::test
