// What a segment manager does by itself: seals, merges, budgets, closing.

#include <atomic>
#include <future>

#include "os/test_files.h"
#include "segment/collection_segments.h"
#include "segment/upkeep_fixture.h"

namespace viridian::conformance {
namespace {

using Fault = FaultySysDb::Fault;

TEST_F(SegmentUpkeep, CompactLeavesNothingThatWasDeletedOrReplaced) {
  write_many(100, "first secret");
  ASSERT_TRUE(seal().ok());
  write_many(50, "second text");
  write(Operation::remove, {{"70"}, {"71"}});
  ASSERT_TRUE(seal().ok());
  write_many(30, "third text");
  const std::vector<std::string> before = documents();
  EXPECT_TRUE(garbage_is_dated());
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  EXPECT_EQ(documents(), before);
  EXPECT_EQ(stats().files, 2u);
  EXPECT_EQ(stats().dead_rows, 0u);
  EXPECT_EQ(file_names(), named());
  EXPECT_FALSE(garbage_is_dated());
  write_many(100, "fourth text");
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  EXPECT_FALSE(on_disk("secret"));
  EXPECT_FALSE(on_disk("second"));
  EXPECT_FALSE(on_disk("third"));
  const auto logged = holder_.log().read(context_, id_, 0, 1);
  EXPECT_FALSE(logged.ok()) << "the log still has what was deleted";
  ASSERT_TRUE(holder_.reopen().ok());
  EXPECT_EQ(documents().size(), 100u);
}

TEST_F(SegmentUpkeep, CompactOfWhatIsCompactWritesNothing) {
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  write_many(10, "text");
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  const std::vector<std::string> files = file_names();
  const uint64_t published = holder_.sysdb().published();
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  EXPECT_EQ(file_names(), files);
  EXPECT_EQ(holder_.sysdb().published(), published);
}

TEST_F(SegmentUpkeep, EverythingDeletedCompactsToNothing) {
  write_many(20, "secret");
  ASSERT_TRUE(seal().ok());
  std::vector<Row> all;
  for (int i = 0; i < 20; ++i) all.push_back({std::to_string(i)});
  write(Operation::remove, all);
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  EXPECT_FALSE(on_disk("secret"));
  EXPECT_TRUE(documents().empty());
  ASSERT_TRUE(holder_.reopen().ok());
  EXPECT_TRUE(documents().empty());
  write_many(3, "again");
  EXPECT_EQ(documents().size(), 3u);
}

// Whether the SysDb took it or not: nothing is lost, nothing is left, and the next seal works.
TEST_F(SegmentUpkeep, PublicationThatFailedIsSettledByTheNext) {
  for (const Fault fault : {Fault::before, Fault::after}) {
    for (const bool reopen : {false, true}) {
      id_ = holder_.make_collection();
      write_many(20, "a");
      ASSERT_TRUE(seal().ok());
      write_many(10, "b");
      const std::vector<std::string> before = documents();
      holder_.sysdb().fail_publish(fault);
      EXPECT_FALSE(seal().ok());
      EXPECT_FALSE(seal().ok());
      EXPECT_FALSE(manager().compact(context_, id_).ok());
      EXPECT_EQ(documents(), before);
      write_many(5, "c");
      const std::vector<std::string> after = documents();
      holder_.sysdb().fail_publish(Fault::none);
      if (reopen) {
        ASSERT_TRUE(holder_.reopen().ok());
        EXPECT_EQ(documents(), after);
      }
      ASSERT_TRUE(seal().ok());
      EXPECT_EQ(documents(), after);
      EXPECT_EQ(file_names(), named());
      EXPECT_EQ(stats().sealed, stats().applied);
      ASSERT_TRUE(holder_.reopen().ok());
      EXPECT_EQ(documents(), after);
    }
  }
}

TEST_F(SegmentUpkeep, MergeThatFailedIsSettledByTheNext) {
  for (const Fault fault : {Fault::before, Fault::after}) {
    id_ = holder_.make_collection();
    write_many(20, "a");
    ASSERT_TRUE(seal().ok());
    write_many(10, "b");
    ASSERT_TRUE(seal().ok());
    const std::vector<std::string> before = documents();
    holder_.sysdb().fail_publish(fault);
    EXPECT_FALSE(manager().compact(context_, id_).ok());
    EXPECT_EQ(documents(), before);
    holder_.sysdb().fail_publish(Fault::none);
    ASSERT_TRUE(manager().compact(context_, id_).ok());
    EXPECT_EQ(documents(), before);
    EXPECT_EQ(stats().files, 2u);
    EXPECT_EQ(file_names(), named());
  }
}

// Whatever call fails during a compaction, once or from then on: nothing is lost, before and after
// reopening, and a later one succeeds.
TEST_F(SegmentUpkeep, FailedCompactionLosesNothing) {
  for (const bool crash : {false, true}) {
    bool struck = true;
    for (uint64_t nth = 1; struck; ++nth) {
      id_ = holder_.make_collection();
      write_many(20, "a");
      ASSERT_TRUE(seal().ok());
      write_many(10, "b");
      const std::vector<std::string> before = documents();
      holder_.files().fail({os::FileCalls::all, nth, Code::resource_exhausted, crash, 3});
      const Status compacted = manager().compact(context_, id_);
      struck = holder_.files().struck();
      EXPECT_EQ(compacted.ok(), !struck) << nth;
      EXPECT_EQ(documents(), before) << nth;
      holder_.files().clear();
      if (nth % 2 == 0) {
        ASSERT_TRUE(holder_.reopen().ok());
        EXPECT_EQ(documents(), before) << nth;
      }
      EXPECT_TRUE(manager().compact(context_, id_).ok()) << nth;
      EXPECT_EQ(documents(), before) << nth;
      EXPECT_EQ(stats().files, 2u) << nth;
      ASSERT_TRUE(holder_.reopen().ok());
      EXPECT_EQ(documents(), before) << nth;
      EXPECT_EQ(file_names(), named()) << nth;
      ASSERT_LT(nth, 300u);
    }
  }
}

TEST_F(SegmentUpkeep, SealsByAgeWithoutAnyHint) {
  holder_.options().seal_age = std::chrono::seconds(0);
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  const SeqId last = write_many(3, "text");
  EXPECT_EQ(documents().size(), 3u);
  wait_until([&] { return stats().sealed == last; });
}

// Upserts that change nothing are in no head, but they are in the log.
TEST_F(SegmentUpkeep, WhatChangesNothingIsSealedBySizeAsWell) {
  holder_.options().seal_bytes = 20'000;
  holder_.options().look_every = std::chrono::hours(1);
  ASSERT_TRUE(holder_.reopen().ok());
  const std::string text(1000, 'x');
  SeqId last = write(Operation::add, {{"a", {1}, {}, text}});
  for (int i = 0; i < 40; ++i) last = write(Operation::upsert, {{"a", {1}, {}, text}});
  hint(last);
  wait_until([&] { return stats().sealed == last; });
  EXPECT_EQ(documents().size(), 1u);
}

TEST_F(SegmentUpkeep, CollectionThatNobodyAsksForIsSealedAfterAStart) {
  const SeqId last = write_many(3, "text");
  holder_.options().seal_age = std::chrono::seconds(0);
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  wait_until([&] { return !named().empty(); });
  EXPECT_EQ(holder_.sysdb().list_segments(context_, id_)->front().sealed, last);
}

TEST_F(SegmentUpkeep, ClosedCollectionsAreSealedByAgeToo) {
  // Not at once: reading would wake the sealer, which would be as quick as close() or not.
  constexpr std::chrono::seconds kAge{1};
  holder_.options().seal_age = kAge;
  holder_.options().seal_bytes = 20'000;
  holder_.options().look_every = std::chrono::hours(1);
  ASSERT_TRUE(holder_.reopen().ok());
  write_many(3, "text");
  documents();
  ASSERT_TRUE(manager().close(context_, id_).ok());
  EXPECT_TRUE(named().empty());
  std::this_thread::sleep_for(kAge);
  // Another collection's size wakes the sealer.
  const CollectionId other = holder_.make_collection();
  const SeqId last =
      holder_.append(other, batch_of(Operation::add, {{"x", {1}, {}, std::string(30'000, 'x')}}));
  EXPECT_TRUE(manager().hint(context_, other, last).ok());
  wait_until([&] { return !named().empty(); });
  EXPECT_EQ(documents().size(), 3u);
}

// The SysDb has the first files, and the process ended before the log was trimmed.
class SegmentUpkeepUntrimmed : public SegmentUpkeep {
 protected:
  void SetUp() override {
    write_many(10, "secret");
    write_many(10, "text");
    holder_.sysdb().fail_publish(Fault::after);
    ASSERT_FALSE(seal().ok());
    holder_.sysdb().fail_publish(Fault::none);
    ASSERT_FALSE(named().empty());
    ASSERT_FALSE(trimmed());
  }
  bool trimmed() { return !holder_.log().read(context_, id_, 0, 1).ok(); }
};

TEST_F(SegmentUpkeepUntrimmed, CompactTrimsTheLog) {
  ASSERT_TRUE(holder_.reopen().ok());
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  EXPECT_TRUE(trimmed());
}

// As when the process ended between a merge's publication and the removal of what was merged.
TEST_F(SegmentUpkeep, FilesThatACrashLeftAreRemovedAlsoWhereNobodyAsksForTheCollection) {
  write_many(10, "text");
  ASSERT_TRUE(seal().ok());
  os::write_file(holder_.directory(id_) + "/" + Uuid::random().to_string() + ".meta", "secret");
  holder_.options().seal_age = std::chrono::seconds(0);
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  wait_until([&] { return !on_disk("secret"); });
  EXPECT_EQ(documents().size(), 10u);
}

TEST_F(SegmentUpkeepUntrimmed, BackgroundTrimsTheLogThatNobodyAsksFor) {
  holder_.options().seal_age = std::chrono::seconds(0);
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  wait_until([&] { return trimmed(); });
  EXPECT_EQ(holder_.open_collections(), 0u);
}

// Else what is deleted would stay in the log of a collection that is closed and opened all the
// time.
TEST_F(SegmentUpkeep, RecordsKeepTheirAgeWhenTheirCollectionIsOpenedAgain) {
  write_many(3, "text");
  ThreadPool pool(1, 8);
  obs::Metrics metrics;
  segment::Environment environment{std::make_unique<segment::SysDbRegistry>(holder_.sysdb()),
                                   holder_.log(),
                                   pool,
                                   &holder_.files(),
                                   holder_.root(),
                                   local::SegmentManager::types(),
                                   holder_.options(),
                                   segment::SegmentMetrics(metrics),
                                   std::make_unique<segment::MemoryBudget>(uint64_t{1} << 30)};
  const auto opened = segment::CollectionSegments::open(context_, environment, id_);
  ASSERT_TRUE(opened.ok());
  const auto since = segment::CollectionSegments::Clock::now() - std::chrono::minutes(30);
  (*opened)->set_unsealed_since(since);
  EXPECT_EQ((*opened)->unsealed_since(), since) << "nobody has applied its records yet";
  ASSERT_TRUE((*opened)->catch_up(context_, 3).ok());
  EXPECT_EQ((*opened)->unsealed_since(), since);
  ASSERT_TRUE((*opened)->seal(context_).ok());
  write_many(3, "other");
  ASSERT_TRUE((*opened)->catch_up(context_, 6).ok());
  EXPECT_GT((*opened)->unsealed_since(), since);
}

TEST_F(SegmentUpkeep, FilesAreMergedInTheBackground) {
  holder_.options().merge_bytes_per_second = uint64_t{1} << 30;
  holder_.options().seal_records = 1;
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  for (int i = 0; i < 30; ++i) {
    hint(write(Operation::add, {{std::to_string(i), {1}, {}, "text"}}));
    wait_until([&] { return stats().sealed == stats().applied && stats().applied > SeqId(i); });
  }
  wait_until([&] { return stats().files < 12; });
  EXPECT_EQ(documents().size(), 30u);
  ASSERT_TRUE(holder_.reopen().ok());
  EXPECT_EQ(documents().size(), 30u);
}

TEST_F(SegmentUpkeep, GarbageIsPurgedWhenItsTimeHasCome) {
  write_many(40, "secret");
  ASSERT_TRUE(seal().ok());
  write(Operation::remove, {{"1"}});
  ASSERT_TRUE(seal().ok());
  EXPECT_TRUE(garbage_is_dated());
  EXPECT_EQ(stats().dead_rows, 2u);
  const std::vector<std::string> before = documents();
  holder_.options().merge_bytes_per_second = uint64_t{1} << 30;
  holder_.options().purge_age = std::chrono::seconds(0);
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());  // nobody asks for the collection
  wait_until([&] { return !garbage_is_dated(); });
  wait_until([&] { return file_names() == named(); });
  EXPECT_EQ(documents(), before);
  EXPECT_EQ(stats().dead_rows, 0u);
}

TEST_F(SegmentUpkeep, CollectionsOverTheirShareAreSealedWhenMemoryIsUsedUp) {
  holder_.options().heads_bytes = 200'000;
  ASSERT_TRUE(holder_.reopen().ok());
  const CollectionId small = holder_.make_collection();
  holder_.append(small, batch_of(Operation::add, {{"x", {1}}}));
  ASSERT_NE(holder_.pin(small), nullptr);
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(manager().admit(context_, id_, 10'000, 1).ok());
    write(Operation::add, {{std::to_string(i), {1}, {}, std::string(10'000, 'x')}});
    ASSERT_NE(holder_.pin(id_), nullptr);
    EXPECT_LE(stats().head_bytes, 270'000u);
  }
  EXPECT_EQ(documents().size(), 40u);
  EXPECT_GT(stats().sealed, 0u);
  EXPECT_EQ(manager().stats(context_, small)->sealed, 0u);
}

// What is acknowledged and not yet applied counts too, or a slow applier would fill memory.
TEST_F(SegmentUpkeep, WritersApplyWhatIsWaitingBeforeMemoryIsShort) {
  holder_.options().heads_bytes = 200'000;
  ASSERT_TRUE(holder_.reopen().ok());
  // How large records are is learnt from those before.
  write_many(1, std::string(10'000, 'x'));
  ASSERT_NE(holder_.pin(id_), nullptr);
  std::promise<void> over;
  const std::shared_future<void> end = over.get_future().share();
  std::atomic<int> held = 0;
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(holder_.executor().submit([&held, end] {
      ++held;
      end.wait();
    }));
  wait_until([&] { return held == 2; });
  SeqId last = 0;
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(manager().admit(context_, id_, 10'000, 1).ok());
    last = write(Operation::add, {{"r" + std::to_string(i), {1, 1}, {}, std::string(10'000, 'x')}});
    hint(last);
    EXPECT_LE((last - stats().applied) * 10'000, 220'000u);
    EXPECT_LE(stats().head_bytes, 270'000u);
  }
  EXPECT_GT(stats().sealed, 0u);
  over.set_value();
  EXPECT_EQ(documents().size(), 61u);
}

// A collection that cannot be sealed is refused what it cannot hold; the others go on.
TEST_F(SegmentUpkeep, FailingSealsDoNotFillMemory) {
  holder_.options().heads_bytes = 200'000;
  ASSERT_TRUE(holder_.reopen().ok());
  const CollectionId small = holder_.make_collection();
  holder_.sysdb().fail_publish(Fault::before);
  Status refused;
  int written = 0;
  for (; refused.ok() && written < 1000; ++written) {
    refused = manager().admit(context_, id_, 10'000, 1);
    if (!refused.ok()) break;
    write(Operation::add, {{std::to_string(written), {1}, {}, std::string(10'000, 'x')}});
    ASSERT_NE(holder_.pin(id_), nullptr);
  }
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  EXPECT_LT(written, 30);
  EXPECT_TRUE(manager().admit(context_, small, 10'000, 1).ok());
  holder_.sysdb().fail_publish(Fault::none);
  ASSERT_TRUE(seal().ok());
  EXPECT_TRUE(manager().admit(context_, id_, 10'000, 1).ok());
}

TEST_F(SegmentUpkeep, LeastRecentlyUsedCollectionsAreClosed) {
  holder_.options().max_open = 4;
  ASSERT_TRUE(holder_.reopen().ok());
  std::vector<CollectionId> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(holder_.make_collection());
    holder_.append(ids.back(), batch_of(Operation::add, {{std::to_string(i), {1}, {}, "d"}}));
    EXPECT_EQ(documents(*holder_.pin(ids.back())).size(), 1u);
  }
  EXPECT_LE(holder_.open_collections(), 4u);
  for (int i = 0; i < 12; ++i) {
    const auto view = holder_.pin(ids[static_cast<size_t>(i)]);
    EXPECT_EQ(documents(*view), std::vector<std::string>{std::to_string(i) + "=d"});
  }
  EXPECT_LE(holder_.open_collections(), 5u);
}

TEST_F(SegmentUpkeep, SmallCollectionsAreClosedWhenTheyTakeTooMuchTogether) {
  holder_.options().small_bytes = 300'000;
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  std::vector<CollectionId> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(holder_.make_collection());
    holder_.append(ids.back(),
                   batch_of(Operation::add, {{"a", {1}, {}, std::string(50'000, 'x')}}));
    ASSERT_NE(holder_.pin(ids.back()), nullptr);
  }
  wait_until([&] { return holder_.open_collections() <= 6; });
  for (const CollectionId& id : ids) EXPECT_EQ(holder_.pin(id)->metadata().count(), 1u);
}

TEST_F(SegmentUpkeep, CollectionInUseIsClosedWhenItsUserIsGone) {
  holder_.options().look_every = std::chrono::milliseconds(1);
  ASSERT_TRUE(holder_.reopen().ok());
  write_many(5, "text");
  auto view = holder_.pin(id_);
  ASSERT_TRUE(manager().close(context_, id_).ok());
  EXPECT_EQ(holder_.open_collections(), 1u);
  EXPECT_EQ(documents(*view).size(), 5u);
  view.reset();
  wait_until([&] { return holder_.open_collections() == 0; });
  EXPECT_EQ(documents().size(), 5u);
}

}  // namespace
}  // namespace viridian::conformance
