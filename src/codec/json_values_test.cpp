#include "codec/json_values.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace viridian::codec {
namespace {

template <class T>
std::string error_of(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().message();
}

Metadata metadata_of(std::string_view json) {
  auto metadata = read_metadata(json);
  EXPECT_TRUE(metadata.ok()) << json << ": " << error_of(metadata);
  return metadata.ok() ? *std::move(metadata) : Metadata();
}

TEST(MetadataJson, ValuesTakeTheTypeTheyAreWrittenIn) {
  using Strings = std::vector<std::string>;
  const Metadata expected = {{"arr", std::vector<int64_t>{1, 2}},
                             {"b", true},
                             {"big", 9.223372036854775808e18},
                             {"bools", std::vector<bool>{true, false}},
                             {"e", 1e3},
                             {"empty", std::vector<bool>{}},
                             {"f", 1.0},
                             {"huge", std::vector<double>{1, 9.223372036854775808e18}},
                             {"i", int64_t{1}},
                             {"mix", std::vector<double>{1, 2.5}},
                             {"null", MetadataValue()},
                             {"s", std::string()},
                             {"texts", Strings{"x", ""}}};
  EXPECT_EQ(metadata_of(R"({"i":1,"f":1.0,"e":1e3,"b":true,"s":"","big":9223372036854775808,
      "arr":[1,2],"mix":[1,2.5],"huge":[1,9223372036854775808],"bools":[true,false],
      "texts":["x",""],"empty":[],"null":null})"),
            expected);
  EXPECT_EQ(metadata_of(write_metadata(expected)), expected);
}

TEST(MetadataJson, OtherShapesAreUnprocessable) {
  for (const char* text :
       {R"({"k":[1,"x"]})", R"({"k":[[1]]})", R"({"k":{"a":1}})", "[]", "null", R"({"k":[true,1]})",
        R"({"k":[null]})", R"({"k":{}})", R"({"k":{"indices":[-1],"values":[1]}})"}) {
    const auto metadata = read_metadata(text);
    ASSERT_FALSE(metadata.ok()) << text;
    EXPECT_EQ(metadata.error().code(), Code::unprocessable) << text;
  }
  EXPECT_EQ(error_of(read_metadata(R"({"k":{"a":1}})")),
            "Failed to deserialize the JSON body into the target type: k: invalid type: map, "
            "expected a string, a number, a boolean, or an array of one of these types");
}

TEST(MetadataJson, SparseVectorsAreKnownButNotOffered) {
  for (const char* text : {R"({"k":{"#type":"sparse_vector","indices":[1,3],"values":[0.5,1]}})",
                           R"({"k":{"indices":[1],"values":[0.5],"tokens":["a"]}})"}) {
    const auto metadata = read_metadata(text);
    ASSERT_FALSE(metadata.ok());
    EXPECT_EQ(metadata.error().code(), Code::unimplemented);
    EXPECT_EQ(error_of(metadata), "Sparse vector is not supported yet: k");
  }
  for (const char* text :
       {R"({"k":{"indices":[3,1],"values":[0.5,1]}})",
        R"({"k":{"indices":[1,1],"values":[0.5,1]}})", R"({"k":{"indices":[1],"values":[0.5,1]}})",
        R"({"k":{"indices":[1],"values":[1e300]}})"}) {
    const auto metadata = read_metadata(text);
    ASSERT_FALSE(metadata.ok());
    EXPECT_EQ(metadata.error().code(), Code::invalid_argument) << text;
  }
}

Where leaf(Where::Op op, std::string key, std::vector<MetadataValue> operands) {
  return Where{op, std::move(key), std::move(operands), {}};
}

TEST(WhereJson, EveryOperatorIsRead) {
  using Op = Where::Op;
  const std::vector<std::pair<const char*, Where>> cases = {
      {R"({"n":1})", leaf(Op::eq, "n", {int64_t{1}})},
      {R"({"n":1.0})", leaf(Op::eq, "n", {1.0})},
      {R"({"n":9223372036854775808})", leaf(Op::eq, "n", {9.223372036854775808e18})},
      {R"({"n":{"$eq":"x"}})", leaf(Op::eq, "n", {std::string("x")})},
      {R"({"n":{"$ne":true}})", leaf(Op::ne, "n", {true})},
      {R"({"n":{"$gt":1}})", leaf(Op::gt, "n", {int64_t{1}})},
      {R"({"n":{"$gte":1.5}})", leaf(Op::gte, "n", {1.5})},
      {R"({"n":{"$lt":1}})", leaf(Op::lt, "n", {int64_t{1}})},
      {R"({"n":{"$lte":1}})", leaf(Op::lte, "n", {int64_t{1}})},
      {R"({"n":{"$in":[1,2]}})", leaf(Op::in, "n", {int64_t{1}, int64_t{2}})},
      {R"({"n":{"$in":[1.0,2.0]}})", leaf(Op::in, "n", {1.0, 2.0})},
      {R"({"n":{"$nin":["a"]}})", leaf(Op::nin, "n", {std::string("a")})},
      {R"({"n":{"$contains":1.0}})", leaf(Op::contains, "n", {1.0})},
      {R"({"n":{"$not_contains":"a"}})", leaf(Op::not_contains, "n", {std::string("a")})},
      {R"({"#document":{"$contains":"a"}})", leaf(Op::document_contains, "", {std::string("a")})},
      {R"({"#document":{"$not_contains":""}})",
       leaf(Op::document_not_contains, "", {std::string()})},
      {R"({"#document":{"$regex":"a"}})", leaf(Op::document_matches, "", {std::string("a")})},
      {R"({"#document":{"$not_regex":"a"}})",
       leaf(Op::document_not_matches, "", {std::string("a")})},
      {R"({"#document":"x"})", leaf(Op::eq, "#document", {std::string("x")})},
      {R"({"chroma:uri":"x"})", leaf(Op::eq, "chroma:uri", {std::string("x")})},
      {R"({"":1})", leaf(Op::eq, "", {int64_t{1}})},
      {R"({"#id":"x"})", leaf(Op::eq, "#id", {std::string("x")})},
      {R"({"$and":[]})", Where{Op::all, "", {}, {}}},
      {R"({"$or":[{"a":1}]})", Where{Op::any, "", {}, {leaf(Op::eq, "a", {int64_t{1}})}}},
  };
  for (const auto& [text, expected] : cases) {
    const auto where = read_where(text);
    ASSERT_TRUE(where.ok()) << text << ": " << error_of(where);
    EXPECT_EQ(*where, expected) << text;
    EXPECT_EQ(*read_where(write_where(*where)), expected) << write_where(*where);
  }
}

TEST(WhereJson, WhatTheGrammarLacksIsRefused) {
  for (const char* text : {R"({"n":null})",
                           R"({"n":{}})",
                           "{}",
                           R"({"a":1,"b":2})",
                           R"({"n":{"$gt":1,"$lt":3}})",
                           R"({"$and":{"n":1}})",
                           R"("str")",
                           "[]",
                           "5",
                           "null",
                           R"({"n":[1]})",
                           R"({"n":{"$in":[1,2.5]}})",
                           R"({"n":{"$in":[1,"1"]}})",
                           R"({"n":{"$in":[]}})",
                           R"({"n":{"$in":"x"}})",
                           R"({"n":{"$nin":[]}})",
                           R"({"n":{"$in":[null]}})",
                           R"({"n":{"$in":[[1]]}})",
                           R"({"n":{"$in":[9223372036854775808]}})",
                           R"({"n":{"$in":[1.0,9223372036854775808]}})",
                           R"({"n":{"$gt":"a"}})",
                           R"({"n":{"$gt":true}})",
                           R"({"n":{"$eq":null}})",
                           R"({"n":{"$eq":[1]}})",
                           R"({"n":{"$contains":[1]}})",
                           R"({"n":{"$regex":"a"}})",
                           R"({"$foo":1})",
                           R"({"$not":[]})",
                           R"({"n":{"$exists":true}})",
                           R"({"#document":{"$contains":5}})",
                           R"({"#document":{"$regex":null}})",
                           R"({"n":{"x":1}})",
                           R"({"$and":[1]})",
                           R"({"$and":[{}]})"}) {
    const auto where = read_where(text);
    ASSERT_FALSE(where.ok()) << text;
    EXPECT_EQ(where.error().code(), Code::invalid_argument);
    EXPECT_TRUE(where.error().message().starts_with("Invalid where clause: ")) << text;
  }
  EXPECT_EQ(error_of(read_where(R"({"a":1,"b":2})")),
            "Invalid where clause: expected an object with exactly one key, got 2 keys");
}

TEST(WhereJson, DocumentFiltersHaveTheirOwnGrammar) {
  const char* text = R"({"$or":[{"$contains":"a"},{"$and":[{"$not_contains":"b"},{"$regex":"c"},)"
                     R"({"$not_regex":"d"}]}]})";
  const auto where = read_where_document(text);
  ASSERT_TRUE(where.ok()) << error_of(where);
  EXPECT_EQ(write_where_document(*where), text);
  EXPECT_EQ(*read_where(write_where(*where)), *where);
  for (const char* bad :
       {R"({"$contains":5})", R"({"$contains":null})", R"({"$contains":[]})", R"({"$foo":"a"})",
        R"({"$contains":"a","$regex":"b"})", "{}", R"({"n":1})", R"({"$and":"a"})", "[]"}) {
    const auto refused = read_where_document(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_TRUE(refused.error().message().starts_with("Invalid where document clause: ")) << bad;
  }
}

TEST(WhereJson, NestingHasChromasLimit) {
  const auto nested = [](int levels) {
    std::string text = R"({"n":1})";
    for (int i = 0; i < levels; ++i) text.insert(0, R"({"$and":[)").append("]}");
    return text;
  };
  EXPECT_TRUE(read_where(nested(62)).ok());
  EXPECT_FALSE(read_where(nested(63)).ok());
  EXPECT_FALSE(read_where(nested(200)).ok());
}

Where random_where(std::mt19937& random, int depth) {
  using Op = Where::Op;
  const auto scalar = [&]() -> MetadataValue {
    switch (random() % 4) {
      case 0:
        return random() % 2 == 0;
      case 1:
        return static_cast<int64_t>(random()) - 1000000;
      case 2:
        return static_cast<double>(random()) / 7;
      default:
        return std::string(random() % 5, 'x') + "\"";
    }
  };
  if (depth > 0 && random() % 2 == 0) {
    Where where{random() % 2 == 0 ? Op::all : Op::any, "", {}, {}};
    for (uint64_t n = random() % 4; n > 0; --n)
      where.children.push_back(random_where(random, depth - 1));
    return where;
  }
  const Op op = static_cast<Op>(2 + random() % 14);
  if (op >= Op::document_contains) return leaf(op, "", {std::string("t")});
  if (op == Op::in || op == Op::nin) return leaf(op, "k", {int64_t{1}, int64_t{2}});
  if (op >= Op::gt && op <= Op::lte) return leaf(op, "k", {1.5});
  return leaf(op, "k\n", {scalar()});
}

TEST(WhereJson, RandomFiltersReadBackEqual) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const Where where = random_where(random, 4);
    const auto read = read_where(write_where(where));
    ASSERT_TRUE(read.ok()) << write_where(where) << error_of(read);
    ASSERT_EQ(*read, where);
  }
}

constexpr const char* kDefaultSchema =
    R"({"defaults":{"string":{"fts_index":{"enabled":false,"config":{}},)"
    R"("string_inverted_index":{"enabled":true,"config":{}}},)"
    R"("float_list":{"vector_index":{"enabled":false,"config":{"space":"l2","hnsw":)"
    R"({"ef_construction":100,"max_neighbors":16,"ef_search":100,"num_threads":2,)"
    R"("batch_size":100,"sync_threshold":1000,"resize_factor":1.2}}}},)"
    R"("sparse_vector":{"sparse_vector_index":{"enabled":false,"config":)"
    R"({"embedding_function":{"type":"unknown"},"bm25":false}}},)"
    R"("int":{"int_inverted_index":{"enabled":true,"config":{}}},)"
    R"("float":{"float_inverted_index":{"enabled":true,"config":{}}},)"
    R"("bool":{"bool_inverted_index":{"enabled":true,"config":{}}}},)"
    R"("keys":{"#document":{"string":{"fts_index":{"enabled":true,"config":{}},)"
    R"("string_inverted_index":{"enabled":false,"config":{}}}}},)"
    R"("cmek":{"gcp":"projects/p/locations/l/keyRings/r/cryptoKeys/k"}})";

TEST(SchemaJson, ATextReadsAndWritesBackTheSame) {
  const auto schema = read_schema(kDefaultSchema);
  ASSERT_TRUE(schema.ok()) << error_of(schema);
  EXPECT_EQ(schema->defaults.vector->hnsw->resize_factor, 1.2);
  EXPECT_EQ(schema->keys.at(Schema::kDocument).full_text, true);
  EXPECT_EQ(write_schema(*schema), kDefaultSchema);
}

TEST(SchemaJson, PartialSchemasAndOtherSpellingsAreRead) {
  const auto schema = read_schema(
      R"({"defaults":{"#int":{"$int_inverted_index":{"enabled":false,"config":{}}},"new":{"x":1}},
          "key_overrides":{"#embedding":{"float_list":{"vector_index":{"enabled":true,"config":
          {"space":"cosine","source_key":"#document","spann":{"search_nprobe":5},
           "embedding_function":{"type":"known","name":"n","config":{"a":[1]}}}}}}},"cmek":null})");
  ASSERT_TRUE(schema.ok()) << error_of(schema);
  Schema expected;
  expected.defaults.int_inverted = false;
  VectorIndex& index = expected.keys[Schema::kEmbedding].vector.emplace();
  index.enabled = index.spann = true;
  index.space = Space::cosine;
  index.source_key = Schema::kDocument;
  index.embedding_function = R"({"type":"known","name":"n","config":{"a":[1]}})";
  EXPECT_EQ(*schema, expected);
  EXPECT_EQ(*read_schema(write_schema(expected)), expected);
}

TEST(SchemaJson, WrongShapesAreUnprocessable) {
  const auto index = [](const std::string& config) {
    return R"({"defaults":{},"keys":{"#embedding":{"float_list":{"vector_index":{"enabled":true,)"
           R"("config":)" +
           config + "}}}}}";
  };
  for (
      const std::string& text :
      {std::string("{}"), std::string(R"({"defaults":{}})"), std::string(R"({"keys":{}})"),
       std::string(R"({"defaults":{},"keys":{},"key_overrides":{}})"),
       std::string(R"({"defaults":{},"defaults":{},"keys":{}})"),
       std::string(R"({"defaults":{"int":{"int_inverted_index":{"enabled":true}}},"keys":{}})"),
       std::string(R"({"defaults":{"int":{"int_inverted_index":{"config":{}}}},"keys":{}})"),
       std::string(
           R"({"defaults":{"int":{"int_inverted_index":{"enabled":true,"config":{"x":1}}}},"keys":{}})"),
       index(R"({"foo":1})"), index(R"({"space":"foo"})"), index(R"({"hnsw":{"space":"l2"}})"),
       index(R"({"hnsw":{"ef_search":-1}})"), index(R"({"hnsw":{"ef_search":1.5}})"),
       index(R"({"spann":{"foo":1}})"), index(R"({"embedding_function":{"type":"zzz"}})"),
       index(R"({"embedding_function":{"name":"x"}})"),
       index(R"({"embedding_function":{"type":"known","config":{}}})")}) {
    const auto schema = read_schema(text);
    ASSERT_FALSE(schema.ok()) << text;
    EXPECT_EQ(schema.error().code(), Code::unprocessable) << text;
  }
}

TEST(SchemaJson, CustomerKeysMustBeKeyPaths) {
  for (const char* path : {"zzz", "projects/p/locations/l/keyRings/r/cryptoKeys/",
                           "projects/p/locations/l/keyRings/r/cryptoKeys/k/x",
                           "projects//locations/l/keyRings/r/cryptoKeys/k"})
    EXPECT_EQ(
        error_of(read_schema(std::string(R"({"defaults":{},"keys":{},"cmek":{"gcp":")") + path +
                             R"("}})")),
        std::string("Validation error: schema: CMEK does not match expected pattern: Gcp(\"") +
            path + "\")");
}

}  // namespace
}  // namespace viridian::codec
