#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "property/segment_rig.h"

/// Filters over records that lie in indexed blocks of heads and of files, and outside of them.
namespace viridian::conformance {
namespace {

class FilterProperty : public testing::Test {
 protected:
  /// The ids that a filter finds, in natural order.
  std::vector<std::string> found(SegmentRig& rig, const Where& where) {
    const auto view = rig.view();
    const auto offsets = view->metadata().filter(context_, where);
    EXPECT_TRUE(offsets.ok()) << offsets.error().message();
    if (!offsets.ok()) return {};
    RecordColumns columns;
    const Status fetched =
        view->metadata().fetch(context_, offsets->slice(0, offsets->size()), {}, columns);
    EXPECT_TRUE(fetched.ok()) << fetched.error().message();
    return strings(columns.ids);
  }

  void expect_as_oracle(SegmentRig& rig, const Where& where) {
    ASSERT_EQ(found(rig, where), rig.oracle().ids([&](const OracleRecord& record) {
      return oracle_holds(where, record);
    }));
  }

  /// Candidates are all that it finds, and perhaps others.
  void expect_candidates(SegmentRig& rig, const Where& where) {
    const auto view = rig.view();
    const auto all = view->metadata().filter(context_, where);
    const auto candidates = view->metadata().candidates(context_, where);
    ASSERT_TRUE(all.ok() && candidates.ok());
    const std::vector<Offset> offsets = candidates->offsets.slice(0, candidates->offsets.size());
    const auto satisfying = view->metadata().satisfying(context_, where, offsets);
    ASSERT_TRUE(satisfying.ok()) << satisfying.error().message();
    ASSERT_EQ(satisfying->slice(0, satisfying->size()), all->slice(0, all->size()));
    if (candidates->exact) {
      ASSERT_EQ(offsets.size(), all->size());
    } else {
      ++in_doubt_;
    }
  }

  /// The same for the first records of those from some offset on.
  void expect_page(SegmentRig& rig, Generator& generator, const Where& where) {
    const auto view = rig.view();
    const auto all = view->metadata().filter(context_, where);
    ASSERT_TRUE(all.ok());
    const auto from = static_cast<Offset>(generator.below(1500));
    const auto count = static_cast<uint64_t>(generator.below(40));
    const auto page = view->metadata().filter_page(context_, where, from, count);
    ASSERT_TRUE(page.ok()) << page.error().message();
    const auto first_of = [&](const OffsetSet& set) {
      return set.slice(from == 0 ? 0 : set.count(0, from - 1), count);
    };
    ASSERT_EQ(first_of(*page), first_of(*all)) << count << " from " << from;
    OffsetSet common = *page;
    common.intersect(*all);
    ASSERT_EQ(common.size(), page->size());
  }

  Context context_;
  uint64_t in_doubt_ = 0;
};

TEST_F(FilterProperty, RandomTreesFindWhatAnOracleFinds) {
  constexpr int kSeeds = 32, kStates = 8, kFilters = 400;
  uint64_t cases = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SegmentRig rig;
    // Blocks of heads begin at 512 rows.
    Generator generator(seed, 900);
    // What is not indexed is found all the same.
    if (seed % 3 == 0) rig.use(generator.switches());
    for (int state = 0; state < kStates; ++state) {
      for (int batches = 1 + generator.below(6); batches > 0; --batches)
        rig.apply(generator.batch(600));
      if (generator.below(3) == 0) rig.seal();
      if (generator.below(6) == 0) rig.merge_everything();
      if (generator.below(8) == 0) rig.reopen();
      for (int i = 0; i < kFilters; ++i, ++cases) {
        const Where where = generator.where(i % 5);
        expect_as_oracle(rig, where);
        if (i % 4 == 0) expect_page(rig, generator, where);
        if (i % 4 == 1) expect_candidates(rig, where);
        if (HasFatalFailure()) FAIL() << "seed " << seed << ", state " << state << ", filter " << i;
      }
    }
  }
  EXPECT_EQ(cases, uint64_t{kSeeds} * kStates * kFilters);
  EXPECT_GT(in_doubt_, cases / 1000);
}

Row numbered(int i) {
  Row row{"id" + std::to_string(i), {1, 2, static_cast<float>(i)}};
  Metadata metadata;
  metadata.set("number", int64_t{i});
  metadata.set("tenth", int64_t{i / 10});
  metadata.set("key" + std::to_string(i % 10'000), true);
  row.metadata = metadata;
  return row;
}

TEST_F(FilterProperty, ManyKeysAndManyClauses) {
  SegmentRig rig;
  for (int first = 0; first < 20'000; first += 2'000) {
    std::vector<Row> rows;
    for (int i = first; i < first + 2'000; ++i) rows.push_back(numbered(i));
    rig.apply(batch_of(Operation::add, rows));
    if (first == 10'000) rig.seal();
  }
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(found(rig, where(Where::Op::eq, "key77", {true})),
              (std::vector<std::string>{"id77", "id10077"}));
    std::vector<Where> clauses;
    for (int i = 0; i < 10'000; ++i)
      clauses.push_back(where(Where::Op::eq, "tenth", {int64_t{i * 3}}));
    EXPECT_EQ(found(rig, group(Where::Op::any, clauses)).size(), 6'670U);
    EXPECT_TRUE(found(rig, group(Where::Op::all, clauses)).empty());
    for (Where& clause : clauses) clause.op = Where::Op::ne;
    EXPECT_EQ(found(rig, group(Where::Op::all, clauses)).size(), 20'000U - 6'670U);
    rig.seal();
    rig.merge_everything();
  }
}

TEST_F(FilterProperty, ViewsStayAsTheyAreWhileTheHeadIsWritten) {
  SegmentRig rig;
  const auto add = [&](int first) {
    std::vector<Row> rows;
    for (int i = first; i < first + 500; ++i) rows.push_back(numbered(i));
    rig.apply(batch_of(Operation::add, rows));
  };
  add(0);
  add(500);
  const auto view = rig.view();
  std::atomic<bool> written = false;
  std::jthread writer([&] {
    for (int first = 1'000; first < 30'000; first += 500) add(first);
    written = true;
  });
  const std::vector<SortKey> by_number = {{"number", true}};
  const std::vector<std::string> keys = {"tenth"};
  while (!written) {
    const auto found =
        view->metadata().filter(context_, where(Where::Op::gte, "number", {int64_t{990}}));
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->size(), 10U);
    const auto last = view->metadata().order(context_, {.keys = by_number, .limit = 1});
    ASSERT_TRUE(last.ok());
    EXPECT_EQ(*last, std::vector<Offset>{999});
    const auto facets = view->metadata().facets(context_, keys, nullptr, 1);
    ASSERT_TRUE(facets.ok());
    EXPECT_EQ(facets->front().distinct, 100U);
  }
}

TEST_F(FilterProperty, AnswersWithinItsDeadline) {
  SegmentRig rig;
  std::vector<Row> rows;
  for (int i = 0; i < 6'000; ++i) rows.push_back(numbered(i));
  rig.apply(batch_of(Operation::add, rows));
  const Context late = Context().no_later_than(Context::Clock::now());
  const auto answer =
      rig.view()->metadata().filter(late, where(Where::Op::gt, "number", {int64_t{7}}));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::deadline_exceeded);
}

TEST_F(FilterProperty, AnswersWithinItsDeadlineWhateverAPatternTakes) {
  SegmentRig rig;
  std::vector<Row> rows;
  for (int i = 0; i < 400; ++i) {
    rows.push_back(numbered(i));
    rows.back().document = std::string(20'000, 'x');
  }
  rig.apply(batch_of(Operation::add, rows));
  // Thousands of states at each byte: a tenth of a second for each document.
  const Where slow = where(Where::Op::document_matches, "", {"x{1000}x{1000}x{1000}x{1000}y"});
  for (int round = 0; round < 2; ++round) {
    const Context soon = Context::with_timeout(std::chrono::milliseconds(50));
    const auto answer = rig.view()->metadata().filter(soon, slow);
    ASSERT_FALSE(answer.ok()) << "all rows were looked at";
    EXPECT_EQ(answer.error().code(), Code::deadline_exceeded);
    rig.seal();
  }
}

}  // namespace
}  // namespace viridian::conformance
