#include <gtest/gtest.h>

#include "conformance/value_oracle.h"
#include "property/segment_rig.h"

/// Orders, facets and extents of records that lie in indexed blocks of heads and of files, and
/// outside of them.
namespace viridian::conformance {
namespace {

class OrderProperty : public testing::Test {
 protected:
  /// Looks at the rig's records as they are now.
  void look(SegmentRig& rig) {
    view_ = rig.view();
    offsets_.clear();
    records_.clear();
    const auto all = view_->metadata().all(context_);
    ASSERT_TRUE(all.ok()) << all.error().message();
    const std::vector<Offset> list = all->slice(0, all->size());
    RecordColumns columns;
    ASSERT_TRUE(view_->metadata().fetch(context_, list, {}, columns).ok());
    for (size_t i = 0; i < list.size(); ++i)
      records_.emplace_back(list[i],
                            &rig.oracle().records().at(std::string(columns.ids[i])).metadata);
    ASSERT_EQ(records_.size(), rig.oracle().records().size());
  }

  std::vector<ValuedRecord> allowed(const OffsetSet* set) const {
    std::vector<ValuedRecord> some;
    for (const ValuedRecord& record : records_)
      if (set == nullptr || set->contains(record.first)) some.push_back(record);
    return some;
  }

  /// All, about half, few or hardly any.
  std::optional<OffsetSet> choose(Generator& generator) const {
    const int choice = generator.below(5);
    if (choice == 0) return std::nullopt;
    OffsetSet set;
    const int share = choice == 1 ? 1 : choice == 2 ? 2 : choice == 3 ? 10 : 200;
    for (const ValuedRecord& record : records_)
      if (generator.below(share) == 0) set.insert(record.first);
    return set;
  }

  static std::vector<SortKey> keys(Generator& generator) {
    std::vector<SortKey> keys;
    for (int n = 1 + generator.below(3) / 2 * generator.below(3); n > 0; --n) {
      SortKey key{generator.below(20) == 0 ? "unknown" : generator.key(), generator.below(2) == 0};
      const bool known = std::any_of(keys.begin(), keys.end(),
                                     [&](const SortKey& other) { return other.key == key.key; });
      if (!known) keys.push_back(std::move(key));
    }
    return keys;
  }

  SortPosition position(Generator& generator, const std::vector<SortKey>& keys) const {
    SortPosition position;
    position.offset = static_cast<Offset>(generator.below(2000));
    const Metadata* of = nullptr;
    if (!records_.empty() && generator.below(4) != 0) {
      const auto& record = records_[static_cast<size_t>(generator.below(int(records_.size())))];
      of = record.second;
      position.offset = record.first;
    }
    for (const SortKey& key : keys) {
      const MetadataValue* value = of != nullptr ? of->find(key.key) : nullptr;
      if (of == nullptr)
        position.values.push_back(generator.scalar());
      else
        position.values.push_back(comparable(value) ? *value : MetadataValue());
    }
    return position;
  }

  void expect_order(Generator& generator) {
    const std::vector<SortKey> by = keys(generator);
    const std::optional<OffsetSet> some = choose(generator);
    OrderQuery query;
    query.keys = by;
    query.allowed = some ? &*some : nullptr;
    const SortPosition after = position(generator, by);
    if (generator.below(2) == 0) query.after = &after;
    if (generator.below(2) == 0) query.skip = static_cast<uint64_t>(generator.below(100));
    query.limit = generator.below(4) == 0 ? 100'000 : static_cast<uint64_t>(generator.below(40));
    const auto page = view_->metadata().order(context_, query);
    ASSERT_TRUE(page.ok()) << page.error().message();
    ASSERT_EQ(*page, oracle_order(allowed(query.allowed), query));
  }

  void expect_values(Generator& generator) {
    const std::optional<OffsetSet> some = choose(generator);
    const OffsetSet* set = some ? &*some : nullptr;
    const std::vector<ValuedRecord> records = allowed(set);
    const std::vector<std::string> names = {generator.key(), "unknown", "kb"};
    const auto limit = static_cast<uint32_t>(generator.below(30));
    const auto facets = view_->metadata().facets(context_, names, set, limit);
    ASSERT_TRUE(facets.ok()) << facets.error().message();
    const auto extents = view_->metadata().extents(context_, names, set);
    ASSERT_TRUE(extents.ok()) << extents.error().message();
    for (size_t i = 0; i < names.size(); ++i) {
      ASSERT_EQ((*facets)[i], oracle_facet(records, names[i], limit)) << names[i];
      ASSERT_EQ((*extents)[i], oracle_extent(records, names[i])) << names[i];
    }
  }

  Context context_;
  std::shared_ptr<const ReadView> view_;
  std::vector<Offset> offsets_;
  std::vector<ValuedRecord> records_;
};

TEST_F(OrderProperty, AnswersAsAnOracle) {
  constexpr int kSeeds = 24, kStates = 8, kQuestions = 60;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SegmentRig rig;
    // Blocks of heads begin at 512 rows.
    Generator generator(seed, 900);
    for (int state = 0; state < kStates; ++state) {
      for (int batches = 1 + generator.below(6); batches > 0; --batches)
        rig.apply(generator.batch(600));
      if (generator.below(3) == 0) rig.seal();
      if (generator.below(6) == 0) rig.merge_everything();
      if (generator.below(8) == 0) rig.reopen();
      look(rig);
      for (int i = 0; i < kQuestions; ++i) {
        expect_order(generator);
        if (i % 3 == 0) expect_values(generator);
        if (HasFatalFailure())
          FAIL() << "seed " << seed << ", state " << state << ", question " << i;
      }
    }
  }
}

// A view is as of one number, although blocks are indexed and rows end after it was made.
TEST_F(OrderProperty, AViewDoesNotChange) {
  Generator generator(77, 900);
  SegmentRig rig;
  for (int i = 0; i < 5; ++i) rig.apply(generator.batch(600));
  const auto view = rig.view();
  const SortKey by[] = {{"ka", true}};
  OrderQuery query;
  query.keys = by;
  query.limit = 100'000;
  const std::string name[] = {"ka"};
  const auto page = view->metadata().order(context_, query);
  const auto facets = view->metadata().facets(context_, name, nullptr, 1000);
  const auto extents = view->metadata().extents(context_, name, nullptr);
  ASSERT_TRUE(page.ok() && facets.ok() && extents.ok());
  for (int i = 0; i < 12; ++i) rig.apply(generator.batch(600));
  EXPECT_EQ(*view->metadata().order(context_, query), *page);
  EXPECT_EQ(*view->metadata().facets(context_, name, nullptr, 1000), *facets);
  EXPECT_EQ(*view->metadata().extents(context_, name, nullptr), *extents);
}

}  // namespace
}  // namespace viridian::conformance
