#include "kv-bench/run.hpp"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <semaphore>
#include <thread>
#include <unistd.h>

#include "kv-bench/cpu.hpp"

namespace kv::bench {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

constinit std::atomic<bool> ended = false;  // by end_run()
static_assert(std::atomic<bool>::is_always_lock_free);

// Loading goes this deep, as long as what is under way on a connection stays below a mebibyte.
constexpr std::size_t kLoadPipeline = 64;
constexpr std::size_t kLoadBytes = 1U << 20;

std::uint64_t to_ns(double seconds) {
  return static_cast<std::uint64_t>(std::llround(seconds * 1e9));
}

// The part of `whole` that thread `index` of `count` has, when all of them in order have all of it.
struct Share {
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t size() const { return last - first; }
};
Share share_of(std::uint64_t whole, std::size_t index, std::size_t count) {
  return {whole * index / count, whole * (index + 1) / count};
}

// One line on a terminal, written over once a second.
class Progress {
 public:
  explicit Progress(const std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}
  ~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  void show(const char* what) {
    if (!is_terminal_) return;
    std::uint64_t replies = 0;
    for (const auto& worker : workers_) replies += worker->replies();
    const std::uint64_t now = monotonic_ns();
    const double rate = static_cast<double>(replies - replies_) * 1e9 / static_cast<double>(now - now_);
    std::fprintf(stderr, "\r\033[K%s: %.0f op/s", what, rate);
    std::fflush(stderr);
    replies_ = replies;
    now_ = now;
    shown_ = true;
  }

 private:
  const std::vector<std::unique_ptr<Worker>>& workers_;
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  std::uint64_t replies_ = 0;
  std::uint64_t now_ = monotonic_ns();
  bool shown_ = false;
};

// Threads that run one phase, each on its worker, while the caller watches.
class Crew {
 public:
  Crew(std::vector<std::unique_ptr<Worker>>& workers, const std::vector<Phase>& phases)
      : tallies_(workers.size()), failures_(workers.size()) {
    for (std::size_t index = 0; index < workers.size(); ++index) {
      threads_.emplace_back([this, index, &worker = *workers[index], phase = phases[index]] {
        failures_[index] = worker.run(phase, tallies_[index]);
        finished_.release();
      });
    }
  }

  // Waits until all have finished or it is `until_ns`, and shows progress once a second.
  void wait(std::uint64_t until_ns, Progress& progress, const char* what) {
    while (left_ != 0) {
      const std::uint64_t now = monotonic_ns();
      if (now >= until_ns) return;
      if (finished_.try_acquire_for(std::chrono::nanoseconds(std::min(until_ns - now, kSecond)))) {
        --left_;
      } else {
        progress.show(what);
      }
    }
  }

  // REQUIRES: wait() found all of them finished.
  std::optional<Failure> collect(Tally& tally) {
    threads_.clear();
    for (const Tally& part : tallies_) tally.merge(part);
    for (const std::optional<Failure>& failure : failures_) {
      if (failure) return failure;
    }
    return std::nullopt;
  }

 private:
  std::vector<Tally> tallies_;
  std::vector<std::optional<Failure>> failures_;
  std::counting_semaphore<> finished_{0};
  std::size_t left_ = tallies_.size();
  std::vector<std::jthread> threads_;
};

std::optional<Failure> preload(const Options& options, std::vector<std::unique_ptr<Worker>>& workers,
                               Progress& progress) {
  const std::size_t request_bytes = options.sizes.key_bytes + options.sizes.value_bytes;
  std::vector<Phase> phases;
  for (std::size_t index = 0; index < workers.size(); ++index) {
    const Share keys = share_of(options.sizes.keys, index, workers.size());
    phases.push_back({.source = RequestSource::load(keys.first, keys.last),
                      .pipeline = std::clamp<std::size_t>(kLoadBytes / request_bytes, 1, kLoadPipeline)});
  }
  Crew crew(workers, phases);
  crew.wait(kNever, progress, "loading");
  Tally tally;
  std::optional<Failure> failure = crew.collect(tally);
  if (!failure && tally.errors.total() != 0) {
    failure = Failure{Failure::Kind::kReply,
                      std::to_string(tally.errors.total()) + " keys could not be loaded: " + tally.errors.first()};
  }
  if (!failure && ended) failure = Failure{Failure::Kind::kReply, "ended before all keys were loaded"};
  return failure;
}

std::vector<Phase> measuring_phases(const Options& options, std::uint64_t start_ns) {
  const std::uint64_t warm_ns = start_ns + to_ns(options.warmup_s);
  std::vector<Phase> phases;
  for (std::size_t index = 0; index < options.threads; ++index) {
    const Share connections = share_of(options.connections, index, options.threads);
    const double share = static_cast<double>(connections.size()) / static_cast<double>(options.connections);
    phases.push_back({.source = RequestSource::random(
                          {.keys = options.sizes.keys,
                           .get_share = options.get_share,
                           .seed = Random(options.seed + index).next(),
                           .budget = options.requests ? share_of(*options.requests, index, options.threads).size()
                                                      : RequestSource::kUnlimited}),
                      .pipeline = options.pipeline,
                      .start_ns = start_ns,
                      .warm_ns = warm_ns,
                      .stop_ns = options.requests ? kNever : warm_ns + to_ns(options.duration_s),
                      .batch_interval_ns =
                          options.rate > 0 ? 1e9 * static_cast<double>(options.pipeline) / (options.rate * share) : 0});
  }
  return phases;
}

}  // namespace

void end_run() noexcept {
  ended = true;
}

std::variant<Measurement, Failure> run(const Options& options) {
  if (options.server_pid != 0 && !cpu_ns(options.server_pid)) {
    return Failure{Failure::Kind::kConnection, "no process " + std::to_string(options.server_pid)};
  }
  const auto tls = tools::make_tls_context(options.tls);
  if (!tls) return Failure{Failure::Kind::kConnection, tls.error().message};
  const Endpoint endpoint{options.host, options.port, *tls, options.tls.server_name};
  auto connected =
      connect_all(endpoint, options.connections, std::chrono::milliseconds(std::llround(options.timeout_s * 1000)));
  if (auto* failure = std::get_if<Failure>(&connected)) return *failure;
  auto& sockets = std::get<std::vector<Stream>>(connected);

  if (auto failure =
          log_in(sockets, options.login, std::chrono::milliseconds(std::llround(options.timeout_s * 1000)))) {
    return *failure;
  }
  const Worker::Setup setup{options.proto, options.sizes, options.ttl_ms, options.verify, to_ns(options.timeout_s),
                            &ended};
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t index = 0; index < options.threads; ++index) {
    const Share share = share_of(sockets.size(), index, options.threads);
    const auto first = sockets.begin() + static_cast<std::ptrdiff_t>(share.first);
    const auto last = sockets.begin() + static_cast<std::ptrdiff_t>(share.last);
    workers.push_back(make_worker(setup, {std::make_move_iterator(first), std::make_move_iterator(last)}));
  }
  Progress progress(workers);
  if (options.preload) {
    if (std::optional<Failure> failure = preload(options, workers, progress)) return *failure;
  }

  const std::uint64_t start_ns = monotonic_ns();
  const std::vector<Phase> phases = measuring_phases(options, start_ns);
  const std::uint64_t warm_ns = phases.front().warm_ns;
  const auto server_cpu = [&] { return options.server_pid == 0 ? std::nullopt : cpu_ns(options.server_pid); };
  std::optional<std::uint64_t> server_before = server_cpu();
  std::uint64_t client_before = cpu_ns(0).value_or(0);
  Crew crew(workers, phases);
  if (options.warmup_s > 0) {
    crew.wait(warm_ns, progress, "warming up");
    server_before = server_cpu();
    client_before = cpu_ns(0).value_or(0);
  }
  crew.wait(kNever, progress, "measuring");
  const std::optional<std::uint64_t> server_after = server_cpu();
  const std::uint64_t client_after = cpu_ns(0).value_or(0);

  Measurement measurement;
  if (std::optional<Failure> failure = crew.collect(measurement.tally)) return *failure;
  const std::uint64_t end_ns = std::max(measurement.tally.last_reply_ns, warm_ns);
  measurement.seconds = static_cast<double>(end_ns - warm_ns) / 1e9;
  measurement.client_cpu_ns = client_after - client_before;
  if (server_before && server_after) measurement.server_cpu_ns = *server_after - *server_before;
  return measurement;
}

}  // namespace kv::bench
