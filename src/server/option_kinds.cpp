#include "server/option_kinds.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>

#include <boost/asio/ip/address_v6.hpp>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"
#include "kv/observability/log.hpp"
#include "kv/observability/trace.hpp"

namespace kv::server {
namespace {

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

// REQUIRES: digits only. A number that doesn't fit is the largest there is, which no range allows.
std::uint64_t saturated_number(ByteView digits) {
  std::uint64_t number = 0;
  const std::errc error = std::from_chars(digits.data(), digits.data() + digits.size(), number).ec;
  return error == std::errc() ? number : std::numeric_limits<std::uint64_t>::max();
}

constexpr ByteView kDigits = "0123456789";

bool is_digits(ByteView text) {
  return !text.empty() && text.find_first_not_of(kDigits) == text.npos;
}

struct Unit {
  ByteView name;
  std::uint64_t factor;
};
// From the largest to the smallest; format() takes the first that divides a value.
constexpr Unit kByteUnits[] = {{"GiB", 1U << 30}, {"MiB", 1U << 20}, {"KiB", 1U << 10}, {"GB", 1'000'000'000},
                               {"MB", 1'000'000}, {"KB", 1'000},     {"B", 1}};
constexpr Unit kTimeUnits[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool same_word(ByteView left, ByteView right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char one, char other) { return lower(one) == lower(other); });
}

// `30s` by its units, `30` by the factor given; nothing when it is neither.
std::optional<std::uint64_t> parse_with_unit(ByteView text, std::span<const Unit> units, std::uint64_t plain_factor) {
  const std::size_t digits = std::min(text.find_first_not_of(kDigits), text.size());
  const ByteView name = text.substr(digits);
  std::uint64_t factor = plain_factor;
  if (!name.empty()) {
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return same_word(u.name, name); });
    if (unit == units.end()) return std::nullopt;
    factor = unit->factor;
  }
  if (digits == 0) return std::nullopt;
  std::uint64_t product;
  const bool overflow = __builtin_mul_overflow(saturated_number(text.substr(0, digits)), factor, &product);
  return overflow ? std::numeric_limits<std::uint64_t>::max() : product;
}

std::string format_with_unit(std::uint64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return value % u.factor == 0; });
  return std::to_string(value / unit->factor).append(unit->name);
}

bool is_host_character(char c) {
  return is_digits({&c, 1}) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '-' || c == '_';
}

// A zone after a `%` is the name of an interface.
bool is_ipv6_character(char c) {
  return is_host_character(c) || c == ':' || c == '%';
}

}  // namespace

std::string shown(ByteView text) {
  constexpr std::size_t kBytesMax = 100;
  return text.empty() ? "\"\"" : log::escape_for_log(text, kBytesMax);
}

Result<std::uint64_t> Whole::parse(ByteView text) const {
  const bool negative = text.starts_with('-') && is_digits(text.substr(1));
  if (!negative && !is_digits(text)) return bad(shown(text) + " is not a whole number");
  const std::uint64_t number = negative ? 0 : saturated_number(text);
  if (negative || number < min || number > max) {
    return bad(shown(text) + " is not between " + format(min) + " and " + format(max));
  }
  return number;
}

Result<std::uint64_t> Size::parse(ByteView text) const {
  const std::optional<std::uint64_t> bytes = parse_with_unit(text, kByteUnits, 1);
  if (!bytes) return bad(shown(text) + " is not a size such as 4096, 64KiB or 1MiB");
  if (*bytes < min || *bytes > max) {
    return bad(shown(text) + " is not between " + format(min) + " and " + format(max));
  }
  return *bytes;
}

std::string Size::format(std::uint64_t value) const {
  return format_with_unit(value, kByteUnits);
}

Result<std::uint64_t> MemorySize::parse(ByteView text) const {
  if (same_word(text, "off")) return kMemoryUnlimited;
  if (same_word(text, "auto")) return kMemoryAuto;
  const std::optional<std::uint64_t> bytes = parse_with_unit(text, kByteUnits, 1);
  if (!bytes) return bad(shown(text) + " is not a size such as 512MiB or 4GiB, nor off or auto");
  return Size{min, max}.parse(text);
}

std::string MemorySize::format(std::uint64_t value) const {
  if (value == kMemoryUnlimited) return "off";
  return value == kMemoryAuto ? "auto" : Size{min, max}.format(value);
}

Result<std::chrono::milliseconds> Duration::parse(ByteView text) const {
  const std::optional<std::uint64_t> ms = same_word(text, "off") ? 0 : parse_with_unit(text, kTimeUnits, 1'000);
  if (!ms) return bad(shown(text) + " is not a time such as 500ms, 30s, 5m, 2h or off");
  if (*ms == 0) return std::chrono::milliseconds(0);
  const auto low = static_cast<std::uint64_t>(min.count());
  if (*ms < low || *ms > static_cast<std::uint64_t>(max.count())) {
    return bad(shown(text) + " is not off, nor between " + format(min) + " and " + format(max));
  }
  if (*ms % low != 0) return bad(shown(text) + " is not a multiple of " + format(min));
  return std::chrono::milliseconds(*ms);
}

std::string Duration::format(std::chrono::milliseconds value) const {
  return value.count() == 0 ? "off" : format_with_unit(static_cast<std::uint64_t>(value.count()), kTimeUnits);
}

Result<std::size_t> Choice::parse(ByteView text) const {
  const auto word = std::find(words.begin(), words.end(), text);
  if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  return bad(shown(text) + " is not one of " + allowed());
}

std::string Choice::allowed() const {
  std::string all;
  for (const std::string_view word : words) (all += all.empty() ? "" : ", ") += word;
  return all;
}

Result<Address> HostPort::parse(ByteView text) const {
  const std::size_t colon = text.rfind(':');
  const ByteView host = text.substr(0, std::min(colon, text.size()));
  const ByteView port = colon == text.npos ? ByteView() : text.substr(colon + 1);
  if (host.empty() || !is_digits(port)) return bad(shown(text) + " is not HOST:PORT");
  const std::uint64_t number = saturated_number(port);
  if (number > std::numeric_limits<std::uint16_t>::max()) return bad(shown(text) + " has a port over 65535");

  Address address{std::string(host), static_cast<std::uint16_t>(number)};
  if (host.front() == '[' && host.back() == ']') {
    address.host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    boost::asio::ip::make_address_v6(address.host, error);
    if (error || !std::all_of(address.host.begin(), address.host.end(), is_ipv6_character)) {
      return bad(shown(text) + " has no IPv6 address in its brackets");
    }
  } else if (host.find(':') != host.npos) {
    return bad(shown(text) + " is not HOST:PORT; an IPv6 address goes in brackets, as in [::1]:6380");
  } else if (!std::all_of(host.begin(), host.end(), is_host_character)) {
    return bad(shown(text) + " is not HOST:PORT");
  }
  return address;
}

Result<Address> HostPortOrNone::parse(ByteView text) const {
  if (text == "none") return Address();
  return HostPort::parse(text);
}

Result<bool> Switch::parse(ByteView text) const {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return bad(shown(text) + " is not true or false");
}

Result<std::string> Path::parse(ByteView text) const {
  const auto refused = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"' || c == '\'' || c == '\\';
  };
  if (!is_utf8(text) || std::any_of(text.begin(), text.end(), refused)) {
    return bad(shown(text) + " has quotes, backslashes or other characters that a file's name may not have here");
  }
  return std::string(text);
}

Result<std::string> TraceEndpoint::parse(ByteView text) const {
  if (text.empty()) return std::string();
  if (const auto good = observability::Tracer::check_endpoint(text); !good) {
    return bad("is not http://HOST[:PORT][/PATH]: " + good.error().message);
  }
  return std::string(text);
}

Result<double> Share::parse(ByteView text) const {
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc() || end != text.data() + text.size()) return bad(shown(text) + " is not a number");
  if (!(share >= 0 && share <= 1)) return bad(shown(text) + " is not between 0 and 1");
  return share;
}

std::string Share::format(Value value) const {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

Result<std::string> Password::parse(ByteView text) const {
  if (text.size() > kPasswordBytesMax) return bad("is over " + std::to_string(kPasswordBytesMax) + " bytes");
  if (text == "***") return bad("*** is what is shown instead of a password, not one");
  return std::string(text);
}

}  // namespace kv::server
