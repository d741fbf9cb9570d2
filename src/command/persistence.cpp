// Commands on what is kept: SNAPSHOT LASTSAVE.
//
// A snapshot takes as long as it takes, and the answer to SNAPSHOT comes when it is done. It is done on a thread of the
// server's, which may find the session that asked for it gone; so what the two share belongs to both.
#include <mutex>
#include <optional>
#include <string>

#include "kv/observability/log.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

using protocol::SnapshotMode;
using Saved = Result<UnixMillis>;

// Whatever a snapshot fails of is a fault on the server's side.
Error failure(const Error& reason) {
  return {Errc::kInternal, log::escape_for_log(reason.message, kReasonBytesMax)};
}

// How the snapshot that was asked for stands.
class Outcome {
 public:
  void set(Saved saved) {
    const std::lock_guard guard(mutex_);
    saved_ = std::move(saved);
    if (wake_) wake_();
  }
  // Nothing while it is being taken.
  std::optional<Saved> get() const {
    const std::lock_guard guard(mutex_);
    return saved_;
  }
  // `wake` is called when it is set, at once where it is already.
  void on_set(std::function<void()> wake) {
    const std::lock_guard guard(mutex_);
    wake_ = std::move(wake);
    if (wake_ && saved_) wake_();
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Saved> saved_;  // guarded by mutex_
  std::function<void()> wake_;  // guarded by mutex_
};

// A SNAPSHOT that is being taken.
class PendingSnapshot final : public protocol::PendingReply {
 public:
  PendingSnapshot(const Services& services, std::shared_ptr<Outcome> outcome)
      : services_(services), outcome_(std::move(outcome)) {}
  ~PendingSnapshot() override { outcome_->on_set(nullptr); }

  void notify(std::function<void()> wake) override { outcome_->on_set(std::move(wake)); }

  // The snapshot is taken for all, whoever asked for it.
  bool ends_with_peer() const override { return false; }

  // As long as the snapshot takes, and no snapshot takes that long.
  std::chrono::milliseconds time_left() const override { return kTimeoutMax; }

  Lsn complete(ByteBuffer& out) override {
    reply("the snapshot is not done yet", out);
    return kNoLsn;
  }

  // The snapshot goes on without the one who asked for it. If it is done already, it is better to say so.
  Lsn withdraw(ByteBuffer& out) override {
    reply("the server is stopping before the snapshot is done", out);
    return kNoLsn;
  }

  void undeliverable() override {}

 private:
  void reply(const char* if_not_done, ByteBuffer& out) {
    protocol::ReplyWriter writer(out, services_.limits.payload_bytes_max);
    const Saved saved = outcome_->get().value_or(Error{Errc::kInternal, if_not_done});
    constexpr auto kCommand = static_cast<std::uint8_t>(protocol::Command::kSnapshot);
    if (saved) {
      writer.ok_u64(*saved);
      services_.counters.add_ok(kCommand);
    } else {
      writer.error(failure(saved.error()));
      services_.counters.add_failed(kCommand, Errc::kInternal);
    }
  }

  const Services& services_;
  const std::shared_ptr<Outcome> outcome_;
};

Result<void> snapshot(Context& context, Request& request) {
  Administration& administration = context.services.administration;
  if (!administration.persistence().enabled) {
    return Error{Errc::kInternal, "nothing is kept on disk: start the server with --data-dir to switch that on"};
  }
  const auto outcome = std::make_shared<Outcome>();
  auto pending = std::make_unique<PendingSnapshot>(context.services, outcome);
  administration.take_snapshot(std::string(request.folder), [outcome](Saved saved) { outcome->set(std::move(saved)); });

  const std::optional<Saved> saved = outcome->get();
  if (saved && !*saved) return failure(saved->error());
  if (request.mode == SnapshotMode::kBackground) {
    context.reply.ok();
  } else if (saved) {
    context.reply.ok_u64(**saved);
  } else {
    context.handled.pending = std::move(pending);
  }
  return {};
}

Result<void> lastsave(Context& context, Request&) {
  context.reply.ok_u64(context.services.administration.persistence().last_snapshot_at);
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kSnapshot, "SNAPSHOT", {kMode, kFolder}, kAdmin | kWaits, "persistence", snapshot},
    {Command::kLastsave, "LASTSAVE", {}, kAdmin, "persistence", lastsave},
};

}  // namespace

std::span<const CommandRow> persistence_commands() {
  return kRows;
}

}  // namespace kv::command
