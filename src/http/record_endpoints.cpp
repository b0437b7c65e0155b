#include <charconv>
#include <utility>

#include "codec/api_json.h"
#include "http/endpoints.h"
#include "http/errors.h"
#include "http/url.h"

namespace viridian::http::endpoints {
namespace {

constexpr size_t kDatabaseNameMin = 3;

Error bad_query(std::string_view why) {
  return Error(Code::invalid_argument, "Failed to deserialize query string: " + std::string(why));
}

Result<uint32_t> parse_u32(const std::string& name, const std::string& text) {
  if (text.empty()) return bad_query(name + ": cannot parse integer from empty string");
  uint32_t number = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, number);
  if (error == std::errc::result_out_of_range) {
    return bad_query(name + ": number too large to fit in target type");
  }
  if (error != std::errc() || end != text_end) {
    return bad_query(name + ": invalid digit found in string");
  }
  return number;
}

Response written(std::string body, int status, SeqId last) {
  Response response = json(std::move(body), status);
  response.headers.emplace_back(kSequenceHeader, std::to_string(last));
  return response;
}

Result<Response> write(const Services& services, const Call& call, Operation operation,
                       int status) {
  VIRIDIAN_TRY(RecordBatch batch, codec::read_records(call.request.body, operation));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const WriteResult result, services.api.write(call.context, ref, std::move(batch)));
  return written("{}", status, result.last);
}

}  // namespace

Response json(std::string body, int status) {
  return Response{status, "application/json", std::move(body), {}};
}

Result<DatabasePath> database_path(const Call& call) {
  DatabasePath path{call.parameter("tenant"), call.parameter("database")};
  if (path.database.size() < kDatabaseNameMin) {
    return Error(Code::invalid_argument, "database name must be at least 3 characters");
  }
  return path;
}

Result<CollectionRef> collection_ref(const Call& call) {
  VIRIDIAN_TRY(DatabasePath path, database_path(call));
  const std::optional<Uuid> id = Uuid::parse(call.parameter("collection_id"));
  if (!id) return Error(Code::invalid_argument, "Collection ID is not a valid UUIDv4");
  return CollectionRef{std::move(path), *id};
}

Result<Page> page(const Call& call) {
  VIRIDIAN_TRY(const auto fields, parse_query(call.request.query));
  Page part;
  bool has_limit = false;
  bool has_offset = false;
  for (const auto& [name, value] : fields) {
    if (name != "limit" && name != "offset") continue;
    bool& seen = name == "limit" ? has_limit : has_offset;
    if (std::exchange(seen, true)) return bad_query("duplicate field `" + name + "`");
    VIRIDIAN_TRY(const uint32_t number, parse_u32(name, value));
    if (name == "limit") {
      part.limit = number;
    } else {
      part.offset = number;
    }
  }
  return part;
}

Result<ReadLevel> read_level(const Call& call) {
  VIRIDIAN_TRY(const auto fields, parse_query(call.request.query));
  ReadLevel level = ReadLevel::index_and_wal;
  bool seen = false;
  for (const auto& [name, value] : fields) {
    if (name != "read_level") continue;
    if (std::exchange(seen, true)) return bad_query("duplicate field `read_level`");
    if (value == "index_and_wal") {
      level = ReadLevel::index_and_wal;
    } else if (value == "index_only") {
      level = ReadLevel::index_only;
    } else if (value == "index_and_bounded_wal") {
      level = ReadLevel::index_and_bounded_wal;
    } else {
      return bad_query("read_level: unknown variant `" + value +
                       "`, expected one of `index_and_wal`, `index_only`, "
                       "`index_and_bounded_wal`");
    }
  }
  return level;
}

Result<Response> add(const Services& services, const Call& call) {
  return write(services, call, Operation::add, 201);
}

Result<Response> update(const Services& services, const Call& call) {
  return write(services, call, Operation::update, 200);
}

Result<Response> upsert(const Services& services, const Call& call) {
  return write(services, call, Operation::upsert, 200);
}

Result<Response> delete_records(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const DeleteRequest request, codec::read_delete(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const DeleteResult result, services.api.delete_records(call.context, ref, request));
  return written(codec::write_delete_result(result), 200, result.last);
}

Result<Response> count(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const ReadLevel level, read_level(call));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const uint64_t records, services.api.count(call.context, ref, level));
  return json(codec::write_count(records));
}

Result<Response> count_selected(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const Selection selection, codec::read_count_request(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const uint64_t records, services.api.count_selected(call.context, ref, selection));
  return json(codec::write_count(records));
}

Result<Response> facets(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const FacetsRequest request, codec::read_facets(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const FacetsResult result, services.api.facets(call.context, ref, request));
  return json(codec::write_facets_result(result));
}

Result<Response> extents(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const ExtentsRequest request, codec::read_extents(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const ExtentsResult result, services.api.extents(call.context, ref, request));
  return json(codec::write_extents_result(result));
}

Result<Response> get(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const GetRequest request, codec::read_get(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const GetResult result, services.api.get(call.context, ref, request));
  return json(codec::write_get_result(result));
}

Result<Response> query(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const QueryRequest request, codec::read_query(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const QueryResult result, services.api.query(call.context, ref, request));
  return json(codec::write_query_result(result));
}

Result<Response> explain(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const ExplainRequest request, codec::read_explain(call.request.body));
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY(const Explanation explanation, services.api.explain(call.context, ref, request));
  return json(codec::write_explanation(explanation));
}

}  // namespace viridian::http::endpoints
