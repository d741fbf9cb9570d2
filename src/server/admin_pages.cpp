#include "server/admin_pages.hpp"

#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "server/metrics.hpp"

namespace kv::server {
namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kUnavailable = 503;

// A word, or why it isn't so.
admin::Page verdict(const std::string& word, const std::string& why_not) {
  return {.status = why_not.empty() ? kOk : kUnavailable, .body = (why_not.empty() ? word : why_not) + "\n"};
}

admin::Page summary(const Health& health) {
  namespace json = boost::json;
  const auto describe = [](const std::string& why_not) {
    return json::object{{"ok", why_not.empty()}, {"reason", why_not}};
  };
  const std::string not_alive = health.why_not_alive();
  const std::string not_ready = health.why_not_ready();
  const json::object body{{"live", describe(not_alive)}, {"ready", describe(not_ready)}};
  return {.status = not_alive.empty() && not_ready.empty() ? kOk : kUnavailable,
          .content_type = admin::kJson,
          .body = json::serialize(body) + "\n"};
}

}  // namespace

admin::Pages admin_pages(const Health& health, std::function<std::string()> metrics) {
  admin::Pages pages;
  pages["/livez"] = [&health] { return verdict("alive", health.why_not_alive()); };
  pages["/readyz"] = [&health] { return verdict("ready", health.why_not_ready()); };
  pages["/healthz"] = [&health] { return summary(health); };
  if (metrics) {
    pages["/metrics"] = [metrics = std::move(metrics)] {
      return admin::Page{.content_type = kMetricsContentType, .body = metrics()};
    };
  }
  return pages;
}

}  // namespace kv::server
