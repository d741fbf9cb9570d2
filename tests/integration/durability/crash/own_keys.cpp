#include "integration/durability/crash/own_keys.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "support/base/hex.hpp"

namespace kv::test::crash {
namespace {

// What clocks that are read in different processes, and in whole milliseconds, may be apart.
constexpr std::uint64_t kClockToleranceMs = 50;

// None where a request was still sent after the server's end.
std::uint64_t ms_between(Moment from, Moment to) {
  return to > from ? unix_ms(to) - unix_ms(from) : 0;
}

bool is_own(const Step& step) {
  return step.target == Target::kOwn || step.target == Target::kEverything;
}

std::string fingerprint(const model::Store& store) {
  std::string text;
  for (const auto& [key, entry] : store.entries()) {
    text += key + encode(entry.value) + std::to_string(entry.deadline_ms) + (entry.is_lock ? 'l' : '-');
  }
  return text;
}

std::string shown(const Step& step) {
  std::ostringstream out;
  out << "command " << static_cast<unsigned>(step.request.command) << " on " << hex(step.request.key);
  return out.str();
}

std::string shown(const Reply& reply) {
  std::ostringstream out;
  out << reply;
  return out.str();
}

bool concerns(const Step& step, const std::string& key) {
  const model::Request& request = step.request;
  return request.key == key || std::ranges::count(request.keys, key) != 0 ||
         std::ranges::any_of(request.pairs, [&](const auto& pair) { return pair.first == key; });
}

// What happened to the key of `last` up to then, for who has to find out what went wrong.
std::string history(const std::vector<Step>& steps, const Step& last) {
  std::string text;
  for (const Step& step : steps) {
    if (!is_own(step) || !concerns(step, last.request.key)) continue;
    text += "\n  " + std::to_string(unix_ms(step.sent)) + " " + shown(step) + ": " + shown(step.reply);
    if (&step == &last) break;
  }
  return text;
}

}  // namespace

std::string OwnKeys::check(const std::vector<Step>& steps, const Round& round, bool flushes, const Found& found) {
  if (flushes) {
    flush_.reset();  // it is one of the steps
  } else {
    flush_ = round.flush;
  }
  worlds_ = {{store_, false}};
  before_ = Moment::min();
  fault_.clear();
  match_.reset();
  closest_ = {};
  for (const Step& step : steps) {
    slack_ms_ = std::max(slack_ms_, ms_between(step.sent, step.is_answered() ? step.answered : round.ended));
  }
  follow_answered(steps);
  if (!fault_.empty()) return fault_;
  follow_unanswered(steps, found);
  if (!match_) return "no point of time explains what is there. Closest, " + closest_.text;
  store_ = *std::move(match_);
  return {};
}

void OwnKeys::follow_answered(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (!step.is_answered()) return;
    if (!is_own(step)) continue;
    flush_before(step);
    std::vector<World> left;
    std::string fault = "a FLUSH was answered and is not to be seen";
    for (World& world : worlds_) {
      std::string one = fault_of_answer(world, step);
      if (one.empty()) {
        left.push_back(std::move(world));
      } else {
        fault = std::move(one);
      }
    }
    worlds_ = std::move(left);
    if (step.request.command == Command::kAcquire && step.reply.payload.starts_with('\1')) {
      last_token_ = step.reply.u64(1);
    }
    if (!worlds_.empty()) continue;
    fault_ = fault + history(steps, step);
    return;
  }
}

void OwnKeys::follow_unanswered(const std::vector<Step>& steps, const Found& found) {
  flush_worlds();
  consider(found, "after all that was answered");
  std::size_t number = 0;
  for (const Step& step : steps) {
    if (step.is_answered() || !is_own(step)) continue;
    for (World& world : worlds_) {
      world.store.set_now(unix_ms(step.sent));
      world.store.apply(step.request);
    }
    flush_worlds();
    consider(found, "after " + std::to_string(++number) + " more that were not answered");
    if (match_) return;
  }
}

// A FLUSH comes between two requests when it can have been carried out after the first was sent and before the second
// was answered.
void OwnKeys::flush_before(const Step& step) {
  if (!flush_) return;
  if (flush_->sent <= step.answered && flush_->answered >= before_) flush_worlds();
  if (flush_->answered < step.sent) std::erase_if(worlds_, [](const World& world) { return !world.flushed; });
  before_ = step.sent;
}

void OwnKeys::flush_worlds() {
  if (!flush_) return;
  const std::size_t count = worlds_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!worlds_[i].flushed) worlds_.push_back({{}, true});
  }
  if (worlds_.size() > 8) drop_equal_worlds();
}

void OwnKeys::drop_equal_worlds() {
  std::set<std::string> seen;
  std::erase_if(worlds_, [&](const World& world) {
    return !seen.insert((world.flushed ? '1' : '0') + fingerprint(world.store)).second;
  });
}

std::string OwnKeys::fault_of_answer(World& world, const Step& step) {
  using Kind = model::Expected::Kind;
  const Reply& reply = step.reply;
  world.store.set_now(unix_ms(step.sent));
  const std::optional<model::Expected> expected = world.store.apply(step.request);
  const auto fault = [&] { return shown(step) + " was answered with " + shown(reply); };
  if (step.target == Target::kEverything) return reply.status == protocol::Status::kOk ? "" : fault();
  if (!expected) return fault() + ", which the model can't foresee";
  if (expected->kind == Kind::kExactly) {
    return reply == expected->reply ? "" : fault() + " and not " + shown(expected->reply);
  }
  if (reply.status != protocol::Status::kOk) return fault();
  if (expected->kind == Kind::kTimeLeft) {
    return reply.payload.size() == 8 && time_fits(expected->ttl_ms, reply.u64())
               ? ""
               : fault() + ", with " + std::to_string(expected->ttl_ms) + " left";
  }
  const bool granted = reply.payload.starts_with('\1');
  if (reply.payload.size() != 9 || granted != (expected->kind == Kind::kGranted)) return fault();
  if (granted) return reply.u64(1) > last_token_ ? "" : fault();
  const bool fits =
      expected->ttl_ms == 0 ? reply.u64(1) == ~std::uint64_t{0} : time_fits(expected->ttl_ms, reply.u64(1));
  return fits ? "" : fault() + ", with " + std::to_string(expected->ttl_ms) + " left";
}

bool OwnKeys::time_fits(std::uint64_t expected_left, std::uint64_t left) const {
  const std::uint64_t apart = expected_left > left ? expected_left - left : left - expected_left;
  return apart <= slack_ms_ + kClockToleranceMs;
}

void OwnKeys::consider(const Found& found, const std::string& when) {
  for (const World& world : worlds_) {
    if (match_) return;
    if (flush_ && flush_->answered != kNever && !world.flushed) continue;
    std::size_t count = 0;
    std::string text = differences(world.store, found, count);
    if (count == 0) match_ = world.store;
    if (count < closest_.differences) closest_ = {count, when + ":" + std::move(text)};
  }
}

std::string OwnKeys::differences(const model::Store& store, const Found& found, std::size_t& count) const {
  std::string text;
  const auto differ = [&](const std::string& key, const std::string& how) {
    ++count;
    if (count <= 5) text += "\n  " + hex(key) + " " + how;
  };
  for (const auto& [key, entry] : store.entries()) {
    const auto there = found.find(key);
    if (there == found.end()) {
      differ(key, "is not there, and should be " + crash::shown(encode(entry.value)));
      continue;
    }
    const FoundEntry& has = there->second;
    if (has.value != encode(entry.value)) {
      differ(key, "is " + crash::shown(has.value) + " and not " + crash::shown(encode(entry.value)));
    } else if (has.is_lock != entry.is_lock) {
      differ(key, has.is_lock ? "is a lock" : "is no lock");
    } else if (has.has_deadline() != (entry.deadline_ms != 0)) {
      differ(key, has.has_deadline() ? "has a deadline" : "has no deadline");
    } else if (has.has_deadline() && (has.deadline_to_ms + kClockToleranceMs < entry.deadline_ms ||
                                      has.deadline_from_ms > entry.deadline_ms + slack_ms_ + kClockToleranceMs)) {
      differ(key, "ends from " + std::to_string(has.deadline_from_ms) + " to " + std::to_string(has.deadline_to_ms) +
                      " and not at " + std::to_string(entry.deadline_ms));
    }
  }
  for (const auto& [key, entry] : found) {
    if (!store.entries().contains(key)) differ(key, "should not be there: " + crash::shown(entry.value));
  }
  return text;
}

}  // namespace kv::test::crash
