#include "model/schema_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace viridian {
namespace {

constexpr std::string_view kUnknownFunction = R"({"type":"unknown"})";
constexpr uint64_t kSmallestBatch = 2;

Error invalid(std::string message) { return Error(Code::invalid_argument, std::move(message)); }
Error bad_schema(std::string_view why) {
  return invalid(fmt::format("Validation error: schema: {}", why));
}
Error unreconciled(std::string_view why) {
  return invalid(fmt::format("Failed to reconcile schema: {}", why));
}

HnswParameters default_hnsw(unsigned cpus) {
  HnswParameters hnsw;
  hnsw.ef_construction = 100;
  hnsw.max_neighbors = 16;
  hnsw.ef_search = 100;
  hnsw.num_threads = std::max(1u, cpus);
  hnsw.batch_size = 100;
  hnsw.sync_threshold = 1000;
  hnsw.resize_factor = 1.2;
  return hnsw;
}

template <class T>
void overlay(std::optional<T>& onto, const std::optional<T>& value) {
  if (value) onto = value;
}

void overlay(HnswParameters& onto, const HnswParameters& from) {
  overlay(onto.ef_construction, from.ef_construction);
  overlay(onto.max_neighbors, from.max_neighbors);
  overlay(onto.ef_search, from.ef_search);
  overlay(onto.num_threads, from.num_threads);
  overlay(onto.batch_size, from.batch_size);
  overlay(onto.sync_threshold, from.sync_threshold);
  overlay(onto.resize_factor, from.resize_factor);
}

void overlay(VectorIndex& onto, const VectorIndex& from) {
  onto.enabled = from.enabled;
  overlay(onto.space, from.space);
  overlay(onto.embedding_function, from.embedding_function);
  overlay(onto.source_key, from.source_key);
  if (from.hnsw && onto.hnsw)
    overlay(*onto.hnsw, *from.hnsw);
  else
    overlay(onto.hnsw, from.hnsw);
}

void overlay(SparseVectorIndex& onto, const SparseVectorIndex& from) {
  onto.enabled = from.enabled;
  overlay(onto.embedding_function, from.embedding_function);
  overlay(onto.source_key, from.source_key);
  overlay(onto.bm25, from.bm25);
}

template <class Index>
void overlay_index(std::optional<Index>& onto, const std::optional<Index>& from) {
  if (!from) return;
  if (!onto) onto.emplace();
  overlay(*onto, *from);
}

void overlay(ValueTypes& onto, const ValueTypes& from) {
  overlay(onto.full_text, from.full_text);
  overlay(onto.string_inverted, from.string_inverted);
  overlay(onto.int_inverted, from.int_inverted);
  overlay(onto.float_inverted, from.float_inverted);
  overlay(onto.bool_inverted, from.bool_inverted);
  overlay_index(onto.vector, from.vector);
  overlay_index(onto.sparse_vector, from.sparse_vector);
  if (onto.vector) onto.vector->spann = false;
}

bool enabled(const std::optional<VectorIndex>& index) { return index && index->enabled; }
bool enabled(const std::optional<SparseVectorIndex>& index) { return index && index->enabled; }

Status check_parameters(const HnswParameters& hnsw) {
  const auto refused = [](std::string_view field, std::string_view why) {
    return unreconciled(
        fmt::format("Invalid HNSW configuration: {}: Validation error: range [{}]", field, why));
  };
  if (hnsw.batch_size && *hnsw.batch_size < kSmallestBatch)
    return refused("batch_size", fmt::format("{} is below 2", *hnsw.batch_size));
  if (hnsw.sync_threshold && *hnsw.sync_threshold < kSmallestBatch)
    return refused("sync_threshold", fmt::format("{} is below 2", *hnsw.sync_threshold));
  if (hnsw.resize_factor && !std::isfinite(*hnsw.resize_factor))
    return refused("resize_factor", "it must be finite");
  return ok_status();
}

Status check_defaults(const ValueTypes& types) {
  if (enabled(types.vector))
    return bad_schema(
        "Vector index cannot be enabled by default. It can only be enabled on #embedding field.");
  if (types.full_text.value_or(false))
    return bad_schema(
        "Full text search / regular expression index cannot be enabled by default. It can only be "
        "enabled on #document field.");
  if (enabled(types.sparse_vector))
    return bad_schema(
        "Sparse vector index cannot be enabled by default. Enable it on one metadata key.");
  return ok_status();
}

Status check_key(const std::string& key, const ValueTypes& types) {
  const bool document = key == Schema::kDocument, embedding = key == Schema::kEmbedding;
  if (key.starts_with('#') && !document && !embedding)
    return bad_schema(fmt::format(
        "key cannot begin with '#'. Keys starting with '#' are reserved for system use: {}", key));
  if (enabled(types.vector) && !embedding)
    return bad_schema(fmt::format("Vector index can only be enabled on #embedding field: {}", key));
  if (types.full_text.value_or(false) && !document)
    return bad_schema(fmt::format(
        "Full text search / regular expression index can only be enabled on #document field: {}",
        key));
  if (types.string_inverted.value_or(false) && document)
    return bad_schema(
        fmt::format("String inverted index can not be enabled on #document key: {}", key));
  if (types.sparse_vector && types.sparse_vector->source_key &&
      types.sparse_vector->embedding_function.value_or(std::string(kUnknownFunction)) ==
          kUnknownFunction)
    return bad_schema(
        fmt::format("Sparse vector index with a source_key needs an embedding_function: {}", key));
  if (enabled(types.sparse_vector))
    return unreconciled("Invalid schema input: Sparse vector indexing is not enabled in local");
  return ok_status();
}

Status check_schema(const Schema& schema) {
  VIRIDIAN_TRY_VOID(check_defaults(schema.defaults));
  const auto check_vector = [](const ValueTypes& types) -> Status {
    if (!types.vector) return ok_status();
    if (types.vector->source_key.value_or(Schema::kDocument) != Schema::kDocument)
      return bad_schema("Vector index can only source from #document");
    return types.vector->hnsw ? check_parameters(*types.vector->hnsw) : ok_status();
  };
  VIRIDIAN_TRY_VOID(check_vector(schema.defaults));
  for (const auto& [key, types] : schema.keys) {
    VIRIDIAN_TRY_VOID(check_key(key, types));
    VIRIDIAN_TRY_VOID(check_vector(types));
  }
  return ok_status();
}

/// The vector index that carries the collection's space and parameters.
const VectorIndex* main_index(const Schema& schema) {
  const auto at = schema.keys.find(Schema::kEmbedding);
  return at == schema.keys.end() || !at->second.vector ? nullptr : &*at->second.vector;
}

Schema filled(const Schema& request, unsigned cpus) {
  Schema schema = default_schema(cpus);
  overlay(schema.defaults, request.defaults);
  for (const auto& [key, types] : request.keys) overlay(schema.keys[key], types);
  // A partial vector index elsewhere keeps only what it says, so that it reads back as written.
  schema.cmek = request.cmek;
  return schema;
}

bool type_is(const std::string& descriptor, std::string_view type) {
  // Descriptors come compact from the reader; a spaced one from elsewhere just counts as set.
  return descriptor.find(fmt::format(R"("type":"{}")", type)) != std::string::npos;
}

/// Descriptors that every client sends when nobody asked for anything.
bool is_default_function(const std::optional<std::string>& descriptor) {
  if (!descriptor) return true;
  return type_is(*descriptor, "unknown") ||
         (type_is(*descriptor, "known") &&
          descriptor->find(R"("name":"default")") != std::string::npos);
}

HnswParameters filled(const HnswParameters& request, unsigned cpus) {
  HnswParameters full = default_hnsw(cpus);
  overlay(full, request);
  return full;
}

bool is_default_hnsw(const ConfigurationRequest& request, unsigned cpus) {
  if (request.spann && request.spann->space.value_or(Space::l2) != Space::l2) return false;
  return !request.hnsw || (request.hnsw->space.value_or(Space::l2) == Space::l2 &&
                           filled(request.hnsw->parameters, cpus) == default_hnsw(cpus));
}

Error bad_legacy() { return invalid("Failed to parse hnsw parameters from segment metadata"); }

Status read_legacy_number(std::string_view key, const MetadataValue& value, HnswParameters& hnsw) {
  if (key == "hnsw:resize_factor") {
    if (const double* real = std::get_if<double>(&value))
      hnsw.resize_factor = *real;
    else if (const int64_t* whole = std::get_if<int64_t>(&value))
      hnsw.resize_factor = static_cast<double>(*whole);
    else
      return bad_legacy();
    return ok_status();
  }
  using Member = std::optional<uint64_t> HnswParameters::*;
  static constexpr std::array<std::pair<std::string_view, Member>, 6> kKeys = {
      {{"hnsw:construction_ef", &HnswParameters::ef_construction},
       {"hnsw:search_ef", &HnswParameters::ef_search},
       {"hnsw:M", &HnswParameters::max_neighbors},
       {"hnsw:num_threads", &HnswParameters::num_threads},
       {"hnsw:batch_size", &HnswParameters::batch_size},
       {"hnsw:sync_threshold", &HnswParameters::sync_threshold}}};
  const auto at = std::find_if(kKeys.begin(), kKeys.end(),
                               [&](const auto& known) { return known.first == key; });
  const int64_t* number = std::get_if<int64_t>(&value);
  if (at == kKeys.end() || number == nullptr || *number < 0) return bad_legacy();
  if (at->first.ends_with("_size") || at->first.ends_with("_threshold"))
    if (*number < static_cast<int64_t>(kSmallestBatch)) return bad_legacy();
  hnsw.*(at->second) = static_cast<uint64_t>(*number);
  return ok_status();
}

/// What "hnsw:" keys of collection metadata ask for.
Status read_legacy(const Metadata& metadata, VectorIndex& index) {
  for (const auto& [key, value] : metadata) {
    if (!key.starts_with("hnsw:")) continue;
    if (key != "hnsw:space") {
      VIRIDIAN_TRY_VOID(read_legacy_number(key, value, *index.hnsw));
      continue;
    }
    const std::string* name = std::get_if<std::string>(&value);
    if (name == nullptr) return bad_legacy();
    if (*name == "l2")
      index.space = Space::l2;
    else if (*name == "cosine")
      index.space = Space::cosine;
    else if (*name == "ip")
      index.space = Space::ip;
    else
      return bad_legacy();
  }
  return ok_status();
}

/// Puts an index's settings where Chroma shows them: on the key, and in the defaults.
void store_index(Schema& schema, const VectorIndex& index) {
  for (VectorIndex* at : {&*schema.defaults.vector, &*schema.keys[Schema::kEmbedding].vector}) {
    at->space = index.space;
    at->hnsw = index.hnsw;
    at->embedding_function = index.embedding_function;
  }
}

}  // namespace

Schema default_schema(unsigned cpus) {
  Schema schema;
  VectorIndex vector;
  vector.space = Space::l2;
  vector.hnsw = default_hnsw(cpus);
  ValueTypes& defaults = schema.defaults;
  defaults.full_text = false;
  defaults.string_inverted = defaults.int_inverted = true;
  defaults.float_inverted = defaults.bool_inverted = true;
  defaults.vector = vector;
  defaults.sparse_vector.emplace();
  defaults.sparse_vector->embedding_function = std::string(kUnknownFunction);
  defaults.sparse_vector->bm25 = false;
  ValueTypes& document = schema.keys[Schema::kDocument];
  document.full_text = true;
  document.string_inverted = false;
  vector.enabled = true;
  vector.source_key = Schema::kDocument;
  schema.keys[Schema::kEmbedding].vector = vector;
  return schema;
}

Result<Schema> resolve_schema(const CreateCollection& request, unsigned cpus) {
  const ConfigurationRequest configuration = request.configuration.value_or(ConfigurationRequest());
  if (configuration.hnsw && configuration.spann)
    return invalid("Multiple vector index configurations provided");
  if (configuration.hnsw) VIRIDIAN_TRY_VOID(check_parameters(configuration.hnsw->parameters));
  Schema schema = default_schema(cpus);
  const bool plain = is_default_hnsw(configuration, cpus);
  if (request.schema) {
    VIRIDIAN_TRY_VOID(check_schema(*request.schema));
    schema = filled(*request.schema, cpus);
    const bool schema_is_default = schema == default_schema(cpus);
    const bool configuration_is_default =
        plain && is_default_function(configuration.embedding_function);
    if (!schema_is_default && !configuration_is_default)
      return unreconciled("Cannot set both collection config and schema simultaneously");
    if (!schema_is_default) return schema;
  }
  VectorIndex index = *main_index(schema);
  index.embedding_function = configuration.embedding_function;
  // The keys are checked even where they have no effect.
  VectorIndex legacy = index;
  if (request.metadata) VIRIDIAN_TRY_VOID(read_legacy(*request.metadata, legacy));
  if (plain) {
    index = legacy;
  } else if (configuration.hnsw) {
    overlay(index.space, configuration.hnsw->space);
    overlay(*index.hnsw, configuration.hnsw->parameters);
  } else {
    overlay(index.space, configuration.spann->space);
  }
  store_index(schema, index);
  return schema;
}

Status modify_schema(Schema& schema, const ConfigurationRequest& request) {
  if (request.hnsw && request.spann)
    return invalid("Multiple vector index configurations provided");
  const VectorIndex* current = main_index(schema);
  if (current == nullptr || !schema.defaults.vector)
    return Error(Code::internal, "the collection's schema has no vector index");
  VectorIndex index = *current;
  if (request.hnsw) {
    if (request.hnsw->space || request.hnsw->parameters.ef_construction)
      return Error(
          Code::unprocessable,
          fmt::format("unknown field `{}`, expected one of `ef_search`, `max_neighbors`, "
                      "`num_threads`, `resize_factor`, `sync_threshold`, `batch_size`: it cannot "
                      "change once the collection exists",
                      request.hnsw->space ? "space" : "ef_construction"));
    VIRIDIAN_TRY_VOID(check_parameters(request.hnsw->parameters));
    if (!index.hnsw) index.hnsw.emplace();
    overlay(*index.hnsw, request.hnsw->parameters);
  }
  overlay(index.embedding_function, request.embedding_function);
  schema.keys[Schema::kEmbedding].vector = index;
  if (request.embedding_function)
    schema.defaults.vector->embedding_function = index.embedding_function;
  if (request.hnsw) schema.defaults.vector->hnsw = index.hnsw;
  return ok_status();
}

Space space_of(const Schema& schema) {
  const VectorIndex* index = main_index(schema);
  return index == nullptr ? Space::l2 : index->space.value_or(Space::l2);
}

HnswParameters chosen_hnsw(const Schema& schema) {
  const VectorIndex* index = main_index(schema);
  HnswParameters chosen =
      index == nullptr ? HnswParameters() : index->hnsw.value_or(HnswParameters());
  const HnswParameters usual = default_hnsw(1);
  for (const auto parameter : {&HnswParameters::ef_construction, &HnswParameters::max_neighbors,
                               &HnswParameters::ef_search})
    if (chosen.*parameter == usual.*parameter) (chosen.*parameter).reset();
  return chosen;
}

Configuration configuration_of(const Schema& schema) {
  Configuration configuration;
  if (const VectorIndex* index = main_index(schema)) {
    configuration.space = index->space.value_or(Space::l2);
    configuration.hnsw = index->hnsw.value_or(HnswParameters());
    configuration.embedding_function = index->embedding_function;
  }
  return configuration;
}

}  // namespace viridian
