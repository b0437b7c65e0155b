#pragma once
#include <string>
#include <string_view>

#include "viridian/base/result.h"
#include "viridian/model/record_batch.h"

namespace viridian::codec {

/// The batch as bytes, column by column, little endian (docs/file-formats.md). The batch must keep
/// RecordBatch's rules: set columns have one entry per id, metadata columns ascend and so do their
/// rows. It may hold at most 2^32 - 1 rows, values of one column, and bytes of one string.
std::string encode_batch(const RecordBatch& batch);

/// What encode_batch was given, bit for bit.
///   data_loss  these are not the bytes of a batch, or they break RecordBatch's rules
Result<RecordBatch> decode_batch(std::string_view bytes);

}  // namespace viridian::codec
