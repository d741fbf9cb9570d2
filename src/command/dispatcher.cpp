#include "kv/command/dispatcher.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <boost/container/static_vector.hpp>

#include "kv/command/slow_log.hpp"

#include "command/command_row.hpp"
#include "command/observers.hpp"

namespace kv::command {
namespace {

// A SCAN pattern up to here is cheap to match, whatever the keys.
constexpr std::size_t kScanFixedBytes = 14;
constexpr std::size_t kLightPatternBytes = 64;
// Up to here a batch takes well under a millisecond.
constexpr std::size_t kLightBatchBytes = 16U << 10;
// A command on one key with a payload below this is a matter of a microsecond.
constexpr std::uint32_t kBriefPayloadBytes = 1U << 10;

// Under what the counters have it: 0 for all that no command has.
std::uint8_t counted_as(std::uint8_t command_byte) {
  constexpr std::uint8_t kNoCommand = 0;
  return find_command(command_byte) == nullptr ? kNoCommand : command_byte;
}

// The longest reply to a command that writes, but for those that answer with what a key held: the sum of two Decimals.
constexpr std::size_t kReplyRoom = protocol::kHeaderBytes + 1 + 2 + kDecimalDigitsMax + 3;

// What a reply to SCAN holds besides its one key: the cursor, the count and the key's length.
constexpr std::size_t kScanReplyFixedBytes = 14;

Services with_keys_that_scan_can_return(Services services) {
  std::size_t& key_bytes_max = services.limits.key_bytes_max;
  key_bytes_max = std::min(key_bytes_max, services.limits.payload_bytes_max - kScanReplyFixedBytes);
  return services;
}

// Of some commands only some calls take long, and the payload's first byte says which it is: asking all I/O threads
// takes a moment, and what is asked there runs beside them, while a name is set on the session's own.
bool is_heavy_call(const protocol::Frame& frame) {
  if (frame.payload.empty()) return false;
  const auto call = static_cast<std::uint8_t>(frame.payload[0]);
  switch (static_cast<protocol::Command>(frame.tag)) {
    case protocol::Command::kClient:
      return static_cast<protocol::ClientCall>(call) != protocol::ClientCall::kSetName;
    case protocol::Command::kKeys:
      return static_cast<protocol::KeysCall>(call) == protocol::KeysCall::kBig;
    default:
      return false;
  }
}

// From which size of its payload on a command is heavy.
std::size_t heavy_from(const CommandRow& row) {
  if ((row.flags & kHeavy) != 0) return 0;
  if ((row.flags & kBatch) != 0) return kLightBatchBytes;
  return row.byte == protocol::Command::kScan ? kScanFixedBytes + kLightPatternBytes : kHeavyPayloadBytes;
}

// Whether it is a matter of a microsecond, given a small payload.
bool may_be_brief(const CommandRow& row) {
  return (row.flags & (kHeavy | kBatch | kWaits | kAdmin)) == 0 && row.byte != protocol::Command::kScan &&
         row.byte != protocol::Command::kInfo;
}

// Whether the user may run the command, and use the keys that the request names as the command does.
Result<void> check_rules(const Connection& connection, const CommandRow& row, const Request& request) {
  if ((row.flags & kOpen) != 0) return {};
  if (!connection.may_run(row.byte)) return Error{Errc::kNoPerm, "the user may not run " + std::string(row.name)};
  const bool reads = (row.flags & kRead) != 0;
  const bool writes = (row.flags & kWrite) != 0;
  if (!reads && !writes) return {};
  const auto use = reads && writes ? security::KeyUse::kBoth
                   : reads         ? security::KeyUse::kRead
                                   : security::KeyUse::kWrite;
  const auto may_use = [&](ByteView key) { return connection.may_use(key, use); };
  if (!every_key(row, request, may_use)) return Error{Errc::kNoPerm, "the user may not use such a key so"};
  return {};
}

}  // namespace

Dispatcher::Dispatcher(const Services& services)
    : services_(with_keys_that_scan_can_return(services)), observers_(std::make_unique<Observers>(services_.limits)) {
  scales_.fill({.brief_below = kBriefPayloadBytes, .heavy_from = kHeavyPayloadBytes});
  for (const CommandRow* row : kCommandTable) {
    if (row == nullptr) continue;
    scales_[static_cast<std::uint8_t>(row->byte)] = {
        .brief_below = may_be_brief(*row) ? kBriefPayloadBytes : 0,
        .heavy_from = static_cast<std::uint32_t>(std::min(heavy_from(*row), kHeavyPayloadBytes))};
  }
}

Dispatcher::~Dispatcher() = default;

std::unique_ptr<protocol::Caller> Dispatcher::connect(protocol::Peer peer) {
  return std::make_unique<Connection>(std::move(peer), services_.users);
}

protocol::Weight Dispatcher::weigh(const protocol::Frame& frame) const {
  const Scale& scale = scales_[frame.tag];
  const std::size_t size = frame.payload.size();
  if (size < scale.brief_below) return protocol::Weight::kBrief;
  const bool heavy = size >= scale.heavy_from || is_heavy_call(frame);
  return heavy ? protocol::Weight::kHeavy : protocol::Weight::kLight;
}

bool Dispatcher::may_write(const protocol::Frame& frame) const {
  const CommandRow* row = find_command(frame.tag);
  return row != nullptr && (row->flags & kWrite) != 0;
}

ByteView Dispatcher::name(const protocol::Frame& frame) const {
  const CommandRow* row = find_command(frame.tag);
  return row == nullptr ? "unknown" : row->name;
}

inline void Dispatcher::count(std::uint8_t command, protocol::Status status) {
  switch (status) {
    case protocol::Status::kNull:
      return services_.counters.add_null(command);
    case protocol::Status::kError:
      // The one error that no function returns: ReplyWriter puts it in the place of a reply that is too large.
      return services_.counters.add_failed(command, Errc::kReplyTooLarge);
    default:
      return services_.counters.add_ok(command);
  }
}

inline Result<void> Dispatcher::run(const protocol::Frame& frame, Context& context) const {
  const CommandRow* row = find_command(frame.tag);
  if (row == nullptr) return Error{Errc::kUnknownCommand, "no command has this byte"};
  const bool is_free = context.caller.is_free(services_.users.generation());
  if (!is_free) {
    if (auto known = context.caller.check_known(row->byte, services_.users); !known) return known;
  }
  Request request;
  auto decoded = protocol::decode_request(row->shape, frame.payload, services_.limits, context.call.now, request);
  if (!decoded) return decoded;
  if (!is_free) {
    if (auto allowed = check_rules(context.caller, *row, request); !allowed) return allowed;
  }
  if ((row->flags & kWrite) != 0 && is_read_only()) return Error{Errc::kReadOnly, "writes are refused at present"};
  if ((row->flags & kGrows) == 0 || services_.memory == nullptr) return row->function(context, request);
  // Kept until the command has taken it.
  const auto room = services_.memory->make_room(frame.payload.size(), context.call);
  if (!room) return Error{Errc::kOutOfMemory, "over the memory limit, and nothing may be evicted"};
  return row->function(context, request);
}

// Of what has changed something the reply has to go out.
bool Dispatcher::may_stay(const protocol::Frame& frame, const ByteBuffer& out) const {
  return services_.memory == nullptr || may_write(frame) || services_.memory->may_stay(out.capacity());
}

protocol::Handled Dispatcher::handle(const protocol::Frame& frame, protocol::Caller& caller, UnixMillis now,
                                     protocol::Weight weight, ByteBuffer& out) {
  const std::size_t size_before = out.size();
  engine::Call call{now};
  protocol::Handled handled;
  const auto fail = [&](const Error& error) {
    out.truncate(size_before);
    protocol::ReplyWriter(out, services_.limits.payload_bytes_max).error(error);
    services_.counters.add_failed(counted_as(frame.tag), error.code);
  };
  try {
    // A reply that has no room after the command has changed something would be too late to fail.
    out.prepare(kReplyRoom);
    Context context{
        services_, *observers_, static_cast<Connection&>(caller), call, {out, services_.limits.payload_bytes_max},
        weight,    handled};
    if (const auto done = run(frame, context); !done) [[unlikely]] {
      fail(done.error());
    } else if (const std::size_t size = out.size() - size_before; size > kBufferBytesUsual && !may_stay(frame, out))
        [[unlikely]] {
      fail({Errc::kOutOfMemory, "over the memory limit, and others leave large replies unread"});
      out.shrink_to(kOutputBytesUsual);
    } else if (size != 0) {
      count(frame.tag, static_cast<protocol::Status>(out.view()[size_before]));
    }  // else the reply is still to come, or the request to be handled once more
  } catch (const std::bad_alloc&) {
    fail({Errc::kOutOfMemory, "the system has no memory left for this"});
  }
  // An error may tell of what a key holds, too.
  handled.lsn = call.lsn;
  return handled;
}

// Frames with the same command share one entry of its histogram.
void Dispatcher::timed(std::span<const protocol::Frame> frames, const protocol::Caller& caller,
                       std::chrono::nanoseconds time) {
  const auto each = time / static_cast<std::int64_t>(frames.size());
  for (std::size_t from = 0, to = 0; from < frames.size(); from = to) {
    const std::uint8_t tag = frames[from].tag;
    while (to < frames.size() && frames[to].tag == tag) ++to;
    services_.counters.add_latency(counted_as(tag), each, to - from);
  }
  observers_->show(frames, static_cast<const Connection&>(caller), services_.clock);
  SlowLog* slow = services_.slow_log;
  if (slow != nullptr && time > slow->threshold()) slow->add(frames, caller, time);
}

bool Dispatcher::is_read_only() const {
  return services_.read_only != nullptr && services_.read_only->load(std::memory_order_relaxed);
}

bool Dispatcher::make_room(std::size_t bytes) {
  if (services_.memory == nullptr) return true;
  engine::Call call{services_.clock.now()};
  try {
    return services_.memory->make_room_for_buffer(bytes, call);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool Dispatcher::is_short_of_memory() const {
  return services_.memory != nullptr && services_.memory->is_far_over();
}

void Dispatcher::refuse(const Error& error, ByteBuffer& out) {
  services_.counters.add_error(error.code);
  protocol::ReplyWriter(out, services_.limits.payload_bytes_max).error(error);
}

// Every key stands first in its payload: as all of it, or after its length.
void Dispatcher::prefetch(std::span<const protocol::Frame> frames) {
  boost::container::static_vector<ByteView, engine::Engine::kPrefetchKeysMax> keys;
  for (const protocol::Frame& frame : frames) {
    const CommandRow* row = find_command(frame.tag);
    if (row == nullptr || keys.size() == keys.capacity()) continue;
    ByteView payload = frame.payload;
    if (row->shape.fields[0] == protocol::Field::kKey && payload.size() >= 2) {
      const std::size_t size = load_big_endian<std::uint16_t>(payload.data());
      payload = payload.substr(2, size);
    } else if (row->shape.fields[0] != protocol::Field::kKeyRest) {
      continue;
    }
    keys.push_back(payload);
  }
  services_.engine.prefetch({keys.data(), keys.size()});
}

}  // namespace kv::command
