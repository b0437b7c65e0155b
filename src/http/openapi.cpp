#include "http/openapi.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <vector>

#include "codec/json.h"
#include "http/errors.h"
#include "http/freshness.h"

namespace viridian::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

void member(json::Writer& out, std::string_view key, std::string_view text) {
  out.key(key);
  out.string(text);
}

void content(json::Writer& out, std::string_view schema) {
  out.key("content");
  out.begin_object();
  out.key("application/json");
  out.begin_object();
  out.key("schema");
  out.begin_object();
  member(out, "$ref", "#/components/schemas/" + std::string(schema));
  out.end_object();
  out.end_object();
  out.end_object();
}

bool is_call(const Route& route, std::initializer_list<std::string_view> calls) {
  const size_t slash = route.pattern.rfind('/');
  return route.pattern.find("{collection_id}/") != std::string_view::npos &&
         std::find(calls.begin(), calls.end(), route.pattern.substr(slash + 1)) != calls.end();
}
bool reads(const Route& route) {
  return is_call(route, {"get", "query", "explain", "count", "facets", "extents"});
}
bool writes(const Route& route) { return is_call(route, {"add", "update", "upsert", "delete"}); }

void parameter(json::Writer& out, std::string_view name, std::string_view in,
               std::string_view schema) {
  out.begin_object();
  member(out, "name", name);
  member(out, "in", in);
  out.key("required");
  out.boolean(in == "path");
  out.key("schema");
  out.raw(schema);
  out.end_object();
}

void parameters(json::Writer& out, const Route& route) {
  out.key("parameters");
  out.begin_array();
  for (size_t open = route.pattern.find('{'); open != std::string_view::npos;
       open = route.pattern.find('{', open + 1)) {
    const size_t close = route.pattern.find('}', open);
    parameter(out, route.pattern.substr(open + 1, close - open - 1), "path",
              R"({"type":"string"})");
  }
  constexpr std::string_view kU32 = R"({"type":"integer","minimum":0,"maximum":4294967295})";
  if (route.query == QueryFields::page) {
    parameter(out, "limit", "query", kU32);
    parameter(out, "offset", "query", kU32);
  } else if (route.query == QueryFields::read_level) {
    parameter(out, "read_level", "query",
              R"({"enum":["index_and_wal","index_only","index_and_bounded_wal"]})");
  }
  if (reads(route)) {
    parameter(out, kReadHeader, "header",
              R"({"type":"string","examples":["strong","session=12","bounded=500","eventual"]})");
  }
  out.end_array();
}

void sequence_header(json::Writer& out) {
  out.key("headers");
  out.begin_object();
  out.key(kSequenceHeader);
  out.begin_object();
  member(out, "description", "Number of the last record written, for session reads");
  out.key("schema");
  out.raw(R"({"type":"integer","minimum":0})");
  out.end_object();
  out.end_object();
}

void responses(json::Writer& out, const Route& route) {
  out.key("responses");
  out.begin_object();
  out.key(std::to_string(route.success));
  out.begin_object();
  member(out, "description", "Success");
  if (!route.response.empty()) content(out, route.response);
  if (writes(route)) sequence_header(out);
  out.end_object();
  out.key("default");
  out.begin_object();
  member(out, "description", "Failure");
  content(out, "Error");
  out.end_object();
  out.end_object();
}

void operation(json::Writer& out, const Route& route) {
  out.key(lower(route.method));
  out.begin_object();
  member(out, "summary", route.summary);
  parameters(out, route);
  if (!route.request.empty()) {
    out.key("requestBody");
    out.begin_object();
    out.key("required");
    out.boolean(true);
    content(out, route.request);
    out.end_object();
  }
  responses(out, route);
  out.end_object();
}

}  // namespace

std::string openapi_document(std::span<const Route> routes, std::string_view version) {
  std::map<std::string_view, std::vector<const Route*>> by_path;
  for (const Route& route : routes) by_path[route.pattern].push_back(&route);
  json::Writer out;
  out.begin_object();
  member(out, "openapi", "3.1.0");
  out.key("info");
  out.begin_object();
  member(out, "title", "Viridian");
  member(out, "description", "An embedding database that Chroma's clients can use.");
  member(out, "version", version);
  out.end_object();
  out.key("paths");
  out.begin_object();
  for (const auto& [path, operations] : by_path) {
    out.key(path);
    out.begin_object();
    for (const Route* route : operations) operation(out, *route);
    out.end_object();
  }
  out.end_object();
  out.key("components");
  out.begin_object();
  out.key("schemas");
  out.raw(openapi_schemas());
  out.end_object();
  out.end_object();
  return std::move(out).take();
}

std::string docs_page(std::span<const Route> routes) {
  std::string page =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Viridian API</title>"
      "<style>body{font:16px sans-serif;margin:2em}td{padding:.2em 1em .2em 0;vertical-align:top}"
      "code{white-space:nowrap}</style><h1>Viridian API</h1>"
      "<p>The same as an OpenAPI document: <a href=\"/openapi.json\">/openapi.json</a></p>"
      "<table>";
  for (const Route& route : routes) {
    page += "<tr><td>" + std::string(route.method) + "<td><code>" + std::string(route.pattern) +
            "</code><td>" + std::string(route.summary);
  }
  return page + "</table></html>\n";
}

}  // namespace viridian::http
