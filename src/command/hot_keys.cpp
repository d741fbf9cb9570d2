// Which keys are used most: the call hot of KEYS.
//
// It looks at requests while it waits, at one of each group that a session runs together, which then counts for all of
// them; so what it costs others does not grow with the length of their pipelines.
#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "kv/base/limits.hpp"

#include "command/command_row.hpp"
#include "command/key_counts.hpp"
#include "command/key_searches.hpp"
#include "command/observers.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;
using protocol::Command;
using std::chrono::milliseconds;

// For each key that is asked for so many are counted, so that what comes often is not displaced.
constexpr std::size_t kCountedPerKey = 8;
constexpr std::size_t kCountedMin = 1'024;
// A longer key is not counted: they would take too much memory.
constexpr std::size_t kCountedKeyBytesMax = 1'024;

class HotKeys final : public Observer {
 public:
  explicit HotKeys(std::size_t count) : count_(count), counts_(std::max(kCountedMin, kCountedPerKey * count)) {}

  Attention attention() const override { return Attention::kSample; }

  bool see(const SeenGroup& group) override {
    const std::lock_guard guard(mutex_);
    for (const SeenRequest& request : group.requests) {
      const bool reads = (request.row->flags & kRead) != 0;
      const bool writes = (request.row->flags & kWrite) != 0;
      if (!reads && !writes) continue;
      for (const ByteView key : request.keys) {
        if (key.size() <= kCountedKeyBytesMax) counts_.add(key, reads, writes, request.stands_for);
      }
      requests_ += request.stands_for;
    }
    return true;
  }

  // Of keys that the caller may read.
  std::string as_json(const Connection& caller, std::uint64_t sampled_ms, std::size_t bytes_max) const;

 private:
  const std::size_t count_;
  mutable std::mutex mutex_;  // guards both
  KeyCounts counts_;
  std::uint64_t requests_ = 0;  // on keys
};

std::string HotKeys::as_json(const Connection& caller, std::uint64_t sampled_ms, std::size_t bytes_max) const {
  constexpr std::size_t kFrameBytes = 128;  // what stands around the list
  const std::lock_guard guard(mutex_);
  std::string list;
  std::uint64_t steps = 0;
  for (const KeyCounts::Counted& hot : counts_.most(count_)) {
    if (!caller.may_read(hot.key, steps)) continue;
    const std::string one =
        json::serialize(json::object{{"key", hot.key}, {"reads", hot.uses.reads}, {"writes", hot.uses.writes}});
    if (list.size() + one.size() + kFrameBytes > bytes_max) break;
    if (!list.empty()) list += ',';
    list += one;
  }
  return "{\"sampled_ms\":" + std::to_string(sampled_ms) + ",\"requests\":" + std::to_string(requests_) +
         ",\"error\":" + std::to_string(counts_.lost()) + ",\"keys\":[" + list + "]}";
}

class PendingHotKeys final : public protocol::PendingReply {
 public:
  PendingHotKeys(const Services& services, const Connection& caller, std::shared_ptr<HotKeys> keys, milliseconds time)
      : services_(services), caller_(caller), keys_(std::move(keys)), since_(services.clock.now()), time_(time) {}

  // Only time ends it.
  void notify(std::function<void()>) override {}
  bool ends_with_peer() const override { return true; }
  milliseconds time_left() const override { return std::max(time_ - elapsed(), milliseconds(0)); }
  Lsn complete(ByteBuffer& out) override {
    const std::size_t bytes_max = services_.limits.payload_bytes_max;
    const std::string answer = keys_->as_json(caller_, static_cast<std::uint64_t>(elapsed().count()), bytes_max);
    protocol::ReplyWriter(out, bytes_max).ok(answer);
    services_.counters.add_ok(static_cast<std::uint8_t>(Command::kKeys));
    return kNoLsn;
  }
  Lsn withdraw(ByteBuffer& out) override { return complete(out); }
  void undeliverable() override {}

 private:
  milliseconds elapsed() const { return milliseconds(services_.clock.now() - since_); }

  const Services& services_;
  const Connection& caller_;
  const std::shared_ptr<HotKeys> keys_;
  const UnixMillis since_;
  const milliseconds time_;
};

}  // namespace

Result<void> find_hot_keys(Context& context, Request& request) {
  const auto count = request.count == 0 ? kHotKeysDefault : std::min(request.count, kHotKeysMax);
  const milliseconds time(std::min<std::uint64_t>(request.wait_ms, milliseconds(kHotKeysTimeMax).count()));
  auto keys = std::make_shared<HotKeys>(count);
  if (time.count() == 0) {
    context.reply.ok(keys->as_json(context.caller, 0, context.services.limits.payload_bytes_max));
    return {};
  }
  context.observers.add(keys);
  context.handled.pending = std::make_unique<PendingHotKeys>(context.services, context.caller, std::move(keys), time);
  return {};
}

}  // namespace kv::command
