// Bugs planted on purpose, each of a kind that databases have had: the simulator is worth its time
// only if it finds every one of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "conformance/forwarding_sysdb.h"
#include "crash/crash_simulator.h"
#include "log/local_log.h"
#include "os/forwarding_files.h"
#include "sysdb/sqlite_sysdb.h"

namespace viridian::crash {
namespace {

using OnPath = std::function<bool(const std::string& path)>;

/// Says that it has synced what it has not.
class ForgetfulFiles final : public os::ForwardingFiles {
 public:
  ForgetfulFiles(os::Files& inner, OnPath files, OnPath directories)
      : os::ForwardingFiles(inner),
        files_(std::move(files)),
        directories_(std::move(directories)) {}

  Result<std::unique_ptr<os::File>> open(const std::string& path, os::OpenMode mode) override {
    VIRIDIAN_TRY(auto file, inner_.open(path, mode));
    if (!files_ || !files_(path)) return file;
    return std::unique_ptr<os::File>(std::make_unique<NeverSynced>(std::move(file)));
  }
  Status sync_directory(const std::string& path) override {
    return directories_ && directories_(path) ? ok_status() : inner_.sync_directory(path);
  }

 private:
  class NeverSynced final : public os::ForwardingFile {
   public:
    using os::ForwardingFile::ForwardingFile;
    Status sync() override { return ok_status(); }
  };

  OnPath files_, directories_;
};

Assembly never_syncing(OnPath files, OnPath directories = {}) {
  Assembly assembly;
  assembly.between = [=](os::Files& disk) -> std::unique_ptr<os::Files> {
    return std::make_unique<ForgetfulFiles>(disk, files, directories);
  };
  return assembly;
}

OnPath ends_with(std::string end) {
  return [end = std::move(end)](const std::string& path) { return path.ends_with(end); };
}
OnPath part_of(std::string part) {
  return [part = std::move(part)](const std::string& path) {
    return path.find(part) != std::string::npos;
  };
}
OnPath begins_with(std::string begin) {
  return [begin = std::move(begin)](const std::string& path) { return path.starts_with(begin); };
}

template <class Bug>
Assembly with_sysdb() {
  Assembly assembly;
  assembly.replace = [](Registry& registry, Settings& settings) {
    registry.add<Bug, SysDb>("crash::Bug", [](System& system) -> Result<std::unique_ptr<Bug>> {
      VIRIDIAN_TRY(auto inner, sqlite::SysDb::create(system));
      VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
      VIRIDIAN_TRY(Producer * producer, system.require<Producer>());
      return std::make_unique<Bug>(std::move(inner), *files, *producer);
    });
    settings.set("sysdb", "crash::Bug");
  };
  return assembly;
}

/// The SysDb as it is: what a bug changes, it overrides.
class BuggySysDb : public Component, public conformance::ForwardingSysDb {
 public:
  BuggySysDb(std::unique_ptr<sqlite::SysDb> sysdb, os::Files& files, Producer& producer)
      : ForwardingSysDb(*sysdb), files_(files), producer_(producer), sysdb_(std::move(sysdb)) {}

  Status start(const Context& context) override { return sysdb_->start(context); }
  void stop() noexcept override { sysdb_->stop(); }

 protected:
  os::Files& files_;
  Producer& producer_;

 private:
  std::unique_ptr<sqlite::SysDb> sysdb_;
};

class ForgetsOneSegment final : public BuggySysDb {
 public:
  using BuggySysDb::BuggySysDb;
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    return inner_.publish(context, id, {changes.front()});
  }
};

class PublishesSegmentsOneByOne final : public BuggySysDb {
 public:
  using BuggySysDb::BuggySysDb;
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    for (const SegmentChange& change : changes)
      VIRIDIAN_TRY_VOID(inner_.publish(context, id, {change}));
    return ok_status();
  }
};

class RemovesReplacedFilesFirst final : public BuggySysDb {
 public:
  using BuggySysDb::BuggySysDb;
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    std::set<std::string> kept;
    for (const SegmentChange& change : changes)
      for (const SegmentFile& file : change.files) kept.insert(file.name);
    VIRIDIAN_TRY(const std::vector<Segment> segments, inner_.list_segments(context, id));
    for (const Segment& segment : segments)
      for (const SegmentFile& file : segment.files)
        if (!kept.contains(file.name))
          VIRIDIAN_TRY_VOID(files_.remove("/data/segments/" + id.to_string() + "/" + file.name));
    return inner_.publish(context, id, changes);
  }
};

class DropsTheLogFirst final : public BuggySysDb {
 public:
  using BuggySysDb::BuggySysDb;
  Status delete_collection(const Context& context, const CollectionId& id) override {
    VIRIDIAN_TRY_VOID(producer_.drop(context, id));
    return inner_.delete_collection(context, id);
  }
};

class TrimsBeforePublishing final : public BuggySysDb {
 public:
  using BuggySysDb::BuggySysDb;
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    auto& consumer = dynamic_cast<Consumer&>(producer_);
    VIRIDIAN_TRY_VOID(consumer.trim(context, id, changes.front().sealed));
    return inner_.publish(context, id, changes);
  }
};

/// The log as it is: what a bug changes, it overrides.
class BuggyLog : public Component, public Producer, public Consumer {
 public:
  explicit BuggyLog(std::unique_ptr<local::Log> inner) : inner_(std::move(inner)) {}

  Status start(const Context& context) override { return inner_->start(context); }
  void stop() noexcept override { inner_->stop(); }
  Result<SeqId> append(const Context& context, const CollectionId& id, SharedBatch batch) override {
    return inner_->append(context, id, std::move(batch));
  }
  Status start_after(const Context& context, const CollectionId& id, SeqId after) override {
    return inner_->start_after(context, id, after);
  }
  Status drop(const Context& context, const CollectionId& id) override {
    return inner_->drop(context, id);
  }
  Status retain(const Context& context, const std::vector<CollectionId>& known) override {
    return inner_->retain(context, known);
  }
  Result<std::vector<LogBatch>> read(const Context& context, const CollectionId& id, SeqId after,
                                     size_t limit_bytes) override {
    return inner_->read(context, id, after, limit_bytes);
  }
  Result<SeqId> last(const Context& context, const CollectionId& id) override {
    return inner_->last(context, id);
  }
  Status wait(const Context& context, const CollectionId& id, SeqId after) override {
    return inner_->wait(context, id, after);
  }
  Status trim(const Context& context, const CollectionId& id, SeqId up_to) override {
    return inner_->trim(context, id, up_to);
  }
  bool durable() const noexcept override { return inner_->durable(); }

 protected:
  std::unique_ptr<local::Log> inner_;
};

template <class Bug>
Assembly with_log() {
  Assembly assembly;
  assembly.replace = [](Registry& registry, Settings& settings) {
    registry.add<Bug, Consumer, Producer>("crash::Bug",
                                          [](System& system) -> Result<std::unique_ptr<Bug>> {
                                            VIRIDIAN_TRY(auto inner, local::Log::create(system));
                                            return std::make_unique<Bug>(std::move(inner));
                                          });
    settings.set("consumer", "crash::Bug");
    settings.set("producer", "crash::Bug");
  };
  return assembly;
}

/// Lets go of one batch more than it was told to.
class TrimsOneTooFar final : public BuggyLog {
 public:
  using BuggyLog::BuggyLog;
  Result<SeqId> append(const Context& context, const CollectionId& id, SharedBatch batch) override {
    VIRIDIAN_TRY(const SeqId last, inner_->append(context, id, std::move(batch)));
    bool due = false;
    {
      const std::lock_guard lock(mutex_);
      due = trimmed_.erase(id) > 0;
    }
    if (due) VIRIDIAN_TRY_VOID(inner_->trim(context, id, last));
    return last;
  }
  Status trim(const Context& context, const CollectionId& id, SeqId up_to) override {
    const std::lock_guard lock(mutex_);
    trimmed_.insert(id);
    return inner_->trim(context, id, up_to);
  }

 private:
  std::mutex mutex_;
  std::set<CollectionId> trimmed_;
};

/// Writes a batch of several records as two.
class AppendsByHalves final : public BuggyLog {
 public:
  using BuggyLog::BuggyLog;
  Result<SeqId> append(const Context& context, const CollectionId& id, SharedBatch batch) override {
    if (batch->operation != Operation::remove || batch->rows() < 2)
      return inner_->append(context, id, std::move(batch));
    auto first = std::make_shared<RecordBatch>(), second = std::make_shared<RecordBatch>();
    first->operation = second->operation = batch->operation;
    for (size_t row = 0; row < batch->rows(); ++row)
      (row < batch->rows() / 2 ? first : second)->ids.push_back(batch->ids[row]);
    VIRIDIAN_TRY_VOID(inner_->append(context, id, std::move(first)));
    return inner_->append(context, id, std::move(second));
  }
};

/// Runs seeds until one fails; the points that took.
void expect_found(const Assembly& bug, uint64_t within_points, int drop_percent = 0) {
  Report sum;
  for (uint64_t seed = 1; seed <= 8 && sum.failures() == 0 && sum.points < within_points; ++seed) {
    const uint64_t left = within_points - sum.points;
    const Options options{
        .seed = seed, .calls = 60, .drop_percent = drop_percent, .max_points = left};
    sum += CrashSimulator(options, bug).run();
  }
  EXPECT_GT(sum.failures(), 0U) << "not found within " << sum.points << " points";
  testing::Test::RecordProperty("points", std::to_string(sum.points));
  if (testing::Test::HasFailure()) return;
  const std::string& found = sum.first_failure;
  std::printf("found after %llu points%s\n", static_cast<unsigned long long>(sum.points),
              found.substr(std::min(found.rfind(": "), found.size())).c_str());
}

constexpr uint64_t kFew = 5000;

TEST(PlantedBug, TheLogIsNotSyncedBeforeItsAcknowledgement) {
  expect_found(never_syncing(ends_with(".log")), kFew);
}
TEST(PlantedBug, ANewLogFilesNameIsNotSynced) {
  expect_found(never_syncing({}, begins_with("/data/log/")), kFew);
}
TEST(PlantedBug, AVectorFileIsNotSyncedBeforeItIsPublished) {
  expect_found(never_syncing(part_of(".vec")), kFew);
}
TEST(PlantedBug, AMetadataFileIsNotSyncedBeforeItIsPublished) {
  expect_found(never_syncing(part_of(".meta")), kFew);
}
TEST(PlantedBug, ASegmentFilesNameIsNotSynced) {
  expect_found(never_syncing({}, begins_with("/data/segments/")), kFew);
}
TEST(PlantedBug, TheCataloguesJournalIsNotSynced) {
  expect_found(never_syncing(ends_with("sysdb.sqlite3-wal")), kFew);
}
TEST(PlantedBug, TheCatalogueIsNotSyncedBeforeItsJournalIsEmptied) {
  expect_found(never_syncing(ends_with("sysdb.sqlite3")), kFew);
}
TEST(PlantedBug, OneOfBothSegmentsIsForgottenInAPublish) {
  expect_found(with_sysdb<ForgetsOneSegment>(), kFew);
}
TEST(PlantedBug, BothSegmentsArePublishedOneAfterTheOther) {
  expect_found(with_sysdb<PublishesSegmentsOneByOne>(), kFew);
}
TEST(PlantedBug, ReplacedFilesAreRemovedBeforeThePublish) {
  expect_found(with_sysdb<RemovesReplacedFilesFirst>(), kFew);
}
TEST(PlantedBug, TheLogIsDroppedBeforeTheCollection) {
  expect_found(with_sysdb<DropsTheLogFirst>(), kFew, 25);
}
TEST(PlantedBug, TheLogIsTrimmedBeforeThePublish) {
  expect_found(with_sysdb<TrimsBeforePublishing>(), kFew);
}
TEST(PlantedBug, TheLogIsTrimmedOneTooFar) { expect_found(with_log<TrimsOneTooFar>(), kFew); }
TEST(PlantedBug, ABatchIsLoggedInTwoHalves) { expect_found(with_log<AppendsByHalves>(), kFew); }

}  // namespace
}  // namespace viridian::crash
