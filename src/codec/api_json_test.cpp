#include "codec/api_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "codec/json_values.h"

namespace viridian::codec {
namespace {

template <class T>
std::string outcome(const Result<T>& result) {
  if (result.ok()) return "ok";
  return std::string(code_name(result.error().code())) + ": " + result.error().message();
}

const std::string kShape =
    "unprocessable: Failed to deserialize the JSON body into the target type: ";
const std::string kInvalid = "invalid_argument: ";

TEST(Requests, Names) {
  EXPECT_EQ(*read_name(R"({"name":"x","more":1})"), "x");
  EXPECT_EQ(outcome(read_name("{}")), kShape + "missing field `name`");
  EXPECT_EQ(outcome(read_name(R"({"name":5})")),
            kShape + "name: invalid type: integer `5`, expected a string");
  EXPECT_EQ(outcome(read_name("")), kInvalid +
                                        "Failed to parse the request body as JSON: EOF while "
                                        "parsing a value at line 1 column 0");
  EXPECT_EQ(*read_name(write_name("a\"b")), "a\"b");
  EXPECT_EQ(*read_resource_name(write_resource_name("r")), "r");
}

TEST(Requests, CreateCollectionTakesWhatItsFieldsAllow) {
  const auto least =
      read_create_collection(R"({"name":"x","metadata":null,"configuration":null,"schema":null})");
  ASSERT_TRUE(least.ok()) << outcome(least);
  EXPECT_FALSE(least->metadata || least->configuration || least->schema || least->get_or_create);
  const auto full = read_create_collection(
      R"({"name":"x","metadata":{"a":1,"chroma:x":true},"get_or_create":true,"configuration":
          {"hnsw":{"space":"ip","ef_search":5,"resize_factor":2},"spann":null,"unknown":1,
           "embedding_function":{"type":"legacy"}},"schema":{"defaults":{},"keys":{}}})");
  ASSERT_TRUE(full.ok()) << outcome(full);
  EXPECT_EQ(full->configuration->hnsw->space, Space::ip);
  EXPECT_EQ(full->configuration->hnsw->parameters.resize_factor, 2.0);
  EXPECT_EQ(full->configuration->embedding_function, R"({"type":"legacy"})");
  EXPECT_FALSE(full->configuration->spann);

  const auto back = read_create_collection(write_create_collection(*full));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->name, full->name);
  EXPECT_EQ(back->metadata, full->metadata);
  EXPECT_EQ(back->configuration, full->configuration);
  EXPECT_EQ(back->schema, full->schema);
  EXPECT_TRUE(back->get_or_create);
}

TEST(Requests, CreateCollectionRefusals) {
  const auto refused = [](const std::string& members) {
    return outcome(read_create_collection(R"({"name":"x",)" + members + "}"));
  };
  EXPECT_EQ(refused(R"("get_or_create":null)"),
            kShape + "get_or_create: invalid type: null, expected a boolean");
  EXPECT_EQ(refused(R"("name":"y")"), kShape + "duplicate field `name`");
  EXPECT_EQ(refused(R"("metadata":{})"),
            kInvalid + "Validation error: metadata: Metadata cannot be empty");
  EXPECT_TRUE(refused(R"("metadata":{"k":null})").starts_with(kShape + "metadata.k: "));
  EXPECT_TRUE(refused(R"("metadata":{"k":{"a":1}})").starts_with(kShape + "metadata.k: "));
  EXPECT_TRUE(refused(R"("metadata":{"k":[1]})").starts_with(kInvalid));
  EXPECT_TRUE(refused(R"("metadata":{"k":{"indices":[1],"values":[1]}})").starts_with(kInvalid));
  EXPECT_EQ(refused(R"("configuration":{"hnsw":{"space":"foo"}})"),
            kShape +
                "configuration.hnsw.space: unknown variant `foo`, expected one of `l2`, "
                "`cosine`, `ip`");
  EXPECT_TRUE(refused(R"("configuration":{"hnsw":{"foo":1}})")
                  .starts_with(kShape + "configuration.hnsw: unknown field `foo`"));
  EXPECT_TRUE(refused(R"("configuration":{"spann":{"foo":1}})").starts_with(kShape));
  EXPECT_TRUE(
      refused(R"("configuration":{"embedding_function":{"type":"zzz"}})").starts_with(kShape));
  EXPECT_TRUE(refused(R"("configuration":{"embedding_function":{}})").starts_with(kShape));
  EXPECT_EQ(refused(R"("schema":{})"), kShape + "schema: missing field `defaults`");
}

TEST(Requests, ModifyCollection) {
  const auto none = read_modify_collection(R"({"new_name":null,"new_metadata":null})");
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->name || none->metadata || none->configuration);
  EXPECT_TRUE(read_modify_collection("{}").ok());
  const auto full = read_modify_collection(
      R"({"new_name":"n","new_metadata":{"c":null,"d":4},"new_configuration":{"hnsw":
          {"ef_search":1,"max_neighbors":2,"num_threads":3,"resize_factor":4.0,
           "sync_threshold":5,"batch_size":6}}})");
  ASSERT_TRUE(full.ok()) << outcome(full);
  EXPECT_EQ(*full->metadata, (Metadata{{"c", MetadataValue()}, {"d", int64_t{4}}}));
  const auto back = read_modify_collection(write_modify_collection(*full));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->name, full->name);
  EXPECT_EQ(back->metadata, full->metadata);
  EXPECT_EQ(back->configuration, full->configuration);
  EXPECT_EQ(outcome(read_modify_collection(R"({"new_metadata":{}})")),
            kInvalid + "Validation error: new_metadata: Metadata cannot be empty");
  for (const char* field : {"space", "ef_construction"})
    EXPECT_TRUE(outcome(read_modify_collection(R"({"new_configuration":{"hnsw":{")" +
                                               std::string(field) + "\":1}}}"))
                    .starts_with(kShape + "new_configuration.hnsw: unknown field `" + field +
                                 "`, expected one of "));
  EXPECT_TRUE(
      read_modify_collection(R"({"new_configuration":{"spann":{"search_nprobe":1}}})").ok());
  EXPECT_FALSE(read_modify_collection(R"({"new_configuration":{"spann":{"space":"l2"}}})").ok());
}

TEST(Requests, GetHasItsDefaultsAndLimits) {
  for (const char* body :
       {"{}", R"({"ids":null,"where":null,"where_document":null,"limit":null,"offset":null})"}) {
    const auto get = read_get(body);
    ASSERT_TRUE(get.ok()) << outcome(get);
    EXPECT_FALSE(get->selection.ids || get->selection.where || get->limit);
    EXPECT_EQ(get->offset, 0u);
    EXPECT_EQ(get->include, (std::vector<Include>{Include::documents, Include::metadatas}));
  }
  EXPECT_EQ(read_get(R"({"ids":[]})")->selection.ids, StringColumn());
  EXPECT_EQ(read_get(R"({"limit":4294967295})")->limit, 4294967295u);
  for (const char* bad :
       {R"({"limit":-1})", R"({"limit":1.5})", R"({"limit":4294967296})", R"({"offset":"1"})",
        R"({"limit":99999999999999999999})", R"({"include":["foo"]})", R"({"include":"documents"})",
        R"({"include":null})", R"({"ids":[1]})", R"({"ids":"a"})", "[]",
        R"({"limit":1,"limit":1})"})
    EXPECT_TRUE(outcome(read_get(bad)).starts_with(kShape)) << bad;
  EXPECT_TRUE(outcome(read_get(R"({"include":[1]})")).starts_with(kInvalid));
  EXPECT_TRUE(
      outcome(read_get(R"({"where":{}})")).starts_with(kInvalid + "Invalid where clause: "));
  EXPECT_TRUE(outcome(read_get(R"({"where_document":{}})"))
                  .starts_with(kInvalid + "Invalid where document clause: "));
}

TEST(Requests, GetAndDeleteReadBackEqual) {
  GetRequest get;
  get.selection.ids = StringColumn{"a", "b"};
  get.selection.where = *read_where(R"({"$and":[{"a":{"$gt":1.0}},{"#document":{"$regex":"x"}}]})");
  get.selection.where_document = *read_where_document(R"({"$not_contains":"y"})");
  get.limit = 5;
  get.offset = 6;
  get.include = {Include::distances, Include::uris, Include::uris};
  const auto back = read_get(write_get(get));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->selection.ids, get.selection.ids);
  EXPECT_EQ(back->selection.where, get.selection.where);
  EXPECT_EQ(back->selection.where_document, get.selection.where_document);
  EXPECT_EQ(back->limit, get.limit);
  EXPECT_EQ(back->offset, get.offset);
  EXPECT_EQ(back->include, get.include);
  const auto removal = read_delete(write_delete({get.selection, 7}));
  ASSERT_TRUE(removal.ok());
  EXPECT_EQ(removal->selection.ids, get.selection.ids);
  EXPECT_EQ(removal->selection.where_document, get.selection.where_document);
  EXPECT_EQ(removal->limit, 7u);
  EXPECT_EQ(write_delete({}), "{}");
}

TEST(Requests, Query) {
  const auto query = read_query(R"({"query_embeddings":[[1,2],[3,4.5]],"n_results":null})");
  ASSERT_TRUE(query.ok()) << outcome(query);
  EXPECT_EQ(query->n_queries, 2u);
  EXPECT_EQ(query->n_results, 10u);
  EXPECT_EQ(query->vectors, (Matrix{2, {1, 2, 3, 4.5f}}));
  EXPECT_EQ(query->include.size(), 3u);
  EXPECT_EQ(read_query(R"({"query_embeddings":[]})")->n_queries, 0u);
  EXPECT_EQ(read_query(R"({"query_embeddings":[],"n_results":0})")->n_results, 0u);
  const auto back = read_query(write_query(*query));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->vectors, query->vectors);
  EXPECT_EQ(back->n_queries, 2u);

  EXPECT_EQ(query->recall_target, std::nullopt);
  EXPECT_EQ(write_query(*query).find("recall_target"), std::string::npos);
  for (const auto& [text, recall] :
       {std::pair("0.95", 0.95), std::pair("1", 1.0), std::pair("-7", -7.0)}) {
    const std::string body = R"({"query_embeddings":[[1]],"recall_target":)" + std::string(text);
    const auto asked = read_query(body + "}");
    ASSERT_TRUE(asked.ok()) << outcome(asked);
    EXPECT_EQ(asked->recall_target, recall);
    EXPECT_EQ(read_query(write_query(*asked))->recall_target, recall);
  }

  EXPECT_EQ(outcome(read_query("{}")), kShape + "missing field `query_embeddings`");
  for (const char* bad :
       {R"({"query_embeddings":null})", R"({"query_embeddings":["AACAPw=="]})",
        R"({"query_embeddings":[null]})", R"({"query_embeddings":[[1]],"n_results":-1})",
        R"({"query_embeddings":[[1]],"n_results":1.5})",
        R"({"query_embeddings":[[1]],"recall_target":"all"})",
        R"({"query_embeddings":[[1]],"query_embeddings":[[1]]})",
        R"({"query_embeddings":[[1]],"include":[],"include":[]})"})
    EXPECT_TRUE(outcome(read_query(bad)).starts_with(kShape)) << bad;
  EXPECT_EQ(outcome(read_query(R"({"query_embeddings":[[1e300]]})")),
            kInvalid +
                "Validation error: query_embeddings: Embeddings must not contain NaN or "
                "Infinity values");
  EXPECT_EQ(outcome(read_query(R"({"query_embeddings":[[1],[1,2]]})")),
            kInvalid + "Inconsistent dimensions in provided embeddings");
  // Without numbers: refused by the collection, if it has a dimension.
  const auto without_numbers = read_query(R"({"query_embeddings":[[],[]]})");
  ASSERT_TRUE(without_numbers.ok()) << without_numbers.error().message();
  EXPECT_EQ(without_numbers->n_queries, 2u);
  EXPECT_TRUE(outcome(read_query(R"({"query_embeddings":[[],[1]]})")).starts_with(kInvalid));
  EXPECT_TRUE(outcome(read_query(R"({"query_embeddings":[[1],[]]})")).starts_with(kInvalid));
}

TEST(Requests, Explain) {
  const std::string body =
      R"({"query_embedding":[0.1,-2],"id":"x \"y\"","n_results":3,"recall_target":0.5,)"
      R"("ids":["a"],"where":{"n":{"$gt":1}},"where_document":{"$contains":"sea"}})";
  const auto request = read_explain(body);
  ASSERT_TRUE(request.ok()) << outcome(request);
  EXPECT_EQ(request->id, "x \"y\"");
  EXPECT_EQ(request->query.n_queries, 1u);
  EXPECT_EQ(request->query.vectors, (Matrix{2, {0.1F, -2}}));
  EXPECT_EQ(request->query.n_results, 3u);
  EXPECT_EQ(request->query.recall_target, 0.5);
  const auto back = read_explain(write_explain(*request));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->id, request->id);
  EXPECT_EQ(back->query.vectors, request->query.vectors);
  EXPECT_EQ(back->query.n_results, 3u);
  EXPECT_EQ(back->query.recall_target, 0.5);
  EXPECT_EQ(back->query.selection.ids, request->query.selection.ids);
  EXPECT_EQ(back->query.selection.where, request->query.selection.where);
  EXPECT_EQ(back->query.selection.where_document, request->query.selection.where_document);
  const auto plain = read_explain(R"({"id":"a","query_embedding":[],"n_results":null})");
  ASSERT_TRUE(plain.ok()) << outcome(plain);
  EXPECT_EQ(plain->query.n_results, 10u);
  EXPECT_FALSE(plain->get.has_value());
  const auto no_record = read_explain(R"({"id":null,"query_embedding":[1],"include":[]})");
  ASSERT_TRUE(no_record.ok()) << outcome(no_record);
  EXPECT_EQ(no_record->id, std::nullopt);
  EXPECT_TRUE(no_record->query.include.empty());
  for (const char* bad :
       {"[]", R"({"id":"a"})", R"({"n_results":1})", R"({"query_embedding":[1],"limit":2})",
        R"({"id":1,"query_embedding":[1]})", R"({"id":"a","query_embedding":1})",
        R"({"id":"a","query_embedding":[[1]]})", R"({"id":"a","query_embedding":[null]})",
        R"({"id":"a","query_embedding":[1],"k":3})"})
    EXPECT_TRUE(outcome(read_explain(bad)).starts_with(kShape)) << bad;
}

TEST(Requests, ExplainOfAGet) {
  const auto request = read_explain(
      R"({"ids":["a"],"where":{"n":{"$gt":1}},"limit":3,"offset":2,"order_by":"n","include":[]})");
  ASSERT_TRUE(request.ok()) << outcome(request);
  EXPECT_EQ(request->id, std::nullopt);
  ASSERT_TRUE(request->get.has_value());
  const auto back = read_explain(write_explain(*request));
  ASSERT_TRUE(back.ok()) << outcome(back);
  ASSERT_TRUE(back->get.has_value());
  EXPECT_EQ(write_get(*back->get), write_get(*request->get));
  EXPECT_EQ(back->get->limit, 3U);
  EXPECT_EQ(back->get->offset, 2U);
  EXPECT_TRUE(read_explain("{}").ok());
}

TEST(Results, CollectionsShowConfigurationAndSchema) {
  Collection collection;
  collection.id = *Uuid::parse("c60f825c-5f72-49aa-8ad3-737d4b72a001");
  collection.name = "docs";
  collection.tenant = "t";
  collection.database = "d";
  VectorIndex& index = collection.schema.keys[Schema::kEmbedding].vector.emplace();
  index.enabled = true;
  index.space = Space::l2;
  index.hnsw = HnswParameters{100, 16, 100, 2, 100, 1000, 1.2};
  EXPECT_EQ(
      write_collection(collection),
      R"({"id":"c60f825c-5f72-49aa-8ad3-737d4b72a001","name":"docs","configuration_json":{"hnsw":)"
      R"({"space":"l2","ef_construction":100,"ef_search":100,"max_neighbors":16,)"
      R"("resize_factor":1.2,"sync_threshold":1000},"spann":null,"embedding_function":null},)"
      R"("schema":{"defaults":{},"keys":{"#embedding":{"float_list":{"vector_index":)"
      R"({"enabled":true,"config":{"space":"l2","hnsw":{"ef_construction":100,)"
      R"("max_neighbors":16,"ef_search":100,"num_threads":2,"batch_size":100,)"
      R"("sync_threshold":1000,"resize_factor":1.2}}}}}}},"metadata":null,"dimension":null,)"
      R"("tenant":"t","database":"d","log_position":0,"version":0})");
  collection.metadata = Metadata{{"a", 1.0}};
  collection.dimension = 3;
  index.embedding_function = R"({"type":"legacy"})";
  const auto back = read_collections(write_collections({collection, collection}));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(*back, (std::vector<Collection>{collection, collection}));
  EXPECT_EQ(*read_collection(write_collection(collection)), collection);
  EXPECT_EQ(read_collection(R"({"id":"x","name":"","tenant":"","database":""})").error().code(),
            Code::unprocessable);
}

RecordColumns two_records() {
  RecordColumns records;
  records.ids = {"a", "b"};
  records.embeddings = {2, {1, -0.0f, 0.1f, 3e38f}};
  records.documents.push_back("x");
  records.documents.push_back(std::nullopt);
  records.uris.push_back(std::nullopt);
  records.uris.push_back("u");
  records.metadatas = {Metadata{{"k", int64_t{1}}}, std::nullopt};
  return records;
}

TEST(Results, GetShowsIncludedColumnsOnly) {
  GetResult result{{}, {Include::documents, Include::metadatas}, {}};
  EXPECT_EQ(write_get_result(result),
            R"({"ids":[],"embeddings":null,"documents":[],"uris":null,"metadatas":[],)"
            R"("include":["documents","metadatas"]})");
  result = {two_records(),
            {Include::embeddings, Include::uris, Include::documents, Include::metadatas,
             Include::distances},
            {}};
  EXPECT_EQ(write_get_result(result),
            R"({"ids":["a","b"],"embeddings":[[1.0,-0.0],[0.1,3e+38]],"documents":["x",null],)"
            R"("uris":[null,"u"],"metadatas":[{"k":1},null],)"
            R"("include":["embeddings","uris","documents","metadatas","distances"]})");
  const auto back = read_get_result(write_get_result(result));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->records, result.records);
  EXPECT_EQ(back->include, result.include);
}

TEST(Results, QueryNestsPerQuery) {
  QueryResult result;
  result.include = {Include::distances};
  EXPECT_EQ(write_query_result(result),
            R"({"ids":[],"embeddings":null,"documents":null,"uris":null,"metadatas":null,)"
            R"("distances":[],"include":["distances"]})");
  result.include = {Include::embeddings, Include::uris, Include::documents, Include::metadatas,
                    Include::distances};
  result.records = {two_records(), RecordColumns()};
  result.distances = {{0.01613009f, std::numeric_limits<float>::max()}, {}};
  const std::string text = write_query_result(result);
  EXPECT_NE(text.find(R"("distances":[[0.01613009,3.4028235e+38],[]])"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("ids":[["a","b"],[]])"), std::string::npos) << text;
  const auto back = read_query_result(text);
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->records, result.records);
  EXPECT_EQ(back->distances, result.distances);
  EXPECT_EQ(back->include, result.include);
}

TEST(Results, ExplanationsReadBackEqual) {
  using Outcome = Explanation::Outcome;
  EXPECT_EQ(write_explanation({}), R"({"outcome":null,"rank":null,"distance":null,"results":0,)"
                                   R"("last_distance":null,"searched":null,"plan":[]})");
  Explanation planned;
  planned.plan = {{"open"}, {.name = "filter", .actual = 0}};
  planned.plan.back().steps = {{"walk", "file 1", "scan", 9, 8, 7, 6, 0.5, 4, 3.25, 2, {}}};
  EXPECT_NE(write_explanation(planned).find(R"("plan":[{"name":"open","microseconds":0},)"),
            std::string::npos);
  for (const Explanation& explanation :
       {Explanation(), planned, Explanation{Outcome::filtered_out, {}, -1.5F, 3, 0.1F, {}},
        Explanation{Outcome::returned, 7, 0.0F, 10, 1e30F, Searched{Searched::How::walked, 48}},
        Explanation{Outcome::outranked, {}, 2.0F, 10, 1.0F, Searched{Searched::How::scanned}},
        Explanation{Outcome::not_reached, 11, 0.5F, 10, 1.0F, Searched{}}}) {
    const auto back = read_explanation(write_explanation(explanation));
    ASSERT_TRUE(back.ok()) << outcome(back);
    EXPECT_EQ(*back, explanation);
  }
  for (const char* bad : {"{}", R"({"outcome":"lost","results":1})", R"({"outcome":"returned"})",
                          R"({"outcome":"returned","results":1,"searched":{"how":"read"}})",
                          R"({"outcome":null,"results":1,"plan":{}})",
                          R"({"outcome":null,"results":1,"plan":[{"name":"open"}]})",
                          R"({"outcome":null,"results":1,"plan":[{"microseconds":1}]})"})
    EXPECT_TRUE(outcome(read_explanation(bad)).starts_with(kShape)) << bad;
}

TEST(Results, MisshapenAnswersAreRefused) {
  for (const char* body : {R"({"ids":["a"],"documents":["x","y"]})", R"({"ids":[1]})", "[]",
                           R"({"ids":["a"],"metadatas":[[1]]})"})
    EXPECT_FALSE(read_get_result(body).ok()) << body;
  for (const char* body :
       {R"({"ids":[["a"]],"distances":[[1,2]]})", R"({"ids":["a"]})",
        R"({"ids":[["a"]],"documents":[["x","y"]]})", R"({"ids":[["a"]],"distances":[[1],[2]]})"})
    EXPECT_FALSE(read_query_result(body).ok()) << body;
}

TEST(Results, SmallOnesReadBackEqual) {
  const Tenant tenant{"t", std::nullopt};
  EXPECT_EQ(write_tenant(tenant), R"({"name":"t","resource_name":null})");
  EXPECT_EQ(*read_tenant(write_tenant(tenant)), tenant);
  EXPECT_EQ(*read_tenant(write_tenant({"t", "r"})), (Tenant{"t", "r"}));
  const Database database{Uuid(), "n", "t"};
  EXPECT_EQ(write_database(database),
            R"({"id":"00000000-0000-0000-0000-000000000000","name":"n","tenant":"t"})");
  EXPECT_EQ(*read_database(write_database(database)), database);
  EXPECT_EQ(*read_databases(write_databases({database})), std::vector<Database>{database});
  EXPECT_EQ(write_identity({"", "default_tenant", {"default_database"}}),
            R"({"user_id":"","tenant":"default_tenant","databases":["default_database"]})");
  EXPECT_EQ(read_identity(write_identity({"u", "t", {"a", "b"}}))->databases.size(), 2u);
  EXPECT_EQ(write_pre_flight({5461, true}),
            R"({"max_batch_size":5461,"supports_base64_encoding":true})");
  EXPECT_EQ(read_pre_flight(write_pre_flight({7, false}))->max_batch_size, 7u);
  EXPECT_EQ(write_delete_result({3, 9}), R"({"deleted":3})");
  EXPECT_EQ(read_delete_result(write_delete_result({3, 9}))->deleted, 3u);
  EXPECT_EQ(write_heartbeat(5), R"({"nanosecond heartbeat":5})");
  EXPECT_EQ(*read_heartbeat(write_heartbeat(1234567890123456789)), 1234567890123456789);
  EXPECT_EQ(*read_text(write_text("1.0.0")), "1.0.0");
  EXPECT_EQ(*read_count(write_count(42)), 42u);
  EXPECT_EQ(write_error("NotFoundError", "Collection [x] does not exist"),
            R"({"error":"NotFoundError","message":"Collection [x] does not exist"})");
  EXPECT_EQ(*read_error(write_error("a", "b")), (ErrorBody{"a", "b"}));
}

TEST(SimpleBodies, ServersHaveNoMoreSlotsThanFitTheirNumber) {
  const auto list = [](const std::string& slots) {
    return read_servers(R"([{"id":"a","url":"u","slots":)" + slots + R"(,"heard_ms":5}])");
  };
  EXPECT_EQ(list("64")->at(0).slots, 64u);
  EXPECT_FALSE(list("4294967360").ok());
}

}  // namespace
}  // namespace viridian::codec
