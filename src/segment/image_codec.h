#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segment/base_store.h"
#include "viridian/model/metadata.h"
#include "viridian/model/record_batch.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

/// A record's metadata as images keep it: every value exactly as it was.
std::string encode_metadata(const Metadata& metadata);
/// Adds what encode_metadata() made to a row of a batch that is being built.
///   data_loss  the bytes are none that it makes
Status decode_metadata(std::string_view bytes, uint32_t row, MetadataColumnsBuilder& out);

/// Appends images of records that live in the view. `seqs[i]` belongs to `offsets[i]`.
Status append_images(const Context&, const ReadView& view, std::span<const Offset> offsets,
                     std::span<const SeqId> seqs, Images& out);
/// Appends the news that a record is gone.
void append_deletion(Offset offset, SeqId seq, Images& out);

/// A row of one of several blocks.
struct ImageRow {
  uint32_t block = 0;
  uint32_t row = 0;
};
/// The rows, none of them deletions, as a batch that adds them, in this order.
///   data_loss  a row is not whole, or their vectors differ in length
Result<RecordBatch> to_batch(const std::vector<Images>& blocks, std::span<const ImageRow> rows);

}  // namespace viridian::segment
