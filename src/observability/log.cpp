#include "kv/observability/log.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <climits>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "kv/base/limits.hpp"

#include "observability/escape.hpp"

namespace kv::log {
namespace {

std::atomic<std::uint64_t> lost{0};  // lines that could not be written, and those that the queues of the past dropped

using SteadyClock = std::chrono::steady_clock;

std::string_view level_name(Level level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

// What differs between the two formats. spdlog puts the time in front of a body that is made by the thread that logs.
struct TextFormat {
  static constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %v";

  static void begin(std::string& out, Level level, std::string_view message) {
    constexpr std::size_t kLevelWidth = 5;
    out += level_name(level);
    out.append(kLevelWidth - level_name(level).size() + 1, ' ');
    append_escaped(out, message, Escape::kMessage, kLogTextBytesMax);
  }
  static void name(std::string& out, std::string_view name) { (out += ' ').append(name) += '='; }
  static void text(std::string& out, std::string_view text) {
    std::string escaped;
    append_escaped(escaped, text, Escape::kQuoted, kLogTextBytesMax);
    const bool bare = !text.empty() && escaped == text && text.find_first_of(" =") == text.npos;
    out += bare ? escaped : '"' + escaped + '"';
  }
};

struct JsonFormat {
  static constexpr const char* kPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";

  static void begin(std::string& out, Level level, std::string_view message) {
    (out += R"("level":")").append(level_name(level)) += R"(","message":)";
    text(out, message);
  }
  static void name(std::string& out, std::string_view name) { (out += ",\"").append(name) += "\":"; }
  static void text(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text, Escape::kJson, kLogTextBytesMax);
    out += '"';
  }
};

template <typename Style>
std::string body(Level level, std::string_view message, Fields fields) {
  std::string out;
  Style::begin(out, level, message);
  for (const Field& field : fields) {
    Style::name(out, field.name);
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      Style::text(out, *text);
    } else if (const auto* yes = std::get_if<bool>(&field.value)) {
      out += *yes ? "true" : "false";
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      out += std::to_string(*number);
    } else {
      out += std::to_string(std::get<std::uint64_t>(field.value));
    }
  }
  return out;
}

std::string body(Format format, Level level, std::string_view message, Fields fields) {
  return format == Format::kJson ? body<JsonFormat>(level, message, fields) : body<TextFormat>(level, message, fields);
}

std::string errno_text(int code) {
  return std::generic_category().message(code);
}

// Non-blocking, so that a FIFO that nobody reads neither stops the start nor the end of the server.
int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
}

// Where the lines go. Used by the log's thread alone, but for what says otherwise.
class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  LineSink(int fd, const Settings& settings, spdlog::details::thread_pool& pool)
      : fd_(fd), file_(settings.file), format_(settings.format), pool_(pool) {
    const char* pattern = format_ == Format::kJson ? JsonFormat::kPattern : TextFormat::kPattern;
    set_formatter_(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  }
  ~LineSink() override {
    if (!file_.empty()) ::close(fd_);
  }

  Format format() const { return format_; }

  // From any thread: what has not been written by then is given up.
  void set_deadline(SteadyClock::time_point deadline) { deadline_.store(deadline, std::memory_order_relaxed); }
  // From any thread: takes effect at the next flush or line.
  void ask_to_reopen() { reopen_asked_.store(true, std::memory_order_relaxed); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    flush_();
    if (const std::uint64_t overruns = pool_.overrun_counter(); overruns != overruns_told_) {
      warn("log lines dropped, the queue was full", {{"lines", overruns - overruns_told_}});
      overruns_told_ = overruns;
    }
    write_line(message);
  }

  // Every line is written as it comes, so there is nothing to flush; this is how reopen() reaches the log's thread.
  void flush_() override {
    if (!reopen_asked_.exchange(false, std::memory_order_relaxed) || file_.empty()) return;
    const int fresh = open_file(file_);
    if (fresh < 0) {
      warn("can't reopen the log file", {{"file", file_}, {"reason", errno_text(errno)}});
      return;
    }
    ::close(std::exchange(fd_, fresh));
  }

 private:
  void warn(std::string_view message, Fields fields) {
    const std::string text = body(format_, Level::kWarn, message, fields);
    write_line(spdlog::details::log_msg({}, spdlog::level::warn, text));
  }

  void write_line(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (!write_all({line.data(), line.size()})) lost.fetch_add(1, std::memory_order_relaxed);
  }

  bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!wait_until_writable()) return false;
      // What a pipe that polls writable takes without blocking.
      const ssize_t written = ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
      if (written > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EAGAIN) {
        return false;
      }
    }
    return true;
  }

  // False when nobody made room before the deadline. It looks at the deadline often, because stop() moves it.
  bool wait_until_writable() {
    constexpr int kLookMs = 50;
    for (;;) {
      const bool over = SteadyClock::now() >= deadline_.load(std::memory_order_relaxed);
      pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&waiting, 1, over ? 0 : kLookMs) != 0) return true;  // an error shows in write()
      if (over) return false;
    }
  }

  int fd_;
  const std::string file_;
  const Format format_;
  spdlog::details::thread_pool& pool_;  // joins the log's thread before it goes away
  std::uint64_t overruns_told_ = 0;
  std::atomic<bool> reopen_asked_{false};
  std::atomic<SteadyClock::time_point> deadline_{SteadyClock::time_point::max()};
};

struct Log {
  // stop() takes away the pool, and with it the thread, and leaves the others: a thread that is still logging then
  // finds no pool, and its line counts as lost.
  std::shared_ptr<LineSink> sink;
  std::shared_ptr<spdlog::async_logger> logger;
  std::weak_ptr<spdlog::details::thread_pool> pool_if_running;
  std::shared_ptr<spdlog::details::thread_pool> pool;
};
Log& the_log() {
  static Log instance;
  return instance;
}

// A signal is for the threads that wait for it; above all, SIGPIPE must not end the server when stderr is closed.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Result<void> start(const Settings& settings) {
  const int fd = settings.file.empty() ? STDERR_FILENO : open_file(settings.file);
  if (fd < 0) return Error{Errc::kInternal, "can't open log file " + settings.file + ": " + errno_text(errno)};

  Log& log = the_log();
  log.pool = std::make_shared<spdlog::details::thread_pool>(kLogQueueLinesMax, 1, block_signals);
  log.pool_if_running = log.pool;
  log.sink = std::make_shared<LineSink>(fd, settings, *log.pool);
  log.logger = std::make_shared<spdlog::async_logger>("kv", log.sink, log.pool_if_running,
                                                      spdlog::async_overflow_policy::overrun_oldest);
  log.logger->set_level(spdlog::level::trace);  // `threshold` has decided before
  log.logger->set_error_handler([](const std::string&) { lost.fetch_add(1, std::memory_order_relaxed); });
  set_level(settings.level);
  return {};
}

void stop() {
  set_level(Level::kOff);
  Log& log = the_log();
  if (!log.pool) return;
  log.sink->set_deadline(SteadyClock::now() + kLogStopMax);
  const std::shared_ptr<spdlog::details::thread_pool> pool = std::move(log.pool);
  lost.fetch_add(pool->overrun_counter(), std::memory_order_relaxed);
}

void reopen() {
  Log& log = the_log();
  if (const std::shared_ptr<spdlog::details::thread_pool> pool = log.pool_if_running.lock()) {
    log.sink->ask_to_reopen();
    pool->post_flush(std::shared_ptr(log.logger), spdlog::async_overflow_policy::overrun_oldest);
  }
}

std::uint64_t dropped_messages() {
  const std::shared_ptr<spdlog::details::thread_pool> pool = the_log().pool_if_running.lock();
  return lost.load(std::memory_order_relaxed) + (pool ? pool->overrun_counter() : 0);
}

void set_level(Level level) {
  detail::threshold.store(level, std::memory_order_relaxed);
}

void detail::write(Level level, std::string_view message, Fields fields) {
  const Log& log = the_log();
  if (!log.logger) return;
  log.logger->log(spdlog::level::info, body(log.sink->format(), level, message, fields));
}

}  // namespace kv::log
