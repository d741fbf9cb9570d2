#include "server/live_settings.hpp"

#include <algorithm>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/option_rows.hpp"
#include "support/base/temporary_folder.hpp"

namespace kv::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Changes = std::vector<command::SettingChange>;

class LiveSettingsTest : public testing::Test {
 protected:
  // Why it failed; empty: it didn't.
  std::string change(const Changes& changes) {
    const auto done =
        settings.change(changes, {"operator", "127.0.0.1:5"}, [this](const Options& from, const Options& to) {
          applied.push_back({from, to});
          return outcome;
        });
    return done ? "" : done.error().message;
  }
  std::vector<std::string> values_of(const std::string& name) const {
    const auto all = settings.list();
    const auto found = std::ranges::find(all, name, &command::Setting::name);
    return found == all.end() ? std::vector<std::string>{"none"} : found->values;
  }

  bool is_live(const std::string& name) const {
    const auto all = settings.list();
    const auto found = std::ranges::find(all, name, &command::Setting::name);
    return found != all.end() && found->is_live;
  }

  explicit LiveSettingsTest(const Options& options = {}) : settings(options) {}

  LiveSettings settings;
  Result<void> outcome;
  std::vector<std::pair<Options, Options>> applied;
};

TEST_F(LiveSettingsTest, EveryOptionIsListedAndNoSecretShown) {
  Options options;
  options.access.password = "a secret";
  const auto all = LiveSettings(options).list();
  ASSERT_EQ(all.size(), option_rows().size());
  for (const command::Setting& setting : all) {
    for (const std::string& value : setting.values) EXPECT_EQ(value.find("secret"), value.npos) << setting.name;
    EXPECT_TRUE(setting.is_list || setting.values.size() == 1) << setting.name;
  }
  for (const Row& row : option_rows()) EXPECT_FALSE(row.live && (row.secret || row.list)) << row.name;
}

TEST_F(LiveSettingsTest, AChangeIsReadAsTheCommandLineReadsIt) {
  EXPECT_EQ(change({{"idle-timeout", "5m"}, {"reply-backlog", "1MiB"}}), "");
  ASSERT_EQ(applied.size(), 1U);
  EXPECT_EQ(applied[0].first.idle_timeout.count(), 0);
  EXPECT_EQ(applied[0].second.idle_timeout, std::chrono::minutes(5));
  EXPECT_EQ(applied[0].second.reply_backlog_max, 1U << 20);
  EXPECT_THAT(values_of("idle-timeout"), ElementsAre("5m"));
  EXPECT_THAT(values_of("reply-backlog"), ElementsAre("1MiB"));
  EXPECT_EQ(settings.now().idle_timeout, std::chrono::minutes(5));
}

TEST_F(LiveSettingsTest, WhatIsWrongIsNamedAndNothingChanges) {
  EXPECT_THAT(change({{"idle-timeout", "5m"}, {"nonsense", "1"}}), HasSubstr("no setting nonsense"));
  EXPECT_THAT(change({{"idle-timeout", "5m"}, {"shards", "8"}}), HasSubstr("shards can't change"));
  EXPECT_THAT(change({{"idle-timeout", "5m"}, {"max-connections", "0"}}),
              HasSubstr("max-connections: 0 is not between"));
  EXPECT_THAT(change({{"idle-timeout", "5m"}, {"idle-timeout", "6m"}}), HasSubstr("idle-timeout stands twice"));
  EXPECT_THAT(change({{"password", "hunter2"}}), testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(change({{std::string_view("forged\nline"), "1"}}), testing::Not(HasSubstr("\n")));
  EXPECT_TRUE(applied.empty());
  EXPECT_THAT(values_of("idle-timeout"), ElementsAre("off"));
}

TEST_F(LiveSettingsTest, WhatCanNotBeAppliedHasNotChanged) {
  outcome = Error{Errc::kArgument, "not now"};
  EXPECT_EQ(change({{"idle-timeout", "5m"}}), "not now");
  EXPECT_THAT(values_of("idle-timeout"), ElementsAre("off"));
  EXPECT_THROW(
      {
        (void)settings.change(Changes{{"slowlog-us", "5"}}, {},
                              [](auto&&...) -> Result<void> { throw std::bad_alloc(); });
      },
      std::bad_alloc);
  EXPECT_THAT(values_of("slowlog-us"), ElementsAre("10000"));
}

TEST_F(LiveSettingsTest, WhatMemoryIsLimitedByIsNotLiveWithoutALimit) {
  for (const auto& [name, value] : Changes{{"max-memory", "1GiB"}, {"eviction", "lru"}}) {
    EXPECT_FALSE(is_live(std::string(name))) << name;
    EXPECT_EQ(change({{name, value}}),
              std::string(name) + " can change only where the server was started with --max-memory");
  }
  EXPECT_TRUE(applied.empty());
}

class LimitedSettings : public LiveSettingsTest {
 protected:
  static Options limited() {
    Options options;
    options.memory_bytes_max = std::uint64_t{1} << 30;
    return options;
  }
  LimitedSettings() : LiveSettingsTest(limited()) {}
};

TEST_F(LimitedSettings, WhatMemoryIsLimitedByIsLive) {
  EXPECT_TRUE(is_live("max-memory"));
  EXPECT_TRUE(is_live("eviction"));
  EXPECT_EQ(change({{"max-memory", "2GiB"}, {"eviction", "lru"}}), "");
  EXPECT_THAT(values_of("max-memory"), ElementsAre("2GiB"));
  EXPECT_THAT(values_of("eviction"), ElementsAre("lru"));
}

class LoggedSettings : public LiveSettingsTest {
 protected:
  LoggedSettings() { EXPECT_TRUE(log::start({.level = log::Level::kInfo, .file = file}).has_value()); }
  ~LoggedSettings() override { log::stop(); }

  // All that was logged, by a log that is closed for it.
  std::string logged() {
    log::stop();
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  test::TemporaryFolder folder;
  std::string file = folder.path() + "/log";
};

TEST_F(LoggedSettings, WhoChangedWhatIsLogged) {
  EXPECT_EQ(change({{"max-connections", "20"}, {"idle-timeout", "off"}}), "");
  const std::string log = logged();
  EXPECT_THAT(log, HasSubstr("a setting was changed setting=max-connections from=10000 to=20 by=operator "
                             "address=127.0.0.1:5"));
  EXPECT_THAT(log, testing::Not(HasSubstr("idle-timeout"))) << "it was off before";
}

TEST_F(LoggedSettings, HoweverQuietTheLogIs) {
  EXPECT_EQ(change({{"log-level", "error"}}), "");
  EXPECT_FALSE(log::enabled(log::Level::kWarn));
  EXPECT_EQ(change({{"max-connections", "20"}}), "");
  EXPECT_EQ(change({{"log-level", "warn"}}), "");
  EXPECT_FALSE(log::enabled(log::Level::kInfo));
  const std::string log = logged();
  EXPECT_THAT(log, HasSubstr("info  a setting was changed setting=log-level from=info to=error"));
  EXPECT_THAT(log, HasSubstr("info  a setting was changed setting=max-connections from=10000 to=20"));
  EXPECT_THAT(log, HasSubstr("info  a setting was changed setting=log-level from=error to=warn"));
}

TEST_F(LoggedSettings, ThatTheLogWasSwitchedOffAndOnIsLoggedAndNothingBetween) {
  EXPECT_EQ(change({{"log-level", "off"}}), "");
  EXPECT_EQ(change({{"max-connections", "20"}}), "");
  EXPECT_EQ(change({{"log-level", "error"}}), "");
  const std::string log = logged();
  EXPECT_THAT(log, HasSubstr("setting=log-level from=info to=off"));
  EXPECT_THAT(log, testing::Not(HasSubstr("max-connections")));
  EXPECT_THAT(log, HasSubstr("setting=log-level from=off to=error"));
}

}  // namespace
}  // namespace kv::server
