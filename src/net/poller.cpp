#include "net/poller.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <boost/asio/post.hpp>

namespace kv::net {
namespace {

int make_epoll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  return descriptor;
}

}  // namespace

Poller::Poller(asio::io_context& io) : io_(io), epoll_(io, make_epoll()) {}

void Poller::stop() {
  error_code ignored;
  epoll_.close(ignored);
}

error_code Poller::watch(int descriptor, Polled& polled, std::uint32_t current, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &polled;
  const int operation = current == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  const int failed = ::epoll_ctl(epoll_.native_handle(), operation, descriptor, &event);
  return failed == 0 ? error_code() : error_code(errno, boost::system::system_category());
}

void Poller::forget(const Polled& polled) {
  for (epoll_event& event : left_) {
    if (event.data.ptr == &polled) event.data.ptr = nullptr;
  }
}

void Poller::wait() {
  epoll_.async_wait(asio::posix::descriptor_base::wait_read, [this](error_code error) {
    if (error) return;
    ++load_.wakeups;
    sweep();
  });
}

void Poller::sweep() {
  if (!epoll_.is_open()) return;
  const int ready = ::epoll_wait(epoll_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  if (ready <= 0) return wait();
  load_.ready += static_cast<std::uint64_t>(ready);
  left_ = std::span(events_).first(static_cast<std::size_t>(ready));
  while (!left_.empty()) {
    const epoll_event event = left_.front();
    left_ = left_.subspan(1);
    if (event.data.ptr != nullptr) static_cast<Polled*>(event.data.ptr)->ready(event.events);
    if (held_.size() >= kHeldMax) release_held();
  }
  release_held();
  asio::post(io_, [this] { sweep(); });
}

void Poller::release_held() {
  if (held_.empty()) return;
  before_release_();
  released_.swap(held_);
  for (auto& operation : released_) operation.release()->complete({});
  released_.clear();
}

}  // namespace kv::net
