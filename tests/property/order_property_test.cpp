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

  /// Numbers that JSON does not have.
  static std::vector<Row> odd_numbers(Generator& generator) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    const std::vector<MetadataValue> values = {kNan, kInfinite, -kInfinite,
                                               std::vector<double>{kNan, -kInfinite, 1},
                                               std::vector<double>{kNan}};
    std::vector<Row> rows;
    for (const MetadataValue& value : values)
      rows.push_back({generator.id(), {}, Metadata{{generator.key(), value}}});
    return rows;
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
  std::vector<ValuedRecord> records_;
};

TEST_F(OrderProperty, AnswersAsAnOracle) {
  constexpr int kSeeds = 24, kStates = 8, kQuestions = 60;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SegmentRig rig;
    // Blocks of heads begin at 512 rows.
    Generator generator(seed, 900);
    // What is not indexed is found all the same.
    if (seed % 3 == 0) rig.use(generator.switches());
    for (int state = 0; state < kStates; ++state) {
      for (int batches = 1 + generator.below(6); batches > 0; --batches)
        rig.apply(generator.batch(600));
      rig.apply(batch_of(Operation::update, odd_numbers(generator)));
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

/// Values that few, two or no other records have, and texts that are alike for longer than what
/// indexes keep of them.
Row valued(int i) {
  Row row{"id" + std::to_string(i), {1, 2, 3}};
  row.metadata = Metadata{{"few", int64_t{i % 3}},
                          {"pair", static_cast<double>(i * 7919 % 70'000 / 2)},
                          {"own", int64_t{i} * 7919 % 70'000},
                          {"long", std::string(70, 'x') + std::to_string(i % 50)}};
  if (i % 5 == 0) row.metadata->erase("few");
  return row;
}

// More records of one value than are listed, in more than one block.
TEST_F(OrderProperty, ManyRecordsOfOneValue) {
  SegmentRig rig;
  for (int first = 0; first < 70'000; first += 5'000) {
    std::vector<Row> rows;
    for (int i = first; i < first + 5'000; ++i) rows.push_back(valued(i));
    rig.apply(batch_of(Operation::add, rows));
    if (first == 40'000) rig.seal();
  }
  std::vector<Row> gone, changed;
  for (int i = 0; i < 70'000; i += 7) gone.push_back({"id" + std::to_string(i)});
  for (int i = 3; i < 70'000; i += 11)
    changed.push_back({"id" + std::to_string(i), {}, Metadata{{"few", 7_i}}});
  rig.apply(batch_of(Operation::remove, gone));
  rig.apply(batch_of(Operation::update, changed));
  const auto check = [&](std::vector<SortKey> by, const OffsetSet* allowed, uint64_t skip,
                         const SortPosition* after) {
    const OrderQuery query{by, allowed, after, skip, 30};
    const auto page = view_->metadata().order(context_, query);
    ASSERT_TRUE(page.ok()) << page.error().message();
    ASSERT_EQ(*page, oracle_order(this->allowed(allowed), query)) << by[0].key << ' ' << skip;
  };
  for (int round = 0; round < 3; ++round) {
    look(rig);
    OffsetSet half;
    for (const ValuedRecord& record : records_)
      if (record.first % 2 == 0) half.insert(record.first);
    const SortPosition place{{2_i}, 30'001};
    check({{"few"}}, nullptr, 45'000, nullptr);
    check({{"few", true}}, &half, 9'000, nullptr);
    check({{"few"}}, &half, 5'000, &place);
    check({{"few"}, {"own", true}}, &half, 20'000, nullptr);
    const SortPosition between{{2_i, 40'000_i}, 0};
    check({{"few"}, {"own"}}, &half, 0, &between);
    check({{"few", true}, {"own", true}}, nullptr, 500, &between);
    check({{"long"}, {"pair"}}, nullptr, 30'000, nullptr);
    check({{"pair", true}}, &half, 7, nullptr);
    for (const std::string key : {"few", "long", "pair"}) {
      const auto facets = view_->metadata().facets(context_, std::span(&key, 1), &half, 20);
      ASSERT_TRUE(facets.ok());
      ASSERT_EQ((*facets)[0], oracle_facet(allowed(&half), key, 20)) << key;
      const auto extents = view_->metadata().extents(context_, std::span(&key, 1), &half);
      ASSERT_TRUE(extents.ok());
      ASSERT_EQ((*extents)[0], oracle_extent(allowed(&half), key)) << key;
    }
    rig.seal();
    if (round == 1) rig.merge_everything();
  }
}

TEST_F(OrderProperty, AnswersWithinItsDeadline) {
  SegmentRig rig;
  std::vector<Row> rows;
  for (int i = 0; i < 6'000; ++i) rows.push_back(valued(i));
  rig.apply(batch_of(Operation::add, rows));
  const Context late = Context().no_later_than(Context::Clock::now());
  const SortKey by[] = {{"own"}};
  const std::string key = "own";
  const auto code = [](const auto& result) {
    return result.ok() ? Code::internal : result.error().code();
  };
  const auto view = rig.view();
  EXPECT_EQ(code(view->metadata().order(late, {by, nullptr, nullptr, 0, 5})),
            Code::deadline_exceeded);
  EXPECT_EQ(code(view->metadata().facets(late, std::span(&key, 1), nullptr, 5)),
            Code::deadline_exceeded);
  EXPECT_EQ(code(view->metadata().extents(late, std::span(&key, 1), nullptr)),
            Code::deadline_exceeded);
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
