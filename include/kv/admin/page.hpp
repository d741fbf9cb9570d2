// What the admin listener serves: pages, each made anew when somebody asks for it.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace kv::admin {

inline constexpr const char* kPlainText = "text/plain; charset=utf-8";
inline constexpr const char* kJson = "application/json";

struct Page {
  unsigned status = 200;
  std::string content_type = kPlainText;
  std::string body;
};

// Makes a page, on the admin listener's thread, which serves nobody else meanwhile. What it throws ends the connection.
using MakePage = std::function<Page()>;
// By their paths, such as `/livez`.
using Pages = std::map<std::string, MakePage, std::less<>>;

}  // namespace kv::admin
