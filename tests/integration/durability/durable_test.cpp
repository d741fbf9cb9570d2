#include "integration/durability/durable_test.hpp"

#include <algorithm>
#include <csignal>
#include <functional>
#include <random>

namespace kv::test {

void DurableTest::start_on(const DataFolder& data, const Args& more) {
  client_.reset();
  server_.reset();
  Args args{"--data-dir", data.path()};
  args.insert(args.end(), more.begin(), more.end());
  server_.emplace(std::move(args));
  client_.emplace(*server_);
}

void DurableTest::kill() {
  server_->kill();
  client_.reset();
  server_.reset();
}

void DurableTest::stop() {
  client_.reset();
  server_->signal(SIGTERM);
  EXPECT_EQ(server_->wait_exit(), (Exit{0, 0})) << server_->log();
  server_.reset();
}

std::string DurableTest::filling(const std::string& key, std::size_t value_bytes) {
  std::mt19937_64 random(std::hash<std::string>{}(key));
  std::string bytes;
  while (bytes.size() < value_bytes) bytes += u64(random());
  bytes.resize(value_bytes);
  return encode_bytes(bytes);
}

void DurableTest::fill(const std::string& prefix, int count, std::size_t value_bytes) {
  std::string requests;
  for (int i = 0; i < count; ++i) {
    const std::string key = prefix + std::to_string(i);
    requests += set(key, filling(key, value_bytes));
  }
  for (const Reply& reply : client_->pipeline(requests, static_cast<std::size_t>(count))) ASSERT_EQ(reply, ok());
}

int DurableTest::fill_segments(const std::string& prefix, std::size_t segments, std::size_t value_bytes) {
  int count = 0;
  for (bool there_are = false; !there_are && !HasFailure();) {
    there_are = data_.segments().size() >= segments;  // Then the next one is written to the last of them.
    const std::string key = prefix + std::to_string(count++);
    EXPECT_EQ(call(set(key, filling(key, value_bytes))), ok());
    EXPECT_LT(count, 100'000) << "the log never gets its segments";
  }
  return count;
}

void DurableTest::expect_filled(const std::string& prefix, int count, std::size_t value_bytes) {
  std::string requests;
  for (int i = 0; i < count; ++i) requests += get(prefix + std::to_string(i));
  const std::vector<Reply> replies = client_->pipeline(requests, static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const std::string key = prefix + std::to_string(i);
    ASSERT_EQ(replies[static_cast<std::size_t>(i)], ok(filling(key, value_bytes))) << key;
  }
}

std::string DurableTest::refusal(const Args& more) const {
  Args args{"--data-dir", data_.path()};
  args.insert(args.end(), more.begin(), more.end());
  return refusal_of(std::move(args));
}

std::string refusal_of(Args args) {
  args.insert(args.end(), {"--bind", "127.0.0.1:0", "--log-level", "off"});
  const Run run = run_server(args);
  SCOPED_TRACE(run.err);
  EXPECT_EQ(run.exit, (Exit{1, 0}));
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(run.err.starts_with("kv-server: "));
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1);
  return run.err;
}

}  // namespace kv::test
