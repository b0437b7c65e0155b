#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "segment/cached_fixture.h"

namespace viridian::conformance {
namespace {

using Kind = SegmentsHolder::Kind;

std::vector<Kind> kinds() {
  std::vector<Kind> kinds = SegmentsHolder::kinds();
  std::erase(kinds, Kind::mem);
  std::erase(kinds, Kind::local);
  return kinds;
}

TEST_P(CachedSegments, AnotherServerLoadsWhatIsInImagesAndInTheLog) {
  write(Operation::add, three(1));
  seal();
  write(Operation::upsert, {{"id2", {5, 5, 5}, {}, "abc"}});
  write(Operation::remove, {{"id4"}});
  Server other = server();
  check(*other.manager);
  seal();
  Server third = server();
  check(*third.manager);
  EXPECT_EQ(published(), 5u);
}

TEST_P(CachedSegments, OffsetsOfRecordsThatAreGoneAreNotGivenAgain) {
  write(Operation::add, three(1));
  write(Operation::remove, {{"id4"}, {"id2"}, {"id1"}});
  seal();
  Server other = server();
  write(Operation::add, {{"id5", {1, 2, 3}}});
  // Of another length: refused, though the vectors that fixed it are gone.
  holder_.append(id_, batch_of(Operation::add, {{"id6", {1, 2}}}));
  SegmentManager* const managers[] = {other.manager.get(), &holder_.manager()};
  for (SegmentManager* manager : managers) {
    check(*manager);
    const auto view = pin(*manager);
    ASSERT_TRUE(view.ok());
    EXPECT_TRUE((*view)->metadata().all(context_)->contains(3));
  }
}

TEST_P(CachedSegments, FollowerBehindTheTrimmedLogLoadsAnew) {
  write(Operation::add, three(1));
  Server other = server();
  check(*other.manager);
  write(Operation::upsert, three(2));
  seal();
  write(Operation::upsert, {{"id7", {1, 1, 1}}});
  check(*other.manager);
}

TEST_P(CachedSegments, OnlyTheHolderMakesImages) {
  write(Operation::add, three(1));
  Server other(holder_, holder_.lease());  // takes the lease
  const Status sealed = holder_.manager().seal(context_, id_);
  ASSERT_FALSE(sealed.ok());
  EXPECT_EQ(sealed.error().code(), Code::aborted);
  EXPECT_EQ(published(), 0u);
  EXPECT_TRUE(other.manager->seal(context_, id_).ok());
  EXPECT_EQ(published(), 3u);
}

// A writer that fails, or loses its lease, between writing images and publishing them leaves
// versions behind that are newer than what is published.
TEST_P(CachedSegments, ImagesThatNobodyPublishedAreNotSeen) {
  write(Operation::add, three(1));
  seal();
  write(Operation::upsert, three(2));
  write(Operation::remove, {{"id1"}});
  holder_.sysdb().fail_publish(FaultySysDb::Fault::before);
  ASSERT_FALSE(holder_.manager().seal(context_, id_).ok());
  holder_.sysdb().fail_publish(FaultySysDb::Fault::none);
  EXPECT_EQ(published(), 3u);
  Server other(holder_, holder_.lease());
  check(*other.manager);
  // The new holder's target is another one, and the records have changed again.
  write(Operation::upsert, {{"id1", {9, 9, 9}}, {"id2", {8, 8, 8}}});
  const Status sealed = other.manager->seal(context_, id_);
  ASSERT_TRUE(sealed.ok()) << sealed.error().message();
  EXPECT_EQ(published(), 9u);
  Server third = server();
  check(*third.manager);
  check(holder_.manager());
}

TEST_P(CachedSegments, PublishingThatMayHaveHappenedIsFoundOut) {
  write(Operation::add, three(1));
  holder_.sysdb().fail_publish(FaultySysDb::Fault::after);
  EXPECT_FALSE(holder_.manager().seal(context_, id_).ok());
  holder_.sysdb().fail_publish(FaultySysDb::Fault::none);
  write(Operation::upsert, three(2));
  seal();
  EXPECT_EQ(published(), 6u);
  check(*server().manager);
}

TEST_P(CachedSegments, CompactionLeavesOneImageOfEachRecord) {
  write(Operation::add, three(1));
  seal();
  write(Operation::upsert, three(2));
  write(Operation::remove, {{"id2"}});
  seal();
  const Status compacted = holder_.manager().compact(context_, id_);
  ASSERT_TRUE(compacted.ok()) << compacted.error().message();
  if (GetParam() == Kind::cached) {
    EXPECT_EQ(holder_.images().rows(id_), 2u);
  }
  check(*server().manager);
}

// More removals than one insert may have rows.
TEST_P(CachedSegments, ManyRemovalsAtOnceAreWritten) {
  constexpr int kRecords = 70'000;
  std::vector<Row> rows, gone;
  for (int i = 0; i < kRecords; ++i) {
    rows.push_back({std::to_string(i), {1}});
    gone.push_back({std::to_string(i)});
  }
  rows.push_back({"last", {2}});
  holder_.append(id_, batch_of(Operation::add, rows));
  holder_.append(id_, batch_of(Operation::remove, gone));
  seal();
  Server other = server();
  const auto view = pin(*other.manager);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ((*view)->metadata().count(), 1u);
}

TEST_P(CachedSegments, EndOfTheProcessLosesNothing) {
  write(Operation::add, three(1));
  seal();
  write(Operation::upsert, {{"id9", {1, 2, 3}}});
  ASSERT_TRUE(holder_.reopen().ok());
  check(holder_.manager());
  write(Operation::update, {{"id9", {}, Metadata{{"kc", true}}}});
  seal();
  check(*server().manager);
}

// With room for nearly nothing in memory, what is loaded goes to files on the way.
TEST_P(CachedSegments, LoadsThroughFilesWhereMemoryIsShort) {
  std::vector<Row> rows;
  for (int i = 0; i < 3000; ++i)
    rows.push_back({"r" + std::to_string(i), {static_cast<float>(i % 50), 1, 2}});
  holder_.append(id_, batch_of(Operation::add, rows));
  seal();
  holder_.options().heads_bytes = 1;
  Server other = server();
  const auto view = pin(*other.manager);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ((*view)->metadata().count(), 3000u);
  const auto stats = other.manager->stats(context_, id_);
  ASSERT_TRUE(stats.ok());
  EXPECT_GT(stats->files, 0u);
  EXPECT_EQ(stats->sealed, 3000u);
}

INSTANTIATE_TEST_SUITE_P(All, CachedSegments, testing::ValuesIn(kinds()),
                         [](const auto& made) { return SegmentsHolder::name_of(made.param); });

/// What only a store in memory lets a test do.
class CachedInMemory : public CachedSegments {};

TEST_P(CachedInMemory, ImageThatIsLostIsNoticedAndMended) {
  write(Operation::add, three(1));
  seal();
  holder_.images().lose(id_, 1);
  Server other = server();
  const auto view = pin(*other.manager);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), Code::unavailable);
  write(Operation::upsert, {{"id1", {7, 7, 7}}});
  seal();
  check(*other.manager);
}

// What is taken for lost, and written again, may only have been late: then both show in the end.
TEST_P(CachedInMemory, ImagesThatCameLateAfterAllAreAsPublished) {
  write(Operation::add, three(1));
  seal();
  write(Operation::upsert, {{"id1", {7, 7, 7}}, {"id5", {8, 8, 8}}});
  write(Operation::remove, {{"id2"}});
  write(Operation::add, {{"id6", {9, 9, 9}}});
  constexpr int kLooksBeforeItIsMended = 3;
  holder_.images().delay_writes(kLooksBeforeItIsMended + 1);
  seal();
  holder_.images().let_writes_show();
  Server other = server();
  check(*other.manager);
}

TEST_P(CachedInMemory, CollectionIsLoadedOnceHoweverManyAsk) {
  write(Operation::add, three(1));
  seal();
  Server other = server();
  const uint64_t before = holder_.images().loads();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(pin(*other.manager).ok()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(holder_.images().loads(), before + 1);
}

TEST_P(CachedInMemory, CallerWithoutTimeDoesNotEndTheLoad) {
  write(Operation::add, three(1));
  seal();
  Server other = server();
  std::atomic<bool> go = false;
  holder_.images().before_load = [&] {
    go.wait(false);
    return ok_status();
  };
  const auto late = other.manager->pin(Context::with_timeout(std::chrono::milliseconds(1)), id_, 0);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  const uint64_t before = holder_.images().loads();
  go = true;
  go.notify_all();
  check(*other.manager);
  EXPECT_LE(holder_.images().loads(), before + 1);
}

TEST_P(CachedInMemory, CacheDropsWhatWasUsedLeastRecently) {
  std::vector<CollectionId> ids;
  std::vector<Row> rows;
  for (int i = 0; i < 500; ++i)
    rows.push_back({"r" + std::to_string(i), {1, 2, 3}, {}, std::string(1000, 'x')});
  uint64_t size = 0;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(holder_.make_collection());
    holder_.append(ids.back(), batch_of(Operation::add, rows));
    ASSERT_TRUE(holder_.manager().seal(context_, ids.back()).ok());
    const auto stats = holder_.manager().stats(context_, ids.back());
    size = std::max(size, stats->head_bytes + stats->file_bytes);
  }
  holder_.options().cache_bytes = 3 * size;
  Server other = server();
  const auto use = [&](const CollectionId& id) {
    const auto view = other.manager->pin(context_, id, 0);
    EXPECT_TRUE(view.ok()) << view.error().message();
  };
  for (const CollectionId& id : ids) use(id);
  const uint64_t loads = holder_.images().loads();
  use(ids[4]);
  use(ids[3]);
  EXPECT_EQ(holder_.images().loads(), loads);
  use(ids[0]);
  EXPECT_EQ(holder_.images().loads(), loads + 1);

  // Views in use stay, so there is no room for another.
  std::vector<std::shared_ptr<const ReadView>> views;
  Code code = Code::internal;
  for (const CollectionId& id : ids) {
    const auto view = other.manager->pin(context_, id, 0);
    if (view.ok())
      views.push_back(*view);
    else
      code = view.error().code();
  }
  EXPECT_EQ(views.size(), 3u);
  EXPECT_EQ(code, Code::resource_exhausted);
}

TEST_P(CachedInMemory, CollectionLargerThanTheCacheIsRefusedWithFigures) {
  write(Operation::add, three(1));
  seal();
  holder_.options().cache_bytes = 1000;
  Server other = server();
  const auto view = pin(*other.manager);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), Code::resource_exhausted);
  EXPECT_NE(view.error().message().find("1000"), std::string::npos) << view.error().message();
}

// Where it was compacted it took room for versions that are gone; a server that loads it needs
// none.
TEST_P(CachedInMemory, CollectionGrownByReplacedVersionsFitsWhereItsRecordsFit) {
  std::vector<Row> rows;
  for (char text = 'a'; text < 'g'; ++text) {
    rows.clear();
    for (int i = 0; i < 500; ++i)
      rows.push_back({"r" + std::to_string(i), {1, 2, 3}, {}, std::string(1000, text)});
    write(Operation::upsert, rows);
    ASSERT_TRUE(pin(holder_.manager()).ok());
  }
  seal();
  const auto bytes = [&](SegmentManager& manager) {
    const auto stats = manager.stats(context_, id_);
    return stats.ok() ? stats->head_bytes + stats->file_bytes : 0;
  };
  uint64_t fresh = 0;
  {
    Server other = server();
    ASSERT_TRUE(pin(*other.manager).ok());
    fresh = bytes(*other.manager);
  }
  ASSERT_GT(bytes(holder_.manager()), 2 * fresh);
  holder_.options().cache_bytes = fresh + fresh / 2;
  Server other = server();
  const auto view = pin(*other.manager);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ((*view)->metadata().count(), rows.size());
}

TEST_P(CachedInMemory, WhatIsDueIsCompactedByItself) {
  holder_.compaction().compact_records = 3;
  holder_.compaction().look_every = std::chrono::milliseconds(5);
  ASSERT_TRUE(holder_.reopen().ok());
  write(Operation::add, three(1));
  check(holder_.manager());
  while (published() < 3) std::this_thread::yield();
  check(*server().manager);
}

// Another server deleted its database and could not tell this one, which answers what it has open.
// There are many others, which takes a while to look into.
TEST_P(CachedInMemory, WhatAnotherServerDeletedIsClosedInTheEnd) {
  holder_.compaction().compact_age = std::chrono::seconds(0);
  holder_.compaction().look_every = std::chrono::milliseconds(50);
  for (int i = 0; i < 8000; ++i) holder_.make_collection();
  ASSERT_TRUE(holder_.reopen().ok());
  write(Operation::add, three(1));
  check(holder_.manager());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ASSERT_TRUE(holder_.sysdb().delete_collection(context_, id_).ok());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (pin(holder_.manager()).ok() && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  EXPECT_EQ(pin(holder_.manager()).error().code(), Code::not_found);
}

TEST_P(CachedInMemory, DirectoryOfADeadProcessGoesAndThatOfALivingOneStays) {
  const std::string dead = holder_.cache_path() + "/" + Uuid::random().to_string();
  ASSERT_TRUE(holder_.files().make_directories(dead + "/something").ok());
  const size_t before = holder_.files().list(holder_.cache_path())->size();
  {
    Server other = server();
    EXPECT_FALSE(*holder_.files().exists(dead));
    EXPECT_EQ(holder_.files().list(holder_.cache_path())->size(), before);
    write(Operation::add, three(1));
    check(holder_.manager());
  }
  EXPECT_EQ(holder_.files().list(holder_.cache_path())->size(), before - 1);
}

TEST_P(CachedInMemory, AnotherShardTakesOnlyWhatItWins) {
  std::vector<CollectionId> ids(200);
  for (CollectionId& id : ids) id = Uuid::random();
  const auto placements = [&](uint32_t shards) {
    holder_.compaction().shards = shards;
    Server made = server();
    std::vector<std::string> found;
    for (const CollectionId& id : ids) found.push_back(made.manager->plan(id)[0].placement);
    return found;
  };
  const auto two = placements(2), three = placements(3);
  size_t moved = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (two[i] == three[i]) continue;
    ++moved;
    EXPECT_EQ(three[i], "shard-2");
  }
  EXPECT_GT(moved, 30u);
  EXPECT_LT(moved, 110u);
}

INSTANTIATE_TEST_SUITE_P(All, CachedInMemory, testing::Values(Kind::cached),
                         [](const auto& made) { return SegmentsHolder::name_of(made.param); });

}  // namespace
}  // namespace viridian::conformance
