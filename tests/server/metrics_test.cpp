// The figures as metrics: that they are there, that Prometheus takes them, and that who looks at them has no others.
#include "server/metrics.hpp"

#include <cstdio>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/memory_account.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/protocol/command.hpp"

namespace kv::server {
namespace {

using observability::Counter;
using testing::HasSubstr;
using testing::Not;

constexpr auto kGet = static_cast<std::uint8_t>(protocol::Command::kGet);

// Everything that there can be.
MetricFigures all_figures() {
  observability::Counters counters;
  counters.add(Counter::kHits, 7);
  counters.add(Counter::kAuthenticationFailures, 2);
  for (int i = 0; i < 3; ++i) counters.add_ok(kGet);
  counters.add_null(kGet);
  counters.add_failed(kGet, Errc::kReplyTooLarge);
  counters.add_failed(0, Errc::kUnknownCommand);
  counters.add_error(Errc::kTooLarge);
  counters.add_latency(kGet, std::chrono::nanoseconds(1'000), 4);
  counters.add_latency(kGet, std::chrono::nanoseconds(3'000'000), 1);
  MetricFigures figures{
      .now = 1'700'000'100'000, .started = 1'700'000'000'000, .totals = counters.totals(), .resident_bytes = 12'345};
  figures.server.version = "1.2.3";
  figures.server.tls.enabled = true;
  figures.server.tls.certificate_not_after = 1'800'000'000'000;
  figures.persistence.enabled = true;
  figures.persistence.last_lsn = 10;
  figures.persistence.synced_lsn = 4;
  figures.persistence.records = 3;
  figures.persistence.last_snapshot_at = 1'700'000'040'000;
  figures.persistence.last_snapshot_ms = 1'500;
  figures.persistence.fsync_durations.add(std::chrono::milliseconds(2));
  return figures;
}

std::string read_file(const std::string& path) {
  const std::ifstream file(std::string(KV_SOURCE) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> words_like(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  std::set<std::string> words;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) words.insert((*at)[1]);
  return words;
}

std::set<std::string> families() {
  return words_like(metrics_text(all_figures()), "# TYPE ([a-z_]+) ");
}

TEST(Metrics, HaveTheFigures) {
  const std::string text = metrics_text(all_figures());
  for (const char* line : {"kv_build_info{version=\"1.2.3\"} 1\n",
                           "kv_ready 1\n",
                           "process_start_time_seconds 1700000000\n",
                           "process_resident_memory_bytes 12345\n",
                           "kv_hits_total 7\n",
                           "kv_authentication_failures_total 2\n",
                           "kv_commands_total{command=\"GET\",status=\"OK\"} 3\n",
                           "kv_commands_total{command=\"GET\",status=\"NULL\"} 1\n",
                           "kv_commands_total{command=\"GET\",status=\"TOOLARGE\"} 1\n",
                           "kv_commands_total{command=\"unknown\",status=\"COMMAND\"} 1\n",
                           "kv_errors_total{error=\"COMMAND\"} 1\n",
                           "kv_errors_total{error=\"TOOLARGE\"} 2\n",
                           "kv_errors_total{error=\"WRONGTYPE\"} 0\n",
                           "kv_command_duration_seconds_count{command=\"GET\"} 5\n",
                           "kv_snapshot_age_seconds 60\n",
                           "kv_snapshot_duration_seconds 1.5\n",
                           "kv_wal_records_total 3\n",
                           "kv_wal_unsynced_records 6\n",
                           "kv_wal_fsync_duration_seconds_count 1\n",
                           "kv_tls_certificate_expiry_timestamp_seconds 1800000000\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, BucketsOfAHistogramAddUp) {
  const std::string text = metrics_text(all_figures());
  EXPECT_THAT(text, HasSubstr("kv_command_duration_seconds_bucket{command=\"GET\",le=\"5.12e-07\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kv_command_duration_seconds_bucket{command=\"GET\",le=\"1.024e-06\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("kv_command_duration_seconds_bucket{command=\"GET\",le=\"0.002097152\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("kv_command_duration_seconds_bucket{command=\"GET\",le=\"0.004194304\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("kv_command_duration_seconds_bucket{command=\"GET\",le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("kv_command_duration_seconds_sum{command=\"GET\"} 0.003004\n"));
}

TEST(Metrics, WhatIsSwitchedOffIsNotThere) {
  const std::string text = metrics_text({.is_ready = false});
  EXPECT_THAT(text, HasSubstr("kv_ready 0\n"));
  EXPECT_THAT(text, HasSubstr("kv_persistence_enabled 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("kv_wal")));
  EXPECT_THAT(text, Not(HasSubstr("kv_tls_certificate")));
}

TEST(Metrics, OfADataDirectoryThatIsBeingRecoveredThereIsOnlyThatItIsUsed) {
  MetricFigures figures = all_figures();
  figures.is_recovered = false;
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr("kv_persistence_enabled 1\n"));
  for (const char* unknown : {"kv_wal", "kv_snapshot", "kv_recover", "kv_read_only"}) {
    EXPECT_THAT(text, Not(HasSubstr(unknown)));
  }
}

TEST(Metrics, OfASnapshotThatAnotherProcessMadeItIsNotSaidHowLongItTook) {
  MetricFigures figures = all_figures();
  figures.persistence.last_snapshot_ms.reset();
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr("kv_snapshot_age_seconds 60\n"));
  EXPECT_THAT(text, Not(HasSubstr("kv_snapshot_duration_seconds")));
}

TEST(Metrics, OfThisProcessAreThere) {
  EXPECT_GT(memory::resident_bytes(), 1'000'000U);
  EXPECT_GT(cpu_time().count(), 0);
}

TEST(Metrics, AreWhatPrometheusWantsThemToBe) {
  const std::string path = testing::TempDir() + "/metrics_" + std::to_string(getpid());
  std::ofstream(path) << metrics_text(all_figures());
  FILE* run = popen((std::string(KV_PROMTOOL) + " check metrics < " + path + " 2>&1").c_str(), "r");
  ASSERT_NE(run, nullptr);
  std::string said;
  for (int c = std::fgetc(run); c != EOF; c = std::fgetc(run)) said += static_cast<char>(c);
  EXPECT_EQ(pclose(run), 0) << said;
  std::remove(path.c_str());
}

TEST(Metrics, StandInTheManualAllOfThem) {
  const std::string page = read_file("docs/operations.md");
  const std::size_t begin = page.find("\n## Metrics\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
  EXPECT_EQ(words_like(section, "\n\\| `([a-z_]+)[`{]"), families());
}

TEST(Metrics, AreWhatTheDashboardAndTheAlertsAskFor) {
  const std::set<std::string> known = families();
  for (const char* file : {"tools/monitoring/dashboard.json", "tools/monitoring/alerts.yml"}) {
    const std::set<std::string> asked = words_like(read_file(file), "((?:kv|process)_[a-z_]+)");
    EXPECT_GT(asked.size(), 5U) << file;
    for (std::string name : asked) {
      const std::size_t bucket = name.rfind("_bucket");
      if (bucket != std::string::npos) name.resize(bucket);
      EXPECT_TRUE(known.contains(name)) << file << " asks for " << name;
    }
  }
}

TEST(Metrics, EveryAlertIsTestedToFireAndNotTo) {
  const std::set<std::string> alerts = words_like(read_file("tools/monitoring/alerts.yml"), "alert: ([A-Za-z]+)\n");
  EXPECT_GT(alerts.size(), 5U);
  const std::string cases = read_file("tests/tools/monitoring/alerts_test.yml");
  EXPECT_EQ(words_like(cases, "alertname: ([A-Za-z]+)\n +exp_alerts:"), alerts);
  EXPECT_EQ(words_like(cases, "alertname: ([A-Za-z]+)\}"), alerts);
}

}  // namespace
}  // namespace kv::server
