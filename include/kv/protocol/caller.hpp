// Who calls: one connection, as commands know it. A session asks its RequestHandler for one when it begins, hands it in
// with every frame, and destroys it at its own end.
//
// What is in it changes on the session's thread alone, by requests that run there and by PendingReply::complete(). A
// heavy request, which runs elsewhere while the session waits, may read it.
#pragma once

#include <string>
#include <utility>

namespace kv::protocol {

// What is known of the other end before it has said a word.
struct Peer {
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
  bool is_admitted() const { return is_admitted_; }
  void set_admitted(bool admitted) { is_admitted_ = admitted; }

 private:
  const Peer peer_;
  bool is_admitted_ = true;
};

}  // namespace kv::protocol
