#include "kv-cli/failure.hpp"

#include <utility>

#include "kv/base/result.hpp"
#include "kv/base/utf8.hpp"

namespace kv::cli {
namespace {

// What a server sent is shown without the characters that a terminal may obey.
std::string harmless(ByteView text) {
  if (!is_utf8(text)) return "(not text)";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  return out;
}

}  // namespace

void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
  throw BadResultAccess(failure.message);
}

Failure no_connection(const client::NetError& error) {
  return {ExitCode::kNoConnection, error.message};
}

Failure refused(const client::Reply& reply) {
  return {ExitCode::kRefused, harmless(reply.payload)};
}

Failure not_understood() {
  return {ExitCode::kNoConnection, "the answer is not what this command's should be"};
}

Outcome<client::Reply> accepted(client::NetResult<client::Reply> reply) {
  if (!reply) return no_connection(reply.error());
  if (reply->is_refusal()) return refused(*reply);
  return *std::move(reply);
}

}  // namespace kv::cli
