#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "conformance/records.h"
#include "conformance/segments_holder.h"

/// What every SegmentManager promises.
namespace viridian::conformance {

class SegmentsConformance : public testing::TestWithParam<SegmentsHolder::Kind> {
 protected:
  SegmentsConformance() : holder_(GetParam()), id_(holder_.make_collection()) {}

  void write(Operation operation, const std::vector<Row>& rows) {
    holder_.append(id_, batch_of(operation, rows));
  }
  std::vector<std::string> ids_of(const ReadView& view, const Result<OffsetSet>& offsets) {
    if (!offsets.ok()) {
      ADD_FAILURE() << offsets.error().message();
      return {};
    }
    RecordColumns columns;
    const std::vector<Offset> list = offsets->slice(0, offsets->size());
    EXPECT_TRUE(view.metadata().fetch(context_, list, {}, columns).ok());
    return strings(columns.ids);
  }
  std::vector<std::string> all_ids() {
    const auto view = holder_.pin(id_);
    return ids_of(*view, view->metadata().all(context_));
  }
  /// Ids in order of their text, blanks between: short to write down.
  std::string matching(const Where& condition) {
    const auto view = holder_.pin(id_);
    std::vector<std::string> ids = ids_of(*view, view->metadata().filter(context_, condition));
    std::sort(ids.begin(), ids.end());
    std::string text;
    for (const std::string& id : ids) text += (text.empty() ? "" : " ") + id;
    return text;
  }
  Code filter_code(const Where& condition) {
    const auto got = holder_.pin(id_)->metadata().filter(context_, condition);
    return got.ok() ? Code::internal : got.error().code();
  }
  RecordColumns record(const std::string& id) {
    const auto view = holder_.pin(id_);
    RecordColumns columns;
    const auto found = view->metadata().find(context_, conformance::ids_of({id}));
    EXPECT_TRUE(found.ok());
    const std::vector<Offset> list = found->slice(0, 10);
    EXPECT_EQ(list.size(), 1u) << id;
    EXPECT_TRUE(view->metadata().fetch(context_, list, {true, true, true}, columns).ok());
    EXPECT_TRUE(view->vectors().fetch(context_, list, columns.embeddings).ok());
    return columns;
  }
  std::vector<Neighbour> nearest(const ReadView& view, std::vector<float> query, uint32_t k) {
    Matrix queries;
    queries.dim = static_cast<uint32_t>(query.size());
    queries.values.assign(query.begin(), query.end());
    const auto found = view.vectors().search(context_, {&queries, k, nullptr});
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() ? (*found)[0] : std::vector<Neighbour>();
  }

  Context context_;
  SegmentsHolder holder_;
  CollectionId id_;
};

TEST_P(SegmentsConformance, NewCollectionIsEmpty) {
  const auto view = holder_.pin(id_);
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->applied(), 0u);
  EXPECT_EQ(view->metadata().count(), 0u);
  EXPECT_TRUE(all_ids().empty());
  EXPECT_TRUE(nearest(*view, {1, 2}, 3).empty());
  EXPECT_TRUE(holder_.manager().seal(context_, id_).ok());
}

TEST_P(SegmentsConformance, UnknownCollectionIsNotFound) {
  const auto view = holder_.manager().pin(context_, Uuid::random(), 0);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), Code::not_found);
  EXPECT_TRUE(holder_.manager().drop(context_, Uuid::random()).ok());
}

TEST_P(SegmentsConformance, PinPastTheLogsEndIsAnError) {
  write(Operation::add, {{"a", {1}}});
  const auto view = holder_.manager().pin(context_, id_, 2);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), Code::unavailable);
  EXPECT_EQ(all_ids(), std::vector<std::string>{"a"});
}

TEST_P(SegmentsConformance, UpdateMergesAndKeepsWhatIsAbsent) {
  write(Operation::add, {{"a", {1, 2}, Metadata{{"x", 1_i}, {"y", "old"}}, "doc", "uri"}});
  write(
      Operation::update,
      {{"a", {}, Metadata{{"x", std::monostate()}, {"y", std::vector<int64_t>{7}}, {"z", true}}}});
  const RecordColumns got = record("a");
  EXPECT_EQ(got.metadatas[0], (Metadata{{"y", std::vector<int64_t>{7}}, {"z", true}}));
  EXPECT_EQ(got.documents[0], "doc");
  EXPECT_EQ(got.uris[0], "uri");
  EXPECT_EQ(got.embeddings.values, (FloatBuffer{1, 2}));
}

TEST_P(SegmentsConformance, ArrayWithoutElementsIsKept) {
  write(Operation::add, {{"a", {1}, Metadata{{"x", std::vector<int64_t>{}}, {"y", 1_i}}}});
  write(Operation::update, {{"a", {}, Metadata{{"y", std::vector<std::string>{}}}}});
  EXPECT_EQ(record("a").metadatas[0],
            (Metadata{{"x", std::vector<int64_t>{}}, {"y", std::vector<std::string>{}}}));
}

TEST_P(SegmentsConformance, RepeatedIdsOfABatchApplyInOrder) {
  write(Operation::add, {{"a", {1}, {}, "first"}, {"a", {2}, {}, "second"}});
  EXPECT_EQ(record("a").documents[0], "first");
  write(Operation::upsert,
        {{"a", {3}, Metadata{{"x", 1_i}}}, {"b", {4}}, {"a", {5}, Metadata{{"y", 2_i}}}});
  EXPECT_EQ(record("a").metadatas[0], (Metadata{{"x", 1_i}, {"y", 2_i}}));
  EXPECT_EQ(record("a").embeddings.values, FloatBuffer{5});
  write(Operation::remove, {{"a"}, {"a"}, {"missing"}});
  EXPECT_EQ(all_ids(), std::vector<std::string>{"b"});
}

TEST_P(SegmentsConformance, NaturalOrderIsThatOfInsertion) {
  write(Operation::add, {{"c", {1}}, {"b", {1}}, {"a", {1}}});
  write(Operation::update, {{"c", {2}, {}, "changed"}});
  EXPECT_EQ(all_ids(), (std::vector<std::string>{"c", "b", "a"}));
  write(Operation::remove, {{"c"}});
  write(Operation::add, {{"c", {1}}});
  EXPECT_EQ(all_ids(), (std::vector<std::string>{"b", "a", "c"}));
}

TEST_P(SegmentsConformance, UuidIdsAndTheirBytesAreDifferentIds) {
  const Uuid uuid = *Uuid::parse_canonical("30313233-3435-3637-3839-616263646566");
  write(Operation::add, {{uuid.to_string(), {1}}, {"0123456789abcdef", {2}}});
  EXPECT_EQ(all_ids(), (std::vector<std::string>{uuid.to_string(), "0123456789abcdef"}));
  EXPECT_EQ(record("0123456789abcdef").embeddings.values, FloatBuffer{2});
}

TEST_P(SegmentsConformance, FilterTypesAreStrictButNumbersAreOneFamily) {
  const int64_t big = (1_i << 53) + 1;
  write(Operation::add, {{"i1", {1}, Metadata{{"n", 1_i}}},
                         {"i2", {1}, Metadata{{"n", 2_i}}},
                         {"i3", {1}, Metadata{{"n", 3_i}}},
                         {"f1", {1}, Metadata{{"n", 1.0}}},
                         {"f15", {1}, Metadata{{"n", 1.5}}},
                         {"f25", {1}, Metadata{{"n", 2.5}}},
                         {"s1", {1}, Metadata{{"n", "1"}}},
                         {"bT", {1}, Metadata{{"n", true}}},
                         {"none", {1}},
                         {"arr", {1}, Metadata{{"n", std::vector<int64_t>{1, 2}}}},
                         {"arrf", {1}, Metadata{{"n", std::vector<double>{1, 2.5}}}},
                         {"arrs", {1}, Metadata{{"t", std::vector<std::string>{"a", "b"}}}},
                         {"big", {1}, Metadata{{"n", big}}}});
  using Op = Where::Op;
  EXPECT_EQ(matching(eq("n", 1_i)), "f1 i1");
  EXPECT_EQ(matching(eq("n", 1.0)), "f1 i1");
  EXPECT_EQ(matching(eq("n", 1.5)), "f15");
  EXPECT_EQ(matching(eq("n", "1")), "s1");
  EXPECT_EQ(matching(eq("n", true)), "bT");
  EXPECT_EQ(matching(ne("n", 1_i)), "arr arrf arrs bT big f15 f25 i2 i3 none s1");
  EXPECT_EQ(matching(where(Op::gt, "n", {1_i})), "big f15 f25 i2 i3");
  EXPECT_EQ(matching(where(Op::gte, "n", {1.5})), "big f15 f25 i2 i3");
  EXPECT_EQ(matching(where(Op::lt, "n", {2.2})), "f1 f15 i1 i2");
  EXPECT_EQ(matching(where(Op::in, "n", {1_i, 2_i})), "f1 i1 i2");
  EXPECT_EQ(matching(where(Op::in, "n", {1.5, 2.0})), "f15 i2");
  EXPECT_EQ(matching(where(Op::nin, "n", {true, false})),
            "arr arrf arrs big f1 f15 f25 i1 i2 i3 none s1");
  EXPECT_EQ(matching(where(Op::contains, "n", {1_i})), "arr");
  EXPECT_EQ(matching(where(Op::contains, "n", {1.0})), "arrf");
  EXPECT_EQ(matching(where(Op::contains, "t", {"a"})), "arrs");
  EXPECT_EQ(matching(eq("n", 0x1p53)), "");
  EXPECT_EQ(matching(where(Op::gt, "n", {0x1p53})), "big");
  EXPECT_EQ(matching(any_of({})), "");
  EXPECT_EQ(matching(all_of({eq("n", 1_i), ne("zzz", 1_i)})), "f1 i1");
}

TEST_P(SegmentsConformance, DocumentFiltersAreSubstringsAndExpressions) {
  using Op = Where::Op;
  write(Operation::add, {{"a", {1}, {}, "one two", "u:1"}, {"b", {1}, {}, ""}, {"c", {1}}});
  EXPECT_EQ(matching(contains_text("e t")), "a");
  EXPECT_EQ(matching(contains_text("")), "a b");
  EXPECT_EQ(matching(document(Op::document_not_contains, "one")), "b c");
  EXPECT_EQ(matching(document(Op::document_matches, "^o.*o$")), "a");
  EXPECT_EQ(matching(document(Op::document_not_matches, "t")), "b c");
  EXPECT_EQ(matching(eq("chroma:document", "one two")), "a");
  EXPECT_EQ(matching(ne("chroma:uri", "u:1")), "b c");
  EXPECT_EQ(filter_code(document(Op::document_matches, "(")), Code::invalid_argument);
}

TEST_P(SegmentsConformance, FilterThatIsTooDeepIsRefused) {
  Where nested = eq("n", 1_i);
  for (int i = 0; i < 1200; ++i) nested = all_of({std::move(nested)});
  EXPECT_EQ(filter_code(nested), Code::invalid_argument);
}

TEST_P(SegmentsConformance, SearchSpacesAreAsDefined) {
  for (const Space space : {Space::l2, Space::cosine, Space::ip}) {
    id_ = holder_.make_collection(space);
    write(Operation::add, {{"a", {1, 0}}, {"b", {0, 2}}, {"zero", {0, 0}}});
    const auto view = holder_.pin(id_);
    const std::vector<Neighbour> got = nearest(*view, {3, 0}, 10);
    const std::map<Space, std::vector<Neighbour>> want = {{Space::l2, {{0, 4}, {2, 9}, {1, 13}}},
                                                          {Space::cosine, {{0, 0}, {1, 1}, {2, 1}}},
                                                          {Space::ip, {{0, -2}, {1, 1}, {2, 1}}}};
    EXPECT_EQ(got, want.at(space));
  }
}

// Many rows, so that the search is spread over threads and blocks; few allowed ones, so that it
// looks them up instead.
TEST_P(SegmentsConformance, LargeSearchesFindTheSameWithAnyPlan) {
  std::vector<Row> rows;
  for (int i = 0; i < 20000; ++i)
    rows.push_back({std::to_string(i), {static_cast<float>(i * 7919 % 20011), 1}});
  write(Operation::add, rows);
  EXPECT_TRUE(holder_.manager().seal(context_, id_).ok());
  write(Operation::remove, {{"0"}});
  const auto view = holder_.pin(id_);
  OffsetSet some, most;
  for (Offset i = 1; i < 20000; ++i) {
    if (i % 100 == 0) some.insert(i);
    if (i % 100 != 1) most.insert(i);
  }
  Matrix queries;
  queries.dim = 2;
  queries.values = {5000, 1};
  for (const OffsetSet* allowed : {&some, &most}) {
    const auto got = view->vectors().search(context_, {&queries, 20, allowed});
    ASSERT_TRUE(got.ok());
    std::vector<Neighbour> want;
    allowed->for_each([&](Offset i) {
      const auto d = static_cast<float>(i * 7919 % 20011) - 5000;
      want.push_back({i, d * d});
      return true;
    });
    std::sort(want.begin(), want.end(), [](const Neighbour& a, const Neighbour& b) {
      return a.distance != b.distance ? a.distance < b.distance : a.offset < b.offset;
    });
    want.resize(20);
    EXPECT_EQ((*got)[0], want);
  }
}

// A record that can never be applied must not stop what comes after it.
TEST_P(SegmentsConformance, RecordOfAnotherDimensionIsSkipped) {
  write(Operation::add, {{"a", {1, 2}}});
  write(Operation::add, {{"b", {1, 2, 3}}});
  write(Operation::upsert, {{"a", {9}, {}, "no"}});
  write(Operation::add, {{"c", {3, 4}}});
  EXPECT_EQ(all_ids(), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(record("a").documents[0], std::nullopt);
}

TEST_P(SegmentsConformance, ViewOutlivesDropAndNewCollectionDoesNotSeeIt) {
  write(Operation::add, {{"a", {1}, {}, "text"}});
  EXPECT_TRUE(holder_.manager().seal(context_, id_).ok());
  write(Operation::add, {{"b", {2}}});
  const auto view = holder_.pin(id_);
  EXPECT_TRUE(holder_.sysdb().delete_collection(context_, id_).ok());
  EXPECT_TRUE(holder_.manager().drop(context_, id_).ok());
  EXPECT_EQ(ids_of(*view, view->metadata().all(context_)), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(nearest(*view, {2}, 1), (std::vector<Neighbour>{{1, 0}}));
  const auto gone = holder_.manager().pin(context_, id_, 0);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code(), Code::not_found);
}

TEST_P(SegmentsConformance, UnknownSegmentTypeFailsThatCollectionOnly) {
  Collection collection;
  collection.id = Uuid::random();
  collection.name = "strange";
  collection.tenant = kDefaultTenant;
  collection.database = kDefaultDatabase;
  std::vector<Segment> segments = holder_.manager().plan(collection.id);
  segments[0].type = "future::MetadataSegment";
  ASSERT_TRUE(holder_.sysdb().create_collection(context_, collection, segments).ok());
  const auto view = holder_.manager().pin(context_, collection.id, 0);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), Code::failed_precondition);
  EXPECT_NE(holder_.pin(id_), nullptr);
}

TEST_P(SegmentsConformance, ExpiredCallChangesNothing) {
  write(Operation::add, {{"a", {1}}});
  Context late = Context::with_timeout(std::chrono::milliseconds(-1));
  const auto view = holder_.manager().pin(late, id_, 1);
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(all_ids(), std::vector<std::string>{"a"});
}

TEST_P(SegmentsConformance, WriterTooFarAheadWaitsForTheApplier) {
  SegmentsHolder strict(GetParam());
  strict.options().backlog_bytes = 0;
  ASSERT_TRUE(strict.open().ok());
  const CollectionId id = strict.make_collection();
  ASSERT_NE(strict.pin(id), nullptr);
  const SeqId last = strict.append(id, batch_of(Operation::add, {{"a", {1}}, {"b", {2}}}));
  EXPECT_TRUE(strict.manager().hint(context_, id, last).ok());
  const auto stats = strict.manager().stats(context_, id);
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->applied, last);
  EXPECT_EQ(stats->records, 2u);
}

// Batches of ten hold one value: a reader that sees two of them has seen half a batch.
TEST_P(SegmentsConformance, ReadersBesideAWriterSeeWholeBatches) {
  constexpr int kBatches = 60;
  std::atomic<bool> done = false;
  const auto write_all = [&] {
    for (int i = 0; i < kBatches; ++i) {
      std::vector<Row> rows;
      for (int n = 0; n < 10; ++n)
        rows.push_back({std::to_string(n), {static_cast<float>(i)}, Metadata{{"v", int64_t{i}}}});
      const SeqId last = holder_.append(id_, batch_of(Operation::upsert, rows));
      EXPECT_TRUE(holder_.manager().hint(context_, id_, last).ok());
      if (i % 20 == 19) {
        EXPECT_TRUE(holder_.manager().seal(context_, id_).ok());
      }
    }
    done = true;
  };
  const auto read_all = [&] {
    while (!done) {
      const auto view = holder_.pin(id_);
      ASSERT_NE(view, nullptr);
      const auto all = view->metadata().all(context_);
      ASSERT_TRUE(all.ok());
      RecordColumns columns;
      const std::vector<Offset> list = all->slice(0, 100);
      ASSERT_TRUE(view->metadata().fetch(context_, list, {false, false, true}, columns).ok());
      ASSERT_TRUE(view->vectors().fetch(context_, list, columns.embeddings).ok());
      EXPECT_EQ(view->metadata().count(), list.size());
      const std::vector<Neighbour> near = nearest(*view, {0}, 100);
      EXPECT_EQ(near.size(), list.size());
      for (size_t i = 1; i < list.size(); ++i) {
        EXPECT_EQ(columns.metadatas[i], columns.metadatas[0]);
        EXPECT_EQ(*columns.embeddings.row(i), *columns.embeddings.row(0));
        EXPECT_EQ(near[i].distance, near[0].distance);
      }
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(write_all);
  threads.emplace_back(read_all);
  threads.emplace_back(read_all);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all_ids().size(), 10u);
}

}  // namespace viridian::conformance
