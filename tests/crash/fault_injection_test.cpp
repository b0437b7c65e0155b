// Each call to the disk fails once, in each way that disks fail: what was acknowledged stays, what
// failed is there whole or not at all, and the directory opens again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "crash/crash_simulator.h"
#include "os/faulty_files.h"

namespace viridian::crash {
namespace {

struct FaultKind {
  std::string name;
  os::FileCalls calls = os::FileCalls::none;
  Code code = Code::data_loss;
  size_t partial_write = 0;
  bool failed_sync = false;  ///< of the disk itself, which then forgets what was not written
};

void PrintTo(const FaultKind& kind, std::ostream* out) { *out << kind.name; }

/// A disk with some history, and what is on it.
struct Prepared {
  os::DiskState disk;
  Book book;
  uint64_t seed = 0;
};

constexpr int kCallsBefore = 25;
constexpr int kCallsUnderFault = 10;

Prepared prepare(uint64_t seed) {
  Workload workload(seed);
  Prepared made;
  made.seed = seed;
  os::SimulatedDisk disk;
  {
    auto system = CrashSystem::open(disk, {});
    EXPECT_TRUE(system.ok());
    for (int i = 0; i < kCallsBefore; ++i) {
      const Step step = workload.next(made.book);
      const Status ran = step.run((*system)->api());
      EXPECT_TRUE(ran.ok()) << step.what << ": " << ran.error().message();
      step.note(made.book);
    }
  }
  os::PowerCut power(disk);
  power.advance_to(disk.operations());
  made.disk = power.image({.percent = 100});
  return made;
}

class FaultInjection : public testing::TestWithParam<FaultKind> {
 protected:
  /// The nth call of the kind fails. False: there were not so many.
  bool strike(const Prepared& prepared, uint64_t n) {
    os::SimulatedDisk disk(prepared.disk);
    os::FaultyFiles faulty(disk);
    if (GetParam().failed_sync)
      disk.fail_sync(n);
    else
      faulty.fail({GetParam().calls, n, GetParam().code, false, GetParam().partial_write});
    const auto struck = [&] { return faulty.struck() || disk.sync_failed(); };
    // The failed call may have had its effect: one book is without it, the other with it.
    Book without = prepared.book;
    Book with = prepared.book;
    {
      auto system = CrashSystem::open(faulty, {});
      EXPECT_TRUE(system.ok() || struck()) << "cannot be opened";
      if (system.ok()) run((*system)->api(), struck, without, with, prepared.seed + n);
    }
    check_openable(disk, without, with, n);
    return struck();
  }

 private:
  template <class Struck>
  void run(Api& api, const Struck& struck, Book& without, Book& with, uint64_t seed) {
    Workload workload(seed + 1000, 1000);
    std::string failed;
    for (int i = 0; i < kCallsUnderFault; ++i) {
      const std::optional<Step> step =
          failed.empty() ? workload.next(without) : workload.write(without, failed);
      if (!step) return;
      const Status ran = step->run(api);
      if (!ran.ok() && !failed.empty()) return;  // refused, after what happened
      if (!ran.ok()) {
        EXPECT_TRUE(struck()) << step->what << ": " << ran.error().message();
        step->note(with);
        if (step->target.empty()) return;
        failed = step->target;
        continue;
      }
      step->note(without);
      step->note(with);
    }
  }

  void check_openable(const os::SimulatedDisk& disk, const Book& without, const Book& with,
                      uint64_t n) {
    os::PowerCut power(disk);
    power.advance_to(disk.operations());
    const State before = state_of(without, {}, ""), after = state_of(with, {}, "");
    for (const unsigned percent : {0U, 50U, 100U}) {
      os::SimulatedDisk left(power.image({.percent = percent, .seed = n}));
      const auto system = CrashSystem::open(left, {});
      ASSERT_TRUE(system.ok()) << where(n, percent) << system.error().message();
      const Result<State> shown = state_of((*system)->api());
      ASSERT_TRUE(shown.ok()) << where(n, percent) << shown.error().message();
      const Verdict verdict = compare(*shown, before, after);
      ASSERT_EQ(verdict.kind, Verdict::Kind::right) << where(n, percent) << verdict.reason;
    }
  }
  static std::string where(uint64_t n, unsigned percent) {
    return fmt::format("{} {}, {}% of the rest survived: ", GetParam().name, n, percent);
  }
};

TEST_P(FaultInjection, EveryCallMayFailAndNothingAcknowledgedIsLost) {
  const Prepared prepared = prepare(5);
  uint64_t n = 1;
  while (!HasFatalFailure() && !HasNonfatalFailure() && strike(prepared, n)) n += 1 + n / 40;
  EXPECT_GT(n, 1U) << "no call of this kind";
}

using os::FileCalls;
INSTANTIATE_TEST_SUITE_P(
    Every, FaultInjection,
    testing::Values(FaultKind{"Open", FileCalls::open}, FaultKind{"Map", FileCalls::map},
                    FaultKind{"List", FileCalls::list}, FaultKind{"Read", FileCalls::read},
                    FaultKind{"Write", FileCalls::write},
                    FaultKind{"FullDisk", FileCalls::write, Code::resource_exhausted},
                    FaultKind{"ShortWrite", FileCalls::write, Code::resource_exhausted, 100},
                    FaultKind{"Sync", FileCalls::sync, Code::data_loss, 0, true},
                    FaultKind{"SyncDirectory", FileCalls::sync_directory},
                    FaultKind{"Truncate", FileCalls::truncate},
                    FaultKind{"Rename", FileCalls::rename}, FaultKind{"Remove", FileCalls::remove},
                    FaultKind{"MakeDirectories", FileCalls::make_directories}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace viridian::crash
