// How many files this process may have open: each connection is one.
#pragma once

#include <cstddef>

namespace kv::server {

// Lets the process open as many files as the system allows it to.
void raise_file_limit();

// Warns in the log where `connections_max` connections and what else the process opens are more than it may;
// `connections` are open now. Thread-safe.
void check_file_limit(std::size_t connections_max, std::size_t connections);

}  // namespace kv::server
