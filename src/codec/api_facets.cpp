#include "codec/api_json.h"
#include "codec/api_selection.h"
#include "codec/fields.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

Result<std::vector<std::string>> read_keys(const Fields& fields) {
  VIRIDIAN_TRY(const json::Value* value, fields.require("keys"));
  VIRIDIAN_TRY(const json::Array* elements, as_array(*value, "keys"));
  std::vector<std::string> keys;
  for (const json::Value& element : *elements) {
    VIRIDIAN_TRY(std::string key, as_text(element, element_path("keys", keys.size())));
    keys.push_back(std::move(key));
  }
  return keys;
}

void write_keys(json::Writer& out, const std::vector<std::string>& keys) {
  out.key("keys");
  out.begin_array();
  for (const std::string& key : keys) out.string(key);
  out.end_array();
}

void write_member(json::Writer& out, std::string_view name, uint64_t number) {
  out.key(name);
  out.unsigned_integer(number);
}

/// A scalar, or null.
void write_scalar(json::Writer& out, const MetadataValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return out.boolean(*flag);
  if (const int64_t* whole = std::get_if<int64_t>(&value)) return out.integer(*whole);
  if (const double* number = std::get_if<double>(&value)) return out.floating(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) return out.string(*text);
  out.null();
}

Result<MetadataValue> scalar_of(const Fields& fields, std::string_view name) {
  VIRIDIAN_TRY(const json::Value* value, fields.require(name));
  if (value->is_null()) return MetadataValue();
  return metadata_value(*value, name, fields.path_of(name));
}

/// The only member of a body, an object of which `read` takes each member and its path.
template <class T>
Result<std::vector<std::pair<std::string, T>>> read_by_key(std::string_view body,
                                                           std::string_view name,
                                                           Result<T> (*read)(const json::Value&,
                                                                             std::string)) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, "", {name}));
  VIRIDIAN_TRY(const json::Value* object, fields.require(name));
  if (object->object() == nullptr) return wrong_type(name, *object, "an object");
  std::vector<std::pair<std::string, T>> all;
  for (const auto& [key, member] : *object->object()) {
    VIRIDIAN_TRY(T one, read(member, member_path(name, key)));
    all.emplace_back(key, std::move(one));
  }
  return all;
}

Result<Facet> facet_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::move(path), {"values", "distinct", "records", "others"}));
  Facet facet;
  VIRIDIAN_TRY(facet.distinct, fields.count("distinct"));
  VIRIDIAN_TRY(facet.records, fields.count("records"));
  VIRIDIAN_TRY(facet.others, fields.count("others"));
  VIRIDIAN_TRY(const json::Value* values, fields.require("values"));
  VIRIDIAN_TRY(const json::Array* elements, as_array(*values, fields.path_of("values")));
  for (const json::Value& element : *elements) {
    VIRIDIAN_TRY(const Fields counted,
                 Fields::of(element, element_path(fields.path_of("values"), facet.values.size()),
                            {"value", "count"}));
    ValueCount& one = facet.values.emplace_back();
    VIRIDIAN_TRY(one.value, scalar_of(counted, "value"));
    VIRIDIAN_TRY(one.records, counted.count("count"));
  }
  return facet;
}

Result<Extent> extent_of(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, std::move(path), {"min", "max", "records"}));
  Extent extent;
  VIRIDIAN_TRY(extent.least, scalar_of(fields, "min"));
  VIRIDIAN_TRY(extent.greatest, scalar_of(fields, "max"));
  VIRIDIAN_TRY(extent.records, fields.count("records"));
  return extent;
}

}  // namespace

Result<Selection> read_count_request(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "", {"ids", "where", "where_document"}, Unknown::refused));
  VIRIDIAN_TRY(Selection selection, read_selection(fields));
  VIRIDIAN_TRY_VOID(read_filters(fields, selection));
  return selection;
}

std::string write_count_request(const Selection& selection) {
  json::Writer out;
  out.begin_object();
  write_selection(out, selection);
  out.end_object();
  return std::move(out).take();
}

Result<FacetsRequest> read_facets(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(
      const Fields fields,
      Fields::of(value, "", {"keys", "limit", "ids", "where", "where_document"}, Unknown::refused));
  FacetsRequest request;
  VIRIDIAN_TRY(request.keys, read_keys(fields));
  VIRIDIAN_TRY(const auto limit, read_u32(fields, "limit"));
  request.limit = limit.value_or(request.limit);
  VIRIDIAN_TRY(request.selection, read_selection(fields));
  VIRIDIAN_TRY_VOID(read_filters(fields, request.selection));
  return request;
}

std::string write_facets(const FacetsRequest& request) {
  json::Writer out;
  out.begin_object();
  write_keys(out, request.keys);
  write_member(out, "limit", request.limit);
  write_selection(out, request.selection);
  out.end_object();
  return std::move(out).take();
}

Result<ExtentsRequest> read_extents(std::string_view body) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, "", {"keys", "ids", "where", "where_document"}, Unknown::refused));
  ExtentsRequest request;
  VIRIDIAN_TRY(request.keys, read_keys(fields));
  VIRIDIAN_TRY(request.selection, read_selection(fields));
  VIRIDIAN_TRY_VOID(read_filters(fields, request.selection));
  return request;
}

std::string write_extents(const ExtentsRequest& request) {
  json::Writer out;
  out.begin_object();
  write_keys(out, request.keys);
  write_selection(out, request.selection);
  out.end_object();
  return std::move(out).take();
}

std::string write_facets_result(const FacetsResult& result) {
  json::Writer out;
  out.begin_object();
  out.key("facets");
  out.begin_object();
  for (const auto& [key, facet] : result.facets) {
    out.key(key);
    out.begin_object();
    out.key("values");
    out.begin_array();
    for (const ValueCount& counted : facet.values) {
      out.begin_object();
      out.key("value");
      write_scalar(out, counted.value);
      write_member(out, "count", counted.records);
      out.end_object();
    }
    out.end_array();
    write_member(out, "distinct", facet.distinct);
    write_member(out, "records", facet.records);
    write_member(out, "others", facet.others);
    out.end_object();
  }
  out.end_object();
  out.end_object();
  return std::move(out).take();
}

Result<FacetsResult> read_facets_result(std::string_view body) {
  FacetsResult result;
  VIRIDIAN_TRY(result.facets, read_by_key<Facet>(body, "facets", facet_of));
  return result;
}

std::string write_extents_result(const ExtentsResult& result) {
  json::Writer out;
  out.begin_object();
  out.key("extents");
  out.begin_object();
  for (const auto& [key, extent] : result.extents) {
    out.key(key);
    out.begin_object();
    out.key("min");
    write_scalar(out, extent.least);
    out.key("max");
    write_scalar(out, extent.greatest);
    write_member(out, "records", extent.records);
    out.end_object();
  }
  out.end_object();
  out.end_object();
  return std::move(out).take();
}

Result<ExtentsResult> read_extents_result(std::string_view body) {
  ExtentsResult result;
  VIRIDIAN_TRY(result.extents, read_by_key<Extent>(body, "extents", extent_of));
  return result;
}

}  // namespace viridian::codec
