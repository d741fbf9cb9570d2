// A measurement in words for people, or in JSON for scripts.
#pragma once

#include <string>

#include "kv-bench/options.hpp"
#include "kv-bench/run.hpp"

namespace kv::bench {

std::string text_report(const Options& options, const Measurement& measurement);
std::string json_report(const Options& options, const Measurement& measurement);

}  // namespace kv::bench
