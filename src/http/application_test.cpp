#include "http/application.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "http/errors.h"
#include "http/openapi.h"
#include "http/scripted_api.h"
#include "http/url.h"

namespace viridian::http {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kDatabase = "/api/v2/tenants/t/databases/ddd";
constexpr const char* kId = "c60f825c-5f72-49aa-8ad3-737d4b72a001";

class ApplicationTest : public ::testing::Test {
 protected:
  Response ask(const std::string& method, const std::string& target, const std::string& body = "",
               const Headers& headers = {}) {
    Request request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.body = body;
    request.headers = headers;
    return application_->handle(request);
  }
  void configure_cors(const std::string& origins) {
    application_ = std::make_unique<Application>(services(), metrics_, origins);
  }
  std::string by_id(const std::string& call) {
    return std::string(kDatabase) + "/collections/" + kId + "/" + call;
  }
  Services services() {
    return {api_,
            [this] { return ready_; },
            [this] { return metrics_.expose(); },
            {},
            [this] { return server_id_; }};
  }

  ScriptedApi api_;
  obs::Metrics metrics_;
  bool ready_ = true;
  std::string server_id_;
  std::unique_ptr<Application> application_ =
      std::make_unique<Application>(services(), metrics_, "");
};

TEST_F(ApplicationTest, SystemRoutesAnswerTheDocumentedKeys) {
  EXPECT_EQ(ask("GET", "/api/v2").body, R"({"nanosecond heartbeat":1234567890123456789})");
  EXPECT_EQ(ask("GET", "/api/v2/heartbeat").body, ask("GET", "/api/v2").body);
  EXPECT_EQ(ask("GET", "/api/v2/version").body, R"("1.2.3")");
  EXPECT_EQ(Json::parse(ask("GET", "/api/v2/pre-flight-checks").body),
            Json::parse(R"({"max_batch_size":5461,"supports_base64_encoding":true})"));
  EXPECT_EQ(Json::parse(ask("GET", "/api/v2/auth/identity").body),
            Json::parse(R"({"user_id":"","tenant":"default_tenant",
                            "databases":["default_database"]})"));
  EXPECT_EQ(ask("POST", "/api/v2/reset").body, "true");
  EXPECT_EQ(ask("GET", "/api/v2/healthcheck").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  ready_ = false;
  EXPECT_EQ(ask("GET", "/api/v2/healthcheck").status, 503);
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(ApplicationTest, WhatIsWrongBeyondTheProcessIsSaid) {
  std::vector<HealthFinding> findings = {{"one of two replicas is gone", true}};
  Services all = services();
  all.health = [&](const Context&) { return findings; };
  application_ = std::make_unique<Application>(all, metrics_, "");
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  EXPECT_EQ(Json::parse(ask("GET", "/readyz").body)["findings"],
            Json::parse(R"(["one of two replicas is gone"])"));
  EXPECT_EQ(ask("GET", "/api/v2/healthcheck").status, 200);
  findings.push_back({"the other one is gone", false});
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
  EXPECT_THAT(ask("GET", "/readyz").body, HasSubstr("the other one is gone"));
  const Response health = ask("GET", "/api/v2/healthcheck");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(Json::parse(health.body)["is_log_client_ready"], false);
  EXPECT_EQ(Json::parse(health.body)["is_executor_ready"], true);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(ApplicationTest, HeadersSayHowFreshAnAnswerHasToBe) {
  EXPECT_EQ(ask("POST", by_id("get"), "{}", {{"X-Viridian-Read", "session=9"}}).status, 200);
  EXPECT_EQ(api_.last_context.freshness()->at_least, 9u);
  EXPECT_EQ(api_.last_context.age(), Context::kAnyAge);
  EXPECT_EQ(ask("POST", by_id("get"), "{}").status, 200);
  EXPECT_FALSE(api_.last_context.freshness().has_value());
  EXPECT_FALSE(api_.last_context.forwarded());
  const Response refused = ask("POST", by_id("get"), "{}", {{"x-viridian-read", "soon"}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("bounded=MILLISECONDS"));
  EXPECT_EQ(ask("POST", by_id("get"), "{}", {{"x-viridian-forwarded", "1"}}).status, 200);
  EXPECT_TRUE(api_.last_context.forwarded());
}

// An address may be another server's by the time that a request arrives.
TEST_F(ApplicationTest, WhatIsForAnotherServerIsNotDoneHere) {
  server_id_ = "b 1";
  const Response wrong = ask("POST", by_id("get"), "{}", {{"x-viridian-server", "a"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(find_header(wrong.headers, kCodeHeader), "aborted");
  EXPECT_EQ(find_header(wrong.headers, "x-viridian-server"), "b%201");
  EXPECT_EQ(api_.last_ref.id, Uuid());
  const Response right = ask("POST", by_id("get"), "{}", {{"x-viridian-server", "b%201"}});
  EXPECT_EQ(right.status, 200);
  EXPECT_EQ(find_header(right.headers, "x-viridian-server"), "b%201");
  EXPECT_EQ(find_header(ask("POST", by_id("get"), "{}").headers, "x-viridian-server"), "");
  EXPECT_EQ(find_header(application_->refuse(503, "full").headers, "x-viridian-server"), "b%201");
  server_id_ = "";
  EXPECT_EQ(ask("GET", "/api/v2", "", {{"x-viridian-server", "a"}}).status, 400);
}

TEST(Routes, ReadsAreNotForHolders) {
  for (const Route& route : routes()) {
    const bool changes = route.method == "PUT" || route.pattern.ends_with("/add") ||
                         route.pattern.ends_with("/update") || route.pattern.ends_with("/upsert") ||
                         route.pattern.ends_with("/delete") || route.pattern.ends_with("/reset") ||
                         route.method == "DELETE";
    EXPECT_EQ(is_for_holder(route.method, route.pattern), changes) << route.pattern;
  }
}

TEST_F(ApplicationTest, UnknownPathsAndMethodsAreAnsweredInJson) {
  for (const char* path : {"/", "/api/v2/", "/api/v2/nope", "/api/v1", "/api/v1/",
                           "/api/v2/tenants/", "/api/v2/heartbeat/"}) {
    const Response response = ask("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(Json::parse(response.body)["error"], "NotFoundError");
    EXPECT_EQ(find_header(response.headers, kTraceHeader).size(), 32u);
  }
  const Response response = ask("DELETE", "/api/v2/heartbeat");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(find_header(response.headers, "allow"), "GET,HEAD");
  EXPECT_EQ(Json::parse(response.body)["error"], "ChromaError");
  EXPECT_EQ(ask("OPTIONS", "/api/v2/heartbeat").status, 405);
  EXPECT_EQ(ask("HEAD", "/api/v2/heartbeat").status, 200);
  EXPECT_EQ(find_header(ask("PUT", "/api/v2/tenants/x").headers, "allow"), "GET,HEAD,PATCH");
}

TEST_F(ApplicationTest, FirstVersionOfTheInterfaceIsGoneForEveryMethod) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}) {
    const Response response = ask(method, "/api/v1/collections");
    EXPECT_EQ(response.status, 410);
    EXPECT_EQ(Json::parse(response.body)["error"], "Unimplemented");
  }
}

TEST_F(ApplicationTest, PathSegmentsAreDecodedAfterTheyAreSplit) {
  EXPECT_EQ(ask("GET", "/api/v2/tenants/a%2Fb%20%C3%A9").status, 200);
  EXPECT_EQ(api_.last_name, "a/b é");
  EXPECT_EQ(ask("GET", "/api/v2/tenants/a+b").status, 200);
  EXPECT_EQ(api_.last_name, "a+b");
  for (const char* bad : {"%", "%4", "%zz", "%FF", "%ED%A0%80", "%C3"}) {
    EXPECT_EQ(ask("GET", std::string("/api/v2/tenants/") + bad).status, 400) << bad;
  }
}

TEST_F(ApplicationTest, EveryCodeHasItsStatusAndSurvivesTheWayBack) {
  const std::vector<std::pair<Code, int>> expected = {{Code::invalid_argument, 400},
                                                      {Code::cancelled, 400},
                                                      {Code::aborted, 400},
                                                      {Code::out_of_range, 400},
                                                      {Code::unauthenticated, 401},
                                                      {Code::permission_denied, 403},
                                                      {Code::not_found, 404},
                                                      {Code::already_exists, 409},
                                                      {Code::failed_precondition, 412},
                                                      {Code::unprocessable, 422},
                                                      {Code::resource_exhausted, 429},
                                                      {Code::unimplemented, 501},
                                                      {Code::unavailable, 503},
                                                      {Code::deadline_exceeded, 504},
                                                      {Code::data_loss, 500},
                                                      {Code::internal, 500}};
  for (const auto& [code, status] : expected) {
    api_.failure = Error(code, "why \"it\" failed");
    const Response response = ask("GET", "/api/v2/tenants/x");
    EXPECT_EQ(response.status, status);
    const Json body = Json::parse(response.body);
    EXPECT_EQ(body.size(), 2u);
    EXPECT_EQ(body["error"], error_name(status));
    EXPECT_EQ(body["message"], "why \"it\" failed");
    EXPECT_EQ(find_header(response.headers, kTraceHeader).size(), 32u);
    EXPECT_EQ(code_of(status, find_header(response.headers, kCodeHeader)), code);
    EXPECT_EQ(find_header(response.headers, "retry-after").empty(), status != 429 && status != 503);
  }
}

TEST_F(ApplicationTest, ContentTypeMustBeSomeFormOfJson) {
  const auto post = [&](const std::string& type) {
    return ask("POST", "/api/v2/tenants", R"({"name":"abc"})", {{"Content-Type", type}}).status;
  };
  EXPECT_EQ(ask("POST", "/api/v2/tenants", R"({"name":"abc"})").status, 200);
  EXPECT_EQ(post("application/json"), 200);
  EXPECT_EQ(post("Application/JSON; charset=utf-8"), 200);
  EXPECT_EQ(post("application/problem+json"), 200);
  EXPECT_EQ(post("text/plain"), 415);
  EXPECT_EQ(post("application/jsonp"), 415);
  EXPECT_EQ(post("application/+json"), 415);
}

TEST_F(ApplicationTest, PagesAreReadFromTheQueryString) {
  const std::string path = std::string(kDatabase) + "/collections";
  EXPECT_EQ(ask("GET", path + "?limit=5&offset=2&other=1").status, 200);
  EXPECT_EQ(api_.last_page.limit, 5u);
  EXPECT_EQ(api_.last_page.offset, 2u);
  EXPECT_EQ(ask("GET", path).status, 200);
  EXPECT_EQ(api_.last_page.limit, std::nullopt);
  for (const char* bad : {"limit=-1", "limit=abc", "limit=1.5", "offset=+1"}) {
    const Response response = ask("GET", path + "?" + bad);
    EXPECT_EQ(response.status, 400) << bad;
    EXPECT_THAT(response.body, HasSubstr("Failed to deserialize query string: "));
    EXPECT_THAT(response.body, HasSubstr(": invalid digit found in string"));
  }
  EXPECT_EQ(ask("GET", path + "?limit=4294967296").status, 400);
  EXPECT_EQ(ask("GET", path + "?limit=4294967295").status, 200);
  EXPECT_EQ(ask("GET", path + "?limit=").status, 400);
  EXPECT_EQ(ask("GET", path + "?limit=1&limit=1").status, 400);
  EXPECT_EQ(ask("GET", path + "?limit=%zz").status, 400);
}

TEST_F(ApplicationTest, CountsFacetsAndExtentsAreAskedByPost) {
  EXPECT_EQ(ask("POST", by_id("count"), R"({"where":{"a":1},"ids":["x"]})").body, "5");
  EXPECT_EQ(api_.last_ref.id.to_string(), kId);
  EXPECT_EQ(api_.last_selection.where->key, "a");
  EXPECT_EQ(api_.last_selection.ids->size(), 1u);
  EXPECT_EQ(ask("GET", by_id("count")).body, "7");
  EXPECT_EQ(ask("POST", by_id("count"), R"({"limit":1})").status, 422);
  EXPECT_EQ(ask("POST", by_id("count"), R"({"where":{"a":{"$x":1}}})").status, 400);

  api_.facets_result.facets = {{"a", {{{true, 4}}, 1, 4, 0}}};
  EXPECT_EQ(
      ask("POST", by_id("facets"), R"({"keys":["a"],"limit":2,"where":{"b":1}})").body,
      R"({"facets":{"a":{"values":[{"value":true,"count":4}],"distinct":1,"records":4,"others":0}}})");
  EXPECT_EQ(api_.last_facets.limit, 2u);
  EXPECT_EQ(api_.last_facets.selection.where->key, "b");
  EXPECT_EQ(ask("POST", by_id("facets"), "{}").status, 422);

  api_.extents_result.extents = {{"a", {1.5, 2.5, 3}}};
  EXPECT_EQ(ask("POST", by_id("extents"), R"({"keys":["a"]})").body,
            R"({"extents":{"a":{"min":1.5,"max":2.5,"records":3}}})");
  EXPECT_EQ(api_.last_extents.keys, std::vector<std::string>{"a"});
}

// Clients that do not know of orders and cursors get the bytes that they got before.
TEST_F(ApplicationTest, OrdersAndCursorsAreForThoseWhoAsk) {
  const std::string before = ask("POST", by_id("get"), "{}").body;
  EXPECT_EQ(before, R"({"ids":[],"embeddings":null,"documents":[],"uris":null,"metadatas":[],)"
                    R"("include":["documents","metadatas"]})");
  EXPECT_TRUE(api_.last_get.order_by.empty());
  EXPECT_FALSE(api_.last_get.cursor);
  api_.get_result.next_cursor = "abc";
  EXPECT_EQ(
      Json::parse(ask("POST", by_id("get"),
                      R"({"order_by":[{"key":"date","direction":"desc"}],"cursor":"","limit":2})")
                      .body)["next_cursor"],
      "abc");
  EXPECT_EQ(api_.last_get.order_by, (std::vector<SortKey>{{"date", true}}));
  EXPECT_EQ(api_.last_get.cursor, "");
  const Response bad = ask("POST", by_id("get"), R"({"order_by":[]})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("order_by: it names no key"));
  EXPECT_THAT(ask("POST", by_id("get"), R"({"order_by":[{"key":"a","direction":"up"}]})").body,
              HasSubstr("unknown direction `up`, expected `asc` or `desc`"));
}

TEST_F(ApplicationTest, ReadLevelIsOneOfThreeWords) {
  EXPECT_EQ(ask("GET", by_id("count?read_level=index_only")).body, "7");
  EXPECT_EQ(api_.last_level, ReadLevel::index_only);
  EXPECT_EQ(ask("GET", by_id("count")).status, 200);
  EXPECT_EQ(api_.last_level, ReadLevel::index_and_wal);
  EXPECT_EQ(ask("GET", by_id("count?read_level=zzz")).status, 400);
}

TEST_F(ApplicationTest, CollectionIdsAndDatabaseNamesAreChecked) {
  const std::string collections = std::string(kDatabase) + "/collections";
  EXPECT_THAT(ask("GET", collections + "/nope/count").body,
              HasSubstr("Collection ID is not a valid UUIDv4"));
  EXPECT_THAT(ask("GET", collections + "/by-id/nope").body,
              HasSubstr("Validation error: collection_id: Invalid collection ID format"));
  EXPECT_EQ(ask("GET", collections + "/nope").status, 200) << "here it is a name";
  EXPECT_EQ(ask("GET", collections + "/C60F825C5F7249AA8AD3737D4B72A001/count").status, 200);
  EXPECT_EQ(api_.last_ref.id.to_string(), kId);
  EXPECT_EQ(api_.last_ref.path.tenant, "t");
  const Response response = ask("GET", "/api/v2/tenants/t/databases/ab");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("database name must be at least 3 characters"));
}

TEST_F(ApplicationTest, WritesSayTheirNumberAndOnlyAddIs201) {
  const std::string records = R"({"ids":["a","b"],"embeddings":[[1,2],[3,4]]})";
  for (const char* call : {"add", "update", "upsert"}) {
    const Response response = ask("POST", by_id(call), records);
    EXPECT_EQ(response.status, call == std::string("add") ? 201 : 200);
    EXPECT_EQ(response.body, "{}");
    EXPECT_EQ(find_header(response.headers, kSequenceHeader), "42");
    EXPECT_EQ(api_.last_rows, 2u);
  }
  const Response response = ask("POST", by_id("delete"), R"({"ids":["a"]})");
  EXPECT_EQ(response.body, R"({"deleted":2})");
  EXPECT_EQ(find_header(response.headers, kSequenceHeader), "44");
}

TEST_F(ApplicationTest, BodyIsReadBeforeTheCollectionIsLookedUp) {
  api_.failure = Error(Code::not_found, "no such collection");
  EXPECT_EQ(ask("POST", by_id("add"), "{").status, 400);
  EXPECT_EQ(ask("POST", by_id("add"), "{}").status, 422);
  EXPECT_EQ(ask("POST", by_id("add"), R"({"ids":["a"],"embeddings":[[1]]})").status, 404);
  EXPECT_EQ(ask("POST", by_id("get"), "[]").status, 422);
  EXPECT_EQ(ask("POST", by_id("get"), "").status, 400);
}

TEST_F(ApplicationTest, CallsOfTheHostedServiceAreNotOffered) {
  for (const char* call : {"fork", "search", "functions/attach", "attached_functions/f/detach",
                           "conditional/get", "conditional/commit"}) {
    EXPECT_EQ(ask("POST", by_id(call), "{}").status, 501) << call;
  }
  EXPECT_EQ(ask("GET", by_id("fork_count")).status, 501);
  EXPECT_EQ(ask("GET", by_id("indexing_status")).status, 501);
  EXPECT_EQ(ask("GET", by_id("functions/f")).status, 404);
  EXPECT_EQ(ask("GET", "/api/v2/collections/a:b:c").status, 501);
  for (const char* bad : {"abc", "a:b", "a::c", ":b:c", "a:b:", "a:b:c:d"}) {
    EXPECT_EQ(ask("GET", std::string("/api/v2/collections/") + bad).status, 400) << bad;
  }
}

TEST_F(ApplicationTest, OnlyConfiguredOriginsMayCallFromAPage) {
  const Headers origin = {{"Origin", "http://a.example"}};
  EXPECT_EQ(find_header(ask("GET", "/api/v2", "", origin).headers, "access-control-allow-origin"),
            "");
  configure_cors("http://b.example, http://a.example");
  const Response preflight = ask("OPTIONS", "/api/v2/tenants", "", origin);
  EXPECT_EQ(preflight.status, 200);
  EXPECT_EQ(find_header(preflight.headers, "access-control-allow-methods"), "*");
  EXPECT_EQ(find_header(preflight.headers, "access-control-allow-origin"), "http://a.example");
  const Headers other = {{"Origin", "http://evil.example"}};
  EXPECT_EQ(ask("GET", "/api/v2", "", other).status, 200);
  EXPECT_EQ(find_header(ask("GET", "/api/v2", "", other).headers, "access-control-allow-origin"),
            "");
  configure_cors("*");
  EXPECT_EQ(find_header(ask("GET", "/api/v2", "", other).headers, "access-control-allow-origin"),
            "*");
}

TEST_F(ApplicationTest, OpenApiDocumentHoldsEveryRouteAndEverySchema) {
  const Json document = Json::parse(ask("GET", "/openapi.json").body);
  EXPECT_EQ(document["openapi"], "3.1.0");
  const Json& schemas = document["components"]["schemas"];
  const std::string page = ask("GET", "/docs").body;
  size_t operations = 0;
  for (const auto& [path, methods] : document["paths"].items()) operations += methods.size();
  EXPECT_EQ(operations, routes().size()) << "a route is in the table twice";
  for (const Route& route : routes()) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    ASSERT_TRUE(document["paths"][std::string(route.pattern)].contains(method)) << route.pattern;
    EXPECT_THAT(page, HasSubstr(std::string(route.pattern)));
    for (const std::string_view schema : {route.request, route.response}) {
      EXPECT_TRUE(schema.empty() || schemas.contains(std::string(schema))) << schema;
    }
  }
  const std::string text = document.dump();
  const std::string prefix = "\"$ref\":\"#/components/schemas/";
  for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const size_t begin = at + prefix.size();
    EXPECT_TRUE(schemas.contains(text.substr(begin, text.find('"', begin) - begin)));
  }
}

TEST_F(ApplicationTest, MetricsCountRequestsByRouteAndStatus) {
  ask("GET", "/api/v2/tenants/a");
  ask("GET", "/api/v2/tenants/b");
  ask("GET", "/nowhere");
  application_->refuse(413, "too large");
  const std::string text = ask("GET", "/metrics").body;
  EXPECT_THAT(text, HasSubstr("viridian_http_requests_total{method=\"GET\","
                              "route=\"/api/v2/tenants/{tenant}\",status=\"200\"} 2"));
  EXPECT_THAT(text, HasSubstr("route=\"unmatched\",status=\"404\"} 1"));
  EXPECT_THAT(text, HasSubstr("route=\"refused\",status=\"413\"} 1"));
  EXPECT_THAT(text, HasSubstr("viridian_http_request_seconds_bucket"));
}

TEST(Url, EncodingAndDecodingAreInverse) {
  std::string all;
  for (char c = 0; c < 127; ++c) all.push_back(c);
  all += "é漢";
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c"), "a%2Fb%20c");
}

TEST(Url, ServerAddressesAreRead) {
  const auto plain = parse_server_url("http://db.example");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->host, "db.example");
  EXPECT_EQ(plain->port, 80);
  const auto full = parse_server_url("http://[::1]:8000/base/");
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->host, "::1");
  EXPECT_EQ(full->port, 8000);
  EXPECT_EQ(full->prefix, "/base");
  EXPECT_FALSE(full->tls);
  const auto tls = parse_server_url("https://h");
  ASSERT_TRUE(tls.ok());
  EXPECT_EQ(tls->port, 443);
  EXPECT_TRUE(tls->tls);
  for (const char* bad : {"ftp://h", "h:1", "http://", "http://h:99999", "http://h:x"}) {
    EXPECT_FALSE(parse_server_url(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace viridian::http
