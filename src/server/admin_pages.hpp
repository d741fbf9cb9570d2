// The pages of the admin listener.
#pragma once

#include <functional>
#include <string>

#include "kv/admin/page.hpp"

#include "server/health.hpp"

namespace kv::server {

// /livez, /readyz, /healthz; and /metrics, where `metrics` isn't empty: it makes the text that Prometheus reads. Both
// are used by the pages, from the listener's thread.
admin::Pages admin_pages(const Health& health, std::function<std::string()> metrics);

}  // namespace kv::server
