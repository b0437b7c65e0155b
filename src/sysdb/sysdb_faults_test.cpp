#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "component/data_directory.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/simulated_disk.h"
#include "os/temporary_directory.h"
#include "sysdb/catalogue.h"
#include "sysdb/sqlite_sysdb.h"
#include "sysdb/sysdb_workload.h"

namespace viridian {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* kPath = "/data";

std::unique_ptr<os::SimulatedDisk> new_disk(os::DiskState state = os::DiskState()) {
  auto disk = std::make_unique<os::SimulatedDisk>(std::move(state));
  EXPECT_TRUE(disk->make_directories(kPath).ok());
  return disk;
}

/// A SysDb in a directory of its own.
class Opened {
 public:
  explicit Opened(os::Files& files, const std::string& path = kPath, bool read_only = false)
      : directory_(files, path),
        db_(files, directory_, {.migrations = sql::MigrationMode::apply, .read_only = read_only}) {}
  Status start() { return db_.start(Context()); }
  sqlite::SysDb& db() { return db_; }

 private:
  local::DataDirectory directory_;
  sqlite::SysDb db_;
};

std::string state_of(os::Files& files, const std::string& path = kPath) {
  Opened opened(files, path);
  if (const Status status = opened.start(); !status.ok()) return status.error().message();
  const auto state = SysDbWorkload::describe(opened.db());
  return state.ok() ? *state : state.error().message();
}

/// The copies say what the SysDb says.
void expect_copies_agree(os::Files& files, const std::string& path, const std::string& state) {
  const auto catalogue = sysdb::read_catalogue(files, os::join(path, sysdb::kCatalogueDirectory));
  ASSERT_TRUE(catalogue.ok());
  EXPECT_TRUE(catalogue->damaged.empty());
  std::string collections;
  for (const auto& copy : catalogue->collections)
    collections += SysDbWorkload::describe(copy.collection, copy.segments);
  EXPECT_THAT(state, testing::EndsWith(collections));
  EXPECT_EQ(
      std::ranges::count(collections, '\n'),
      static_cast<ptrdiff_t>(std::count(state.begin(), state.end(), '\n')) - [&] {
        ptrdiff_t others = 0;
        for (const char* word : {"tenant ", " database "})
          for (size_t at = state.find(word); at != std::string::npos; at = state.find(word, at + 1))
            if (at == 0 || state[at - 1] == '\n') ++others;
        return others;
      }());
  ASSERT_TRUE(catalogue->databases.has_value());
}

// Wherever the power goes, the SysDb is what was acknowledged, with or without what was under way.
TEST(SysDbCrash, AcknowledgedChangesSurviveEveryPowerCut) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    const SysDbWorkload workload(seed, 25);
    auto disk = new_disk();
    std::vector<size_t> acknowledged_at;  // the operation before which step i was acknowledged
    size_t started = 0;
    {
      Opened opened(*disk);
      ASSERT_TRUE(opened.start().ok());
      started = disk->operations();
      for (const auto& step : workload.steps()) {
        const Status done = step(opened.db());
        ASSERT_TRUE(done.ok()) << done.error().message();
        acknowledged_at.push_back(disk->operations());
      }
    }
    os::PowerCut cut(*disk);
    size_t done = 0;
    for (size_t at = 0; at <= disk->operations(); ++at) {
      cut.advance_to(at);
      while (done < acknowledged_at.size() && acknowledged_at[done] <= at) ++done;
      const unsigned percent = at % 4 == 0 ? 0 : at % 4 == 1 ? 100 : 50;
      os::SimulatedDisk after(cut.image({.percent = percent, .seed = at, .garbage = at % 3 == 0}));
      ASSERT_TRUE(after.make_directories(kPath).ok());
      const std::string state = state_of(after);
      ASSERT_THAT(state, AnyOf(workload.after(done), workload.after(done + (done < 25 ? 1 : 0))))
          << "cut at " << at << " of " << disk->operations() << ", started at " << started;
      if (at % 16 == 0) expect_copies_agree(after, kPath, state);
    }
  }
}

class SysDbFaults : public testing::Test {
 protected:
  SysDbFaults() { EXPECT_TRUE(real_.make_directories(path_).ok()); }

  os::TemporaryDirectory temporary_;
  os::RealFiles real_;
  const std::string path_ = temporary_.path() + "/data";
};

// A failing call fails one change at most, which then has not happened for whoever asks; what is
// acknowledged after it is there when the SysDb is opened again, and so is all before it.
TEST_F(SysDbFaults, FaultAtEveryCallLosesNothingAcknowledged) {
  constexpr size_t kSteps = 8;
  const Code kCodes[] = {Code::data_loss, Code::resource_exhausted};
  for (const bool dead_from_then_on : {false, true}) {
    bool struck = true;
    for (uint64_t nth = 1; struck; ++nth) {
      const SysDbWorkload workload(static_cast<uint32_t>(nth), kSteps);
      auto disk = new_disk();
      os::FaultyFiles files(*disk);
      std::vector<bool> done;
      {
        Opened opened(files);
        ASSERT_TRUE(opened.start().ok());
        files.fail({.calls = os::FileCalls::all,
                    .nth = nth,
                    .code = kCodes[nth % 2],
                    .every_later = dead_from_then_on,
                    .partial_write = nth % 3 * 100});
        for (const auto& step : workload.steps()) done.push_back(step(opened.db()).ok());
      }
      struck = files.struck();
      files.clear();
      // Later steps may need a failed one, so what can be is told by doing the same steps.
      const auto replay = [&](std::optional<size_t> also) {
        mem::SysDb oracle;
        for (size_t i = 0; i < kSteps; ++i)
          if (done[i] || i == also) (void)workload.steps()[i](oracle);
        return *SysDbWorkload::describe(oracle);
      };
      const auto first_failed = std::find(done.begin(), done.end(), false);
      // Only with nothing acknowledged after it can a failed change come back.
      const bool last = std::find(first_failed, done.end(), true) == done.end();
      std::vector<std::string> allowed = {replay(std::nullopt)};
      if (first_failed != done.end() && last)
        allowed.push_back(replay(static_cast<size_t>(first_failed - done.begin())));
      const std::string state = state_of(files);
      ASSERT_THAT(allowed, testing::Contains(state)) << "fault " << nth << dead_from_then_on;
      expect_copies_agree(files, kPath, state);
    }
  }
}

// The disk forgets what it was told to keep, and then says that all is well.
TEST_F(SysDbFaults, NothingIsAcknowledgedAfterAFailedSync) {
  for (uint64_t nth = 1; nth <= 25; ++nth) {
    const SysDbWorkload workload(static_cast<uint32_t>(nth), 30);
    auto disk = new_disk();
    size_t done = 0;
    {
      Opened opened(*disk);
      ASSERT_TRUE(opened.start().ok());
      disk->fail_sync(nth);
      while (done < workload.steps().size() && workload.steps()[done](opened.db()).ok()) ++done;
      if (done < workload.steps().size()) {
        const std::string seen = *SysDbWorkload::describe(opened.db());
        EXPECT_EQ(seen, workload.after(done));
        const Status refused = opened.db().create_tenant(Context(), "u");
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.error().code(), Code::data_loss);
        EXPECT_THAT(refused.error().message(), HasSubstr("a sync failed"));
      }
    }
    ASSERT_TRUE(disk->sync_failed());
    const auto allowed =
        AnyOf(workload.after(done), workload.after(std::min(done + 1, workload.steps().size())));
    // The kernel still shows what it could not write. What is then built on it must be on the disk.
    std::string state;
    {
      Opened opened(*disk);
      ASSERT_TRUE(opened.start().ok());
      ASSERT_TRUE(opened.db().create_tenant(Context(), "u").ok());
      state = *SysDbWorkload::describe(opened.db());
    }
    os::PowerCut cut(*disk);
    cut.advance_to(disk->operations());
    os::SimulatedDisk after(cut.image({}));
    EXPECT_EQ(state_of(after), state) << nth;
    const size_t added = state.find("tenant u -\n");
    ASSERT_NE(added, std::string::npos);
    EXPECT_THAT(state.erase(added, std::string("tenant u -\n").size()), allowed) << nth;
  }
}

}  // namespace
}  // namespace viridian
