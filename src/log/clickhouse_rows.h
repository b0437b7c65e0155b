#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/block.h"
#include "clickhouse/client.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"
#include "viridian/model/record_batch.h"

/// Batches as rows of the table record_log, and back (docs/file-formats.md).
namespace viridian::clickhouse {

inline constexpr std::string_view kLogTable = "record_log";
/// The same as a statement names it.
std::string log_table(const Client& client);

/// The value of `op` of a row that is no record: it says where an epoch begins.
inline constexpr uint8_t kSealOp = 9;

/// Bits of `flags`.
inline constexpr uint8_t kHasVector = 1;
inline constexpr uint8_t kHasDocument = 2;
inline constexpr uint8_t kNullDocument = 4;
inline constexpr uint8_t kHasMetadata = 8;
inline constexpr uint8_t kHasUri = 16;
inline constexpr uint8_t kNullUri = 32;
inline constexpr uint8_t kLastOfBatch = 64;
/// The batch lists which record has which vector (RecordBatch::embedding_rows).
inline constexpr uint8_t kListsVectors = 128;

/// Bytes of rows, as LogBlocks counts them, that one insert takes beside the names and types of its
/// columns.
inline constexpr size_t kMostRowBytes = Client::kBlockBytes - 4096;

/// Whether each record of the batch fits into one insert.
///   invalid_argument  one does not
Status check_sizes(const RecordBatch& batch, size_t most = kMostRowBytes);

/// Makes blocks of record_log. Rows go into the last block until it is as large as an insert may
/// be; all rows have the same time.
class LogBlocks {
 public:
  /// `limit_rows` and `limit_bytes` bound a block; one row may be larger than that.
  LogBlocks(uint32_t seconds, size_t limit_rows, size_t limit_bytes);

  /// The batch's records get the numbers from `first` on.
  void add(const CollectionId& collection, uint64_t epoch, SeqId first, const RecordBatch& batch);
  void add_seal(const CollectionId& collection, uint64_t epoch, uint64_t prev_epoch,
                SeqId prev_last);

  const std::vector<Block>& blocks() const noexcept { return blocks_; }

 private:
  Block& room_for(size_t bytes);
  void add_row(Block& block, const RecordBatch& batch, size_t row, std::string_view metadata);

  uint32_t seconds_;
  size_t limit_rows_;
  size_t limit_bytes_;
  size_t bytes_ = 0;  ///< of the last block
  std::vector<Block> blocks_;
};

/// What a query for records reads, in the order of ReadColumn, and the blocks it gives.
std::string_view read_columns();
Shape read_shape();
enum ReadColumn : size_t {
  kReadSeq,
  kReadEpoch,
  kReadOp,
  kReadFlags,
  kReadId,
  kReadVector,
  kReadMetadata,
  kReadDocument,
  kReadUri,
};

/// One row of a block of that shape.
struct RowAt {
  const Block* block = nullptr;
  size_t row = 0;

  SeqId seq() const { return block->get<std::vector<uint64_t>>(kReadSeq)[row]; }
  uint64_t epoch() const { return block->get<std::vector<uint64_t>>(kReadEpoch)[row]; }
  uint8_t op() const { return block->get<std::vector<uint8_t>>(kReadOp)[row]; }
  uint8_t flags() const { return block->get<std::vector<uint8_t>>(kReadFlags)[row]; }
  bool last_of_batch() const { return (flags() & kLastOfBatch) != 0; }
};

/// The batch whose records these are, all of them in order: equal to what add() was given.
///   data_loss  they are no batch
Result<RecordBatch> batch_of(std::span<const RowAt> rows);

}  // namespace viridian::clickhouse
