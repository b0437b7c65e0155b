#include "model/schema_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace viridian {
namespace {

constexpr unsigned kCpus = 2;

std::string message_of(const Status& status) {
  return status.ok() ? "ok" : status.error().message();
}
std::string message_of(const Result<Schema>& result) {
  return result.ok() ? "ok" : result.error().message();
}

CreateCollection with_schema(Schema schema) {
  CreateCollection request;
  request.schema = std::move(schema);
  return request;
}

CreateCollection with_metadata(Metadata metadata) {
  CreateCollection request;
  request.metadata = std::move(metadata);
  return request;
}

Where condition(Where::Op op, std::string key, MetadataValue operand) {
  return Where{op, std::move(key), {std::move(operand)}, {}};
}

TEST(SchemaRules, NothingAskedGivesTheDefaults) {
  const auto schema = resolve_schema({}, kCpus);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(*schema, default_schema(kCpus));
  const Configuration shown = configuration_of(*schema);
  EXPECT_EQ(shown.space, Space::l2);
  EXPECT_EQ(shown.hnsw.num_threads, kCpus);
  EXPECT_EQ(shown.hnsw.sync_threshold, 1000u);
  EXPECT_EQ(shown.embedding_function, std::nullopt);
}

TEST(SchemaRules, ConfigurationSetsTheMainIndexAndTheDefaults) {
  ConfigurationRequest configuration;
  configuration.hnsw.emplace().space = Space::cosine;
  configuration.hnsw->parameters.ef_search = 33;
  configuration.embedding_function = R"({"type":"legacy"})";
  CreateCollection request;
  request.configuration = configuration;
  const auto schema = resolve_schema(request, kCpus);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(space_of(*schema), Space::cosine);
  EXPECT_EQ(configuration_of(*schema).hnsw.ef_search, 33u);
  EXPECT_EQ(configuration_of(*schema).hnsw.max_neighbors, 16u);
  EXPECT_EQ(configuration_of(*schema).embedding_function, R"({"type":"legacy"})");
  EXPECT_EQ(schema->defaults.vector->embedding_function, R"({"type":"legacy"})");
  EXPECT_FALSE(schema->defaults.vector->enabled);
}

TEST(SchemaRules, ChosenParametersAreThoseThatDiffer) {
  EXPECT_EQ(chosen_hnsw(Schema()), HnswParameters());
  const HnswParameters usual = chosen_hnsw(default_schema(kCpus));
  EXPECT_EQ(usual.ef_construction, std::nullopt);
  EXPECT_EQ(usual.max_neighbors, std::nullopt);
  EXPECT_EQ(usual.ef_search, std::nullopt);
  EXPECT_EQ(usual.num_threads, kCpus);
  ConfigurationRequest configuration;
  configuration.hnsw.emplace().parameters.ef_search = 33;
  configuration.hnsw->parameters.max_neighbors = 16;
  CreateCollection request;
  request.configuration = configuration;
  auto schema = resolve_schema(request, kCpus);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(chosen_hnsw(*schema).ef_search, 33u);
  EXPECT_EQ(chosen_hnsw(*schema).max_neighbors, std::nullopt);
  configuration.hnsw->parameters.ef_search = 100;
  ASSERT_TRUE(modify_schema(*schema, configuration).ok());
  EXPECT_EQ(chosen_hnsw(*schema).ef_search, std::nullopt);
}

TEST(SchemaRules, SpannBecomesHnswWithItsSpace) {
  CreateCollection request;
  request.configuration.emplace().spann.emplace().space = Space::ip;
  auto schema = resolve_schema(request, kCpus);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(space_of(*schema), Space::ip);
  EXPECT_EQ(configuration_of(*schema).hnsw, configuration_of(default_schema(kCpus)).hnsw);

  Schema asked;
  VectorIndex& index = asked.keys[Schema::kEmbedding].vector.emplace();
  index.enabled = index.spann = true;
  index.space = Space::cosine;
  schema = resolve_schema(with_schema(asked), kCpus);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(space_of(*schema), Space::cosine);
  EXPECT_FALSE(schema->keys[Schema::kEmbedding].vector->spann);

  request.configuration->hnsw.emplace();
  EXPECT_EQ(message_of(resolve_schema(request, kCpus)),
            "Multiple vector index configurations provided");
}

TEST(SchemaRules, LegacyMetadataSetsTheConfiguration) {
  const auto schema = resolve_schema(with_metadata({{"hnsw:space", std::string("cosine")},
                                                    {"hnsw:construction_ef", int64_t{12}},
                                                    {"hnsw:search_ef", int64_t{11}},
                                                    {"hnsw:M", int64_t{5}},
                                                    {"hnsw:num_threads", int64_t{2}},
                                                    {"hnsw:resize_factor", 1.5},
                                                    {"hnsw:batch_size", int64_t{7}},
                                                    {"hnsw:sync_threshold", int64_t{9}},
                                                    {"other", true}}),
                                     kCpus);
  ASSERT_TRUE(schema.ok()) << schema.error().message();
  const Configuration shown = configuration_of(*schema);
  EXPECT_EQ(shown.space, Space::cosine);
  const HnswParameters expected = {12, 5, 11, 2, 7, 9, 1.5};
  EXPECT_EQ(shown.hnsw, expected);
}

TEST(SchemaRules, BadLegacyMetadataIsRefused) {
  for (const Metadata& metadata :
       {Metadata{{"hnsw:space", std::string("foo")}}, Metadata{{"hnsw:foo", int64_t{3}}},
        Metadata{{"hnsw:sync_threshold", int64_t{1}}}, Metadata{{"hnsw:batch_size", int64_t{1}}},
        Metadata{{"hnsw:M", int64_t{-1}}}, Metadata{{"hnsw:M", 1.5}},
        Metadata{{"hnsw:space", int64_t{1}}}, Metadata{{"hnsw:resize_factor", true}}})
    EXPECT_EQ(message_of(resolve_schema(with_metadata(metadata), kCpus)),
              "Failed to parse hnsw parameters from segment metadata");
}

TEST(SchemaRules, OneConfiguredFieldMakesLegacyMetadataIneffective) {
  CreateCollection request = with_metadata({{"hnsw:space", std::string("cosine")}});
  request.configuration.emplace().hnsw.emplace().parameters.ef_search = 33;
  EXPECT_EQ(space_of(*resolve_schema(request, kCpus)), Space::l2);
  request.configuration->hnsw->parameters.ef_search = 100;  // the default: as if not given
  EXPECT_EQ(space_of(*resolve_schema(request, kCpus)), Space::cosine);
}

TEST(SchemaRules, SchemaAndConfigurationExcludeEachOther) {
  Schema asked;
  asked.keys["foo"].string_inverted = false;
  const auto together = [&](const Schema& schema, const ConfigurationRequest& configuration) {
    CreateCollection request = with_schema(schema);
    request.configuration = configuration;
    return resolve_schema(request, kCpus);
  };
  ConfigurationRequest configuration;
  for (const char* plain :
       {R"({"type":"unknown"})", R"({"type":"known","name":"default","config":{}})"}) {
    configuration.embedding_function = plain;
    EXPECT_EQ(message_of(together(asked, configuration)), "ok") << plain;
  }
  const std::string conflict =
      "Failed to reconcile schema: Cannot set both collection config and schema simultaneously";
  configuration.embedding_function = R"({"type":"legacy"})";
  EXPECT_EQ(message_of(together(asked, configuration)), conflict);
  ConfigurationRequest space;
  space.hnsw.emplace().space = Space::ip;
  EXPECT_EQ(message_of(together(asked, space)), conflict);
  // A schema that says nothing lets the configuration count.
  EXPECT_EQ(space_of(*together(Schema(), space)), Space::ip);
}

TEST(SchemaRules, PartialSchemasAreFilledFromTheDefaults) {
  Schema asked;
  asked.defaults.int_inverted = false;
  VectorIndex& index = asked.keys[Schema::kEmbedding].vector.emplace();
  index.enabled = true;
  index.space = Space::cosine;
  index.hnsw.emplace().ef_search = 7;
  const auto schema = resolve_schema(with_schema(asked), kCpus);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(space_of(*schema), Space::cosine);
  EXPECT_EQ(configuration_of(*schema).hnsw.ef_search, 7u);
  EXPECT_EQ(configuration_of(*schema).hnsw.ef_construction, 100u);
  EXPECT_EQ(schema->defaults.int_inverted, false);
  EXPECT_EQ(schema->defaults.bool_inverted, true);
  EXPECT_EQ(schema->defaults.vector->space, Space::l2);
}

TEST(SchemaRules, SpaceInTheDefaultsAloneHasNoEffect) {
  Schema asked;
  asked.defaults.vector.emplace().space = Space::ip;
  EXPECT_EQ(space_of(*resolve_schema(with_schema(asked), kCpus)), Space::l2);
}

TEST(SchemaRules, InvalidSchemasSayWhy) {
  const auto refused = [](auto change) {
    Schema schema;
    change(schema);
    return message_of(resolve_schema(with_schema(schema), kCpus));
  };
  const std::string p = "Validation error: schema: ";
  EXPECT_EQ(refused([](Schema& s) { s.defaults.vector.emplace().enabled = true; }),
            p + "Vector index cannot be enabled by default. It can only be enabled on #embedding "
                "field.");
  EXPECT_EQ(refused([](Schema& s) { s.keys["foo"].vector.emplace().enabled = true; }),
            p + "Vector index can only be enabled on #embedding field: foo");
  EXPECT_EQ(
      refused([](Schema& s) { s.keys[Schema::kEmbedding].vector.emplace().source_key = "title"; }),
      p + "Vector index can only source from #document");
  EXPECT_EQ(refused([](Schema& s) { s.defaults.full_text = true; }),
            p + "Full text search / regular expression index cannot be enabled by default. It can "
                "only be enabled on #document field.");
  EXPECT_EQ(refused([](Schema& s) { s.keys["foo"].full_text = true; }),
            p + "Full text search / regular expression index can only be enabled on #document "
                "field: foo");
  EXPECT_EQ(refused([](Schema& s) { s.keys[Schema::kDocument].string_inverted = true; }),
            p + "String inverted index can not be enabled on #document key: #document");
  EXPECT_TRUE(refused([](Schema& s) {
                s.defaults.sparse_vector.emplace().enabled = true;
              }).starts_with(p + "Sparse vector index cannot be enabled by default."));
  EXPECT_EQ(refused([](Schema& s) { s.keys["#foo"]; }),
            p + "key cannot begin with '#'. Keys starting with '#' are reserved for system use: "
                "#foo");
  EXPECT_EQ(refused([](Schema& s) { s.keys["$foo"].int_inverted = false; }), "ok");
  EXPECT_NE(refused([](Schema& s) { s.keys["foo"].sparse_vector.emplace().source_key = "bar"; }),
            "ok");
  EXPECT_EQ(refused([](Schema& s) { s.keys["foo"].sparse_vector.emplace().enabled = true; }),
            "Failed to reconcile schema: Invalid schema input: Sparse vector indexing is not "
            "enabled in local");
}

TEST(SchemaRules, ThresholdsBelowTwoAreRefusedEveryWay) {
  const std::string begin =
      "Failed to reconcile schema: Invalid HNSW configuration: sync_threshold: Validation error: "
      "range [";
  Schema asked;
  asked.keys[Schema::kEmbedding].vector.emplace().hnsw.emplace().sync_threshold = 1;
  EXPECT_TRUE(message_of(resolve_schema(with_schema(asked), kCpus)).starts_with(begin));
  CreateCollection request;
  request.configuration.emplace().hnsw.emplace().parameters.sync_threshold = 1;
  EXPECT_TRUE(message_of(resolve_schema(request, kCpus)).starts_with(begin));
  Schema schema = default_schema(kCpus);
  EXPECT_TRUE(message_of(modify_schema(schema, *request.configuration)).starts_with(begin));
  EXPECT_EQ(schema, default_schema(kCpus));
}

TEST(SchemaRules, ModifyChangesWhatMayChange) {
  Schema schema = default_schema(kCpus);
  ConfigurationRequest request;
  request.hnsw.emplace().parameters = {std::nullopt, 3, 4, 5, 6, 7, 8.0};
  request.embedding_function = R"({"type":"legacy"})";
  ASSERT_EQ(message_of(modify_schema(schema, request)), "ok");
  const HnswParameters expected = {100, 3, 4, 5, 6, 7, 8.0};
  EXPECT_EQ(configuration_of(schema).hnsw, expected);
  EXPECT_EQ(configuration_of(schema).embedding_function, R"({"type":"legacy"})");

  const Schema before = schema;
  ConfigurationRequest fixed;
  fixed.hnsw.emplace().space = Space::ip;
  EXPECT_EQ(modify_schema(schema, fixed).error().code(), Code::unprocessable);
  fixed.hnsw->space.reset();
  fixed.hnsw->parameters.ef_construction = 5;
  EXPECT_EQ(modify_schema(schema, fixed).error().code(), Code::unprocessable);
  ConfigurationRequest both;
  both.hnsw.emplace();
  both.spann.emplace();
  EXPECT_EQ(message_of(modify_schema(schema, both)),
            "Multiple vector index configurations provided");
  ConfigurationRequest ignored;
  ignored.spann.emplace();
  EXPECT_TRUE(modify_schema(schema, ignored).ok());
  EXPECT_EQ(schema, before);
}

TEST(SchemaRules, NewKeysAreNotedOncePerType) {
  Schema schema = default_schema(kCpus);
  RecordBatch batch;
  MetadataColumnsBuilder builder;
  builder.set(0, Metadata{{"a", int64_t{1}}, {"b", std::vector<std::string>{"x"}}});
  builder.set(1, Metadata{{"a", std::string("x")}, {"gone", MetadataValue()}});
  batch.metadata = builder.finish();
  EXPECT_TRUE(note_keys(schema, batch));
  EXPECT_EQ(schema.keys["a"].int_inverted, true);
  EXPECT_EQ(schema.keys["a"].string_inverted, true);
  EXPECT_EQ(schema.keys["a"].full_text, false);  // as clients see it: both string indexes named
  EXPECT_EQ(schema.keys["a"].bool_inverted, std::nullopt);
  EXPECT_EQ(schema.keys["b"].string_inverted, true);
  EXPECT_EQ(schema.keys.count("gone"), 0u);
  EXPECT_FALSE(note_keys(schema, batch));
}

TEST(SchemaRules, FiltersOnDisabledIndexesAreRefused) {
  Schema schema = default_schema(kCpus);
  schema.keys["foo"].string_inverted = false;
  schema.defaults.int_inverted = false;
  using Op = Where::Op;
  const auto check = [&](Where where) {
    Where outer;
    outer.children.push_back(std::move(where));
    return message_of(check_filter(schema, outer));
  };
  EXPECT_EQ(check(condition(Op::eq, "foo", std::string("x"))),
            "Cannot filter using metadata key 'foo' with type 'Str' because indexing is disabled");
  EXPECT_EQ(check(condition(Op::eq, "foo", true)), "ok");
  EXPECT_EQ(check(condition(Op::ne, "n", int64_t{1})),
            "Cannot filter using metadata key 'n' with type 'Int' because indexing is disabled");
  EXPECT_NE(check(condition(Op::contains, "n", int64_t{1})), "ok");
  EXPECT_EQ(check(condition(Op::eq, "n", 1.5)), "ok");
  EXPECT_EQ(check(condition(Op::eq, Schema::kDocument, std::string("x"))),
            "Cannot filter using metadata key '#document' with type 'Str' because indexing is "
            "disabled");
  EXPECT_EQ(check(condition(Op::eq, "chroma:document", std::string("x"))), "ok");
  EXPECT_EQ(check(condition(Op::document_contains, "", std::string("x"))), "ok");
  schema.keys[Schema::kDocument].full_text = false;
  EXPECT_EQ(check(condition(Op::document_matches, "", std::string("x"))),
            "Cannot filter using full-text search because FTS indexing is disabled");
}

TEST(SchemaRules, NotedKeysDoNotUndoADisabledDefault) {
  Schema schema = default_schema(kCpus);
  schema.defaults.int_inverted = false;
  RecordBatch batch;
  MetadataColumnsBuilder builder;
  builder.set(0, Metadata{{"n", int64_t{1}}});
  batch.metadata = builder.finish();
  EXPECT_TRUE(note_keys(schema, batch));
  EXPECT_FALSE(check_filter(schema, condition(Where::Op::eq, "n", int64_t{1})).ok());
}

}  // namespace
}  // namespace viridian
