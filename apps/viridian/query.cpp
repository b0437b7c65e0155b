#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <utility>

#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/query.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

Result<std::vector<float>> read_vector(const std::string& text) {
  std::string json = text;
  if (text == "-") json.assign(std::istreambuf_iterator<char>(std::cin), {});
  const Result<json::Value> value = json::parse(json);
  const json::Array* array = value.ok() ? value->array() : nullptr;
  if (array == nullptr) {
    return Error(Code::invalid_argument, "the vector must be a JSON array of numbers: [0.1, 0.2]");
  }
  std::vector<float> vector;
  for (const json::Value& number : *array) {
    if (const double* floating = number.floating()) {
      vector.push_back(static_cast<float>(*floating));
    } else if (const int64_t* integer = number.integer()) {
      vector.push_back(static_cast<float>(*integer));
    } else {
      return Error(Code::invalid_argument,
                   fmt::format("the vector must hold numbers only, not {}", number.describe()));
    }
  }
  return vector;
}

Result<std::vector<float>> vector_of(const CollectionHandle& collection, const std::string& id) {
  GetOptions options;
  options.ids = {id};
  options.include = {Include::embeddings};
  VIRIDIAN_TRY(Rows rows, collection.get(options));
  if (rows.empty()) {
    return Error(Code::not_found,
                 fmt::format("collection {} has no record \"{}\"", collection.name(), id));
  }
  const Row row = rows[0];
  return std::vector<float>(row.vector.begin(), row.vector.end());
}

// The nearest record to a record is itself, which nobody wants to see.
Rows without(const Rows& rows, const std::string& id, uint32_t limit) {
  RecordColumns columns;
  std::vector<float> distances;
  for (const Row row : rows) {
    if (row.id == id || columns.ids.size() == limit) continue;
    columns.ids.push_back(row.id);
    columns.documents.push_back(row.document);
    columns.metadatas.push_back(row.metadata ? std::optional(*row.metadata) : std::nullopt);
    distances.push_back(row.distance.value_or(0));
  }
  return Rows(std::move(columns), std::move(distances));
}

Result<Rows> search(const CollectionHandle& collection, const QueryArguments& arguments) {
  QueryOptions options = query_options(arguments);
  VIRIDIAN_TRY(const std::vector<float> vector, query_vector(collection, arguments));
  if (arguments.like_id.empty()) return collection.query(vector, options);
  ++options.n_results;
  VIRIDIAN_TRY(Rows rows, collection.query(vector, options));
  return without(rows, arguments.like_id, arguments.n_results);
}

/// KEY, KEY:asc or KEY:desc.
SortKey sort_key(std::string_view text) {
  for (const bool descending : {false, true}) {
    const std::string_view ending = descending ? ":desc" : ":asc";
    if (text.ends_with(ending))
      return {std::string(text.substr(0, text.size() - ending.size())), descending};
  }
  return {std::string(text), false};
}

Result<Rows> fetch(const CollectionHandle& collection, const GetArguments& arguments) {
  const GetOptions options = get_options(arguments);
  VIRIDIAN_TRY(Rows rows, collection.get(options));
  if (rows.empty() && options.ids) {
    return Error(Code::not_found,
                 fmt::format("collection {} has none of these records", collection.name()));
  }
  return rows;
}

// Opens the target and its collection, asks, and prints the records.
template <class Ask, class Arguments>
int ask_and_print(const Arguments& arguments, Ask ask) {
  const Opened opened = open_target(arguments.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<CollectionHandle> collection = opened.client->get_collection(arguments.collection);
  if (!collection.ok()) return fail(collection.error());
  const Result<Rows> rows = ask(*collection, arguments);
  if (!rows.ok()) return fail(rows.error());
  print_rows(*rows, arguments.target.json);
  return kOk;
}

}  // namespace

Result<std::vector<float>> query_vector(const CollectionHandle& collection,
                                        const QueryArguments& arguments) {
  return arguments.like_id.empty() ? read_vector(arguments.vector)
                                   : vector_of(collection, arguments.like_id);
}

QueryOptions query_options(const QueryArguments& arguments) {
  QueryOptions options;
  options.n_results = arguments.n_results;
  options.recall = arguments.recall;
  if (!arguments.filters.where.empty()) options.where = arguments.filters.where;
  if (!arguments.filters.where_document.empty()) {
    options.where_document = arguments.filters.where_document;
  }
  return options;
}

GetOptions get_options(const GetArguments& arguments) {
  GetOptions options;
  if (!arguments.filters.ids.empty()) options.ids = arguments.filters.ids;
  if (!arguments.filters.where.empty()) options.where = arguments.filters.where;
  if (!arguments.filters.where_document.empty()) {
    options.where_document = arguments.filters.where_document;
  }
  options.limit = arguments.limit;
  options.offset = arguments.offset;
  for (const std::string& key : arguments.order_by) options.order_by.push_back(sort_key(key));
  options.include = {Include::documents, Include::metadatas, Include::uris};
  if (arguments.vectors) options.include.push_back(Include::embeddings);
  return options;
}

int run(const QueryArguments& arguments) { return ask_and_print(arguments, search); }

int run(const GetArguments& arguments) { return ask_and_print(arguments, fetch); }

int run(const CountArguments& arguments) {
  const Opened opened = open_target(arguments.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<CollectionHandle> collection = opened.client->get_collection(arguments.collection);
  if (!collection.ok()) return fail(collection.error());
  Filter filter;
  if (!arguments.filters.where.empty()) filter.where = arguments.filters.where;
  if (!arguments.filters.where_document.empty())
    filter.where_document = arguments.filters.where_document;
  const bool all = !filter.where && !filter.where_document;
  const Result<uint64_t> count = all ? collection->count() : collection->count(filter);
  if (!count.ok()) return fail(count.error());
  fmt::print("{}\n", *count);
  return kOk;
}

}  // namespace viridian::cli
