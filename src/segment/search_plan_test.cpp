#include "segment/search_plan.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "index/records.h"

namespace viridian::segment {
namespace {

/// An index with a header as if it had a million rows; it is only asked what it says of itself.
class SearchPlanTest : public testing::Test {
 protected:
  static constexpr uint64_t kRows = 1'000'000;

  SearchPlanTest() : centre_(128) { set(1000); }
  /// `distances`: 0: no walk that was tried had a recall of 0.95.
  void set(uint32_t distances) {
    index::IndexArrays arrays;
    arrays.header.dim = 128;
    arrays.header.bits = 2;
    arrays.header.degree = 32;
    for (size_t i = 0; i < index::kLevelRecalls.size(); ++i) {
      const auto breadth = static_cast<uint32_t>(30 + 20 * i);
      arrays.header.levels[i] = {index::kLevelRecalls[i], {breadth, 4 * breadth}};
      if (distances == 0 && i > 0) arrays.header.levels[i].breadth = {};
    }
    arrays.header.refine = {35, 200};
    arrays.header.exact = {15, 120};
    arrays.header.distances = distances;
    arrays.centre = centre_;
    index_ = std::make_unique<index::GraphIndex>(arrays);
  }
  SearchPlanner planner(uint64_t allowed, size_t nearest = 10) const {
    return {*index_, {0.95, nearest, kRows, allowed, allowed}};
  }

  std::vector<float> centre_;
  std::unique_ptr<index::GraphIndex> index_;
};

TEST_F(SearchPlanTest, FewRowsAreReadMoreAreScannedManyAreWalkedTo) {
  EXPECT_EQ(planner(0).plan(), SearchPlan::read);
  EXPECT_EQ(planner(10).plan(), SearchPlan::read);
  EXPECT_EQ(planner(1000).plan(), SearchPlan::scan);
  EXPECT_EQ(planner(kRows / 10).plan(), SearchPlan::walk);
  EXPECT_EQ(planner(kRows - 1).plan(), SearchPlan::walk);
}

TEST_F(SearchPlanTest, AWalkIsTheBroaderTheFewerOfWhatItFindsAreAllowed) {
  const SearchPlanner half = planner(kRows / 2);
  const size_t all = half.breadth(100, 100), some = half.breadth(100, 50),
               few = half.breadth(100, 20);
  EXPECT_GE(all, index_->effort(0.95, 10).breadth);
  EXPECT_GT(some, all);
  EXPECT_GT(few, some);
  EXPECT_LE(few, 6 * all);
}

TEST_F(SearchPlanTest, NoWalkIsBegunOfWhichNobodyKnowsWhatItTakes) {
  set(0);
  const SearchPlanner some(*index_, {0.5, 10, kRows, kRows / 2, kRows / 2});
  ASSERT_NE(index_->effort(0.5, 10).breadth, 0u);
  EXPECT_EQ(some.plan(), SearchPlan::scan);
}

// Each of many results is looked at closely, in whatever order they lie: reading all in order is
// quicker long before they are all.
TEST_F(SearchPlanTest, ManyResultsAreReadWhereFewAreScannedOrWalkedTo) {
  EXPECT_EQ(planner(kRows / 50, 10).plan(), SearchPlan::walk);
  EXPECT_EQ(planner(kRows / 50, 2000).plan(), SearchPlan::read);
  EXPECT_EQ(planner(2000, 10).plan(), SearchPlan::scan);
  EXPECT_EQ(planner(2000, 500).plan(), SearchPlan::read);
  EXPECT_EQ(planner(kRows / 2, 1000).plan(), SearchPlan::walk);
}

TEST_F(SearchPlanTest, AWalkThatComesUponNoneIsGivenUp) {
  EXPECT_EQ(planner(kRows / 50).breadth(200, 0), 0u);
  EXPECT_NE(planner(kRows / 50).breadth(200, 200), 0u);
}

}  // namespace
}  // namespace viridian::segment
