// Images of a collection's files, what is restored from them, and reading beside the writer.

#include "conformance/forwarding_consumer.h"
#include "os/test_files.h"
#include "segment/upkeep_fixture.h"

namespace viridian::conformance {
namespace {

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

TEST_F(SegmentFollower, GoesOnWhereASealTrimmedTheLogAndWroteNoFile) {
  write_many(5, "a");
  ASSERT_TRUE(seal().ok());
  EXPECT_EQ(followed(), documents());
  write_many(5, "a");
  const std::vector<std::string> files = file_names();
  ASSERT_TRUE(seal().ok());
  ASSERT_EQ(file_names(), files);
  EXPECT_EQ(followed(), documents());
  write_many(2, "b");
  EXPECT_EQ(followed(), documents());
}

// A writer that was killed took back what it had not acknowledged, and from then on seals each time
// between the follower's looks at what is sealed and at the log.
TEST_F(SegmentFollower, KeepsUpWithAWriterThatSealsEachTimeItLooks) {
  class Hasty final : public ForwardingConsumer {
   public:
    Hasty(Consumer& inner, std::function<void()> seal)
        : ForwardingConsumer(inner), seal_(std::move(seal)) {}
    Result<std::vector<LogBatch>> read(const Context& context, const CollectionId& id, SeqId after,
                                       size_t limit_bytes) override {
      if (left == 0) return ForwardingConsumer::read(context, id, after, limit_bytes);
      if (left-- % 2 == 0) return Error(Code::out_of_range, "records were taken back");
      seal_();
      return ForwardingConsumer::read(context, id, after, limit_bytes);
    }
    int left = 0;

   private:
    std::function<void()> seal_;
  };
  Hasty hasty(holder_.log(), [&] {
    write_many(3, "hasty");
    EXPECT_TRUE(seal().ok());
  });
  follower_ = holder_.follower(hasty);
  write_many(5, "a");
  EXPECT_EQ(followed(), documents());
  hasty.left = 8;
  write_many(7, "b");
  followed();
  EXPECT_EQ(followed(), documents());
  follower_.reset();
}

TEST_F(SegmentFollower, WritesNothing) {
  write_many(5, "a");
  EXPECT_EQ(followed().size(), 5u);
  std::filesystem::create_directories(holder_.directory(Uuid::random()));
  os::write_file(holder_.root() + "/unknown", "x");
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
