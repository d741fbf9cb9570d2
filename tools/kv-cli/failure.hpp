// How kv-cli fails: an exit code for scripts, and a sentence for people.
#pragma once

#include <string>

#include <boost/system/result.hpp>

#include "kv/client/connection.hpp"

namespace kv::cli {

enum class ExitCode : int {
  kDone = 0,
  kRefused = 1,       // the server said no, or said nothing for as long as was to be waited
  kUsage = 2,         // the command line, or a file, is not what it should be
  kNoConnection = 3,  // no connection, or it was lost before the answer came
};

struct [[nodiscard]] Failure {
  ExitCode code;
  std::string message;
};

template <typename T>
using Outcome = boost::system::result<T, Failure>;

[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);

inline Failure usage(std::string message) {
  return {ExitCode::kUsage, std::move(message)};
}

Failure no_connection(const client::NetError& error);
// REQUIRES: reply.is_refusal().
Failure refused(const client::Reply& reply);
// An OK reply that isn't what its command answers.
Failure not_understood();

// The reply, unless there is none or it is a refusal.
Outcome<client::Reply> accepted(client::NetResult<client::Reply> reply);

}  // namespace kv::cli
