#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "conformance/segments_holder.h"
#include "property/segment_workload.h"

namespace viridian::conformance {

/// A collection that several servers cache.
class CachedSegments : public testing::TestWithParam<SegmentsHolder::Kind> {
 protected:
  /// A server beside the holder's own, with leases of its own.
  struct Server {
    Server(SegmentsHolder& holder, const std::shared_ptr<SharedLease>& lease)
        : leases(std::make_unique<SingleLeases>(lease)), manager(holder.cache(*leases)) {
      EXPECT_TRUE(manager->start(Context()).ok());
    }
    std::unique_ptr<SingleLeases> leases;
    std::unique_ptr<segment::Manager> manager;
  };

  /// Another server; the holder's own has the lease all the same.
  Server server() {
    Server made(holder_, holder_.lease());
    holder_.leases().take();
    return made;
  }
  void write(Operation operation, const std::vector<Row>& rows) {
    RecordBatch batch = batch_of(operation, rows);
    oracle_.apply(batch);
    holder_.append(id_, std::move(batch));
  }
  void seal() {
    const Status sealed = holder_.manager().seal(context_, id_);
    EXPECT_TRUE(sealed.ok()) << sealed.error().message();
  }
  Result<std::shared_ptr<const ReadView>> pin(SegmentManager& manager) {
    const auto last = holder_.log().last(context_, id_);
    return manager.pin(context_, id_, last.ok() ? *last : 0);
  }
  void check(SegmentManager& manager) {
    const auto view = pin(manager);
    ASSERT_TRUE(view.ok()) << view.error().message();
    Check(**view, oracle_, Space::l2).everything(generator_);
  }
  SeqId published() {
    const auto segments = holder_.sysdb().list_segments(context_, id_);
    return segments.ok() && !segments->empty() ? segments->front().sealed : 0;
  }

  Context context_;
  SegmentsHolder holder_{GetParam()};
  CollectionId id_ = holder_.make_collection();
  SegmentOracle oracle_;
  Generator generator_{7};
};

/// Records with and without metadata and documents.
inline std::vector<Row> three(float first) {
  return {{"id1", {first, 0, 0}, Metadata{{"ka", int64_t{1}}}, "ab", "a"},
          {"id2", {first, 1, 0}},
          {"id4", {first, 2, 0}, Metadata{{"kb", std::vector<std::string>{"x", ""}}}}};
}

}  // namespace viridian::conformance
