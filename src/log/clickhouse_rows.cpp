#include "log/clickhouse_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "log/clickhouse_metadata.h"

namespace viridian::clickhouse {
namespace {

enum WriteColumn : size_t {
  kCollection,
  kSeq,
  kEpoch,
  kOp,
  kFlags,
  kId,
  kVector,
  kMetadata,
  kDocument,
  kUri,
  kPrevEpoch,
  kPrevLast,
  kTime,
};

/// Bytes of a row besides what varies: numbers, and the lengths of four texts and a vector.
constexpr size_t kRowBytes = 16 + 4 * 8 + 2 + 4 + 5 * 8;

Block empty_block() {
  return Block{{{"collection_id", std::vector<Uuid>()},
                {"seq", std::vector<uint64_t>()},
                {"epoch", std::vector<uint64_t>()},
                {"op", std::vector<uint8_t>()},
                {"flags", std::vector<uint8_t>()},
                {"id", StringColumn()},
                {"vec", FloatArrays()},
                {"meta", StringColumn()},
                {"doc", StringColumn()},
                {"uri", StringColumn()},
                {"prev_epoch", std::vector<uint64_t>()},
                {"prev_last", std::vector<uint64_t>()},
                {"ts", Times()}}};
}

template <class T>
void push(Block& block, size_t column, T value) {
  block.get<std::vector<T>>(column).push_back(value);
}
void push_text(Block& block, size_t column, std::string_view text) {
  block.get<StringColumn>(column).push_back(text);
}
void push_vector(Block& block, const float* vector, uint32_t dim) {
  FloatArrays& arrays = block.get<FloatArrays>(kVector);
  if (vector != nullptr) arrays.values.insert(arrays.values.end(), vector, vector + dim);
  arrays.ends.push_back(arrays.values.size());
}

size_t text_bytes(const NullableStringColumn& column, size_t row) {
  return column.empty() ? 0 : column[row].value_or(std::string_view()).size();
}

size_t vector_bytes(const RecordBatch& batch, size_t row) {
  return batch.embedding(row) == nullptr ? 0 : batch.embeddings.dim * sizeof(float);
}

size_t row_bytes(const RecordBatch& batch, size_t row, std::string_view metadata) {
  return kRowBytes + batch.ids[row].size() + vector_bytes(batch, row) + metadata.size() +
         text_bytes(batch.documents, row) + text_bytes(batch.uris, row);
}

uint8_t flags_of(const RecordBatch& batch, size_t row, bool has_metadata) {
  unsigned flags = 0;
  if (batch.embedding(row) != nullptr) flags |= kHasVector;
  if (!batch.embedding_rows.empty()) flags |= kListsVectors;
  if (!batch.documents.empty()) flags |= batch.documents.has(row) ? kHasDocument : kNullDocument;
  if (!batch.uris.empty()) flags |= batch.uris.has(row) ? kHasUri : kNullUri;
  if (has_metadata) flags |= kHasMetadata;
  if (row + 1 == batch.rows()) flags |= kLastOfBatch;
  return static_cast<uint8_t>(flags);
}

std::string_view text_of(const NullableStringColumn& column, size_t row) {
  return column.empty() ? std::string_view() : column[row].value_or(std::string_view());
}

Error no_batch(const RowAt& at, std::string_view what) {
  return Error(Code::data_loss, fmt::format("row {} of record_log is wrong: {}", at.seq(), what));
}

/// A column that all rows of a batch set, be it to null, or none does.
Status take_text(std::span<const RowAt> rows, uint8_t present, uint8_t null, size_t from,
                 NullableStringColumn& column) {
  const unsigned either = unsigned{present} | null;
  if ((rows.front().flags() & either) == 0) {
    for (const RowAt& at : rows)
      if ((at.flags() & either) != 0) return no_batch(at, "its batch does not set that column");
    return ok_status();
  }
  for (const RowAt& at : rows) {
    const unsigned flags = at.flags() & either;
    if (flags != present && flags != null)
      return no_batch(at, "a column is set twice or not at all");
    const std::string_view text = at.block->get<StringColumn>(from)[at.row];
    column.push_back(flags == present ? std::optional(text) : std::nullopt);
  }
  return ok_status();
}

Status take_vectors(std::span<const RowAt> rows, RecordBatch& batch) {
  const bool lists = (rows.front().flags() & kListsVectors) != 0;
  uint32_t next = 0;
  for (const RowAt& at : rows) {
    if (((at.flags() & kListsVectors) != 0) != lists) return no_batch(at, "its flags are mixed");
    const bool has = (at.flags() & kHasVector) != 0;
    if (lists) batch.embedding_rows.push_back(has ? next : RecordBatch::kNoEmbedding);
    if (!has) continue;
    ++next;
    const FloatArrays& arrays = at.block->get<FloatArrays>(kReadVector);
    const uint64_t begin = at.row == 0 ? 0 : arrays.ends[at.row - 1];
    const uint64_t size = arrays.ends[at.row] - begin;
    if (batch.embeddings.dim == 0) batch.embeddings.dim = static_cast<uint32_t>(size);
    if (size == 0 || size != batch.embeddings.dim)
      return no_batch(at, "its vector's length is not that of its batch");
    const float* values = arrays.values.data() + begin;
    batch.embeddings.values.insert(batch.embeddings.values.end(), values, values + size);
  }
  if (!lists && next != 0 && next != rows.size())
    return no_batch(rows.front(), "some records of its batch have no vector");
  return ok_status();
}

Status take_metadata(std::span<const RowAt> rows, RecordBatch& batch) {
  MetadataColumnsBuilder builder;
  for (size_t i = 0; i < rows.size(); ++i) {
    if ((rows[i].flags() & kHasMetadata) == 0) continue;
    const std::string_view bytes = rows[i].block->get<StringColumn>(kReadMetadata)[rows[i].row];
    if (const auto status = decode_metadata(bytes, static_cast<uint32_t>(i), builder);
        !status.ok()) {
      return no_batch(rows[i], status.error().message());
    }
  }
  batch.metadata = builder.finish();
  return ok_status();
}

}  // namespace

std::string log_table(const Client& client) {
  return fmt::format("{}.{}", client.database(), kLogTable);
}

Status check_sizes(const RecordBatch& batch, size_t most) {
  // Metadata takes up to eight times as much in a row as in memory, where a flag is one bit.
  constexpr size_t kGrows = 16;
  const size_t vectors = batch.embeddings.values.size() * sizeof(float);
  const size_t rest = batch.size_bytes() - std::min(vectors, batch.size_bytes());
  if (kRowBytes + batch.embeddings.dim * sizeof(float) + kGrows * rest <= most) return ok_status();
  const std::vector<std::string> metadata = encode_metadata(batch);
  for (size_t row = 0; row < batch.rows(); ++row) {
    const size_t bytes = row_bytes(batch, row, metadata[row]);
    if (bytes <= most) continue;
    return Error(Code::invalid_argument,
                 fmt::format("record '{}' takes {} bytes in the log, which takes at most {} for "
                             "one: make its document or metadata smaller",
                             batch.ids[row].substr(0, 200), bytes, most));
  }
  return ok_status();
}

LogBlocks::LogBlocks(uint32_t seconds, size_t limit_rows, size_t limit_bytes)
    : seconds_(seconds), limit_rows_(limit_rows), limit_bytes_(limit_bytes) {}

Block& LogBlocks::room_for(size_t bytes) {
  const bool full = blocks_.empty() || blocks_.back().rows() >= limit_rows_ ||
                    (blocks_.back().rows() > 0 && bytes_ + bytes > limit_bytes_);
  if (full) {
    blocks_.push_back(empty_block());
    bytes_ = 0;
  }
  bytes_ += bytes;
  return blocks_.back();
}

void LogBlocks::add_row(Block& block, const RecordBatch& batch, size_t row,
                        std::string_view metadata) {
  push(block, kOp, static_cast<uint8_t>(batch.operation));
  push(block, kFlags, flags_of(batch, row, !metadata.empty()));
  push_text(block, kId, batch.ids[row]);
  push_vector(block, batch.embedding(row), batch.embeddings.dim);
  push_text(block, kMetadata, metadata);
  push_text(block, kDocument, text_of(batch.documents, row));
  push_text(block, kUri, text_of(batch.uris, row));
}

void LogBlocks::add(const CollectionId& collection, uint64_t epoch, SeqId first,
                    const RecordBatch& batch) {
  const std::vector<std::string> metadata = encode_metadata(batch);
  for (size_t row = 0; row < batch.rows(); ++row) {
    Block& block = room_for(row_bytes(batch, row, metadata[row]));
    push(block, kCollection, collection);
    push(block, kSeq, uint64_t{first + row});
    push(block, kEpoch, epoch);
    add_row(block, batch, row, metadata[row]);
    push(block, kPrevEpoch, uint64_t{0});
    push(block, kPrevLast, uint64_t{0});
    block.get<Times>(kTime).seconds.push_back(seconds_);
  }
}

void LogBlocks::add_seal(const CollectionId& collection, uint64_t epoch, uint64_t prev_epoch,
                         SeqId prev_last) {
  Block& block = room_for(kRowBytes);
  push(block, kCollection, collection);
  push(block, kSeq, uint64_t{prev_last});
  push(block, kEpoch, epoch);
  push(block, kOp, kSealOp);
  push(block, kFlags, uint8_t{0});
  for (const size_t text : {kId, kMetadata, kDocument, kUri}) push_text(block, text, "");
  push_vector(block, nullptr, 0);
  push(block, kPrevEpoch, prev_epoch);
  push(block, kPrevLast, uint64_t{prev_last});
  block.get<Times>(kTime).seconds.push_back(seconds_);
}

std::string_view read_columns() { return "seq, epoch, op, flags, id, vec, meta, doc, uri"; }

Shape read_shape() {
  return {{"seq", std::vector<uint64_t>()}, {"epoch", std::vector<uint64_t>()},
          {"op", std::vector<uint8_t>()},   {"flags", std::vector<uint8_t>()},
          {"id", StringColumn()},           {"vec", FloatArrays()},
          {"meta", StringColumn()},         {"doc", StringColumn()},
          {"uri", StringColumn()}};
}

Result<RecordBatch> batch_of(std::span<const RowAt> rows) {
  RecordBatch batch;
  if (rows.empty()) return Error(Code::internal, "no rows are no batch");
  const uint8_t op = rows.front().op();
  if (op > static_cast<uint8_t>(Operation::remove))
    return no_batch(rows.front(), fmt::format("there is no operation {}", op));
  batch.operation = static_cast<Operation>(op);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].op() != op) return no_batch(rows[i], "its operation is not that of its batch");
    if (rows[i].last_of_batch() != (i + 1 == rows.size()))
      return no_batch(rows[i], "its batch ends elsewhere");
    batch.ids.push_back(rows[i].block->get<StringColumn>(kReadId)[rows[i].row]);
  }
  VIRIDIAN_TRY_VOID(take_vectors(rows, batch));
  VIRIDIAN_TRY_VOID(take_text(rows, kHasDocument, kNullDocument, kReadDocument, batch.documents));
  VIRIDIAN_TRY_VOID(take_text(rows, kHasUri, kNullUri, kReadUri, batch.uris));
  VIRIDIAN_TRY_VOID(take_metadata(rows, batch));
  return batch;
}

}  // namespace viridian::clickhouse
