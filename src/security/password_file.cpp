#include "kv/base/limits.hpp"
#include "kv/security/password.hpp"

#include "security/files.hpp"

namespace kv::security {

Result<std::string> load_password(const std::string& path) {
  constexpr std::size_t kFileBytesMax = 64U << 10;  // more than a line may stand in it
  auto text = read_file(path, kFileBytesMax);
  if (!text) return Error{Errc::kArgument, text.error().message};
  std::string password = text->substr(0, text->find_first_of("\r\n"));
  wipe(*text);
  if (password.empty()) return Error{Errc::kArgument, path + ": its first line, the password, is empty"};
  if (password.size() > kPasswordBytesMax) {
    wipe(password);
    return Error{Errc::kArgument, path + ": the password is over " + std::to_string(kPasswordBytesMax) + " bytes"};
  }
  return password;
}

}  // namespace kv::security
