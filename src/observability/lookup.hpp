// From a host's name to its addresses, for who can't wait as long as DNS may.
#pragma once

#include <chrono>
#include <netdb.h>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "kv/base/result.hpp"

namespace kv::observability {

// getaddrinfo(), or what a test has in its place.
using GetAddrInfo = decltype(&::getaddrinfo);

// Where `host` listens. getaddrinfo() can't be interrupted, so a thread of its own asks; when there is no answer by the
// deadline, or the caller gives up, that thread is left alone and ends when it has its answer, or with the process. So
// who asks again leaves some time in between. Fails with kInternal, and a sentence that says what went wrong.
Result<std::vector<boost::asio::ip::tcp::endpoint>> look_up(const std::string& host, const std::string& port,
                                                            std::chrono::steady_clock::time_point deadline,
                                                            std::stop_token give_up, GetAddrInfo ask = &::getaddrinfo);

}  // namespace kv::observability
