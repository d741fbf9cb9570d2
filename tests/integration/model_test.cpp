// Random commands, pipelined, against the server and against a plain model of it: the same answers, byte for byte.
//
// KV_MODEL_SEED and KV_MODEL_STEPS choose another run than the default, which takes a new seed each time and prints it.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include "integration/info_json.hpp"
#include "integration/model/random_requests.hpp"
#include "integration/scan_all.hpp"
#include "integration/server_test.hpp"
#include "support/base/hex.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using model::Expected;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

class ModelRun {
 public:
  ModelRun(const ServerProcess& server, std::uint64_t seed) : client_(server), random_(seed) {}

  // Sends one pipeline of random requests and compares all answers. Returns how many there were.
  std::size_t run_batch();
  // Compares the keys, by SCAN and by INFO.
  void compare_keys();

 private:
  struct Step {
    std::string request;
    Expected expected;
  };
  bool answers(const Expected& expected, const Reply& reply);
  static bool counts_down_from(std::uint64_t ttl_ms, std::uint64_t left);

  RawClient client_;
  model::RandomRequests random_;
  model::Store store_;
  std::uint64_t last_token_ = 0;
};

std::size_t ModelRun::run_batch() {
  std::vector<Step> steps;
  std::string requests;
  for (std::size_t left = 1 + random_.below(500); left != 0; --left) {
    const model::Request request = random_.next();
    std::optional<Expected> expected = store_.apply(request);
    if (!expected) continue;
    steps.push_back({model::to_frame(request, random_.below(1'000)), *std::move(expected)});
    requests += steps.back().request;
  }
  const std::vector<Reply> replies = client_.pipeline(requests, steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (answers(steps[i].expected, replies[i])) continue;
    ADD_FAILURE() << "request  " << hex(steps[i].request) << "\nexpected " << steps[i].expected.reply << " (ttl "
                  << steps[i].expected.ttl_ms << ")\nreceived " << replies[i];
    break;
  }
  return steps.size();
}

bool ModelRun::answers(const Expected& expected, const Reply& reply) {
  using Kind = Expected::Kind;
  if (expected.kind == Kind::kExactly) return reply == expected.reply;
  if (reply.status != protocol::Status::kOk) return false;
  if (expected.kind == Kind::kTimeLeft) {
    return reply.payload.size() == 8 && counts_down_from(expected.ttl_ms, reply.u64());
  }
  if (reply.payload.size() != 9) return false;
  if (expected.kind == Kind::kHeldFor) {
    if (reply.payload[0] != 0) return false;
    return expected.ttl_ms == 0 ? reply.u64(1) == ~std::uint64_t{0} : counts_down_from(expected.ttl_ms, reply.u64(1));
  }
  return reply.payload[0] == 1 && reply.u64(1) > std::exchange(last_token_, reply.u64(1));
}

// Ttls are multiples of a unit that no test takes as long as.
bool ModelRun::counts_down_from(std::uint64_t ttl_ms, std::uint64_t left) {
  return left <= ttl_ms && left > ttl_ms - model::kTtlUnitMs;
}

void ModelRun::compare_keys() {
  std::vector<std::string> found = scan_all(client_, static_cast<std::uint32_t>(random_.below(30)));
  std::ranges::sort(found);
  EXPECT_EQ(found, store_.keys());
  EXPECT_EQ(info_json(client_).at("entries"), store_.keys().size());
}

class ModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ModelTest, RandomCommandsAnswerAsInThePlainModel) {
  const std::uint64_t seed = number_from_environment("KV_MODEL_SEED", std::random_device{}());
  const std::uint64_t steps = number_from_environment("KV_MODEL_STEPS", 3'000'000 / (kSlowness * kSlowness));
  std::cout << "KV_MODEL_SEED=" << seed << " KV_MODEL_STEPS=" << steps << std::endl;
  const ServerProcess server({"--shards", GetParam()});
  ModelRun run(server, seed);
  std::uint64_t done = 0;
  for (int batch = 0; done < steps && !HasFailure(); ++batch) {
    done += run.run_batch();
    if (batch % 50 == 0) run.compare_keys();
  }
  run.compare_keys();
  std::cout << done << " steps" << std::endl;
}

INSTANTIATE_TEST_SUITE_P(Shards, ModelTest, ::testing::Values("1", "256"));

}  // namespace
}  // namespace kv::test
