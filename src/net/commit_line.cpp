#include "net/commit_line.hpp"

#include <algorithm>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace kv::net {

CommitLine::CommitLine(asio::io_context& io, CommitGate* gate) : io_(io), gate_(gate) {
  if (gate_ != nullptr) gate_->add_listener([this] { changed(); });
}

void CommitLine::enter(Place place) {
  // Nearly always the last one: a session depends on what was recorded a moment ago.
  auto at = line_.end();
  while (at != line_.begin() && std::prev(at)->lsn > place.lsn) --at;
  line_.insert(at, std::move(place));
  start_waiting();
}

void CommitLine::enter_for_room(Pending operation) {
  for_room_.push_back(std::move(operation));
  start_waiting();
}

// What was posted runs after the sweep that is under way, and so once for all sessions that come to wait in it.
void CommitLine::start_waiting() {
  if (std::exchange(hurry_posted_, true)) return;
  asio::post(io_, [this] {
    hurry_posted_ = false;
    gate_->hurry();
    resume();
  });
}

void CommitLine::changed() {
  if (is_waiting_.exchange(false)) asio::post(io_, [this] { resume(); });
}

void CommitLine::resume() {
  // Set before looking, so that what changes after the look calls again.
  is_waiting_.store(true);
  std::vector<std::pair<Pending, error_code>> ready;
  for (; !line_.empty(); line_.pop_front()) {
    const CommitGate::State state = gate_->state(line_.front().lsn);
    if (state == CommitGate::State::kPending) break;
    const bool passed = state == CommitGate::State::kPassed;
    ready.emplace_back(std::move(line_.front().operation),
                       passed ? error_code() : asio::error::make_error_code(asio::error::operation_aborted));
  }
  if (!for_room_.empty() && gate_->has_room()) {
    for (Pending& operation : for_room_) ready.emplace_back(std::move(operation), error_code());
    for_room_.clear();
  }
  if (line_.empty() && for_room_.empty()) is_waiting_.store(false);
  // These may come to wait again at once, at the end of the line.
  for (auto& [operation, error] : ready) operation.release()->complete(error);
}

void CommitLine::abort() {
  auto line = std::exchange(line_, {});
  auto for_room = std::exchange(for_room_, {});
  for (Place& place : line) place.operation.release()->complete(asio::error::operation_aborted);
  for (Pending& operation : for_room) operation.release()->complete(asio::error::operation_aborted);
}

}  // namespace kv::net
