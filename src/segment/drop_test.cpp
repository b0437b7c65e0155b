// Collections that are dropped while something works on them.

#include <atomic>
#include <functional>
#include <limits>

#include "conformance/forwarding_consumer.h"
#include "conformance/forwarding_sysdb.h"
#include "segment/upkeep_fixture.h"

namespace viridian::conformance {
namespace {

/// Where in some work the drop falls.
enum class Moment { before, after, instead };

/// Calls `drop` around one of the calls that work on a collection makes. Thread-safe.
class Dropper {
 public:
  explicit Dropper(std::function<void()> drop) : drop_(std::move(drop)) {}

  /// From now on the nth call is the one. With Moment::instead only calls that may fail count.
  void arm(Moment moment, int64_t nth) {
    moment_ = moment;
    left_ = nth;
  }
  void disarm() { left_ = kNever; }
  /// Whether there were so many calls.
  bool struck() const { return left_ <= 0; }

  template <class Call>
  auto around(Call&& call, bool may_fail = false) {
    using Answer = decltype(call());
    if (moment_ == Moment::instead && !may_fail) return call();
    const bool now = --left_ == 0;
    if (now && moment_ != Moment::after) drop_();
    if (now && moment_ == Moment::instead)
      return Answer(Error(Code::unavailable, "the test lets this call fail"));
    Answer answer = call();
    if (now && moment_ == Moment::after) drop_();
    return answer;
  }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  const std::function<void()> drop_;
  Moment moment_ = Moment::before;
  std::atomic<int64_t> left_ = kNever;
};

class DroppingSysDb final : public ForwardingSysDb {
 public:
  DroppingSysDb(SysDb& inner, Dropper& dropper) : ForwardingSysDb(inner), dropper_(dropper) {}
  using ForwardingSysDb::get_collection;
  Result<Collection> get_collection(const Context& context, const CollectionId& id) override {
    return dropper_.around([&] { return inner_.get_collection(context, id); });
  }
  Result<std::vector<Segment>> list_segments(const Context& context,
                                             const CollectionId& id) override {
    return dropper_.around([&] { return inner_.list_segments(context, id); });
  }
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    return dropper_.around([&] { return inner_.publish(context, id, changes); }, true);
  }

 private:
  Dropper& dropper_;
};

class DroppingConsumer final : public ForwardingConsumer {
 public:
  DroppingConsumer(Consumer& inner, Dropper& dropper)
      : ForwardingConsumer(inner), dropper_(dropper) {}
  Result<std::vector<LogBatch>> read(const Context& context, const CollectionId& id, SeqId after,
                                     size_t limit_bytes) override {
    return dropper_.around(
        [&] { return ForwardingConsumer::read(context, id, after, limit_bytes); });
  }
  Result<SeqId> last(const Context& context, const CollectionId& id) override {
    return dropper_.around([&] { return ForwardingConsumer::last(context, id); });
  }

 private:
  Dropper& dropper_;
};

class SegmentDrop : public SegmentUpkeep {
 protected:
  using Work = std::function<Status(viridian::SegmentManager&)>;

  SegmentDrop()
      : dropper_([this] { drop(); }),
        sysdb_(holder_.sysdb(), dropper_),
        consumer_(holder_.log(), dropper_),
        dropping_(sysdb_, consumer_, pool_, holder_.files(), holder_.root(), holder_.options(),
                  SegmentsHolder::kMetadataType, SegmentsHolder::kVectorType) {
    EXPECT_TRUE(pool_.start(context_).ok());
  }
  ~SegmentDrop() override { pool_.stop(); }

  /// As the engine does it.
  void drop() {
    EXPECT_TRUE(holder_.sysdb().delete_collection(context_, id_).ok());
    EXPECT_TRUE(dropping_.drop(context_, id_).ok());
    EXPECT_TRUE(holder_.log().drop(context_, id_).ok());
  }

  /// Wherever in the work a collection with files, garbage and unsealed records is dropped: nothing
  /// but not_found is answered, and nothing stays.
  void expect_not_found(Moment moment, bool open, const Work& work) {
    bool struck = true;
    for (int64_t nth = 1; struck; ++nth) {
      id_ = holder_.make_collection();
      write_many(20, "a");
      ASSERT_TRUE(dropping_.seal(context_, id_).ok());
      write_many(10, "b");
      if (!open) {
        ASSERT_TRUE(dropping_.close(context_, id_).ok());
      }
      dropper_.arm(moment, nth);
      const Status done = work(dropping_);
      struck = dropper_.struck();
      dropper_.disarm();
      // A drop after the last call finds the work done.
      EXPECT_TRUE(done.ok() ? !struck || moment == Moment::after
                            : struck && done.error().code() == Code::not_found)
          << nth << ": " << (done.ok() ? "ok" : done.error().message());
      EXPECT_TRUE(struck || nth > 1) << "no call was hooked";
      EXPECT_EQ(*holder_.files().exists(holder_.directory(id_)), !struck) << nth;
      ASSERT_LT(nth, 100);
    }
  }
  void expect_not_found(const Work& work) {
    for (const Moment moment : {Moment::before, Moment::after, Moment::instead})
      for (const bool open : {false, true}) {
        SCOPED_TRACE(testing::Message() << int(moment) << open);
        expect_not_found(moment, open, work);
      }
  }

  ThreadPool pool_{2, 64};
  Dropper dropper_;
  DroppingSysDb sysdb_;
  DroppingConsumer consumer_;
  local::SegmentManager dropping_;
};

TEST_F(SegmentDrop, DuringASealIsNotFound) {
  expect_not_found(
      [this](viridian::SegmentManager& manager) { return manager.seal(context_, id_); });
}

TEST_F(SegmentDrop, DuringACompactionIsNotFound) {
  expect_not_found(
      [this](viridian::SegmentManager& manager) { return manager.compact(context_, id_); });
}

}  // namespace
}  // namespace viridian::conformance
