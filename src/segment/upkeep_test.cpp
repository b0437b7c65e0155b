// What a segment manager does besides answering: seals, merges, budgets, closing, images,
// following.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "conformance/records.h"
#include "conformance/segments_holder.h"

namespace viridian::conformance {
namespace {

using Fault = FaultySysDb::Fault;

class SegmentUpkeep : public testing::Test {
 protected:
  SegmentUpkeep() : holder_(SegmentsHolder::Kind::local), id_(holder_.make_collection()) {}

  SeqId write(Operation operation, const std::vector<Row>& rows) {
    return holder_.append(id_, batch_of(operation, rows));
  }
  /// Records "0" to "count - 1" with documents that say `text`.
  SeqId write_many(int count, const std::string& text, Operation operation = Operation::upsert) {
    std::vector<Row> rows;
    for (int i = 0; i < count; ++i)
      rows.push_back({std::to_string(i), {float(i), 1}, Metadata{{"t", text}}, text});
    return write(operation, rows);
  }
  viridian::SegmentManager& manager() { return holder_.manager(); }
  Status seal() { return manager().seal(context_, id_); }

  static std::vector<std::string> documents(const ReadView& view) {
    const Context context;
    const auto all = view.metadata().all(context);
    EXPECT_TRUE(all.ok());
    RecordColumns columns;
    const std::vector<Offset> offsets = all->slice(0, all->size());
    EXPECT_TRUE(view.metadata().fetch(context, offsets, {true, false, false}, columns).ok());
    EXPECT_TRUE(view.vectors().fetch(context, offsets, columns.embeddings).ok());
    std::vector<std::string> found;
    for (size_t i = 0; i < columns.ids.size(); ++i)
      found.push_back(std::string(columns.ids[i]) + "=" +
                      std::string(columns.documents[i].value_or("-")));
    std::sort(found.begin(), found.end());
    return found;
  }
  std::vector<std::string> documents() {
    const auto view = holder_.pin(id_);
    return view ? documents(*view) : std::vector<std::string>();
  }
  SegmentStats stats() {
    const auto stats = manager().stats(context_, id_);
    EXPECT_TRUE(stats.ok());
    return stats.ok() ? *stats : SegmentStats();
  }
  std::vector<std::string> file_names() {
    const auto names = holder_.files().list(holder_.directory(id_));
    return names.ok() ? *names : std::vector<std::string>();
  }
  bool on_disk(const std::string& text) {
    for (const std::string& name : file_names()) {
      std::ifstream in(holder_.directory(id_) + "/" + name, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      if (bytes.find(text) != std::string::npos) return true;
    }
    return false;
  }
  /// Names that the SysDb has.
  std::vector<std::string> named() {
    std::vector<std::string> names;
    const auto segments = holder_.sysdb().list_segments(context_, id_);
    for (const Segment& segment : *segments)
      for (const SegmentFile& file : segment.files) names.push_back(file.name);
    std::sort(names.begin(), names.end());
    return names;
  }
  bool garbage_is_dated() {
    const auto ids =
        holder_.sysdb().collections_with_garbage(context_, std::numeric_limits<int64_t>::max());
    return ids.ok() && std::find(ids->begin(), ids->end(), id_) != ids->end();
  }
  /// As after an append through the engine.
  void hint(SeqId last) { EXPECT_TRUE(manager().hint(context_, id_, last).ok()); }
  static void wait_until(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  Context context_;
  SegmentsHolder holder_;
  CollectionId id_;
};

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
  holder_.options().seal_age = std::chrono::seconds(0);
  holder_.options().look_every = std::chrono::hours(1);
  ASSERT_TRUE(holder_.reopen().ok());
  write_many(3, "text");
  documents();
  ASSERT_TRUE(manager().close(context_, id_).ok());
  EXPECT_TRUE(named().empty());
  // Another collection's hint wakes the sealer.
  const CollectionId other = holder_.make_collection();
  const SeqId last = holder_.append(other, batch_of(Operation::add, {{"x", {1}}}));
  EXPECT_TRUE(manager().hint(context_, other, last).ok());
  wait_until([&] { return !named().empty(); });
  EXPECT_EQ(documents().size(), 3u);
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
    ASSERT_TRUE(manager().admit(context_, id_, 10'000).ok());
    write(Operation::add, {{std::to_string(i), {1}, {}, std::string(10'000, 'x')}});
    ASSERT_NE(holder_.pin(id_), nullptr);
    EXPECT_LE(stats().head_bytes, 270'000u);
  }
  EXPECT_EQ(documents().size(), 40u);
  EXPECT_GT(stats().sealed, 0u);
  EXPECT_EQ(manager().stats(context_, small)->sealed, 0u);
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
    refused = manager().admit(context_, id_, 10'000);
    if (!refused.ok()) break;
    write(Operation::add, {{std::to_string(written), {1}, {}, std::string(10'000, 'x')}});
    ASSERT_NE(holder_.pin(id_), nullptr);
  }
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  EXPECT_LT(written, 30);
  EXPECT_TRUE(manager().admit(context_, small, 10'000).ok());
  holder_.sysdb().fail_publish(Fault::none);
  ASSERT_TRUE(seal().ok());
  EXPECT_TRUE(manager().admit(context_, id_, 10'000).ok());
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

TEST_F(SegmentUpkeep, ImageHoldsFilesAndLog) {
  write_many(20, "a");
  ASSERT_TRUE(seal().ok());
  write_many(10, "b");
  auto image = manager().image(context_, id_);
  ASSERT_TRUE(image.ok());
  const SeqId sealed = image->segments[0].sealed;
  EXPECT_EQ(sealed, 20u);
  const std::vector<std::string> held = file_names();
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  write_many(10, "c");
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  for (const std::string& name : held)
    EXPECT_TRUE(*holder_.files().exists(holder_.directory(id_) + "/" + name)) << name;
  EXPECT_TRUE(holder_.log().read(context_, id_, sealed, 1).ok());
  // Nor does the collection close, or its directory go.
  ASSERT_TRUE(manager().close(context_, id_).ok());
  image->keep.reset();
  EXPECT_EQ(file_names(), named());
  EXPECT_FALSE(holder_.log().read(context_, id_, sealed, 1).ok());
}

TEST_F(SegmentUpkeep, DroppedCollectionsImageStaysWhole) {
  write_many(20, "a");
  ASSERT_TRUE(seal().ok());
  auto image = manager().image(context_, id_);
  ASSERT_TRUE(image.ok());
  ASSERT_TRUE(holder_.sysdb().delete_collection(context_, id_).ok());
  ASSERT_TRUE(manager().drop(context_, id_).ok());
  EXPECT_EQ(file_names().size(), 2u);
  image->keep.reset();
  EXPECT_FALSE(*holder_.files().exists(holder_.directory(id_)));
}

class SegmentRestore : public SegmentUpkeep {
 protected:
  /// Restores the image as a collection whose log goes on after it.
  CollectionId restore(const SegmentImage& image) {
    const CollectionId target = Uuid::random();
    const auto segments = manager().restore(context_, target, image);
    EXPECT_TRUE(segments.ok()) << segments.error().message();
    if (!segments.ok()) return target;
    Collection collection = *holder_.sysdb().get_collection(context_, id_);
    collection.id = target;
    collection.name = "restored" + target.to_string();
    EXPECT_TRUE(holder_.sysdb().create_collection(context_, collection, *segments).ok());
    EXPECT_TRUE(holder_.log().start_after(context_, target, segments->front().sealed).ok());
    return target;
  }
};

TEST_F(SegmentRestore, ImageBecomesAnotherCollection) {
  write_many(20, "a");
  ASSERT_TRUE(seal().ok());
  write_many(10, "b");
  ASSERT_TRUE(seal().ok());
  const std::vector<std::string> before = documents();
  auto image = manager().image(context_, id_);
  ASSERT_TRUE(image.ok());
  const CollectionId copy = restore(*image);
  image->keep.reset();
  EXPECT_EQ(documents(*holder_.pin(copy)), before);
  // They go on apart.
  write_many(20, "c");
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  holder_.append(copy, batch_of(Operation::remove, {{"0"}}));
  ASSERT_TRUE(manager().compact(context_, copy).ok());
  EXPECT_EQ(documents(*holder_.pin(copy)).size(), 19u);
  EXPECT_EQ(documents().size(), 20u);
  ASSERT_TRUE(holder_.reopen().ok());
  EXPECT_EQ(documents(*holder_.pin(copy)).size(), 19u);
}

TEST_F(SegmentRestore, FailedRestoreLeavesNothing) {
  write_many(20, "a");
  ASSERT_TRUE(seal().ok());
  auto image = manager().image(context_, id_);
  ASSERT_TRUE(image.ok());
  bool struck = true;
  for (uint64_t nth = 1; struck; ++nth) {
    const CollectionId target = Uuid::random();
    holder_.files().fail({os::FileCalls::all, nth, Code::resource_exhausted, false, 0});
    const auto restored = manager().restore(context_, target, *image);
    struck = holder_.files().struck();
    holder_.files().clear();
    EXPECT_EQ(restored.ok(), !struck) << nth;
    EXPECT_EQ(*holder_.files().exists(holder_.directory(target)), !struck) << nth;
    ASSERT_LT(nth, 100u);
  }
}

TEST_F(SegmentRestore, DamagedImageIsRefused) {
  write_many(20, "a");
  ASSERT_TRUE(seal().ok());
  auto image = manager().image(context_, id_);
  ASSERT_TRUE(image.ok());
  SegmentImage missing = *image;
  missing.segments[0].files[0].name = Uuid::random().to_string() + ".meta";
  const auto restored = manager().restore(context_, Uuid::random(), missing);
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().code(), Code::data_loss);
  const std::string path = holder_.directory(id_) + "/" + image->segments[1].files[0].name;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  const auto cut = manager().restore(context_, Uuid::random(), *image);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code(), Code::data_loss);
}

class SegmentFollower : public SegmentUpkeep {
 protected:
  SegmentFollower() : follower_(holder_.follower()) {}
  std::vector<std::string> followed() {
    const auto last = holder_.log().last(context_, id_);
    const auto view = follower_->pin(context_, id_, *last);
    EXPECT_TRUE(view.ok()) << view.error().message();
    return view.ok() ? documents(**view) : std::vector<std::string>();
  }
  std::unique_ptr<segment::Manager> follower_;
};

TEST_F(SegmentFollower, SeesWhatTheWriterWritesSealsAndMerges) {
  write_many(5, "a");
  EXPECT_EQ(followed(), documents());
  write_many(10, "b");
  EXPECT_EQ(followed(), documents());
  ASSERT_TRUE(seal().ok());
  EXPECT_EQ(followed(), documents());
  write_many(7, "c");
  ASSERT_TRUE(seal().ok());  // trimmed before the follower has seen it
  write_many(3, "d");
  EXPECT_EQ(followed(), documents());
  write_many(12, "e");
  ASSERT_TRUE(manager().compact(context_, id_).ok());
  EXPECT_EQ(followed(), documents());
  EXPECT_EQ(file_names(), named());
}

TEST_F(SegmentFollower, WritesNothing) {
  write_many(5, "a");
  EXPECT_EQ(followed().size(), 5u);
  std::ofstream(holder_.root() + "/unknown") << "x";
  std::filesystem::create_directories(holder_.directory(Uuid::random()));
  const auto calls = os::FileCalls::write | os::FileCalls::remove | os::FileCalls::rename |
                     os::FileCalls::sync | os::FileCalls::make_directories |
                     os::FileCalls::sync_directory;
  const uint64_t before = holder_.files().count(calls);
  ASSERT_TRUE(follower_->start(context_).ok());
  EXPECT_EQ(follower_->seal(context_, id_).error().code(), Code::failed_precondition);
  EXPECT_EQ(follower_->image(context_, id_).error().code(), Code::failed_precondition);
  EXPECT_EQ(followed().size(), 5u);
  follower_->stop();
  EXPECT_EQ(holder_.files().count(calls), before);
}

TEST_F(SegmentFollower, LetsGoOfFilesThatTheWriterReplaced) {
  holder_.options().look_every = std::chrono::milliseconds(1);
  follower_ = holder_.follower();
  ASSERT_TRUE(follower_->start(context_).ok());
  write_many(50, "a");
  EXPECT_EQ(followed().size(), 50u);
  EXPECT_GT(follower_->stats(context_, id_)->head_bytes, 5000u);
  ASSERT_TRUE(seal().ok());
  wait_until([&] { return follower_->stats(context_, id_)->files == 2; });
  EXPECT_EQ(followed().size(), 50u);
}

}  // namespace
}  // namespace viridian::conformance
