#pragma once
#include <cmath>
#include <limits>

#include "conformance/api_fixture.h"

/// Adds, updates, upserts and deletes.
namespace viridian::conformance {

TEST_P(ApiConformance, FirstVectorFixesTheDimension) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2, 3}}});
  EXPECT_EQ(stored(docs).dimension, 3U);
  for (const Operation operation : {Operation::add, Operation::upsert, Operation::update}) {
    EXPECT_FAILS(Code::invalid_argument,
                 "Collection expecting embedding with dimension of 3, got 2",
                 write(docs, operation, {{.id = "a", .vector = {1, 2}}}));
  }
  EXPECT_EQ(remove(docs, by_ids({"a"})), 1U);
  EXPECT_FAILS(Code::invalid_argument, "Collection expecting embedding with dimension of 3, got 2",
               write(docs, Operation::add, {{.id = "a", .vector = {1, 2}}}));
  EXPECT_EQ(count(docs), 0U);
}

// In Chroma a request that fails, or changes nothing, fixes it (quirk 4).
TEST_P(ApiConformance, WriteThatStoresNoVectorLeavesTheDimensionOpen) {
  const CollectionRef docs = make();
  RecordBatch uneven = batch_of(Operation::add, {{.id = "a", .vector = {1, 2, 3}}});
  uneven.documents.push_back("one");
  uneven.documents.push_back("too many");
  EXPECT_FAILS(Code::invalid_argument,
               "Inconsistent number of IDs, embeddings, documents, URIs and metadatas",
               api().write(context_, docs, uneven));
  EXPECT_EQ(stored(docs).dimension, std::nullopt);
  update(docs, {{.id = "a", .vector = {1, 2, 3, 4}}});
  EXPECT_EQ(stored(docs).dimension, std::nullopt);
  EXPECT_EQ(count(docs), 0U);
  add(docs, {});
  EXPECT_EQ(stored(docs).dimension, std::nullopt);
  add(docs, {{.id = "a", .vector = {1, 2}}});
  EXPECT_EQ(stored(docs).dimension, 2U);
}

TEST_P(ApiConformance, EmptyBatchesAreAccepted) {
  const CollectionRef docs = make();
  for (const Operation operation : {Operation::add, Operation::update, Operation::upsert})
    EXPECT_OK(write(docs, operation, {}));
  EXPECT_EQ(count(docs), 0U);
}

TEST_P(ApiConformance, BadBatchesAreRefusedWholeAndStoreNothing) {
  const CollectionRef docs = make();
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FAILS(
      Code::invalid_argument, "Empty ID, ID must have at least one character",
      write(docs, Operation::add, {{.id = "a", .vector = {1, 2}}, {.id = "", .vector = {1, 2}}}));
  for (const float bad : {inf, -inf, nan}) {
    // Not JSON numbers: over a connection they never reach the rule that names them.
    const auto refused = write(docs, Operation::add, {{.id = "a", .vector = {1, bad}}});
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().code() == Code::invalid_argument ||
                refused.error().code() == Code::unprocessable)
        << refused.error().message();
  }
  for (const std::string key : {"", "#x", "$x"}) {
    EXPECT_FAILS(Code::invalid_argument, "Validation error: metadatas: Invalid metadata at index 1",
                 write(docs, Operation::add,
                       {{.id = "a", .vector = {1, 2}},
                        {.id = "b", .vector = {1, 2}, .metadata = Metadata{{key, 1_i}}}}));
  }
  EXPECT_EQ(count(docs), 0U);
  EXPECT_EQ(stored(docs).dimension, std::nullopt);
}

TEST_P(ApiConformance, AddKeepsWhatExistsAndTakesTheFirstOfRepeatedIds) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}, .metadata = Metadata{{"n", 1_i}}, .document = "old"}});
  add(docs, {{.id = "a", .vector = {9, 9}, .metadata = Metadata{{"n", 2_i}}, .document = "new"},
             {.id = "d", .vector = {3, 4}, .document = "first"},
             {.id = "d", .vector = {5, 6}, .document = "second"}});
  EXPECT_EQ(ids(docs), (Ids{"a", "d"}));
  EXPECT_EQ(vector(docs, "a"), (std::vector<float>{1, 2}));
  EXPECT_EQ(text(docs, "a"), "old");
  EXPECT_EQ(metadata(docs, "a"), (Metadata{{"n", 1_i}}));
  EXPECT_EQ(vector(docs, "d"), (std::vector<float>{3, 4}));
  EXPECT_EQ(text(docs, "d"), "first");
}

TEST_P(ApiConformance, UpdateMergesMetadataAndSkipsMissingIds) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a",
              .vector = {1, 2},
              .metadata = Metadata{{"k", 1_i}, {"l", "x"}},
              .document = "old",
              .uri = "file:a"}});
  update(docs, {{.id = "missing", .vector = {1, 1}, .document = "none"},
                {.id = "a", .metadata = Metadata{{"l", std::vector<int64_t>{1, 2}}, {"m", true}}}});
  EXPECT_EQ(ids(docs), Ids{"a"});
  EXPECT_EQ(metadata(docs, "a"),
            (Metadata{{"k", 1_i}, {"l", std::vector<int64_t>{1, 2}}, {"m", true}}));
  EXPECT_EQ(vector(docs, "a"), (std::vector<float>{1, 2}));
  EXPECT_EQ(text(docs, "a"), "old");
  update(docs,
         {{.id = "a",
           .metadata = Metadata{{"k", std::monostate()}, {"l", 2.5}, {"none", std::monostate()}}}});
  EXPECT_EQ(metadata(docs, "a"), (Metadata{{"l", 2.5}, {"m", true}}));
  update(docs, {{.id = "a", .vector = {5, 6}, .document = "new", .uri = "file:b"}});
  EXPECT_EQ(vector(docs, "a"), (std::vector<float>{5, 6}));
  EXPECT_EQ(text(docs, "a"), "new");
  EXPECT_EQ(record(docs, "a").uris[0], "file:b");
  update(docs, {{.id = "a"}});
  EXPECT_EQ(text(docs, "a"), "new");
}

TEST_P(ApiConformance, MetadataWithoutKeysReadsNull) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}, .metadata = Metadata{{"k", 1_i}}},
             {.id = "b", .vector = {1, 2}, .document = "text"},
             {.id = "c", .vector = {1, 2}, .uri = "file:c"}});
  update(docs, {{.id = "a", .metadata = Metadata{{"k", std::monostate()}}}});
  EXPECT_EQ(metadata(docs, "a"), std::nullopt);
  EXPECT_EQ(metadata(docs, "b"), std::nullopt);
  EXPECT_EQ(metadata(docs, "c"), std::nullopt);  // Chroma: {} (quirk 19)
}

TEST_P(ApiConformance, UpdateAppliesRepeatedIdsInOrder) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}}});
  update(docs, {{.id = "a", .metadata = Metadata{{"k", 1_i}, {"l", 1_i}}, .document = "one"},
                {.id = "a", .metadata = Metadata{{"k", 2_i}}, .document = "two"}});
  EXPECT_EQ(text(docs, "a"), "two");
  EXPECT_EQ(metadata(docs, "a"), (Metadata{{"k", 2_i}, {"l", 1_i}}));
}

TEST_P(ApiConformance, UpsertInsertsOrMerges) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a",
              .vector = {1, 2},
              .metadata = Metadata{{"k", 1_i}, {"l", 1_i}},
              .document = "kept",
              .uri = "file:a"}});
  upsert(docs, {{.id = "a",
                 .vector = {3, 4},
                 .metadata = Metadata{{"k", 2_i}, {"l", std::monostate()}, {"m", 3_i}}},
                {.id = "u", .vector = {5, 6}, .metadata = Metadata{{"x", 1_i}}},
                {.id = "u", .vector = {7, 8}, .metadata = Metadata{{"y", 2_i}}}});
  EXPECT_EQ(ids(docs), (Ids{"a", "u"}));
  EXPECT_EQ(vector(docs, "a"), (std::vector<float>{3, 4}));
  EXPECT_EQ(text(docs, "a"), "kept");
  EXPECT_EQ(record(docs, "a").uris[0], "file:a");
  EXPECT_EQ(metadata(docs, "a"), (Metadata{{"k", 2_i}, {"m", 3_i}}));
  EXPECT_EQ(vector(docs, "u"), (std::vector<float>{7, 8}));
  EXPECT_EQ(metadata(docs, "u"), (Metadata{{"x", 1_i}, {"y", 2_i}}));
}

TEST_P(ApiConformance, UpsertNeedsVectors) {
  const CollectionRef docs = make();
  for (const Operation operation : {Operation::add, Operation::upsert}) {
    const auto refused = write(docs, operation, {{.id = "a", .document = "no vector"}});
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().code() == Code::invalid_argument ||
                refused.error().code() == Code::unprocessable)
        << refused.error().message();
  }
  EXPECT_EQ(count(docs), 0U);
}

TEST_P(ApiConformance, EveryValueComesBackAsItWent) {
  const CollectionRef docs = make();
  const Metadata everything{{"string", "x"},
                            {"empty", ""},
                            {"true", true},
                            {"false", false},
                            {"min", std::numeric_limits<int64_t>::min()},
                            {"max", std::numeric_limits<int64_t>::max()},
                            {"one", 1.0},
                            {"tiny", 5e-324},
                            {"huge", 9.223372036854776e18},
                            {"bools", std::vector<bool>{true, false}},
                            {"ints", std::vector<int64_t>{3, 1, 2}},
                            {"floats", std::vector<double>{1.0, 2.5}},
                            {"strings", std::vector<std::string>{"b", "", "a"}},
                            {"dots.and spaces", 1_i}};
  const std::vector<float> odd{0.1F, -0.0F, 1e-45F, std::numeric_limits<float>::max()};
  add(docs, {{.id = "a", .vector = odd, .metadata = everything, .document = "", .uri = ""},
             {.id = "b", .vector = odd}});
  EXPECT_EQ(metadata(docs, "a"), everything);
  const std::vector<float> read = vector(docs, "a");
  EXPECT_EQ(read, odd);
  EXPECT_TRUE(std::signbit(read.at(1)));
  EXPECT_EQ(text(docs, "a"), "");
  EXPECT_EQ(text(docs, "b"), std::nullopt);
  EXPECT_EQ(metadata(docs, "b"), std::nullopt);
}

// Chroma gives [3, 9] back as [2.9999998, 9] (quirk 22).
TEST_P(ApiConformance, CosineVectorsComeBackBitForBit) {
  const CollectionRef docs = make("docs", Space::cosine);
  add(docs, {{.id = "a", .vector = {3, 9}}, {.id = "b", .vector = {3, 11}}});
  EXPECT_EQ(vector(docs, "a"), (std::vector<float>{3, 9}));
  EXPECT_EQ(vector(docs, "b"), (std::vector<float>{3, 11}));
}

TEST_P(ApiConformance, AnyNonEmptyTextIsAnId) {
  const CollectionRef docs = make();
  const Ids odd{std::string(" \xc3\xa9\n\0", 5),
                "\xf0\x9f\x98\x80",
                std::string(5000, 'x'),
                " ",
                "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
                "6ba7b810-9dad-11d1-80b4-00c04fd430c8"};
  for (const std::string& id : odd) add(docs, {{.id = id, .vector = {1, 2}}});
  EXPECT_EQ(ids(docs), odd);
  for (const std::string& id : odd) EXPECT_EQ(ids(docs, by_ids({id})), Ids{id});
  EXPECT_EQ(remove(docs, by_ids(odd)), odd.size());
  EXPECT_EQ(count(docs), 0U);
}

TEST_P(ApiConformance, BatchesBeyondTheAdvertisedSizeAreTaken) {
  const CollectionRef docs = make();
  std::vector<Row> rows;
  for (int i = 0; i < 6000; ++i)
    rows.push_back({.id = std::to_string(i), .vector = {static_cast<float>(i), 0}});
  add(docs, rows);
  EXPECT_EQ(count(docs), 6000U);
  EXPECT_EQ(nearest(docs, {0, 0}, 3000).size(), 3000U);
  EXPECT_EQ(nearest(docs, {0, 0}, 6000).size(), 6000U);
}

TEST_P(ApiConformance, NewMetadataKeysAppearInTheSchema) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}, .metadata = Metadata{{"k", 1_i}, {"s", "x"}}}});
  Schema schema = stored(docs).schema;
  ASSERT_EQ(schema.keys.count("k"), 1U);
  EXPECT_EQ(schema.keys["k"].int_inverted, true);
  EXPECT_EQ(schema.keys["s"].string_inverted, true);
  update(docs, {{.id = "a", .metadata = Metadata{{"k", 1.5}, {"gone", std::monostate()}}}});
  schema = stored(docs).schema;
  EXPECT_EQ(schema.keys["k"].int_inverted, true);
  EXPECT_EQ(schema.keys["k"].float_inverted, true);
  EXPECT_EQ(schema.keys.count("gone"), 0U);
}

// One such write makes every later write to any collection of Chroma fail (quirk 1).
TEST_P(ApiConformance, ReservedKeysDoNoHarm) {
  const CollectionRef docs = make();
  const CollectionRef other = make("other");
  add(docs, {{.id = "a", .vector = {1, 2}, .document = "text"}});
  const std::vector<MetadataValue> values{
      std::monostate(), 1_i, 1.5, true, "text", std::vector<std::string>{"x"}};
  for (const std::string key : {"chroma:document", "chroma:uri", "chroma:foo"}) {
    for (const MetadataValue& value : values) {
      // Taken or refused: what matters is that the next write works.
      (void)write(docs, Operation::update, {{.id = "a", .metadata = Metadata{{key, value}}}});
      add(docs, {{.id = "next", .vector = {1, 2}}});
      add(other, {{.id = "next", .vector = {1, 2}}});
      EXPECT_EQ(ids(docs), (Ids{"a", "next"}));
      EXPECT_EQ(remove(docs, by_ids({"next"})), 1U);
      EXPECT_EQ(remove(other, by_ids({"next"})), 1U);
    }
  }
}

TEST_P(ApiConformance, DeleteTakesTheIntersectionOfItsConditions) {
  const CollectionRef docs = make();
  for (int i = 0; i < 6; ++i) {
    add(docs, {{.id = "r" + std::to_string(i),
                .vector = {1, 2},
                .metadata = Metadata{{"k", int64_t{i % 2}}},
                .document = i < 3 ? "early" : "late"}});
  }
  EXPECT_EQ(remove(docs, {}), 0U);
  Selection both = by_ids({"r0", "r1"});
  both.where = eq("k", 1_i);
  EXPECT_EQ(remove(docs, both), 1U);  // r1
  EXPECT_EQ(ids(docs), (Ids{"r0", "r2", "r3", "r4", "r5"}));
  Selection none = by_ids({});
  none.where = eq("k", 1_i);
  EXPECT_EQ(remove(docs, none), 0U);
  both = by_where(eq("k", 0_i));
  both.where_document = contains_text("late");
  EXPECT_EQ(remove(docs, both), 1U);  // r4
  EXPECT_EQ(remove(docs, by_document(contains_text("early"))), 2U);
  EXPECT_EQ(ids(docs), (Ids{"r3", "r5"}));
  EXPECT_EQ(remove(docs, by_where(eq("k", 7_i))), 0U);
}

// Chroma counts ids that were sent, not records that were removed (quirk 7).
TEST_P(ApiConformance, DeletedCountsWhatWasRemoved) {
  const CollectionRef docs = make();
  EXPECT_EQ(remove(docs, by_ids({"a"})), 0U);
  add(docs, {{.id = "a", .vector = {1, 2}}, {.id = "b", .vector = {1, 2}}});
  EXPECT_EQ(remove(docs, by_ids({"a", "a", "missing"})), 1U);
  EXPECT_EQ(remove(docs, by_ids({"a"})), 0U);
  EXPECT_EQ(ids(docs), Ids{"b"});
}

TEST_P(ApiConformance, DeleteLimitTakesTheOldestAndNeedsAFilter) {
  const CollectionRef docs = make();
  for (const std::string id : {"a", "b", "c", "d"})
    add(docs, {{.id = id, .vector = {1, 2}, .metadata = Metadata{{"k", 1_i}}, .document = "t"}});
  const Selection filter = by_where(eq("k", 1_i));
  EXPECT_EQ(remove(docs, filter, 0), 0U);
  EXPECT_EQ(remove(docs, filter, 2), 2U);
  EXPECT_EQ(ids(docs), (Ids{"c", "d"}));
  EXPECT_EQ(remove(docs, by_document(contains_text("t")), 1), 1U);
  EXPECT_EQ(ids(docs), Ids{"d"});
  const std::string text = "limit can only be specified when a where clause is provided";
  EXPECT_FAILS(Code::invalid_argument, text,
               api().delete_records(context_, docs, delete_of(by_ids({"d"}), 1)));
  EXPECT_FAILS(Code::invalid_argument, text,
               api().delete_records(context_, docs, delete_of({}, 1)));
  EXPECT_FAILS(Code::invalid_argument, "Either ids or where must be specified",
               api().delete_records(context_, docs, delete_of(by_ids({}))));
  EXPECT_EQ(ids(docs), Ids{"d"});
}

TEST_P(ApiConformance, ReturningRecordGoesToTheEnd) {
  const CollectionRef docs = make();
  for (const std::string id : {"a", "b", "c"})
    add(docs, {{.id = id, .vector = {1, 2}, .metadata = Metadata{{"old", 1_i}}}});
  update(docs, {{.id = "a", .document = "x"}});
  upsert(docs, {{.id = "b", .vector = {3, 4}}});
  EXPECT_EQ(ids(docs), (Ids{"a", "b", "c"}));
  EXPECT_EQ(remove(docs, by_ids({"a"})), 1U);
  add(docs, {{.id = "a", .vector = {5, 6}}});
  EXPECT_EQ(ids(docs), (Ids{"b", "c", "a"}));
  EXPECT_EQ(metadata(docs, "a"), std::nullopt);
}

}  // namespace viridian::conformance
