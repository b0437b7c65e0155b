// A log that takes back what it had shown: caches do not answer with it, nor make images of it.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "log/mem_log.h"
#include "segment/cached_fixture.h"

namespace viridian::conformance {
namespace {

/// A log of which a reader was given more than counts: `shown` first, then `log`, which is shorter.
class RetractedLog final : public Consumer {
 public:
  RetractedLog(Consumer& shown, Consumer& log) : shown_(shown), log_(log) {}
  void retract() { retracted_ = true; }
  mutable std::function<void()> asked;  ///< called once, by counts()
  std::function<void()> before_last;
  std::function<void()> before_settle;  ///< called once

  Result<std::vector<LogBatch>> read(const Context& context, const CollectionId& id, SeqId after,
                                     size_t limit_bytes) override {
    return now().read(context, id, after, limit_bytes);
  }
  Result<SeqId> last(const Context& context, const CollectionId& id) override {
    if (before_last) before_last();
    return now().last(context, id);
  }
  bool counts(const CollectionId& id, SeqId applied) const override {
    if (asked) std::exchange(asked, nullptr)();
    return !retracted_ || anew_ || applied <= log_.last(Context(), id).value_or(0);
  }
  Result<SeqId> settle(const Context& context, const CollectionId& id) override {
    if (before_settle) std::exchange(before_settle, nullptr)();
    return last(context, id);
  }
  void forget_reader(const CollectionId&) override { anew_ = retracted_.load(); }
  Status wait(const Context& context, const CollectionId& id, SeqId after) override {
    return now().wait(context, id, after);
  }
  Status trim(const Context&, const CollectionId&, SeqId) override { return ok_status(); }
  bool durable() const noexcept override { return true; }

 private:
  Consumer& now() { return retracted_ ? log_ : shown_; }

  Consumer& shown_;
  Consumer& log_;
  std::atomic<bool> retracted_ = false;
  std::atomic<bool> anew_ = false;
};

class CachedRetracted : public CachedSegments {
 protected:
  /// Fills both logs, and opens the collection.
  void SetUp() override {
    RecordBatch first = batch_of(Operation::add, three(1));
    ASSERT_TRUE(shown_.append(context_, id_, std::make_shared<const RecordBatch>(first)).ok());
    write(Operation::add, three(1));
    manager_ = holder_.cache(leases_, log_);
    ASSERT_TRUE(manager_->start(context_).ok());
    ASSERT_EQ(manager_->pin(context_, id_, 3).value()->metadata().count(), 3u);
  }
  /// Applies one more record, which is to be retracted.
  void apply_lost() {
    RecordBatch lost = batch_of(Operation::add, {{"lost", {9, 9, 9}}});
    ASSERT_TRUE(shown_.append(context_, id_, std::make_shared<const RecordBatch>(lost)).ok());
    ASSERT_EQ(manager_->pin(context_, id_, 4).value()->metadata().count(), 4u);
  }

  mem::Log shown_;
  RetractedLog log_{shown_, holder_.log()};
  SingleLeases leases_{holder_.lease()};
  std::unique_ptr<segment::Manager> manager_;
};

// The last number need not have grown for a reader to hear that what it applied came to nothing.
TEST_P(CachedRetracted, VoidRecordsAreNotShownOnceThatIsKnown) {
  apply_lost();
  log_.retract();
  check(*manager_);
}

// Another reader hears it first, and has what the log remembers of it put right.
TEST_P(CachedRetracted, VoidRecordsAreNotShownByWhoHasTheDiscardedCollection) {
  apply_lost();
  log_.asked = [&] {
    log_.retract();
    check(*manager_);
  };
  const auto view = manager_->pin(context_, id_, 3);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_FALSE(log_.asked) << "nobody asked";
  EXPECT_EQ((*view)->metadata().count(), 3u);
}

// A holder that has written nothing yet settles which records are there for good.
TEST_P(CachedRetracted, ImagesAreMadeOfWhatIsSettled) {
  apply_lost();
  log_.before_settle = [&] { log_.retract(); };
  const Status sealed = manager_->seal(context_, id_);
  ASSERT_TRUE(sealed.ok()) << sealed.error().message();
  EXPECT_EQ(published(), 3u);
  check(*manager_);
}

TEST_P(CachedRetracted, ImagesAreMadeOfWhatWasFoundToCount) {
  int asked = 0;
  log_.before_last = [&] {
    if (++asked != 2) return;  // the first is of who catches up before
    apply_lost();
    log_.retract();
  };
  const Status sealed = manager_->seal(context_, id_);
  ASSERT_TRUE(sealed.ok()) << sealed.error().message();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(published(), 3u);
  check(*manager_);
}

// Another reader has what the log remembers put right, while images are about to be made of it.
TEST_P(CachedRetracted, ImagesAreNotMadeOfADiscardedCollection) {
  apply_lost();
  log_.before_settle = [&] {
    log_.retract();
    ASSERT_FALSE(log_.counts(id_, 4));
    check(*manager_);
    write(Operation::upsert, three(2));
  };
  const Status sealed = manager_->seal(context_, id_);
  ASSERT_TRUE(sealed.ok()) << sealed.error().message();
  check(*manager_);
  check(*server().manager);
}

INSTANTIATE_TEST_SUITE_P(All, CachedRetracted, testing::Values(SegmentsHolder::Kind::cached),
                         [](const auto& made) { return SegmentsHolder::name_of(made.param); });

}  // namespace
}  // namespace viridian::conformance
