#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "viridian/base/result.h"
#include "viridian/model/record_batch.h"
#include "viridian/model/requests.h"
#include "viridian/model/schema.h"
#include "viridian/model/where.h"

/// How a collection's schema comes about, changes, and decides what may be filtered.
namespace viridian {

/// The schema of a collection for which nothing was asked. `cpus` is the default of num_threads.
Schema default_schema(unsigned cpus);

/// The full schema of a new collection: the request's schema, else its configuration, else legacy
/// "hnsw:" keys of its metadata, else the defaults.
///   invalid_argument  they contradict each other or themselves; messages are complete
///   unprocessable     an unusable embedding-function descriptor
Result<Schema> resolve_schema(const CreateCollection& request, unsigned cpus);

/// Applies a modify request's configuration to a full schema. On an error nothing has changed.
///   invalid_argument  hnsw and spann both, or a value out of range
///   unprocessable     a field that cannot change (space, ef_construction)
Status modify_schema(Schema& schema, const ConfigurationRequest& request);

/// The distance of a full schema.
Space space_of(const Schema& schema);

/// The parameters of its index, but for those of ef_construction, max_neighbors and ef_search that
/// are what every collection has for which nothing was asked: these are unset.
HnswParameters chosen_hnsw(const Schema& schema);

/// A full schema as the older `configuration` object shows it.
struct Configuration {
  Space space = Space::l2;
  HnswParameters hnsw;
  std::optional<std::string> embedding_function;  ///< JSON text
  friend bool operator==(const Configuration&, const Configuration&) = default;
};
Configuration configuration_of(const Schema& schema);

/// Enters the batch's metadata keys, with the default index of their types, where they are new.
/// True when something was added.
bool note_keys(Schema& schema, const RecordBatch& batch);
/// The same for those rows of the batch for which applies(row) holds.
bool note_keys(Schema& schema, const RecordBatch& batch,
               const std::function<bool(uint32_t)>& applies);

/// Whether texts within documents may be asked for.
bool indexes_documents(const Schema& schema);

/// Whether values of this type are to be found by the key without a look at all records. Numbers
/// are equal across their types, so either of these switches has both indexed.
bool indexes_values(const Schema& schema, const std::string& key, MetadataType type);

/// invalid_argument where the filter needs an index that the schema switches off.
Status check_filter(const Schema& schema, const Where& where);

}  // namespace viridian
