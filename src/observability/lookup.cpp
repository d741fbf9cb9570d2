#include "observability/lookup.hpp"

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace kv::observability {
namespace {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

// What the two threads share. The one that asks may outlive main, so it touches nothing else of the program.
struct Lookup {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<int> outcome;  // getaddrinfo's; guarded by mutex, as the addresses
  Endpoints found;
};

void ask_for(Lookup& lookup, const std::string& host, const std::string& port, GetAddrInfo ask) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int outcome = ask(host.c_str(), port.c_str(), &hints, &list);
  {
    const std::lock_guard lock(lookup.mutex);
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
      auto& endpoint = lookup.found.emplace_back();
      endpoint.resize(each->ai_addrlen);
      std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
    }
    lookup.outcome = outcome;
  }
  lookup.changed.notify_all();
  if (list != nullptr) ::freeaddrinfo(list);
}

}  // namespace

Result<Endpoints> look_up(const std::string& host, const std::string& port,
                          std::chrono::steady_clock::time_point deadline, std::stop_token give_up, GetAddrInfo ask) {
  const auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host, port, ask] { ask_for(*lookup, host, port, ask); }).detach();
  std::unique_lock lock(lookup->mutex);
  lookup->changed.wait_until(lock, std::move(give_up), deadline, [&] { return lookup->outcome.has_value(); });
  if (!lookup->outcome) return Error{Errc::kInternal, "its address was not found in time"};
  if (*lookup->outcome != 0) return Error{Errc::kInternal, ::gai_strerror(*lookup->outcome)};
  return std::move(lookup->found);
}

}  // namespace kv::observability
