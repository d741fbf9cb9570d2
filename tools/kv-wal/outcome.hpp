// How kv-wal ends: an exit code for scripts. What there is to say has been said by then.
#pragma once

#include "kv/base/bytes.hpp"
#include "kv/base/function_ref.hpp"

namespace kv::wal {

enum class ExitCode : int {
  kGood = 0,    // also where the last segment ends in a torn tail, which a server cuts by itself
  kLost = 1,    // there is damage that a server stops at
  kFailed = 2,  // the command line is wrong, or a file can't be read or written, or mustn't be
};

// Takes what kv-wal says, a line at a time, without its end.
using Print = FunctionRef<void(ByteView line)>;

// Where results go, and where complaints.
struct Output {
  Print out;
  Print err;
};

}  // namespace kv::wal
