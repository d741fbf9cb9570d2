// Random histories of a server on a disk that fails, from one seed each: changes of every kind, groups, syncs,
// segments, snapshots and compactions in any order, trouble, and then an end: a power cut, a killed process, or a clean
// one. What the next start finds has to be what some prefix of the recorded changes makes, and that prefix has
// everything that was promised. Then life goes on from there, several times.
//
// All steps are taken by one thread. KV_HISTORIES says how many histories there are to be.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/directory.hpp"
#include "storage/recovery.hpp"
#include "storage/snapshotter.hpp"
#include "storage/wal.hpp"
#include "support/base/random.hpp"
#include "support/storage/durable_state.hpp"
#include "support/storage/faulty_file_system.hpp"

namespace kv::storage {
namespace {

using engine::EntryView;
using kv::test::FaultyFileSystem;
using kv::test::Random;
using DiskCall = FaultyFileSystem::Call;

using namespace test;

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kHistoriesDefault = 300;
#elif defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kHistoriesDefault = 200;
#elif defined(NDEBUG)
constexpr std::uint64_t kHistoriesDefault = 4'000;
#else
constexpr std::uint64_t kHistoriesDefault = 1'000;
#endif

constexpr const char* kFolder = "data";

class NoWaiter final : public engine::Waiter {
 public:
  void granted() override {}
};

// What a server consists of, as far as it changes data and keeps it.
struct Server {
  Server(DataDirectory d, std::uint32_t shards) : directory(std::move(d)), engine({.shards = shards}) {}
  // Who still waits leaves without a word to anybody: the process is gone.
  ~Server() {
    engine.set_mutation_sink(nullptr);
    engine::Call call{.now = kCreated};
    for (auto& [key, waiter] : waiters) engine.leave(key, *waiter, call);
  }

  DataDirectory directory;
  engine::Engine engine;
  std::unique_ptr<Wal> wal;
  std::optional<Snapshotter> snapshotter;
  std::vector<std::pair<std::string, std::unique_ptr<NoWaiter>>> waiters;
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    constexpr FsyncPolicy kPolicies[] = {FsyncPolicy::kAlways, FsyncPolicy::kInterval, FsyncPolicy::kNever};
    options_.fsync = kPolicies[random_.below(3)];
    options_.snapshot_compression = random_.one_in(2) ? 1 : 0;
    wal_options_ = {.fsync = options_.fsync,
                    .segment_bytes = random_.one_in(4) ? 100'000 : 100 + random_.below(4'000),
                    .zeros_ahead_bytes = random_.one_in(4) ? 0 : random_.below(6'000)};
    clock_.on_look = [this] { happen_during_a_snapshot(); };
  }

  void run() {
    for (std::uint64_t lives = 1 + random_.below(5); lives != 0 && !failed(); --lives) {
      const auto server = start();
      if (!server) continue;
      server_ = server.get();
      live();
      end();
      server_ = nullptr;
    }
    if (!failed()) start();
  }

 private:
  static bool failed() { return testing::Test::HasFailure(); }

  // Starting ---------------------------------------------------------------------------------------------------------

  // A server that has recovered and begun its log. None where the test has failed, or where an end came meanwhile.
  std::unique_ptr<Server> start() {
    files_.heal();
    damage_a_snapshot();
    if (random_.one_in(6)) start_in_vain();
    auto directory = DataDirectory::open(files_, kFolder);
    if (!directory) {
      ADD_FAILURE() << directory.error().message;
      return nullptr;
    }
    auto server = std::make_unique<Server>(*std::move(directory), shards());
    const auto first = recover(server->directory, server->engine, threads());
    if (!first) {
      ADD_FAILURE() << first.error().message;
      return nullptr;
    }
    expect_kept(*first, server->engine);
    engine::Engine again({.shards = shards()});
    const auto second = recover(server->directory, again, threads());
    if (!second) {
      ADD_FAILURE() << "the second time: " << second.error().message;
      return nullptr;
    }
    // From here on the recovered state is what the disk has, for certain.
    synced_ = kept_ = number(first->next) - 1;
    EXPECT_EQ(second->next, first->next);
    EXPECT_EQ(second->cut_bytes, 0) << "had been cut before";
    EXPECT_EQ(entries_of(again), entries_of(server->engine));
    if (failed()) return nullptr;

    if (random_.one_in(10)) files_.end_after(random_.below(8));
    if (random_.one_in(10)) files_.set_room(files_.used() + random_.below(60));  // a header has half as many
    auto wal = Wal::open(files_, kFolder, wal_options_, first->next);
    if (!wal) {
      end_the_process();
      return nullptr;
    }
    server->wal = *std::move(wal);
    sink_.forward_to(*server->wal, kept_);
    server->engine.set_mutation_sink(&sink_);
    server->snapshotter.emplace(server->directory, options_, server->engine, clock_, *server->wal);
    return server;
  }

  // One that the next end overtakes, somewhere.
  void start_in_vain() {
    files_.end_after(random_.below(40));
    if (const auto directory = DataDirectory::open(files_, kFolder)) {
      engine::Engine engine({.shards = shards()});
      if (const auto recovered = recover(*directory, engine, threads())) {
        expect_kept(*recovered, engine);
        synced_ = kept_ = number(recovered->next) - 1;
      }
    }
    end_the_process();
  }

  void end_the_process() {
    if (random_.one_in(2)) {
      files_.kill_process();
    } else {
      files_.power_cut(random_);
      kept_ = synced_;
    }
    files_.heal();
  }

  std::uint32_t shards() { return 1 + static_cast<std::uint32_t>(random_.below(7)); }
  unsigned threads() { return random_.one_in(8) ? 2 : 1; }

  void expect_kept(const Recovered& recovered, const engine::Engine& engine) {
    const std::uint64_t found = number(recovered.next) - 1;
    ASSERT_GE(found, kept_) << "of " << sink_.records().size() << " records";
    ASSERT_LE(found, sink_.records().size());
    ASSERT_EQ(entries_of(engine), entries_after(sink_.records(), found)) << "after " << found << " records";
    std::uint64_t token = 0;
    for (const Changes& record : std::span(sink_.records()).first(found)) {
      for (const Change& change : record) token = std::max(token, change.token);
    }
    ASSERT_GE(engine.last_token(), token);
  }

  // The newest of two good snapshots, at times: the older one has to do.
  void damage_a_snapshot() {
    if (!random_.one_in(8)) return;
    const auto names = files_.list(kFolder);
    if (!names) return;
    const std::vector<Lsn> all = snapshots_among(*names);
    if (all.size() < 2 || damaged_.contains(all.back()) || damaged_.contains(all[all.size() - 2])) return;
    const std::string path = std::string(kFolder) + "/" + snapshot_name(all.back());
    files_.flip_bit(path, random_.below(files_.content(path).size() * 8));
    damaged_.insert(all.back());
  }

  // Living -----------------------------------------------------------------------------------------------------------

  void live() {
    for (std::uint64_t steps = random_.below(80); steps != 0 && !failed(); --steps) {
      if (server_->wal->has_failed() && random_.one_in(6)) return;
      step();
    }
  }

  void step() {
    switch (random_.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        server_->wal->write_group();
        return;
      case 4:
        server_->wal->hurry();
        return;
      case 5:
        static_cast<void>(server_->wal->sync());
        return;
      case 6:
        if (random_.one_in(2)) snapshot();
        return;
      case 7:
        if (random_.one_in(3)) trouble();
        return;
      case 8:
        if (random_.one_in(2)) files_.heal();
        return;
      default:
        // Whoever asks is refused while there is no room, but for the few who are under way.
        if (!server_->wal->is_read_only() || random_.one_in(8)) change();
    }
  }

  void snapshot() {
    // Nobody else would write what is queued, and the snapshot waits for that.
    write_all_groups();
    if (const auto taken = server_->snapshotter->take()) damaged_.erase(taken->start);
  }
  void write_all_groups() {
    while (server_->wal->write_group() == Wal::Written::kGroup) {
    }
  }
  // Called by the clock, within take().
  void happen_during_a_snapshot() {
    if (server_->wal->has_failed()) return;
    for (std::uint64_t changes = random_.below(4); changes != 0; --changes) change();
    write_all_groups();
  }

  void trouble() {
    switch (random_.below(4)) {
      case 0:
        return files_.cut_short(random_.next());
      case 1:
        return files_.set_room(files_.used() + random_.below(4'000));
      case 2:
        return files_.end_after(random_.below(30));
      default:
        return files_.fail(static_cast<DiskCall>(random_.below(FaultyFileSystem::kCalls)),
                           random_.one_in(2) ? boost::system::errc::no_space_on_device : boost::system::errc::io_error,
                           {.after = random_.below(6), .times = 1 + random_.below(3)});
    }
  }

  // Ends -------------------------------------------------------------------------------------------------------------

  void end() {
    Wal& wal = *server_->wal;
    const bool ends_well = random_.one_in(4) && wal.stop();
    kept_ = std::max(kept_, number(ends_well ? wal.last_lsn() : wal.committed()));
    synced_ = std::max(synced_, number(wal.status().synced));
    const bool all_is_synced = ends_well || options_.fsync == FsyncPolicy::kAlways;
    EXPECT_TRUE(!all_is_synced || synced_ >= kept_) << synced_ << " and " << kept_;
    end_the_process();
  }

  // Changes ----------------------------------------------------------------------------------------------------------

  std::string key() { return "key " + std::to_string(random_.below(12)); }
  UnixMillis deadline() { return random_.one_in(2) ? 0 : now_ + 1 + random_.below(60); }
  StoredEntry some_value() {
    if (random_.one_in(60)) return bytes_entry(random_bytes(random_, 10'000 + random_.below(400'000)));
    if (random_.one_in(10)) return bytes_entry(random_bytes(random_, 900 + random_.below(30'000)));
    return random_entry(random_);
  }

  void change() {
    if (random_.one_in(4)) now_ += random_.below(20);
    engine::Engine& engine = server_->engine;
    engine::Call call{.now = now_};
    switch (random_.below(12)) {
      case 0:
        return remove(call);
      case 1:
        return set_deadline(call);
      case 2:
        return put_many(call);
      case 3:
        return remove_many(call);
      case 4:
        if (random_.one_in(5)) engine.flush(call);
        return;
      case 5:
        return lock(call);
      case 6:
        if (!server_->waiters.empty()) leave(call);
        return;
      case 7:
        if (random_.one_in(2)) {
          engine.hand_over_expired(now_);
        } else {
          engine.sweep(static_cast<std::uint32_t>(random_.below(engine.shards())), now_);
        }
        return;
      default:
        return put(call);
    }
  }

  void put(engine::Call& call) {
    const StoredEntry entry = some_value();
    const UnixMillis until = deadline();
    const value::ValueView value{entry.type, entry.data};
    const std::string key = this->key();
    engine::PreparedValue prepared(key, value);
    server_->engine.modify(
        key, call, [&](const EntryView*) { return engine::Change::put(value, until); },
        random_.one_in(2) ? &prepared : nullptr);
  }
  void remove(engine::Call& call) {
    server_->engine.modify(key(), call, [](const EntryView* entry) {
      return entry != nullptr ? engine::Change::remove() : engine::Change::keep();
    });
  }
  void set_deadline(engine::Call& call) {
    const UnixMillis until = deadline();
    server_->engine.modify(key(), call, [&](const EntryView* entry) {
      return entry != nullptr ? engine::Change::set_deadline(until) : engine::Change::keep();
    });
  }
  void put_many(engine::Call& call) {
    std::vector<std::pair<std::string, StoredEntry>> owned(random_.below(5));
    std::vector<value::KeyValue> pairs;
    for (auto& [key, entry] : owned) {
      key = this->key();
      entry = some_value();
      pairs.push_back({key, {entry.type, entry.data}});
    }
    server_->engine.put_many(pairs, deadline(), call);
  }
  void remove_many(engine::Call& call) {
    const std::vector<std::string> owned{key(), key(), key()};
    const std::vector<ByteView> keys(owned.begin(), owned.end());
    server_->engine.remove_many(keys, call);
  }
  void lock(engine::Call& call) {
    auto waiter = random_.one_in(2) ? std::make_unique<NoWaiter>() : nullptr;
    const std::string key = this->key();
    const auto acquired = server_->engine.acquire(key, "owner", 1 + random_.below(60), call, waiter.get());
    if (acquired.state == engine::Engine::Acquired::State::kQueued) {
      server_->waiters.emplace_back(key, std::move(waiter));
    }
  }
  void leave(engine::Call& call) {
    const std::size_t index = random_.below(server_->waiters.size());
    auto& [key, waiter] = server_->waiters[index];
    const auto left = server_->engine.leave(key, *waiter, call);
    if (left.state == engine::Engine::Acquired::State::kHeld && random_.one_in(2)) {
      server_->engine.give_back(key, *waiter, now_);
    }
    server_->waiters.erase(server_->waiters.begin() + static_cast<std::ptrdiff_t>(index));
  }

  Random random_;
  FaultyFileSystem files_;
  Options options_;
  Wal::Options wal_options_;
  EventfulClock clock_;
  UnixMillis now_ = kCreated;
  ForwardingSink sink_;
  std::uint64_t kept_ = 0;    // so many records are promised to be there at the next start
  std::uint64_t synced_ = 0;  // so many if the power goes before
  std::set<Lsn> damaged_;
  Server* server_ = nullptr;  // the one that lives
};

std::uint64_t histories_wanted() {
  const char* wanted = std::getenv("KV_HISTORIES");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kHistoriesDefault;
}

TEST(Histories, EndInAPrefixThatHasAllThatWasPromised) {
  Random random;
  for (std::uint64_t count = histories_wanted(); count != 0; --count) {
    const std::uint64_t seed = random.next();
    SCOPED_TRACE("the history of seed " + std::to_string(seed));
    History(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace kv::storage
