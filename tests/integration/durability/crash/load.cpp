#include "integration/durability/crash/load.hpp"

#include <stdexcept>
#include <utility>

#include "support/process/requests.hpp"

namespace kv::test::crash {
namespace {

using model::Request;
using model::Type;

constexpr std::size_t kPipelineBytesMax = 512 << 10;
constexpr std::size_t kLargeBytes = 300 << 10;
constexpr std::uint64_t kLockTtlMs = 3'600'000;
constexpr std::uint64_t kLockWaitMs = 2;

Request on_key(Command command, std::string key) {
  Request request;
  request.command = command;
  request.key = std::move(key);
  return request;
}

model::Value decimal_hundredths(std::size_t hundredths) {
  model::Value value;
  value.type = Type::kDecimal;
  value.decimal = {static_cast<model::Int128>(hundredths), 2};
  return value;
}

}  // namespace

Load::Load(std::size_t connection, std::size_t round, std::uint64_t seed)
    : connection_(connection), round_(round), random_(seed, "own" + std::to_string(connection) + "/") {}

void Load::run(std::uint16_t port, const std::atomic<bool>& ending) {
  try {
    RawClient client(port);
    while (true) run_pipeline(client);
  } catch (const std::exception&) {
    if (!ending) throw;
  }
}

void Load::run_pipeline(RawClient& client) {
  frames_.clear();
  const std::size_t before = steps_.size();
  for (std::size_t left = 1 + random_.below(random_.below(4) == 0 ? 64 : 8); left != 0; --left) add_step();
  // A wait for the lock holds up what comes behind it, so it comes last.
  if (random_.below(4) == 0) add_lock();
  if (flush_after_ && (*flush_after_)-- == 0) {
    flush_after_.reset();
    add(Target::kEverything, on_key(Command::kFlush, {}), flush());
  }
  const Moment now = std::chrono::system_clock::now();
  for (std::size_t i = before; i < steps_.size(); ++i) steps_[i].sent = now;
  const auto on_reply = [&](Reply reply) { answer(std::move(reply)); };
  try {
    client.pipeline(frames_, steps_.size() - before, on_reply);
  } catch (const std::exception&) {
    // Sending fails before all is read that had come.
    try {
      while (answered_ < steps_.size()) answer(client.receive());
    } catch (const std::exception&) {
    }
    throw;
  }
}

void Load::answer(Reply reply) {
  Step& step = steps_[answered_++];
  step.answered = std::chrono::system_clock::now();
  if (step.target == Target::kLock) {
    if (step.request.command == Command::kAcquire) holds_lock_ = reply.payload.starts_with('\1');
    if (step.request.command == Command::kUnlock) holds_lock_ = false;
  }
  step.reply = std::move(reply);
}

void Load::add(Target target, Request request, std::string frame) {
  if (frames_.size() + frame.size() > kPipelineBytesMax) return;
  frames_ += frame;
  steps_.push_back({target, std::move(request), {}, kNever, {}});
}

void Load::add_step() {
  switch (random_.below(16)) {
    case 0: {
      Request request = on_key(random_.below(8) == 0 ? Command::kGet : Command::kIncr, kIntKey);
      request.delta = static_cast<std::int64_t>(1 + random_.below(3));
      std::string frame = request.command == Command::kGet ? get(kIntKey) : incr(kIntKey, request.delta);
      return add(Target::kInt, std::move(request), std::move(frame));
    }
    case 1: {
      Request request = on_key(Command::kAdd, kDecimalKey);
      request.value = decimal_hundredths(1 + random_.below(300));
      std::string frame = test::add(kDecimalKey, encode(request.value));
      return add(Target::kDecimal, std::move(request), std::move(frame));
    }
    case 2: {
      Request request = on_key(Command::kAdd, kFloatKey);
      request.delta = static_cast<std::int64_t>(1 + random_.below(5));  // quarters: their sums are exact
      std::string frame = test::add(kFloatKey, encode_float(0.25 * static_cast<double>(request.delta)));
      return add(Target::kFloat, std::move(request), std::move(frame));
    }
    case 3:
      return add_group();
    case 4:
      return add_brief();
    default:
      return add_own();
  }
}

void Load::add_own() {
  Request request = random_.next();
  // Everybody's keys are flushed on purpose only. A sum of Floats may be a NaN, whose bits the protocol leaves open.
  const auto unfit = [](const Request& drawn) {
    return drawn.command == Command::kFlush || (drawn.command == Command::kAdd && drawn.value.type == Type::kFloat);
  };
  while (unfit(request)) request = random_.next();
  if (random_.below(500) == 0) {
    request.command = Command::kSet;
    request.value = model::string(std::string(kLargeBytes, static_cast<char>('a' + random_.below(26))));
    if (random_.below(2) == 0) request.value.type = Type::kBytes;
  }
  std::string frame = model::to_frame(request, random_.below(1'000));
  add(Target::kOwn, std::move(request), std::move(frame));
}

void Load::add_group() {
  const std::vector<std::string> keys(kGroupKeys.begin(), kGroupKeys.end());
  const std::size_t kind = random_.below(8);
  Request request;
  request.command = kind == 0 ? Command::kMdel : kind == 1 ? Command::kMget : Command::kMset;
  if (request.command != Command::kMset) {
    std::string frame = request.command == Command::kMdel ? mdel(keys) : mget(keys);
    return add(Target::kGroup, std::move(request), std::move(frame));
  }
  std::string text = std::to_string(connection_) + "/" + std::to_string(round_) + "/" + std::to_string(steps_.size());
  text.resize(text.size() + (random_.below(10) == 0 ? 2'000 : random_.below(30)), '.');
  request.value = model::string(std::move(text));
  Pairs pairs;
  for (const std::string& key : keys) pairs.emplace_back(key, encode(request.value));
  add(Target::kGroup, std::move(request), mset(pairs));
}

void Load::add_brief() {
  const std::string name = kBriefPrefix + std::to_string(connection_) + "/" + std::to_string(round_) + "/";
  Request request = on_key(Command::kSet, name + std::to_string(steps_.size()));
  request.ttl_ms = 1 + random_.below(random_.below(3) == 0 ? 5'000 : 300);
  request.value = model::string(request.key);
  std::string frame = set(request.key, encode(request.value), request.ttl_ms);
  add(Target::kBrief, std::move(request), std::move(frame));
}

void Load::add_lock() {
  if (!holds_lock_) {
    std::string frame = acquire(kLockKey, owner(), kLockTtlMs, kLockWaitMs);
    return add(Target::kLock, on_key(Command::kAcquire, kLockKey), std::move(frame));
  }
  if (random_.below(3) == 0) {
    return add(Target::kLock, on_key(Command::kExtend, kLockKey), extend(kLockKey, owner(), kLockTtlMs));
  }
  add(Target::kLock, on_key(Command::kUnlock, kLockKey), unlock(kLockKey, owner()));
}

}  // namespace kv::test::crash
