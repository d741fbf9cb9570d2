// Walking all keys with SCAN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kv/client/connection.hpp"

#include "kv-cli/failure.hpp"

namespace kv::cli {

class Scan {
 public:
  // `payload` is that of a SCAN, whose cursor doesn't matter.
  explicit Scan(std::string payload) : payload_(std::move(payload)) {}

  // Sends the request for the next page. REQUIRES: !ended().
  void send(client::Connection& connection);
  // Reads that page. Its keys are valid UTF-8.
  Outcome<std::vector<std::string>> receive(client::Connection& connection);
  // The last page was read.
  bool ended() const { return ended_; }

 private:
  std::string payload_;
  std::uint64_t cursor_ = 0;
  bool ended_ = false;
};

}  // namespace kv::cli
