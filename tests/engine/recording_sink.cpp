#include "engine/recording_sink.hpp"

#include <gtest/gtest.h>

namespace kv::test {

using engine::Mutation;

Change::Change(const Mutation& mutation)
    : kind(mutation.kind),
      key(mutation.key),
      data(mutation.value.data),
      type(mutation.value.type),
      deadline(mutation.deadline),
      is_lock(mutation.is_lock),
      token(mutation.token),
      is_large(mutation.large != nullptr) {}

Mutation Change::mutation() const {
  return {.kind = kind, .key = key, .value = {type, data}, .deadline = deadline, .is_lock = is_lock, .token = token};
}

bool operator==(const Change& a, const Change& b) {
  return a.kind == b.kind && a.key == b.key && a.data == b.data && a.type == b.type && a.deadline == b.deadline &&
         a.is_lock == b.is_lock && (a.token != 0) == (b.token != 0) && a.is_large == b.is_large;
}

std::ostream& operator<<(std::ostream& out, const Change& change) {
  switch (change.kind) {
    case Change::Kind::kPut:
      out << "put " << change.key << " = " << change.data.substr(0, 20) << " (" << change.data.size() << " bytes"
          << (change.is_large ? ", large)" : ")");
      break;
    case Change::Kind::kDelete:
      return out << "delete " << change.key;
    case Change::Kind::kSetDeadline:
      out << "set the deadline of " << change.key;
      break;
    case Change::Kind::kClear:
      return out << "clear";
  }
  return out << " until " << change.deadline << (change.is_lock ? ", a lock" : "")
             << (change.token != 0 ? " with a token" : "");
}

Change put_of(ByteView key, ByteView data, UnixMillis deadline) {
  Change change(Change::Kind::kPut);
  change.key = key;
  change.data = data;
  change.type = value::ValueType::kBytes;
  change.deadline = deadline;
  change.is_large = data.size() > 1'024;
  return change;
}

Change lock_of(ByteView key, ByteView owner, UnixMillis deadline) {
  Change change = put_of(key, owner, deadline);
  change.type = value::ValueType::kString;
  change.is_lock = true;
  change.token = 1;
  return change;
}

Change delete_of(ByteView key) {
  Change change(Change::Kind::kDelete);
  change.key = key;
  return change;
}

Change deadline_of(ByteView key, UnixMillis deadline) {
  Change change(Change::Kind::kSetDeadline);
  change.key = key;
  change.deadline = deadline;
  return change;
}

Change clear() {
  return Change(Change::Kind::kClear);
}

void apply(const std::vector<Record>& records, engine::Engine& engine) {
  for (const Record& record : records) {
    for (const Change& change : record) engine.apply(change.mutation());
  }
}

Lsn RecordingSink::record(std::span<const Mutation> mutations) noexcept {
  EXPECT_FALSE(mutations.empty());
  const std::lock_guard lock(mutex_);
  Record& record = records_.emplace_back();
  for (const Mutation& mutation : mutations) {
    // What a Pin shows has to be what the record says.
    if (mutation.large != nullptr) {
      EXPECT_EQ(engine::Pin(mutation).view().value.data, mutation.value.data);
    }
    record.emplace_back(mutation);
  }
  return Lsn{records_.size()};
}

std::vector<Record> RecordingSink::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

Lsn RecordingSink::last() const {
  const std::lock_guard lock(mutex_);
  return Lsn{records_.size()};
}

std::vector<Record> RecordingSink::take() {
  const std::lock_guard lock(mutex_);
  std::vector<Record> taken(records_.begin() + static_cast<std::ptrdiff_t>(taken_), records_.end());
  taken_ = records_.size();
  return taken;
}

}  // namespace kv::test
