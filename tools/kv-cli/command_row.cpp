#include "kv-cli/command_row.hpp"

namespace kv::cli {
namespace {

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kGet, "get", {kKeyRest}, Answer::kValue, "Print the value of a key"},
    {Command::kSet, "set", {kKey, kTtl, kValue}, Answer::kNothing, "Store a value"},
    {Command::kDel, "del", {kKeyRest}, Answer::kBool, "Delete a key; true: it was there"},
    {Command::kExists, "exists", {kKeyRest}, Answer::kBool, "Tell whether there is such a key"},
    {Command::kIncr, "incr", {kKey, kDelta}, Answer::kInt, "Add to an Int and print the sum"},
    {Command::kDecr, "decr", {kKey, kDelta}, Answer::kInt, "Subtract from an Int and print the difference"},
    {Command::kCas,
     "cas",
     {kKey, kExpected, kValue, kTtl},
     Answer::kSwapped,
     "Store a value if the current one is as expected; else print false and the current one"},
    {Command::kPing, "ping", {kRest}, Answer::kText, "Print PONG, or the text that was given"},
    {Command::kInfo, "info", {kRest}, Answer::kDocument, "Print what the server says of itself, or one section of it"},
    {Command::kSetnx, "setnx", {kKey, kTtl, kValue}, Answer::kBool, "Store a value if there is none; true: it was set"},
    {Command::kLock, "lock", {kKey, kOwner, kTtl}, Answer::kBool, "Acquire a lock if the key is free"},
    {Command::kUnlock, "unlock", {kKey, kOwner}, Answer::kBool, "Release a lock; false: there was none"},
    {Command::kExtend, "extend", {kKey, kOwner, kTtl}, Answer::kBool, "Set a lock's time left; false: there is none"},
    {Command::kMget, "mget", {kKeys}, Answer::kValues, "Print the values of several keys; null for an absent one"},
    {Command::kMset, "mset", {kPairs}, Answer::kNothing, "Store several values at once"},
    {Command::kMdel, "mdel", {kKeys}, Answer::kCount32, "Delete several keys and print how many were there"},
    {Command::kMexists, "mexists", {kKeys}, Answer::kBools, "Tell of several keys whether they are there"},
    {Command::kExpire, "expire", {kKey, kTtl}, Answer::kBool, "Set the time a key has left; false: no such key"},
    {Command::kTtl, "ttl", {kKeyRest}, Answer::kInt, "Print the milliseconds a key has left; -1: no expiry"},
    {Command::kPersist, "persist", {kKeyRest}, Answer::kBool, "Remove the expiry of a key; true: it had one"},
    {Command::kSwap, "swap", {kKey, kTtl, kValue}, Answer::kValue, "Store a value and print the old one"},
    {Command::kTake, "take", {kKeyRest}, Answer::kValue, "Print the value of a key and delete it"},
    {Command::kScan, "scan", {kCursor, kCount, kPattern}, Answer::kKeys, "Print all keys, or those like a pattern"},
    {Command::kType, "type", {kKeyRest}, Answer::kType, "Print the type of a key's value"},
    {Command::kAdd, "add", {kKey, kValue}, Answer::kValue, "Add to an Int, Float or Decimal and print the sum"},
    {Command::kAcquire,
     "acquire",
     {kKey, kOwner, kTtl, kWait},
     Answer::kAcquired,
     "Acquire a lock, waiting for it; print true and its fencing token, or false and the holder's milliseconds left"},
    {Command::kFlush, "flush", {}, Answer::kCount64, "Delete every key and print how many there were"},
    {Command::kSnapshot,
     "snapshot",
     {kMode, kFolder},
     Answer::kSavedAt,
     "Write all data to disk; print when it was done"},
    {Command::kLastsave, "lastsave", {}, Answer::kSavedAt, "Print when all data was last written to disk, or never"},
    {Command::kWhoami, "whoami", {}, Answer::kText, "Print which user this is"},
};

constexpr bool follows_bytes() {
  unsigned last = 0;
  for (const CommandRow& row : kRows) {
    if (static_cast<unsigned>(row.byte) <= last) return false;
    last = static_cast<unsigned>(row.byte);
  }
  return true;
}
static_assert(follows_bytes());

}  // namespace

std::span<const CommandRow> commands() {
  return kRows;
}

}  // namespace kv::cli
