#pragma once
#include <algorithm>

#include "conformance/api_fixture.h"

/// Collections: creation, look-up, listing, change, deletion.
namespace viridian::conformance {

inline CreateCollection named(std::string name) {
  CreateCollection request;
  request.name = std::move(name);
  return request;
}

TEST_P(ApiConformance, NewCollectionIsGivenBackInFull) {
  CreateCollection request = named("docs");
  request.metadata = Metadata{{"a", 1_i}, {"b", "x"}, {"c", 1.5}, {"d", true}};
  const Collection made = must(api().create_collection(context_, DatabasePath(), request));
  EXPECT_EQ(made.name, "docs");
  EXPECT_EQ(made.tenant, "default_tenant");
  EXPECT_EQ(made.database, "default_database");
  EXPECT_EQ(made.dimension, std::nullopt);
  EXPECT_EQ(made.metadata, request.metadata);
  EXPECT_EQ(made.schema.keys.count(Schema::kDocument), 1U);
  EXPECT_EQ(made.schema.keys.count(Schema::kEmbedding), 1U);
  EXPECT_EQ(must(api().get_collection(context_, DatabasePath(), "docs")), made);
  EXPECT_EQ(stored({DatabasePath(), made.id}), made);
}

TEST_P(ApiConformance, CollectionNameIsTakenOnce) {
  make("docs");
  EXPECT_FAILS(Code::already_exists, "Collection [docs] already exists",
               api().create_collection(context_, DatabasePath(), named("docs")));
  make("DOCS");
  EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 2U);
}

TEST_P(ApiConformance, GetOrCreateGivesTheStoredCollectionAndChangesNothing) {
  CreateCollection request = named("docs");
  request.metadata = Metadata{{"a", 1_i}};
  request.get_or_create = true;
  const Collection made = must(api().create_collection(context_, DatabasePath(), request));
  request.metadata = Metadata{{"b", 2_i}};
  request.configuration.emplace().hnsw.emplace().space = Space::cosine;
  EXPECT_EQ(must(api().create_collection(context_, DatabasePath(), request)), made);
  EXPECT_EQ(stored({DatabasePath(), made.id}), made);
  request.metadata = Metadata{};
  EXPECT_FAILS(Code::invalid_argument, "Validation error: metadata: Metadata cannot be empty",
               api().create_collection(context_, DatabasePath(), request));
}

TEST_P(ApiConformance, CollectionOfMissingDatabaseIsRefused) {
  EXPECT_FAILS(Code::invalid_argument, "Database [nowhere] does not exist",
               api().create_collection(context_, {"default_tenant", "nowhere"}, named("docs")));
  CreateCollection request = named("docs");
  request.get_or_create = true;
  EXPECT_FAILS(Code::invalid_argument, "Database [nowhere] does not exist",
               api().create_collection(context_, {"default_tenant", "nowhere"}, request));
}

TEST_P(ApiConformance, CollectionNamesFollowTheRule) {
  for (const std::string& name :
       {std::string("a"), std::string("-abc"), std::string("a b"), std::string("abc..d"),
        std::string("1.2.3.4"), std::string("a+b+c"), std::string(513, 'a')}) {
    EXPECT_FAILS(Code::invalid_argument, "Validation error: name: Expected a name",
                 api().create_collection(context_, DatabasePath(), named(name)));
  }
  make("a.b-c_9");
  make(std::string(512, 'a'));
  EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 2U);
}

TEST_P(ApiConformance, CollectionMetadataFollowsTheRules) {
  const auto create = [&](Metadata metadata) {
    CreateCollection request = named("docs");
    request.metadata = std::move(metadata);
    return api().create_collection(context_, DatabasePath(), request);
  };
  const std::string field = "Validation error: metadata: ";
  EXPECT_FAILS(Code::invalid_argument, field + "Metadata cannot be empty", create({}));
  EXPECT_FAILS(Code::invalid_argument, field + "Metadata key cannot be empty", create({{"", 1_i}}));
  for (const std::string key : {"#k", "$k"}) {
    EXPECT_FAILS(Code::invalid_argument,
                 field + "Metadata key cannot start with '#' or '$': " + key, create({{key, 1_i}}));
  }
  EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 0U);
}

// Chroma drops the connection (quirk 2).
TEST_P(ApiConformance, ArrayInCollectionMetadataIsRefused) {
  CreateCollection request = named("docs");
  request.metadata = Metadata{{"a", std::vector<int64_t>{1, 2}}};
  const auto created = api().create_collection(context_, DatabasePath(), request);
  ASSERT_FALSE(created.ok());
  EXPECT_TRUE(created.error().code() == Code::invalid_argument ||
              created.error().code() == Code::unprocessable);
}

TEST_P(ApiConformance, LegacyMetadataConfigures) {
  CreateCollection request = named("docs");
  request.metadata = Metadata{{"hnsw:space", "cosine"}, {"hnsw:search_ef", 33_i}};
  const Collection made = must(api().create_collection(context_, DatabasePath(), request));
  EXPECT_EQ(made.metadata, request.metadata);
  const CollectionRef docs{DatabasePath(), made.id};
  add(docs, {{.id = "a", .vector = {2, 0}}});
  EXPECT_FLOAT_EQ(query(docs, query_of({{5, 0}})).distances.at(0).at(0), 0.0F);
  request.name = "bad";
  request.metadata = Metadata{{"hnsw:space", "foo"}};
  EXPECT_FAILS(Code::invalid_argument, "Failed to parse hnsw parameters from segment metadata",
               api().create_collection(context_, DatabasePath(), request));
}

TEST_P(ApiConformance, TwoVectorIndexesInOneConfigurationAreRefused) {
  CreateCollection request = named("docs");
  request.configuration.emplace().hnsw.emplace();
  request.configuration->spann.emplace();
  EXPECT_FAILS(Code::invalid_argument, "Multiple vector index configurations provided",
               api().create_collection(context_, DatabasePath(), request));
}

TEST_P(ApiConformance, MissingCollectionsSayDoesNotExist) {
  const CollectionRef docs = make();
  const Uuid unknown = Uuid::random();
  EXPECT_FAILS(Code::not_found, "Collection [nope] does not exist",
               api().get_collection(context_, DatabasePath(), "nope"));
  EXPECT_FAILS(Code::not_found, "Collection [" + docs.id.to_string() + "] does not exist",
               api().get_collection(context_, DatabasePath(), docs.id.to_string()));
  const std::string by_id = "Collection [" + unknown.to_string() + "] does not exist";
  const CollectionRef ref{DatabasePath(), unknown};
  EXPECT_FAILS(Code::not_found, by_id, api().get_collection_by_id(context_, ref));
  EXPECT_FAILS(Code::not_found, by_id + ".", api().modify_collection(context_, ref, {}));
  EXPECT_FAILS(Code::not_found, by_id + ".",
               write(ref, Operation::add, {{.id = "a", .vector = {1}}}));
  EXPECT_FAILS(Code::not_found, by_id + ".", api().delete_records(context_, ref, {}));
  EXPECT_FAILS(Code::not_found, by_id + ".", api().count(context_, ref, ReadLevel::index_only));
  EXPECT_FAILS(Code::not_found, by_id + ".", api().get(context_, ref, {}));
  EXPECT_FAILS(Code::not_found, by_id + ".", api().query(context_, ref, query_of({{1}})));
  EXPECT_FAILS(Code::not_found, "Collection [nope] does not exist",
               api().delete_collection(context_, DatabasePath(), "nope"));
}

// In Chroma any tenant reaches any collection by its id (quirk 11).
TEST_P(ApiConformance, CollectionIsNotReachedThroughAnotherPath) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}}});
  EXPECT_OK(api().create_tenant(context_, "other"));
  EXPECT_OK(api().create_database(context_, {"other", "default_database"}));
  EXPECT_OK(api().create_database(context_, {"default_tenant", "elsewhere"}));
  for (const DatabasePath& path :
       {DatabasePath{"other", "default_database"}, DatabasePath{"default_tenant", "elsewhere"}}) {
    const CollectionRef wrong{path, docs.id};
    EXPECT_FAILS(Code::not_found, "does not exist", api().get_collection_by_id(context_, wrong));
    EXPECT_FAILS(Code::not_found, "does not exist.", api().modify_collection(context_, wrong, {}));
    EXPECT_FAILS(Code::not_found, "does not exist.",
                 write(wrong, Operation::add, {{.id = "b", .vector = {1, 2}}}));
    EXPECT_FAILS(Code::not_found, "does not exist.",
                 api().delete_records(context_, wrong, delete_of(by_ids({"a"}))));
    EXPECT_FAILS(Code::not_found, "does not exist.", api().get(context_, wrong, {}));
    EXPECT_FAILS(Code::not_found, "does not exist.",
                 api().query(context_, wrong, query_of({{1, 2}})));
    EXPECT_FAILS(Code::not_found, "does not exist.",
                 api().count(context_, wrong, ReadLevel::index_and_wal));
  }
  EXPECT_EQ(ids(docs), Ids{"a"});
}

TEST_P(ApiConformance, CollectionsAreListedByIdInPages) {
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) expected.push_back(make("docs" + std::to_string(i)).id.to_string());
  std::sort(expected.begin(), expected.end());
  const auto list = [&](const DatabasePath& path, const Page& page) {
    Ids listed;
    for (const Collection& c : must(api().list_collections(context_, path, page)))
      listed.push_back(c.id.to_string());
    return listed;
  };
  EXPECT_EQ(list({}, {}), expected);
  EXPECT_EQ(list({}, {2, 1}), (Ids{expected[1], expected[2]}));
  EXPECT_EQ(list({}, {0, 0}), Ids{});
  EXPECT_EQ(list({}, {{}, 5}), Ids{});
  EXPECT_EQ(list({"default_tenant", "nowhere"}, {}), Ids{});
  EXPECT_EQ(must(api().count_collections(context_, DatabasePath())), 5U);
  EXPECT_EQ(must(api().count_collections(context_, {"nobody", "nowhere"})), 0U);
}

TEST_P(ApiConformance, ModifyReplacesMetadataAndDropsNulls) {
  CreateCollection request = named("docs");
  request.metadata = Metadata{{"a", 1_i}, {"b", 2_i}};
  const CollectionRef docs{DatabasePath(),
                           must(api().create_collection(context_, DatabasePath(), request)).id};
  const auto modify = [&](Metadata metadata) {
    ModifyCollection change;
    change.metadata = std::move(metadata);
    return api().modify_collection(context_, docs, change);
  };
  EXPECT_OK(modify({{"c", 3_i}}));
  EXPECT_EQ(stored(docs).metadata, (Metadata{{"c", 3_i}}));
  EXPECT_OK(modify({{"c", std::monostate()}, {"d", 4_i}}));
  EXPECT_EQ(stored(docs).metadata, (Metadata{{"d", 4_i}}));
  EXPECT_FAILS(Code::invalid_argument, "Validation error: new_metadata: Metadata cannot be empty",
               modify({}));
  EXPECT_OK(api().modify_collection(context_, docs, {}));
  EXPECT_EQ(stored(docs).metadata, (Metadata{{"d", 4_i}}));
  EXPECT_OK(modify({{"d", std::monostate()}}));
  EXPECT_EQ(stored(docs).metadata, std::nullopt);
}

// A taken name answers 500 with SQL text in Chroma (quirk 8).
TEST_P(ApiConformance, RenameKeepsTheRecordsAndRefusesTakenNames) {
  const CollectionRef docs = make("docs");
  make("taken");
  add(docs, {{.id = "a", .vector = {1, 2}}});
  const auto rename = [&](std::string name) {
    ModifyCollection change;
    change.name = std::move(name);
    return api().modify_collection(context_, docs, change);
  };
  EXPECT_FAILS(Code::already_exists, "Collection [taken] already exists", rename("taken"));
  EXPECT_OK(rename("docs"));
  EXPECT_FAILS(Code::invalid_argument, "Validation error: new_name: Expected a name", rename("a"));
  EXPECT_EQ(stored(docs).name, "docs");
  EXPECT_OK(rename("letters"));
  EXPECT_FAILS(Code::not_found, "Collection [docs] does not exist",
               api().get_collection(context_, DatabasePath(), "docs"));
  EXPECT_EQ(must(api().get_collection(context_, DatabasePath(), "letters")).id, docs.id);
  EXPECT_EQ(ids(docs), Ids{"a"});
  make("docs");
}

TEST_P(ApiConformance, ModifyChangesIndexParametersAtOnce) {
  const CollectionRef docs = make();
  ModifyCollection change;
  change.configuration.emplace().hnsw.emplace().parameters.ef_search = 77;
  EXPECT_OK(api().modify_collection(context_, docs, change));
  const auto index = stored(docs).schema.keys.at(Schema::kEmbedding).vector;
  ASSERT_TRUE(index && index->hnsw);
  EXPECT_EQ(index->hnsw->ef_search, 77U);
}

TEST_P(ApiConformance, DeletedCollectionIsGoneAndItsNameFree) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}, .document = "old"}});
  EXPECT_OK(api().delete_collection(context_, DatabasePath(), "docs"));
  EXPECT_FAILS(Code::not_found, "Collection [docs] does not exist",
               api().delete_collection(context_, DatabasePath(), "docs"));
  EXPECT_FAILS(Code::not_found, "does not exist.", api().get(context_, docs, {}));
  EXPECT_FAILS(Code::not_found, "does not exist.",
               write(docs, Operation::upsert, {{.id = "b", .vector = {1, 2}}}));
  EXPECT_FAILS(Code::not_found, "does not exist.",
               api().count(context_, docs, ReadLevel::index_and_wal));
  const CollectionRef again = make();
  EXPECT_NE(again.id, docs.id);
  EXPECT_EQ(ids(again), Ids{});
  EXPECT_EQ(stored(again).dimension, std::nullopt);
}

}  // namespace viridian::conformance
