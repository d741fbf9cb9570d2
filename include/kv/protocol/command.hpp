// The command bytes of the wire protocol. What each one does is a row of the command table (src/command/).
#pragma once

#include <cstdint>

namespace kv::protocol {

enum class Command : std::uint8_t {
  kGet = 0x01,
  kSet = 0x02,
  kDel = 0x03,
  kExists = 0x04,
  kIncr = 0x05,
  kDecr = 0x06,
  kCas = 0x07,
  kPing = 0x08,
  kInfo = 0x09,
  kSetnx = 0x0A,
  kLock = 0x0B,
  kUnlock = 0x0C,
  kExtend = 0x0D,
  kMget = 0x0E,
  kMset = 0x0F,
  kMdel = 0x10,
  kMexists = 0x11,
  kExpire = 0x12,
  kTtl = 0x13,
  kPersist = 0x14,
  kSwap = 0x15,
  kTake = 0x16,
  kScan = 0x17,
  kType = 0x18,
  kAdd = 0x19,
  kAcquire = 0x1A,
  kFlush = 0x1B,
  kAuth = 0x28,
  kSnapshot = 0x80,
  kLastsave = 0x81,
  kWhoami = 0x82,
  kAcl = 0x83,
  kClient = 0x84,
  kSlowlog = 0x85,
  kMonitor = 0x86,
  kKeys = 0x87,
  kLatency = 0x88,
  kMemory = 0x89,
  kConfig = 0x8A,
};

}  // namespace kv::protocol
