#include <gtest/gtest.h>

#include "conformance/segments_holder.h"
#include "property/segment_workload.h"

namespace viridian::conformance {
namespace {

struct Parameters {
  SegmentsHolder::Kind kind;
  uint64_t seed;
};

class SegmentProperty : public testing::TestWithParam<Parameters> {};

// Whatever is written, sealed, reopened or dropped: every view answers for its own moment.
TEST_P(SegmentProperty, ViewsAnswerAsAMapWould) {
  SegmentsHolder holder(GetParam().kind);
  Generator generator(GetParam().seed);
  const auto space = static_cast<Space>(GetParam().seed % 3);
  CollectionId id = holder.make_collection(space);
  SegmentOracle oracle;
  struct Pinned {
    std::shared_ptr<const ReadView> view;
    SegmentOracle oracle;
  };
  std::vector<Pinned> old_views;
  for (int step = 0; step < 120; ++step) {
    const int choice = generator.below(20);
    if (choice < 13) {
      RecordBatch batch = generator.batch();
      oracle.apply(batch);
      holder.append(id, std::move(batch));
    } else if (choice < 15) {
      const Status sealed = holder.manager().seal(Context(), id);
      ASSERT_TRUE(sealed.ok()) << sealed.error().message();
    } else if (choice == 15) {
      ASSERT_TRUE(holder.reopen().ok());
    } else if (choice == 16 && generator.below(3) == 0) {
      ASSERT_TRUE(holder.sysdb().delete_collection(Context(), id).ok());
      ASSERT_TRUE(holder.manager().drop(Context(), id).ok());
      id = holder.make_collection(space);
      oracle = SegmentOracle();
    } else if (choice == 17) {
      const auto view = holder.pin(id);
      ASSERT_NE(view, nullptr);
      old_views.push_back({view, oracle});
    } else {
      const auto view = holder.pin(id);
      ASSERT_NE(view, nullptr);
      Check(*view, oracle, space).everything(generator);
    }
    if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << "at step " << step;
  }
  for (const Pinned& pinned : old_views)
    Check(*pinned.view, pinned.oracle, space).everything(generator);
}

std::vector<Parameters> parameters() {
  std::vector<Parameters> all;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    all.push_back({SegmentsHolder::Kind::mem, seed});
    all.push_back({SegmentsHolder::Kind::local, seed});
    all.push_back({SegmentsHolder::Kind::cached, seed});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Seeds, SegmentProperty, testing::ValuesIn(parameters()),
                         [](const auto& made) {
                           return SegmentsHolder::name_of(made.param.kind) +
                                  std::to_string(made.param.seed);
                         });

}  // namespace
}  // namespace viridian::conformance
