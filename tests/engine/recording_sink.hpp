// A mutation sink that keeps what it is told, and mutations that a test can
// build, compare and print.
#pragma once

#include <atomic>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

namespace kv::test {

// A Mutation that owns its bytes.
struct Change {
  using Kind = engine::Mutation::Kind;
  Kind kind = Kind::kPut;
  std::string key;
  std::string data;
  value::ValueType type{};
  UnixMillis deadline = 0;
  bool is_lock = false;
  std::uint64_t token = 0;
  bool is_large = false;

  explicit Change(Kind kind_of_change) : kind(kind_of_change) {}
  explicit Change(const engine::Mutation& mutation);
  // Its views are good as long as this is.
  engine::Mutation mutation() const;

  // Tokens are equal when both are there, or neither: which one it is is for
  // chance to say.
  friend bool operator==(const Change& a, const Change& b);
  friend std::ostream& operator<<(std::ostream& out, const Change& change);
};
Change put_of(ByteView key, ByteView data, UnixMillis deadline = 0);
Change lock_of(ByteView key, ByteView owner, UnixMillis deadline);
Change delete_of(ByteView key);
Change deadline_of(ByteView key, UnixMillis deadline);
Change clear();

using Record = std::vector<Change>;

// Applies each change of these records, in order.
void apply(const std::vector<Record>& records, engine::Engine& engine);

class RecordingSink final : public engine::MutationSink {
 public:
  explicit RecordingSink(bool reads_depend_on_log = false) : reads_depend_on_log_(reads_depend_on_log) {}

  Lsn record(std::span<const engine::Mutation> mutations) noexcept override;
  bool reads_depend_on_log() const override { return reads_depend_on_log_; }
  bool accepts_upkeep() const override { return number(last()) < upkeep_until_; }
  // Upkeep is accepted while there are fewer records than this.
  void accept_upkeep_until(std::uint64_t records) { upkeep_until_ = records; }

  // In the order of their numbers, which begin with 1.
  std::vector<Record> records() const;
  Lsn last() const;
  // The records since the last call of this.
  std::vector<Record> take();

 private:
  const bool reads_depend_on_log_;
  std::atomic<std::uint64_t> upkeep_until_ = ~std::uint64_t{0};
  mutable std::mutex mutex_;
  std::vector<Record> records_;
  std::size_t taken_ = 0;
};

}  // namespace kv::test
