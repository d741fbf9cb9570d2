// Who calls: one connection, as commands know it. A session asks its RequestHandler for one when it begins, hands it in
// with every frame, and destroys it at its own end.
//
// What is in it changes on the session's thread alone, by requests that run there and by PendingReply::complete(). A
// heavy request, which runs elsewhere while the session waits, may read it, and call end_after_reply() and
// set_admitted().
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace kv::protocol {

// What is known of the other end before it has said a word.
struct Peer {
  std::uint64_t id = 0;            // of the connection: they count from 1 and are not used again
  std::string address{};           // HOST:PORT, IPv6 in brackets
  bool is_encrypted = false;       // the connection is TLS
  std::string certificate_name{};  // the common name of the certificate that it proved to own; empty: none
};

class Caller {
 public:
  explicit Caller(Peer peer) : peer_(std::move(peer)) {}
  virtual ~Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  const Peer& peer() const { return peer_; }

  // Whether it may do more than say who it is. Until then its payloads are limited to kUnauthenticatedPayloadBytesMax,
  // and its session ends where that takes too long.
  bool is_admitted() const { return is_admitted_.load(std::memory_order_relaxed); }
  void set_admitted(bool admitted) { is_admitted_.store(admitted, std::memory_order_relaxed); }

  // What it calls itself, for whoever runs the server; empty: nothing.
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  // Who it has said to be; empty: nobody in particular. On the session's thread, and while a heavy request runs, too.
  virtual std::string user() const { return {}; }

  // The reply to the request that is being carried out is the last one; then its session ends.
  void end_after_reply() { ends_ = true; }
  bool ends() const { return ends_; }

 private:
  const Peer peer_;
  std::string name_;
  std::atomic<bool> is_admitted_ = true;
  bool ends_ = false;
};

}  // namespace kv::protocol
