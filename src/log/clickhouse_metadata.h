#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/model/record_batch.h"

/// The metadata of one record as bytes: exact for every value, which JSON is not.
namespace viridian::clickhouse {

/// One text for each row of the batch; empty for a row without metadata.
std::vector<std::string> encode_metadata(const RecordBatch& batch);

/// Adds a row's metadata to `builder`.
///   data_loss  these are not such bytes
Status decode_metadata(std::string_view bytes, uint32_t row, MetadataColumnsBuilder& builder);

}  // namespace viridian::clickhouse
