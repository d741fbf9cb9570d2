#include "kv/observability/trace.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <pthread.h>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include "kv/base/limits.hpp"
#include "kv/observability/log.hpp"

#include "observability/otlp.hpp"

namespace kv::observability {
namespace {

using std::chrono::milliseconds;

// Of a batch of thousands of requests the first ones tell enough.
constexpr std::size_t kSpansInTraceMax = 128;
constexpr std::size_t kSpansQueuedMax = 8'192;
constexpr std::size_t kSpansInRequestMax = 1'024;
// A request goes out once so many spans wait, or the first of them has waited for so long.
constexpr std::size_t kSpansToSendAtOnce = 512;
constexpr milliseconds kSendPeriod{1'000};
// How long the end waits for what is under way and what is left to be sent.
constexpr milliseconds kEndMax{1'000};
// After a failure the collector is left alone for a while, for twice as long after each more.
constexpr milliseconds kPauseMin{1'000};
constexpr milliseconds kPauseMax{30'000};

std::mt19937_64& random() {
  static thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return engine;
}

// 0 is no id.
std::uint64_t random_id() {
  std::uint64_t id = 0;
  while (id == 0) id = random()();
  return id;
}

}  // namespace

Span& Span::note(std::string_view attribute, std::int64_t value) {
  attributes.push_back({attribute, value});
  return *this;
}

Span& Span::note(std::string_view attribute, std::string value) {
  attributes.push_back({attribute, std::move(value)});
  return *this;
}

// A trace -----------------------------------------------------------------------------------------------------------

Trace::Trace(Tracer& tracer, std::string_view name) : tracer_(tracer) {
  spans_.trace = {random_id(), random_id()};
  spans_.spans.push_back({.id = random_id(), .name = std::string(name), .begin = Tracer::now()});
}

Trace::~Trace() {
  root().end = Tracer::now();
  if (left_out_ != 0) root().note("kv.spans_left_out", static_cast<std::int64_t>(left_out_));
  tracer_.take(std::move(spans_));
}

Span& Trace::add(std::string_view name, UnixNanos begin) {
  Span span{.id = random_id(), .name = std::string(name), .begin = begin, .end = Tracer::now()};
  if (spans_.spans.size() < kSpansInTraceMax) return spans_.spans.emplace_back(std::move(span));
  ++left_out_;
  return left_over_ = std::move(span);
}

// The tracer --------------------------------------------------------------------------------------------------------

struct Tracer::State {
  void run();
  bool send_some();

  Url url;
  milliseconds answer_max{};
  OtlpResource resource;
  std::uint64_t sampled_below = 0;  // of 2^63 random numbers

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Spans> queue;  // guarded by mutex, as what follows
  std::size_t queued = 0;    // spans in it
  bool stopping = false;
  bool ended = false;  // the sender has nothing more to do

  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> dropped{0};
  bool is_failing = false;   // the sender's own
  std::stop_source give_up;  // from then on no request goes on or begins
  std::thread sender;
};

Result<void> Tracer::check_endpoint(std::string_view endpoint) {
  if (const auto url = parse_http_url(endpoint); !url) return url.error();
  return {};
}

Result<std::unique_ptr<Tracer>> Tracer::start(const Options& options) {
  auto url = parse_http_url(options.endpoint);
  if (!url) return url.error();
  auto state = std::make_unique<State>();
  state->url = *std::move(url);
  state->answer_max = options.answer_max;
  state->resource = {.version = options.version, .instance = std::to_string(random_id())};
  constexpr double kAll = 9'223'372'036'854'775'808.0;  // 2^63
  state->sampled_below = static_cast<std::uint64_t>(std::clamp(options.ratio, 0.0, 1.0) * kAll);
  return std::unique_ptr<Tracer>(new Tracer(std::move(state)));
}

Tracer::Tracer(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->sender = std::thread([this] {
    pthread_setname_np(pthread_self(), "kv-trace");
    state_->run();
  });
}

Tracer::~Tracer() {
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    state_->changed.wait_for(lock, kEndMax, [this] { return state_->ended; });
  }
  state_->give_up.request_stop();
  state_->sender.join();
}

UnixNanos Tracer::now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<UnixNanos>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count());
}

std::unique_ptr<Trace> Tracer::sample(std::string_view name) {
  if ((random()() >> 1) >= state_->sampled_below) return nullptr;
  return std::make_unique<Trace>(*this, name);
}

Tracer::Status Tracer::status() const {
  return {.sent = state_->sent.load(), .dropped = state_->dropped.load()};
}

void Tracer::take(Spans&& spans) {
  const std::size_t count = spans.spans.size();
  bool is_enough = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->queued + count > kSpansQueuedMax) {
      state_->dropped += count;
      return;
    }
    const bool was_enough = state_->queued >= kSpansToSendAtOnce;
    state_->queue.push_back(std::move(spans));
    state_->queued += count;
    is_enough = !was_enough && state_->queued >= kSpansToSendAtOnce;
  }
  if (is_enough) state_->changed.notify_one();
}

void Tracer::State::run() {
  milliseconds pause = kPauseMin;
  std::unique_lock lock(mutex);
  while (!stopping) {
    changed.wait_for(lock, kSendPeriod, [this] { return stopping || queued >= kSpansToSendAtOnce; });
    if (queued == 0 || stopping) continue;
    lock.unlock();
    const bool was_sent = send_some();
    lock.lock();
    if (was_sent) {
      pause = kPauseMin;
    } else {
      changed.wait_for(lock, pause, [this] { return stopping; });
      pause = std::min(2 * pause, kPauseMax);
    }
  }
  for (bool was_sent = true; was_sent && queued != 0;) {
    lock.unlock();
    was_sent = send_some();
    lock.lock();
  }
  dropped += queued;
  ended = true;
  changed.notify_all();
}

// Sends the oldest, as many as fit a request. What isn't taken is gone: the next ones tell as much.
bool Tracer::State::send_some() {
  std::vector<Spans> traces;
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex);
    auto last = queue.begin();
    while (last != queue.end() && (count == 0 || count + last->spans.size() <= kSpansInRequestMax)) {
      count += last->spans.size();
      ++last;
    }
    traces.assign(std::make_move_iterator(queue.begin()), std::make_move_iterator(last));
    queue.erase(queue.begin(), last);
    queued -= count;
  }
  const auto done = post_json(url, otlp_json(resource, traces), answer_max, give_up.get_token());
  const std::size_t rejected = done ? std::min<std::uint64_t>(count, rejected_spans(*done)) : count;
  sent += count - rejected;
  dropped += rejected;
  if (!done && !std::exchange(is_failing, true)) {
    log::warn("traces can't be sent", {{"host", url.host}, {"port", url.port}, {"reason", done.error().message}});
  } else if (done && std::exchange(is_failing, false)) {
    log::info("traces are sent again");
  }
  return done.has_value();
}

}  // namespace kv::observability
