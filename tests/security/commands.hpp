// A few commands for tests of rules, as the command table would describe them.
#pragma once

#include "kv/security/password.hpp"
#include "kv/security/rules.hpp"

namespace kv::security::test {

inline constexpr CommandInfo kCommands[] = {
    {.byte = 0x01, .name = "GET", .category = "string", .reads = true},
    {.byte = 0x02, .name = "SET", .category = "string", .writes = true},
    {.byte = 0x05, .name = "INCR", .category = "counter", .reads = true, .writes = true},
    {.byte = 0x08, .name = "PING", .category = "connection", .open = true},
    {.byte = 0x09, .name = "INFO", .category = "server"},
    {.byte = 0x1B, .name = "FLUSH", .category = "keyspace", .writes = true, .admin = true},
    {.byte = 0x83, .name = "ACL", .category = "users", .admin = true},
};

// Hashing at its cheapest, so that tests take no time for it.
inline constexpr HashCost kCheap{1, 8'192};
inline std::string cheap_hash(ByteView password) {
  return hash_password(password, kCheap).value();
}

}  // namespace kv::security::test
