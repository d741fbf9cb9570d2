#include "server/admin_pages.hpp"

#include <gtest/gtest.h>

namespace kv::server {
namespace {

using admin::Page;
using Phase = Health::Phase;

class AdminPages : public ::testing::Test {
 protected:
  void expect_page(const std::string& path, unsigned status, const std::string& body) const {
    const Page page = pages_.at(path)();
    EXPECT_EQ(page.status, status) << path;
    EXPECT_EQ(page.body, body) << path;
  }

  std::string read_only_;
  Health health_{
      {.silence = [] { return std::chrono::milliseconds(0); }, .read_only_reason = [this] { return read_only_; }}};
  const admin::Pages pages_ = admin_pages(health_, nullptr);
};

TEST_F(AdminPages, SayThatAServerIsWell) {
  health_.enter(Phase::kServing);
  expect_page("/livez", 200, "alive\n");
  expect_page("/readyz", 200, "ready\n");
  expect_page("/healthz", 200,
              R"({"live":{"ok":true,"reason":""},"ready":{"ok":true,"reason":""}})"
              "\n");
}

TEST_F(AdminPages, SayWhyAServerIsNotReady) {
  health_.enter(Phase::kServing);
  read_only_ = "a \"bad\" disk";
  expect_page("/livez", 200, "alive\n");
  expect_page("/readyz", 503, "read-only: a \"bad\" disk\n");
  expect_page("/healthz", 503,
              R"({"live":{"ok":true,"reason":""},"ready":{"ok":false,"reason":"read-only: a \"bad\" disk"}})"
              "\n");
}

TEST_F(AdminPages, HaveMetricsWhereTheseAreMade) {
  EXPECT_FALSE(pages_.contains("/metrics"));
  const Page page = admin_pages(health_, [] { return std::string("kv_up 1\n"); }).at("/metrics")();
  EXPECT_EQ(page.status, 200U);
  EXPECT_EQ(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(page.body, "kv_up 1\n");
}

}  // namespace
}  // namespace kv::server
