// Applies the records of a log to an engine, on all threads.
//
// Records are collected into a batch; while the threads apply it, the next one is collected. Each thread has its share
// of the keys, so the changes of one key are applied in their order.
#pragma once

#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/engine.hpp"

namespace kv::storage {

class Replay {
 public:
  // `engine` must outlive this object, and is used by nobody else meanwhile.
  Replay(engine::Engine& engine, unsigned threads);

  // Adds the body of a record, which is copied. Fails where it isn't one that we write. Both functions throw what a
  // thread has thrown, which can only be std::bad_alloc; then this object is of no more use.
  Result<void> add(ByteView body);
  // Returns once everything that was added is applied.
  void finish();

 private:
  struct Piece {
    std::size_t offset;
    std::size_t size;
    bool is_shared;  // it has changes of other shares too
  };
  struct Batch {
    ByteBuffer bytes;
    std::vector<std::vector<Piece>> shares;
  };

  unsigned share_of(ByteView key) const;
  void start();
  void wait();
  void apply_share(unsigned share);

  engine::Engine& engine_;
  const unsigned threads_;
  Batch collected_;
  Batch applied_;
  std::vector<unsigned> shares_;  // of the record that is being added
  std::vector<std::exception_ptr> faults_;
  std::vector<std::jthread> appliers_;
};

}  // namespace kv::storage
