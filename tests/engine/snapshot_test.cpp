// Snapshots of a real system: consistent while everything goes on, checked to the last bit, and
// harmless wherever they are interrupted.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "conformance/api_fixture.h"
#include "conformance/forwarding_consumer.h"
#include "engine/test_system.h"
#include "viridian/spi/log.h"

namespace viridian::conformance {
namespace {

namespace fs = std::filesystem;

/// The log, which calls back after each last() that nobody in the callback made.
class WatchedLog final : public Component, public ForwardingConsumer {
 public:
  static inline std::function<void(const CollectionId&)> after_last;

  static Result<std::unique_ptr<WatchedLog>> create(System& system) {
    VIRIDIAN_TRY(Producer * producer, system.require<Producer>());
    return std::make_unique<WatchedLog>(dynamic_cast<Consumer&>(*producer));
  }
  using ForwardingConsumer::ForwardingConsumer;

  Result<SeqId> last(const Context& context, const CollectionId& id) override {
    thread_local bool inside = false;
    auto last = ForwardingConsumer::last(context, id);
    if (!after_last || std::exchange(inside, true)) return last;
    after_last(id);
    inside = false;
    return last;
  }
};

class Snapshots : public testing::Test {
 protected:
  void SetUp() override {
    system_ = must(TestSystem::start(local_settings(directory_.path())));
    ASSERT_TRUE(system_);
  }
  Api& api() { return system_->api(); }
  std::string store() const { return directory_.path() + "/snapshots"; }

  CollectionRef make(const std::string& name) {
    CreateCollection request;
    request.name = name;
    return {DatabasePath(), must(api().create_collection(context_, DatabasePath(), request)).id};
  }
  static RecordBatch numbered(uint64_t first, uint64_t count) {
    std::vector<Row> rows;
    for (uint64_t i = first; i < first + count; ++i) {
      rows.push_back({.id = std::to_string(i),
                      .vector = {static_cast<float>(i), 1},
                      .document = "document " + std::to_string(i)});
    }
    return batch_of(Operation::upsert, rows);
  }
  void write(const CollectionRef& ref, uint64_t first, uint64_t count = 1) {
    EXPECT_OK(api().write(context_, ref, numbered(first, count)));
  }
  RecordColumns all(const CollectionRef& ref) {
    return must(api().get(context_, ref, get_all())).records;
  }
  uint64_t count(const CollectionRef& ref) {
    return must(api().count(context_, ref, ReadLevel::index_and_wal));
  }
  Result<std::vector<Collection>> restore(const std::string& snapshot,
                                          const std::string& database) {
    RestoreRequest request;
    request.snapshot = snapshot;
    request.to = DatabasePath{kDefaultTenant, database};
    EXPECT_OK(api().create_database(context_, *request.to));
    return api().restore_snapshot(context_, request);
  }
  CollectionRef in(const std::string& database, const std::string& name) {
    const DatabasePath path{kDefaultTenant, database};
    return {path, must(api().get_collection(context_, path, name)).id};
  }
  /// Paths below a directory, with sizes.
  static std::map<std::string, uintmax_t> tree(const std::string& directory) {
    std::map<std::string, uintmax_t> found;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) {
        found[fs::relative(entry.path(), directory).string()] = entry.file_size();
      }
    }
    return found;
  }
  static std::set<std::string> directories(const std::string& directory) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory)) {
      found.insert(entry.path().filename().string());
    }
    return found;
  }

  const Context context_;
  TemporaryDirectory directory_;
  std::unique_ptr<TestSystem> system_;
};

// Each writer writes n to "first" and, once that is acknowledged, to "second". So at any moment
// "second" holds at most what "first" does, and at least all but one of it for each writer.
TEST_F(Snapshots, KeepWithEachWriteAllThatWasAcknowledgedBeforeIt) {
  const CollectionRef first = make("first");
  const CollectionRef second = make("second");
  constexpr uint64_t kWriters = 3;
  std::atomic<bool> stop = false;
  std::array<std::atomic<uint64_t>, kWriters> acknowledged{};
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 0; !stop; ++i) {
        const uint64_t number = i * kWriters + writer;
        write(first, number);
        write(second, number);
        acknowledged[writer] = i + 1;
        if (i % 50 == 49 && writer == 0) EXPECT_OK(api().flush(context_, first));
      }
    });
  }
  std::thread churn([&] {
    for (int i = 0; !stop; ++i) {
      const std::string name = "passing" + std::to_string(i % 3);
      write(make(name), 0);
      EXPECT_OK(api().delete_collection(context_, DatabasePath(), name));
    }
  });
  constexpr int kSnapshots = 8;
  std::array<std::array<uint64_t, kWriters>, kSnapshots> before{};
  for (size_t i = 0; i < kSnapshots; ++i) {
    for (size_t writer = 0; writer < kWriters; ++writer) before[i][writer] = acknowledged[writer];
    EXPECT_OK(api().create_snapshot(context_, "s" + std::to_string(i)));
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  churn.join();
  for (size_t i = 0; i < kSnapshots; ++i) {
    const std::string name = "s" + std::to_string(i);
    EXPECT_OK(api().verify_snapshot(context_, name));
    EXPECT_OK(restore(name, "in-" + name));
    std::array<std::set<std::string>, 2> ids;
    for (size_t c = 0; c < 2; ++c) {
      const RecordColumns records = all(in("in-" + name, c == 0 ? "first" : "second"));
      for (const std::string& id : strings(records.ids)) ids[c].insert(id);
    }
    std::array<uint64_t, kWriters> here{};
    for (const std::string& id : ids[1]) EXPECT_TRUE(ids[0].contains(id)) << name << ": " << id;
    EXPECT_LE(ids[0].size(), ids[1].size() + kWriters);
    for (const std::string& id : ids[0]) ++here[std::stoull(id) % kWriters];
    for (size_t writer = 0; writer < kWriters; ++writer) {
      EXPECT_GE(here[writer], before[i][writer]) << "acknowledged before the call";
    }
  }
}

// Whenever the snapshot has looked at one log, a record is written there, and then one to the other
// collection. What the cut notes has either both or none, since it lets nothing in.
TEST_F(Snapshots, NothingIsAppendedWithinTheCut) {
  Registry registry = test_registry();
  registry.add<WatchedLog, Consumer>("WatchedLog");
  Settings settings = local_settings(directory_.path());
  settings.set("consumer", "WatchedLog");
  system_.reset();
  system_ = must(TestSystem::start(settings, registry));
  const CollectionRef refs[] = {make("first"), make("second")};
  for (const CollectionRef& ref : refs) write(ref, 0);
  const std::thread::id here = std::this_thread::get_id();
  uint64_t number = 0;
  int kept_out = 0;
  WatchedLog::after_last = [&](const CollectionId& id) {
    if (std::this_thread::get_id() != here) return;
    const size_t which = id == refs[0].id ? 0 : 1;
    ++number;
    for (const size_t at : {which, 1 - which}) {
      const Context soon = Context::with_timeout(std::chrono::milliseconds(100));
      const auto wrote = api().write(
          soon, refs[at],
          batch_of(Operation::add, {{.id = std::to_string(which) + "-" + std::to_string(number),
                                     .vector = {1, 1}}}));
      kept_out += !wrote.ok();
      if (!wrote.ok()) return;
    }
  };
  EXPECT_OK(api().create_snapshot(context_, "s"));
  WatchedLog::after_last = nullptr;
  EXPECT_GE(kept_out, 2) << "the cut was not seen";
  EXPECT_OK(restore("s", "copy"));
  std::array<std::set<std::string>, 2> ids;
  for (size_t c = 0; c < 2; ++c) {
    for (const std::string& id : strings(all(in("copy", c == 0 ? "first" : "second")).ids)) {
      ids[c].insert(id);
    }
  }
  EXPECT_EQ(ids[0], ids[1]);
}

TEST_F(Snapshots, HoldWhatAModelHolds) {
  std::mt19937 random(7);
  std::map<std::string, CollectionRef> refs;
  for (const std::string name : {"aaa", "bbb", "ccc"}) refs[name] = make(name);
  std::map<std::string, std::map<std::string, RecordColumns>> kept;
  for (int step = 0; step < 120; ++step) {
    const std::string name = std::string(3, static_cast<char>('a' + random() % 3));
    const CollectionRef& ref = refs[name];
    switch (random() % 8) {
      case 0:
        EXPECT_OK(api().flush(context_, ref));
        break;
      case 1:
        EXPECT_OK(api().compact(context_, ref));
        break;
      case 2:
        EXPECT_OK(api().delete_records(
            context_, ref,
            delete_of(by_ids({std::to_string(random() % 50), std::to_string(random() % 50)}))));
        break;
      case 3: {
        const std::string snapshot = "s" + std::to_string(step);
        for (const auto& [collection, at] : refs) kept[snapshot][collection] = all(at);
        uint64_t records = 0;
        for (const auto& [collection, columns] : kept[snapshot]) records += columns.ids.size();
        EXPECT_EQ(must(api().create_snapshot(context_, snapshot)).records, records);
        break;
      }
      default:
        write(ref, random() % 50, 1 + random() % 20);
    }
    if (step % 40 == 39) EXPECT_OK(system_->reopen());
  }
  ASSERT_FALSE(kept.empty());
  for (const auto& [snapshot, collections] : kept) {
    EXPECT_OK(api().verify_snapshot(context_, snapshot));
    EXPECT_OK(restore(snapshot, "in-" + snapshot));
  }
  ASSERT_TRUE(system_->reopen().ok());
  for (const auto& [snapshot, collections] : kept) {
    for (const auto& [name, expected] : collections) {
      EXPECT_EQ(all(in("in-" + snapshot, name)), expected) << snapshot << " " << name;
    }
  }
}

TEST_F(Snapshots, OfUnchangedDataAddAManifestOnly) {
  const CollectionRef docs = make("docs");
  write(docs, 0, 100);
  EXPECT_OK(api().flush(context_, docs));
  write(docs, 50, 100);
  EXPECT_OK(api().create_snapshot(context_, "one"));
  auto before = tree(store());
  EXPECT_OK(api().create_snapshot(context_, "two"));
  auto after = tree(store());
  EXPECT_EQ(after.erase("two.json"), 1U);
  EXPECT_EQ(after, before);
  EXPECT_OK(api().delete_snapshot(context_, "one"));
  EXPECT_OK(api().delete_snapshot(context_, "two"));
  EXPECT_TRUE(tree(store()).empty());
}

TEST_F(Snapshots, EveryFlippedBitIsFound) {
  const CollectionRef docs = make("docs");
  write(docs, 0, 30);
  EXPECT_OK(api().flush(context_, docs));
  write(docs, 10, 30);
  EXPECT_OK(api().create_snapshot(context_, "kept"));
  // Sealed files are shared with the collection, which is of no interest here.
  EXPECT_OK(api().delete_collection(context_, DatabasePath(), "docs"));
  std::mt19937 random(11);
  const auto files = tree(store());
  EXPECT_GE(files.size(), 4U);
  for (const auto& [name, size] : files) {
    for (int i = 0; i < 25; ++i) {
      std::fstream file(store() + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
      const auto at = static_cast<std::streamoff>(random() % size);
      file.seekg(at);
      const int byte = file.get();
      const int bit = 1 << (random() % 8);
      file.seekp(at);
      file.put(static_cast<char>(byte ^ bit));
      file.flush();
      EXPECT_FAILS(Code::data_loss, fs::path(name).filename().string(),
                   api().verify_snapshot(context_, "kept"));
      EXPECT_FAILS(Code::data_loss, "", api().restore_snapshot(context_, all_of_snapshot("kept")));
      EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 0U);
      file.seekp(at);
      file.put(static_cast<char>(byte));
      file.close();
      if (HasFailure()) FAIL() << name << " at " << at;
    }
    const std::string path = store() + "/" + name;
    fs::rename(path, path + ".away");
    EXPECT_FALSE(api().verify_snapshot(context_, "kept").ok());
    fs::rename(path + ".away", path);
    fs::resize_file(path, size + 1);
    EXPECT_FAILS(Code::data_loss, "", api().verify_snapshot(context_, "kept"));
    fs::resize_file(path, size);
  }
  EXPECT_OK(api().verify_snapshot(context_, "kept"));
  // What failed left nothing behind.
  EXPECT_TRUE(tree(directory_.path() + "/segments").empty());
  EXPECT_OK(api().restore_snapshot(context_, all_of_snapshot("kept")));
  EXPECT_EQ(count(in(kDefaultDatabase, "docs")), 40U);
}

TEST_F(Snapshots, LitterOfInterruptedOnesIsNoSnapshotAndGoesWithTheNext) {
  const CollectionRef docs = make("docs");
  write(docs, 0, 10);
  EXPECT_OK(api().create_snapshot(context_, "good"));
  const auto clean = tree(store());
  const auto litter = [&](const std::string& name) { std::ofstream(store() + "/" + name) << "x"; };
  litter("files/" + Uuid::random().to_string() + ".meta");
  litter("tails/new.tmp");
  litter("half.json.tmp");
  EXPECT_EQ(must(api().list_snapshots(context_)).size(), 1U);
  EXPECT_OK(api().create_snapshot(context_, "next"));
  auto after = tree(store());
  EXPECT_EQ(after.erase("next.json"), 1U);
  EXPECT_EQ(after, clean);
}

// Its links would keep the bytes of files that are removed everywhere else.
TEST_F(Snapshots, OnesThatFailLeaveNoFilesNorDoOnesThatAStartFindsUnfinished) {
  write(make("docs"), 0, 10);
  EXPECT_OK(api().create_snapshot(context_, "good"));
  const auto clean = tree(store());
  write(make("other"), 0, 10);
  for (const Collection& each : must(api().list_collections(context_, DatabasePath(), {})))
    EXPECT_OK(api().flush(context_, {DatabasePath(), each.id}));
  for (const auto& [name, size] : tree(directory_.path() + "/segments"))
    std::ofstream(directory_.path() + "/segments/" + name, std::ios::app) << "x";
  EXPECT_FALSE(api().create_snapshot(context_, "bad").ok());
  EXPECT_EQ(tree(store()), clean);
  std::ofstream(store() + "/files/" + Uuid::random().to_string() + ".meta") << "x";
  { const std::ofstream empty(store() + "/unfinished.tmp"); }
  ASSERT_TRUE(system_->reopen().ok());
  EXPECT_EQ(tree(store()), clean);
}

TEST_F(Snapshots, WithAnUnreadableManifestNothingIsRemoved) {
  const CollectionRef docs = make("docs");
  write(docs, 0, 10);
  EXPECT_OK(api().create_snapshot(context_, "good"));
  write(docs, 0, 20);
  EXPECT_OK(api().create_snapshot(context_, "other"));
  const std::string path = store() + "/good.json";
  fs::rename(path, path + ".away");
  std::ofstream(path) << "{}";
  EXPECT_OK(api().delete_snapshot(context_, "other"));
  EXPECT_OK(api().create_snapshot(context_, "third"));
  EXPECT_EQ(must(api().list_snapshots(context_)).size(), 2U);
  fs::rename(path + ".away", path);
  EXPECT_OK(api().verify_snapshot(context_, "good"));
}

// As after a crash in the middle of a restore: files and a log, but no row in the SysDb.
TEST_F(Snapshots, WhatACrashLeftOfARestoreGoesAtTheNextStart) {
  write(make("docs"), 0, 10);
  const auto logs = directories(directory_.path() + "/log");
  auto producer = must(system_->system().require<Producer>());
  const CollectionId orphan = CollectionId::random();
  EXPECT_OK(producer->start_after(context_, orphan, 5));
  EXPECT_OK(
      producer->append(context_, orphan, std::make_shared<const RecordBatch>(numbered(0, 3))));
  EXPECT_NE(directories(directory_.path() + "/log"), logs);
  ASSERT_TRUE(system_->reopen().ok());
  EXPECT_EQ(directories(directory_.path() + "/log"), logs);
  EXPECT_EQ(count(in(kDefaultDatabase, "docs")), 10U);
}

TEST_F(Snapshots, CanBeKeptElsewhere) {
  const TemporaryDirectory elsewhere;
  Settings settings = local_settings(directory_.path());
  settings.set("snapshots.path", elsewhere.path() + "/backup");
  system_.reset();
  system_ = must(TestSystem::start(settings));
  write(make("docs"), 0, 10);
  EXPECT_OK(api().create_snapshot(context_, "kept"));
  EXPECT_FALSE(fs::exists(store()));
  // Into another database, which has nothing yet.
  const TemporaryDirectory fresh;
  settings.set("path", fresh.path());
  system_ = must(TestSystem::start(settings));
  EXPECT_OK(api().restore_snapshot(context_, all_of_snapshot("kept")));
  EXPECT_EQ(count(in(kDefaultDatabase, "docs")), 10U);
}

TEST_F(Snapshots, CancelledOnesLeaveNoSnapshot) {
  write(make("docs"), 0, 10);
  Context gone;
  gone.cancel();
  EXPECT_FAILS(Code::cancelled, "", api().create_snapshot(gone, "never"));
  EXPECT_OK(api().create_snapshot(context_, "kept"));
  EXPECT_OK(api().delete_collection(context_, DatabasePath(), "docs"));
  EXPECT_FAILS(Code::cancelled, "", api().restore_snapshot(gone, all_of_snapshot("kept")));
  EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 0U);
  EXPECT_EQ(must(api().list_snapshots(context_)).size(), 1U);
}

TEST(SnapshotsInMemory, AreNotOffered) {
  const auto system = must(make_mem_api());
  const Context context;
  EXPECT_FAILS(Code::unimplemented, "in memory", system->api().create_snapshot(context, "x"));
  EXPECT_FAILS(Code::unimplemented, "in memory", system->api().list_snapshots(context));
}

}  // namespace
}  // namespace viridian::conformance
