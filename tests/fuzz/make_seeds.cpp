// Writes the seed corpus: make_seeds tests/fuzz/corpus. The same files every time, so that what is in the tree can be
// made again; an input that once broke something is kept beside them under another name.
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "kv/protocol/command.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/value/build.hpp"

#include "storage/record.hpp"
#include "storage/segment.hpp"
#include "support/base/hex.hpp"
#include "support/storage/faulty_file_system.hpp"
#include "support/storage/random_mutation.hpp"
#include "support/storage/snapshot_files.hpp"
#include "support/value/random_value.hpp"

namespace {

using namespace kv;
using namespace kv::test;
using protocol::Command;

using Seeds = std::vector<std::string>;

std::string sized(ByteView text) {
  return u16(static_cast<std::uint16_t>(text.size())) + std::string(text);
}

std::string request(Command command, ByteView payload) {
  std::string frame(protocol::kHeaderBytes, '\0');
  protocol::encode_header(static_cast<std::uint8_t>(command), static_cast<std::uint32_t>(payload.size()), frame.data());
  return frame.append(payload);
}

Seeds decimal_seeds() {
  Seeds seeds = {"0.10 0.2", "-0.00 +5.", ".5 1e3", "1.50e1 -15", "1e999 -1e-1000", "00012 9.99E-2", "1e1000 NaN"};
  Random random(1);
  for (int i = 0; i < 9; ++i) {
    const std::string left = random_decimal(random);
    seeds.push_back(left + " " + random_decimal(random));
  }
  return seeds;
}

Seeds value_seeds() {
  using namespace kv::value;
  Seeds seeds = {
      encode_null(),
      encode_int(-1),
      encode_float(1.5),
      encode_decimal("-1.50e1"),
      encode_string("h\xc3\xa9llo"),
      encode_bytes("\xff"),
      encode_bool(true),
      encode_list({}),
      encode_map({}),
      encode_map(std::vector<std::pair<std::string, std::string>>{{"a", encode_null()}, {"", encode_int(0)}})};
  Random random(2);
  for (int i = 0; i < 10; ++i) seeds.push_back(random_value(random, {.text_bytes_max = 20, .canonical = i % 2 == 0}));
  return seeds;
}

// One request of each kind, then conversations of several.
Seeds request_seeds() {
  using namespace kv::value;
  const std::string key = sized("key");
  const std::string owner = sized("owner");
  const std::string later = u64(1000);
  const std::string no_ttl = u64(0);
  Seeds seeds = {
      request(Command::kGet, "key"),
      request(Command::kSet, key + no_ttl + encode_int(42)),
      request(Command::kDel, "key"),
      request(Command::kExists, "key"),
      request(Command::kIncr, key + u64(5)),
      request(Command::kDecr, key + u64(~0ULL)),
      request(Command::kCas, key + encode_null() + encode_int(1) + later),
      request(Command::kPing, "hello"),
      request(Command::kInfo, "memory"),
      request(Command::kSetnx, key + later + encode_decimal("1e2")),
      request(Command::kLock, key + owner + later),
      request(Command::kUnlock, key + owner),
      request(Command::kExtend, key + owner + later),
      request(Command::kMget, u16(2) + key + sized("b")),
      request(Command::kMset, u16(2) + later + key + encode_int(1) + sized("b") + encode_string("two")),
      request(Command::kMdel, u16(2) + key + sized("b")),
      request(Command::kMexists, u16(2) + key + sized("b")),
      request(Command::kExpire, key + later),
      request(Command::kTtl, "key"),
      request(Command::kPersist, "key"),
      request(Command::kSwap, key + no_ttl + encode_list({})),
      request(Command::kTake, "key"),
      request(Command::kScan, u64(0) + u32(10) + sized("k*[a-z]\\?")),
      request(Command::kType, "key"),
      request(Command::kAdd, key + encode_decimal("0.10")),
      request(Command::kAcquire, key + owner + later + u64(50)),
      request(Command::kFlush, ""),
  };
  const std::string snapshots = request(Command::kSnapshot, ByteView("\0", 1)) + request(Command::kSnapshot, "\1") +
                                request(Command::kSnapshot, "\2/folder") + request(Command::kLastsave, "");
  const std::string no_byte(1, '\0');
  const std::string users = request(Command::kAuth, sized("app") + sized("secret")) + request(Command::kWhoami, "") +
                            request(Command::kAcl, no_byte) +
                            request(Command::kAcl, "\1" + sized("app") + "on +get ~a*") +
                            request(Command::kAcl, "\2" + sized("app")) + request(Command::kAcl, "\3") +
                            request(Command::kAcl, "\1" + sized("default") + "off") + request(Command::kGet, "key");
  std::string all;
  for (const std::string& seed : seeds) all += seed;
  const auto of = [&](Command command) { return seeds[static_cast<std::size_t>(command) - 1]; };
  const std::string waiting = of(Command::kLock) + of(Command::kAcquire) + of(Command::kAcquire);
  seeds.insert(seeds.end(), {
                                all,
                                waiting + of(Command::kUnlock) + of(Command::kGet),
                                waiting + of(Command::kTake) + of(Command::kFlush),
                                of(Command::kSet) + of(Command::kIncr) + of(Command::kAdd) + of(Command::kSwap),
                                of(Command::kMset) + of(Command::kMget) + of(Command::kScan) + of(Command::kMdel),
                                of(Command::kSetnx) + of(Command::kTtl) + of(Command::kPersist) + of(Command::kCas),
                                snapshots,
                                users,
                            });
  return seeds;
}

// Attempts to authenticate, the addresses that they come from, and changes of a password: see auth_fuzz.cpp.
Seeds auth_seeds() {
  const auto from = [](ByteView address) { return request(Command{}, address); };
  const auto attempt = [](ByteView user, ByteView password) {
    return request(Command::kAuth, sized(user) + sized(password));
  };
  const std::string new_password = request(Command{'n'}, "");
  const std::string right = attempt("", "d") + attempt("app", "a") + attempt("two", "a") + attempt("two", "b");
  const std::string wrong = attempt("", "") + attempt("app", "b") + attempt("off", "a") + attempt("cert", "") +
                            attempt("nobody", "a") + attempt("default", std::string(1'025, 'd'));
  return {
      right,
      wrong,
      attempt("app", "a") + new_password + attempt("app", "a") + attempt("app", "c") + new_password +
          attempt("app", "c"),
      from("10.0.0.1:1") + wrong + right,
      from("[2001:db8::1]:65535") + right + from("[2001:db8::2]:1") + wrong,
      from("[::ffff:10.0.0.1]:1") + from("[fe80::1%lo]:1") + from("[::1") + from("a:b") + from("") + right,
      request(Command::kAuth, "") + request(Command::kAuth, sized("app")) + attempt("app\n", "a") + right + "\x28",
  };
}

Seeds acl_seeds() {
  const std::string hash =
      "#$argon2id$v=19$m=8,t=1,p=1$rG0Lh87A7XBudDaNcgRFew$UBGwKD5y18Blgna9emWimZL3sB+qeEG0L7nT7qfuzts";
  return {
      "",
      "# nobody\n\n",
      "user admin on " + hash + " ~* +@all\nuser default off\n",
      "user app on cert connections=100 " + hash + " ~app:* %R~shared:* %W~[a-z]? +@read +@write -scan\n",
      "user default on nopass allkeys allcommands resetkeys nocommands",
      "user a reset resetpass nocert on off\r\n\tuser b +GET -@string +@lock",
      "on ~a* %RW~b +get -@admin",
      "user a >secret",
      "user a\nuser a",
      "user",
      "on ~x\n#y +@all -flush",
  };
}

Seeds http_seeds() {
  const std::string host = "Host: a\r\n";
  const std::string get = "GET /livez HTTP/1.1\r\n" + host + "\r\n";
  return {
      get,
      get + get + "HEAD /livez HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
      "GET http://a/livez?x=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\nx",
      "GET /livez HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET /livez HTTP/1.1\r\n" + host + "Accept: a,\r\n b\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n",
      "HEAD /livez HTTP/2.1\r\n" + host + "\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET /livez\r\n\r\n",
      "GET /" + std::string(2'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n",
      "GET / HTTP/1.1\r\nA: " + std::string(9'000, 'a'),
  };
}

// Whole files, and the same without their ends.
Seeds snapshot_seeds() {
  using namespace kv::storage;
  Random random(3);
  storage::test::Entries few = {{"lock", {value::ValueType::kString, "owner", 5, true}}};
  storage::test::Entries many;
  for (int i = 0; i < 12; ++i) {
    few["key" + std::to_string(i)] = storage::test::random_entry(random);
    many["key" + std::to_string(i)] = storage::test::bytes_entry(std::string(200, 'v'));
  }
  const storage::test::Entries in_parts = {{"large", storage::test::bytes_entry(std::string(600'000, 'l'))}};
  Seeds seeds;
  for (const auto& entries : {storage::test::Entries(), few, many, in_parts}) {
    for (const SnapshotCodec codec : {SnapshotCodec::kNone, SnapshotCodec::kZstd}) {
      const std::string file = storage::test::snapshot_of(entries, codec);
      if (file.size() > 4'096) continue;
      seeds.push_back(file);
      const std::size_t ends = snapshot::kHeaderBytes + snapshot::kFooterBytes + snapshot::kTrailerBytes;
      if (!entries.empty()) seeds.push_back(file.substr(snapshot::kHeaderBytes, file.size() - ends));
    }
  }
  return seeds;
}

std::string mark(Lsn synced) {
  const auto bytes = storage::encode_mark(synced);
  return {bytes.begin(), bytes.end()};
}

Seeds wal_record_seeds() {
  Seeds seeds = {mark(Lsn{5}), std::string(16, '\0')};
  Random random(3);
  for (std::size_t i = 0; i < 10; ++i) {
    seeds.push_back(encoded_record(Lsn{i}, RandomMutations(random, 1 + i / 3).get()));
  }
  return seeds;
}

// Segments that end well, in zeros, in a torn record, and with a mark behind it.
Seeds wal_segment_seeds() {
  Random random(4);
  Seeds seeds;
  for (int i = 0; i < 8; ++i) {
    FaultyFileSystem files;
    auto writer = storage::SegmentWriter::create(files, "", Lsn{1}, {.fill_bytes = i % 2 == 0 ? 0U : 40U}).value();
    std::string bytes;
    for (std::uint64_t lsn = 1; lsn <= static_cast<std::uint64_t>(i); ++lsn) {
      if (lsn % 2 == 1) bytes += mark(Lsn{lsn - 1});
      bytes += encoded_record(Lsn{lsn}, RandomMutations(random, 1).get());
    }
    if (i >= 5) bytes.resize(bytes.size() - 3);
    if (i >= 6) bytes += mark(Lsn{static_cast<std::uint64_t>(i)});
    const ByteView piece = bytes;
    writer.append({&piece, 1}).value();
    seeds.push_back(files.content("/" + storage::segment_name(Lsn{1})));
  }
  return seeds;
}

void write(const std::filesystem::path& folder, const Seeds& seeds) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    std::ofstream(folder / ("seed-" + std::string(2 - number.size(), '0') + number), std::ios::binary) << seeds[i];
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path corpus = argv[1];
  write(corpus / "acl", acl_seeds());
  write(corpus / "auth", auth_seeds());
  write(corpus / "decimal", decimal_seeds());
  write(corpus / "value", value_seeds());
  write(corpus / "http", http_seeds());
  write(corpus / "request", request_seeds());
  write(corpus / "snapshot", snapshot_seeds());
  write(corpus / "wal_record", wal_record_seeds());
  write(corpus / "wal_segment", wal_segment_seeds());
}
