// Requests that run together at the end of a sweep: what they need is fetched from memory for all of them at once,
// instead of waiting for each in turn. Of one I/O thread.
#pragma once

#include <boost/container/static_vector.hpp>

#include "kv/protocol/request_handler.hpp"

#include "net/poller.hpp"

namespace kv::net {

class Announced {
 public:
  explicit Announced(protocol::RequestHandler& handler) : handler_(handler) {}

  // The frame stays where it is until fetch(). REQUIRES: fewer than Poller::kHeldMax since then.
  void add(const protocol::Frame& frame) { frames_.push_back(frame); }
  // They run now.
  void fetch() {
    if (frames_.size() > 1) handler_.prefetch({frames_.data(), frames_.size()});
    frames_.clear();
  }

 private:
  protocol::RequestHandler& handler_;
  boost::container::static_vector<protocol::Frame, Poller::kHeldMax> frames_;
};

}  // namespace kv::net
