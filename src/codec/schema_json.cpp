#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/fields.h"
#include "codec/json_values.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

constexpr std::array<std::string_view, 3> kSpaces = {"l2", "cosine", "ip"};

Result<std::optional<Space>> read_space(const Fields& fields) {
  const json::Value* value = fields.present("space");
  if (value == nullptr) return std::optional<Space>();
  VIRIDIAN_TRY(const std::string name, as_text(*value, fields.path_of("space")));
  const auto at = std::find(kSpaces.begin(), kSpaces.end(), name);
  if (at == kSpaces.end())
    return shape_error(
        fields.path_of("space"),
        fmt::format("unknown variant `{}`, expected one of `l2`, `cosine`, `ip`", name));
  return std::optional<Space>(static_cast<Space>(at - kSpaces.begin()));
}

Result<HnswParameters> read_parameters(const Fields& fields) {
  HnswParameters hnsw;
  VIRIDIAN_TRY(hnsw.ef_construction, fields.optional_count("ef_construction"));
  VIRIDIAN_TRY(hnsw.max_neighbors, fields.optional_count("max_neighbors"));
  VIRIDIAN_TRY(hnsw.ef_search, fields.optional_count("ef_search"));
  VIRIDIAN_TRY(hnsw.num_threads, fields.optional_count("num_threads"));
  VIRIDIAN_TRY(hnsw.batch_size, fields.optional_count("batch_size"));
  VIRIDIAN_TRY(hnsw.sync_threshold, fields.optional_count("sync_threshold"));
  VIRIDIAN_TRY(hnsw.resize_factor, fields.optional_number("resize_factor"));
  return hnsw;
}

void write_parameters(json::Writer& out, const HnswParameters& hnsw) {
  const auto count = [&out](std::string_view name, std::optional<uint64_t> value) {
    if (!value) return;
    out.key(name);
    out.unsigned_integer(*value);
  };
  count("ef_construction", hnsw.ef_construction);
  count("max_neighbors", hnsw.max_neighbors);
  count("ef_search", hnsw.ef_search);
  count("num_threads", hnsw.num_threads);
  count("batch_size", hnsw.batch_size);
  count("sync_threshold", hnsw.sync_threshold);
  if (hnsw.resize_factor) {
    out.key("resize_factor");
    out.floating(*hnsw.resize_factor);
  }
}

void write_space(json::Writer& out, std::optional<Space> space) {
  if (!space) return;
  out.key("space");
  out.string(space_name(*space));
}

void write_json_text(json::Writer& out, std::string_view name,
                     const std::optional<std::string>& text) {
  if (!text) return;
  out.key(name);
  out.raw(*text);
}

/// The descriptor as JSON text; nothing for null and where it is absent.
Result<std::optional<std::string>> read_embedding_function(const Fields& fields) {
  const json::Value* value = fields.present("embedding_function");
  if (value == nullptr) return std::optional<std::string>();
  const std::string path = fields.path_of("embedding_function");
  VIRIDIAN_TRY(const Fields parts, Fields::of(*value, path, {"type", "name", "config"}));
  VIRIDIAN_TRY(const std::string type, parts.text("type"));
  if (type == "known") {
    VIRIDIAN_TRY_VOID(parts.text("name"));
    VIRIDIAN_TRY_VOID(parts.require("config"));
  } else if (type != "legacy" && type != "unknown") {
    return shape_error(path, fmt::format("unknown variant `{}`, expected one of `known`, "
                                         "`legacy`, `unknown`",
                                         type));
  }
  json::Writer out;
  out.value(*value);
  return std::optional<std::string>(std::move(out).take());
}

Result<std::optional<std::string>> read_source_key(const Fields& fields) {
  const json::Value* value = fields.present("source_key");
  if (value == nullptr) return std::optional<std::string>();
  VIRIDIAN_TRY(std::string key, as_text(*value, fields.path_of("source_key")));
  return std::optional<std::string>(std::move(key));
}

/// SPANN's own fields, checked for name and type: nothing of them but the space is kept.
Result<Fields> read_spann(const json::Value& value, std::string path) {
  VIRIDIAN_TRY(
      Fields fields,
      Fields::of(
          value, std::move(path),
          {"space", "search_nprobe", "search_rng_factor", "search_rng_epsilon", "write_nprobe",
           "nreplica_count", "write_rng_factor", "write_rng_epsilon", "split_threshold",
           "num_samples_kmeans", "initial_lambda", "reassign_neighbor_count", "merge_threshold",
           "num_centers_to_merge_to", "ef_construction", "ef_search", "max_neighbors"},
          Unknown::refused));
  for (const auto& [name, member] : *value.object()) {
    if (name == "space" || member.is_null()) continue;
    VIRIDIAN_TRY_VOID(as_number(member, fields.path_of(name)));
  }
  return fields;
}

Result<VectorIndex> read_vector_index(const json::Value& config, const std::string& path) {
  VIRIDIAN_TRY(
      const Fields fields,
      Fields::of(config, path, {"space", "embedding_function", "source_key", "hnsw", "spann"},
                 Unknown::refused));
  VectorIndex index;
  VIRIDIAN_TRY(index.space, read_space(fields));
  VIRIDIAN_TRY(index.embedding_function, read_embedding_function(fields));
  VIRIDIAN_TRY(index.source_key, read_source_key(fields));
  if (const json::Value* hnsw = fields.present("hnsw")) {
    VIRIDIAN_TRY(const Fields parts,
                 Fields::of(*hnsw, fields.path_of("hnsw"),
                            {"ef_construction", "max_neighbors", "ef_search", "num_threads",
                             "batch_size", "sync_threshold", "resize_factor"},
                            Unknown::refused));
    VIRIDIAN_TRY(index.hnsw, read_parameters(parts));
  }
  if (const json::Value* spann = fields.present("spann")) {
    VIRIDIAN_TRY_VOID(read_spann(*spann, fields.path_of("spann")));
    index.spann = true;
  }
  return index;
}

Result<SparseVectorIndex> read_sparse_index(const json::Value& config, const std::string& path) {
  VIRIDIAN_TRY(
      const Fields fields,
      Fields::of(config, path, {"embedding_function", "source_key", "bm25"}, Unknown::refused));
  SparseVectorIndex index;
  VIRIDIAN_TRY(index.embedding_function, read_embedding_function(fields));
  VIRIDIAN_TRY(index.source_key, read_source_key(fields));
  if (const json::Value* bm25 = fields.present("bm25")) {
    VIRIDIAN_TRY(index.bm25, as_boolean(*bm25, fields.path_of("bm25")));
  }
  return index;
}

/// A member by either of its spellings; null counts as absent.
Result<const json::Value*> spelled(const Fields& fields, std::string_view name,
                                   std::string_view other) {
  if (fields.find(name) != nullptr && fields.find(other) != nullptr)
    return shape_error(fields.path_of(name), "duplicate field");
  const json::Value* value = fields.present(name);
  return value != nullptr ? value : fields.present(other);
}

struct IndexObject {
  bool enabled = false;
  const json::Value* config = nullptr;
  std::string path;  // of config
};

/// {"enabled": ..., "config": {...}} under `name` inside the value type object `type`.
Result<std::optional<IndexObject>> read_index(const json::Value& type, const std::string& path,
                                              std::string_view name) {
  const std::string dollar = fmt::format("${}", name);
  VIRIDIAN_TRY(const Fields types, Fields::of(type, path, {name, dollar}));
  VIRIDIAN_TRY(const json::Value* value, spelled(types, name, dollar));
  if (value == nullptr) return std::optional<IndexObject>();
  VIRIDIAN_TRY(const Fields fields, Fields::of(*value, types.path_of(name), {"enabled", "config"}));
  IndexObject index;
  VIRIDIAN_TRY(const json::Value* enabled, fields.require("enabled"));
  VIRIDIAN_TRY(index.enabled, as_boolean(*enabled, fields.path_of("enabled")));
  VIRIDIAN_TRY(index.config, fields.require("config"));
  index.path = fields.path_of("config");
  return std::optional<IndexObject>(std::move(index));
}

Status read_flag(const json::Value& type, const std::string& path, std::string_view name,
                 std::optional<bool>& flag) {
  VIRIDIAN_TRY(const auto index, read_index(type, path, name));
  if (!index) return ok_status();
  VIRIDIAN_TRY_VOID(Fields::of(*index->config, index->path, {}, Unknown::refused));
  flag = index->enabled;
  return ok_status();
}

Status read_type(ValueTypes& types, std::string_view kind, const json::Value& value,
                 const std::string& path) {
  if (kind == "string") {
    VIRIDIAN_TRY_VOID(read_flag(value, path, "fts_index", types.full_text));
    return read_flag(value, path, "string_inverted_index", types.string_inverted);
  }
  if (kind == "int") return read_flag(value, path, "int_inverted_index", types.int_inverted);
  if (kind == "float") return read_flag(value, path, "float_inverted_index", types.float_inverted);
  if (kind == "bool") return read_flag(value, path, "bool_inverted_index", types.bool_inverted);
  if (kind == "float_list") {
    VIRIDIAN_TRY(const auto index, read_index(value, path, "vector_index"));
    if (!index) return ok_status();
    VIRIDIAN_TRY(types.vector, read_vector_index(*index->config, index->path));
    types.vector->enabled = index->enabled;
    return ok_status();
  }
  VIRIDIAN_TRY(const auto index, read_index(value, path, "sparse_vector_index"));
  if (!index) return ok_status();
  VIRIDIAN_TRY(types.sparse_vector, read_sparse_index(*index->config, index->path));
  types.sparse_vector->enabled = index->enabled;
  return ok_status();
}

Result<ValueTypes> read_types(const json::Value& value, const std::string& path) {
  ValueTypes types;
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, path,
                          {"string", "#string", "float_list", "#float_list", "sparse_vector",
                           "#sparse_vector", "int", "#int", "float", "#float", "bool", "#bool"}));
  for (const std::string_view kind :
       {"string", "float_list", "sparse_vector", "int", "float", "bool"}) {
    VIRIDIAN_TRY(const json::Value* type, spelled(fields, kind, fmt::format("#{}", kind)));
    if (type != nullptr) VIRIDIAN_TRY_VOID(read_type(types, kind, *type, fields.path_of(kind)));
  }
  return types;
}

bool is_key_path(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kParts = {"projects", "locations", "keyRings",
                                                             "cryptoKeys"};
  for (size_t i = 0; i < kParts.size(); ++i) {
    if (!text.starts_with(kParts[i])) return false;
    text.remove_prefix(kParts[i].size());
    if (!text.starts_with('/')) return false;
    text.remove_prefix(1);
    const bool last = i + 1 == kParts.size();
    const size_t end = last ? text.size() : text.find('/');
    if (end == 0 || end == std::string_view::npos) return false;
    if (last) return text.find('/') == std::string_view::npos;
    text.remove_prefix(end + 1);
  }
  return false;
}

Result<std::string> read_cmek(const json::Value& value, const std::string& path) {
  VIRIDIAN_TRY(const Fields fields, Fields::of(value, path, {"gcp"}, Unknown::refused));
  VIRIDIAN_TRY(const std::string key, fields.text("gcp"));
  json::Writer quoted;
  quoted.string(key);
  if (!is_key_path(key))
    return validation_error("schema", fmt::format("CMEK does not match expected pattern: Gcp({})",
                                                  std::move(quoted).take()));
  json::Writer out;
  out.value(value);
  return std::move(out).take();
}

void begin_index(json::Writer& out, std::string_view name, bool enabled) {
  out.key(name);
  out.begin_object();
  out.key("enabled");
  out.boolean(enabled);
  out.key("config");
  out.begin_object();
}

void end_index(json::Writer& out) {
  out.end_object();
  out.end_object();
}

void write_flag(json::Writer& out, std::string_view name, std::optional<bool> flag) {
  if (!flag) return;
  begin_index(out, name, *flag);
  end_index(out);
}

void write_only_flag(json::Writer& out, std::string_view kind, std::string_view name,
                     std::optional<bool> flag) {
  if (!flag) return;
  out.key(kind);
  out.begin_object();
  write_flag(out, name, flag);
  out.end_object();
}

void write_vector_index(json::Writer& out, const VectorIndex& index) {
  out.key("float_list");
  out.begin_object();
  begin_index(out, "vector_index", index.enabled);
  write_space(out, index.space);
  write_json_text(out, "embedding_function", index.embedding_function);
  if (index.source_key) {
    out.key("source_key");
    out.string(*index.source_key);
  }
  if (index.hnsw) {
    out.key("hnsw");
    out.begin_object();
    write_parameters(out, *index.hnsw);
    out.end_object();
  }
  if (index.spann) {
    out.key("spann");
    out.begin_object();
    out.end_object();
  }
  end_index(out);
  out.end_object();
}

void write_sparse_index(json::Writer& out, const SparseVectorIndex& index) {
  out.key("sparse_vector");
  out.begin_object();
  begin_index(out, "sparse_vector_index", index.enabled);
  write_json_text(out, "embedding_function", index.embedding_function);
  if (index.source_key) {
    out.key("source_key");
    out.string(*index.source_key);
  }
  if (index.bm25) {
    out.key("bm25");
    out.boolean(*index.bm25);
  }
  end_index(out);
  out.end_object();
}

void write_types(json::Writer& out, const ValueTypes& types) {
  out.begin_object();
  if (types.full_text || types.string_inverted) {
    out.key("string");
    out.begin_object();
    write_flag(out, "fts_index", types.full_text);
    write_flag(out, "string_inverted_index", types.string_inverted);
    out.end_object();
  }
  if (types.vector) write_vector_index(out, *types.vector);
  if (types.sparse_vector) write_sparse_index(out, *types.sparse_vector);
  write_only_flag(out, "int", "int_inverted_index", types.int_inverted);
  write_only_flag(out, "float", "float_inverted_index", types.float_inverted);
  write_only_flag(out, "bool", "bool_inverted_index", types.bool_inverted);
  out.end_object();
}

Result<ConfigurationRequest::Hnsw> read_hnsw(const json::Value& value, std::string path,
                                             bool modify) {
  auto fields = modify
                    ? Fields::of(value, std::move(path),
                                 {"ef_search", "max_neighbors", "num_threads", "resize_factor",
                                  "sync_threshold", "batch_size"},
                                 Unknown::refused)
                    : Fields::of(value, std::move(path),
                                 {"space", "ef_construction", "ef_search", "max_neighbors",
                                  "num_threads", "resize_factor", "sync_threshold", "batch_size"},
                                 Unknown::refused);
  if (!fields.ok()) return std::move(fields).error();
  ConfigurationRequest::Hnsw hnsw;
  VIRIDIAN_TRY(hnsw.space, read_space(*fields));
  VIRIDIAN_TRY(hnsw.parameters, read_parameters(*fields));
  return hnsw;
}

}  // namespace

std::string_view space_name(Space space) { return kSpaces[static_cast<size_t>(space)]; }

Result<Schema> schema_of(const json::Value& value, std::string_view path) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::string(path), {"defaults", "keys", "key_overrides", "cmek"}));
  VIRIDIAN_TRY(const json::Value* defaults, fields.require("defaults"));
  const bool alias = fields.find("key_overrides") != nullptr;
  if (alias && fields.find("keys") != nullptr) return shape_error(path, "duplicate field `keys`");
  VIRIDIAN_TRY(const json::Value* keys, fields.require(alias ? "key_overrides" : "keys"));
  Schema schema;
  VIRIDIAN_TRY(schema.defaults, read_types(*defaults, fields.path_of("defaults")));
  const std::string keys_path = fields.path_of("keys");
  if (keys->object() == nullptr) return wrong_type(keys_path, *keys, "an object");
  for (const auto& [key, types] : *keys->object()) {
    VIRIDIAN_TRY(schema.keys[key], read_types(types, member_path(keys_path, key)));
  }
  if (const json::Value* cmek = fields.present("cmek")) {
    VIRIDIAN_TRY(schema.cmek, read_cmek(*cmek, fields.path_of("cmek")));
  }
  return schema;
}

void write(json::Writer& out, const Schema& schema) {
  out.begin_object();
  out.key("defaults");
  write_types(out, schema.defaults);
  out.key("keys");
  out.begin_object();
  for (const auto& [key, types] : schema.keys) {
    out.key(key);
    write_types(out, types);
  }
  out.end_object();
  write_json_text(out, "cmek", schema.cmek);
  out.end_object();
}

Result<ConfigurationRequest> configuration_of(const json::Value& value, std::string_view path,
                                              bool modify) {
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, std::string(path), {"hnsw", "spann", "embedding_function"}));
  ConfigurationRequest configuration;
  if (const json::Value* hnsw = fields.present("hnsw")) {
    VIRIDIAN_TRY(configuration.hnsw, read_hnsw(*hnsw, fields.path_of("hnsw"), modify));
  }
  if (const json::Value* spann = fields.present("spann")) {
    if (modify) {
      VIRIDIAN_TRY_VOID(Fields::of(*spann, fields.path_of("spann"), {"search_nprobe", "ef_search"},
                                   Unknown::refused));
    }
    VIRIDIAN_TRY(const Fields parts, read_spann(*spann, fields.path_of("spann")));
    configuration.spann.emplace();
    VIRIDIAN_TRY(configuration.spann->space, read_space(parts));
  }
  VIRIDIAN_TRY(configuration.embedding_function, read_embedding_function(fields));
  return configuration;
}

void write(json::Writer& out, const ConfigurationRequest& configuration) {
  out.begin_object();
  if (configuration.hnsw) {
    out.key("hnsw");
    out.begin_object();
    write_space(out, configuration.hnsw->space);
    write_parameters(out, configuration.hnsw->parameters);
    out.end_object();
  }
  if (configuration.spann) {
    out.key("spann");
    out.begin_object();
    write_space(out, configuration.spann->space);
    out.end_object();
  }
  write_json_text(out, "embedding_function", configuration.embedding_function);
  out.end_object();
}

std::string write_schema(const Schema& schema) {
  json::Writer out;
  write(out, schema);
  return std::move(out).take();
}

Result<Schema> read_schema(std::string_view json) {
  VIRIDIAN_TRY(const json::Value value, json::parse(json));
  return schema_of(value, "");
}

}  // namespace viridian::codec
