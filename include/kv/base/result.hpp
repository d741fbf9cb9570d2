// How expected failures travel: Result<T> is either a T or an Error, which says what kind of failure it is (Errc, what
// programs match) and explains it to people (message). Exceptions are kept for faults at start-up and broken promises.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <boost/system/result.hpp>

namespace kv {

// Each code but kOk is one word of the wire protocol; protocol/status.hpp maps it there and back.
enum class Errc : unsigned char {
  kOk = 0,
  // The request was not understood (status INVALID).
  kUnknownCommand,  // COMMAND: no command has this byte
  kFrame,           // FRAME: the payload, or a value in it, is cut short or has bytes left over
  kTooLarge,        // TOOLARGE: the frame is over the payload limit
  kKey,             // KEY: empty, over-long or not UTF-8
  kValue,           // VALUE: unknown type, bad UTF-8, bad decimal, bad Bool, duplicate map key, nested too deep
  kArgument,        // ARGUMENT: a field out of range, an owner that is empty or not UTF-8
  // The request was understood and failed (status ERROR).
  kWrongType,      // WRONGTYPE: the key holds, or the request brings, a value of the wrong type
  kOverflow,       // OVERFLOW: the result would not fit its type
  kLocked,         // LOCKED: another owner holds the lock
  kNoAuth,         // NOAUTH: not authenticated
  kNoPerm,         // NOPERM: authenticated, but not allowed
  kOutOfMemory,    // OOM: over the memory limit and nothing may be evicted
  kReadOnly,       // READONLY: writes are refused at present
  kBusy,           // BUSY: too many connections
  kInternal,       // INTERNAL: a fault of the server's own
  kReplyTooLarge,  // TOOLARGE: the reply would be over the payload limit
};

struct [[nodiscard]] Error {
  Errc code;
  std::string message;  // a sentence for people, without the protocol's word
};

template <typename T>
using Result = boost::system::result<T, Error>;

// What Result<T>::value() throws when there is none: asking without looking is a bug of the caller's.
class BadResultAccess : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw BadResultAccess(error.message);
}

}  // namespace kv
