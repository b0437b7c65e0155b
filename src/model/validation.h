#pragma once
#include <cstdint>
#include <string_view>

#include "viridian/base/result.h"
#include "viridian/model/metadata.h"
#include "viridian/model/record_batch.h"

/// What names, batches and metadata may hold, whoever made them. Every failure is
/// invalid_argument; messages are the wire's, without the field's name before them where it
/// depends on the call: the caller adds it with Error::with("Validation error: name").
namespace viridian {

/// Longest vector that is taken.
inline constexpr uint32_t kMaxDimension = 16384;

/// 3 to 512 characters of [a-zA-Z0-9._-], and so on; one "+" may separate a topology prefix.
Status validate_collection_name(std::string_view name);
/// The same rule as for collections.
Status validate_database_name(std::string_view name);
/// Any text of at least 3 characters. The message is complete.
Status validate_tenant_name(std::string_view name);

/// Columns of one length, ids not empty, vectors finite, of 1..kMaxDimension numbers and present
/// where the operation needs them, metadata keys and values allowed. Messages are complete.
Status validate_batch(const RecordBatch& batch);

/// Collection metadata: not empty, keys allowed, scalars only. Nulls are for modify only.
Status validate_collection_metadata(const Metadata& metadata, bool nulls_allowed = false);

}  // namespace viridian
