#include "kv/command/dispatcher.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <boost/container/static_vector.hpp>

#include "command/command_row.hpp"

namespace kv::command {
namespace {

// A SCAN pattern up to here is cheap to match, whatever the keys.
constexpr std::size_t kScanFixedBytes = 14;
constexpr std::size_t kLightPatternBytes = 64;
// Up to here a batch takes well under a millisecond.
constexpr std::size_t kLightBatchBytes = 16U << 10;

// The longest reply to a command that writes, but for those that answer with what a key held: the sum of two Decimals.
constexpr std::size_t kReplyRoom = protocol::kHeaderBytes + 1 + 2 + kDecimalDigitsMax + 3;

// What a reply to SCAN holds besides its one key: the cursor, the count and the key's length.
constexpr std::size_t kScanReplyFixedBytes = 14;

Services with_keys_that_scan_can_return(Services services) {
  std::size_t& key_bytes_max = services.limits.key_bytes_max;
  key_bytes_max = std::min(key_bytes_max, services.limits.payload_bytes_max - kScanReplyFixedBytes);
  return services;
}

// Asking all I/O threads takes a moment, and what is asked there runs beside them; a name is set on the session's own.
bool asks_the_io_threads(const CommandRow& row, ByteView payload) {
  return row.byte == protocol::Command::kClient && !payload.empty() &&
         static_cast<protocol::ClientCall>(payload[0]) != protocol::ClientCall::kSetName;
}

// Whether the user may run the command, and use the keys that the request names as the command does.
Result<void> check_rules(const Connection& connection, const CommandRow& row, const Request& request) {
  if ((row.flags & kOpen) != 0) return {};
  if (!connection.may_run(row.byte)) return Error{Errc::kNoPerm, "the user may not run " + std::string(row.name)};
  const auto no_key = [] { return Error{Errc::kNoPerm, "the user may not use such a key so"}; };
  const bool reads = (row.flags & kRead) != 0;
  const bool writes = (row.flags & kWrite) != 0;
  if (!reads && !writes) return {};
  const auto use = reads && writes ? security::KeyUse::kBoth
                   : reads         ? security::KeyUse::kRead
                                   : security::KeyUse::kWrite;
  for (const protocol::Field field : row.shape.fields) {
    if (field == protocol::Field::kKey || field == protocol::Field::kKeyRest) {
      if (!connection.may_use(request.key, use)) return no_key();
    } else if (field == protocol::Field::kKeys) {
      for (const ByteView key : request.keys) {
        if (!connection.may_use(key, use)) return no_key();
      }
    } else if (field == protocol::Field::kPairs) {
      for (const value::KeyValue& pair : request.pairs) {
        if (!connection.may_use(pair.key, use)) return no_key();
      }
    }
  }
  return {};
}

protocol::Weight weigh(const protocol::Frame& frame, const CommandRow* row) {
  const std::size_t size = frame.payload.size();
  if (size >= kHeavyPayloadBytes) return protocol::Weight::kHeavy;
  if (row == nullptr) return protocol::Weight::kLight;
  const bool heavy = (row->flags & kHeavy) != 0 || ((row->flags & kBatch) != 0 && size >= kLightBatchBytes) ||
                     (row->byte == protocol::Command::kScan && size >= kScanFixedBytes + kLightPatternBytes) ||
                     asks_the_io_threads(*row, frame.payload);
  return heavy ? protocol::Weight::kHeavy : protocol::Weight::kLight;
}

bool is_error_frame(ByteView frame) {
  return !frame.empty() && static_cast<protocol::Status>(frame[0]) == protocol::Status::kError;
}

}  // namespace

Dispatcher::Dispatcher(const Services& services) : services_(with_keys_that_scan_can_return(services)) {}

std::unique_ptr<protocol::Caller> Dispatcher::connect(protocol::Peer peer) {
  return std::make_unique<Connection>(std::move(peer), services_.users);
}

protocol::Weight Dispatcher::weigh(const protocol::Frame& frame) {
  return command::weigh(frame, find_command(frame.tag));
}

bool Dispatcher::may_write(const protocol::Frame& frame) const {
  const CommandRow* row = find_command(frame.tag);
  return row != nullptr && (row->flags & kWrite) != 0;
}

ByteView Dispatcher::name(const protocol::Frame& frame) const {
  const CommandRow* row = find_command(frame.tag);
  return row == nullptr ? "unknown" : row->name;
}

protocol::Handled Dispatcher::handle(const protocol::Frame& frame, protocol::Caller& caller, UnixMillis now,
                                     protocol::Weight weight, ByteBuffer& out) {
  const std::size_t size_before = out.size();
  engine::Call call{now};
  protocol::Handled handled;
  const auto fail = [&](const Error& error) {
    out.truncate(size_before);
    refuse(error, out);
  };
  try {
    // A reply that has no room after the command has changed something would be too late to fail.
    out.prepare(kReplyRoom);
    Context context{
        services_, static_cast<Connection&>(caller), call, {out, services_.limits.payload_bytes_max}, weight, handled};
    if (const auto done = run(frame, context); !done) [[unlikely]] {
      fail(done.error());
    } else if (is_error_frame(out.view().substr(size_before))) {
      // The one error that no function returns: ReplyWriter puts it in the place of a reply that is too large.
      services_.counters.add_error(Errc::kReplyTooLarge);
    }
  } catch (const std::bad_alloc&) {
    fail({Errc::kOutOfMemory, "the system has no memory left for this"});
  }
  // An error may tell of what a key holds, too.
  handled.lsn = call.lsn;
  return handled;
}

Result<void> Dispatcher::run(const protocol::Frame& frame, Context& context) const {
  const CommandRow* row = find_command(frame.tag);
  const bool is_heavy = command::weigh(frame, row) == protocol::Weight::kHeavy;
  const bool runs_beside = context.weight == protocol::Weight::kHeavy;
  if (is_heavy && !runs_beside) {
    context.handled.is_heavy = true;
    return {};
  }
  // One that turned out to be heavy only when it was run is run twice.
  if (is_heavy == runs_beside) services_.counters.add_command(frame.tag);
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

bool Dispatcher::is_read_only() const {
  return services_.read_only != nullptr && services_.read_only->load(std::memory_order_relaxed);
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
