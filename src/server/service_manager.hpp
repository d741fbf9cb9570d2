// Tells the service manager, which is systemd, how the server is: the protocol of sd_notify(3), a datagram to the
// socket that the environment names. libsystemd would do it too, but costs resident memory.
#pragma once

#include <chrono>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::server {

class ServiceManager {
 public:
  // `socket` is the path of a socket, or `@` and its abstract name; empty: nobody wants to be told. A `watchdog` other
  // than 0 is how long the server may be silent.
  ServiceManager(std::string socket, std::chrono::microseconds watchdog)
      : socket_(std::move(socket)), watchdog_(socket_.empty() ? std::chrono::microseconds(0) : watchdog) {}
  // As the environment says: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.
  static ServiceManager from_environment();

  // Sends assignments such as `READY=1`, each on a line. False when nobody took them, which takes kNotifyMax at most.
  bool tell(ByteView assignments) const;
  // How often it is to be told WATCHDOG=1; 0: never.
  std::chrono::microseconds watchdog_period() const { return watchdog_ / 2; }

 private:
  const std::string socket_;
  const std::chrono::microseconds watchdog_;
};

}  // namespace kv::server
