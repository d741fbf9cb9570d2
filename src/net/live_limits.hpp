// NetworkLimits that one thread may change while others go by them. Each is a number by itself, so none needs to be
// seen together with another, and reading one costs what a plain load does.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>

#include "kv/net/network.hpp"

namespace kv::net {

class LiveLimits {
 public:
  explicit LiveLimits(const NetworkLimits& limits) { set(limits); }

  // Thread-safe, like all others.
  void set(const NetworkLimits& limits) {
    connections_max_.store(limits.connections_max, std::memory_order_relaxed);
    reply_backlog_max_.store(limits.reply_backlog_max, std::memory_order_relaxed);
    request_timeout_.store(limits.request_timeout, std::memory_order_relaxed);
    idle_timeout_.store(limits.idle_timeout, std::memory_order_relaxed);
    reply_timeout_.store(limits.reply_timeout, std::memory_order_relaxed);
    tcp_keepalive_.store(limits.tcp_keepalive, std::memory_order_relaxed);
  }

  std::size_t connections_max() const { return connections_max_.load(std::memory_order_relaxed); }
  std::size_t reply_backlog_max() const { return reply_backlog_max_.load(std::memory_order_relaxed); }
  std::chrono::milliseconds request_timeout() const { return request_timeout_.load(std::memory_order_relaxed); }
  std::chrono::milliseconds idle_timeout() const { return idle_timeout_.load(std::memory_order_relaxed); }
  std::chrono::milliseconds reply_timeout() const { return reply_timeout_.load(std::memory_order_relaxed); }
  std::chrono::seconds tcp_keepalive() const { return tcp_keepalive_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> connections_max_;
  std::atomic<std::size_t> reply_backlog_max_;
  std::atomic<std::chrono::milliseconds> request_timeout_;
  std::atomic<std::chrono::milliseconds> idle_timeout_;
  std::atomic<std::chrono::milliseconds> reply_timeout_;
  std::atomic<std::chrono::seconds> tcp_keepalive_;
};

}  // namespace kv::net
