#include "log/clickhouse_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "clickhouse/native.h"
#include "conformance/random_batches.h"
#include "log/clickhouse_metadata.h"

namespace viridian::clickhouse {
namespace {

constexpr size_t kWritten[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

/// What a query for all rows would give, block by block.
std::vector<Block> as_read(const LogBlocks& written) {
  std::vector<Block> found;
  for (const Block& block : written.blocks()) {
    Block& out = found.emplace_back();
    for (const size_t column : kWritten) out.columns.push_back(block.columns[column]);
  }
  return found;
}

std::vector<RowAt> rows_of(const std::vector<Block>& blocks) {
  std::vector<RowAt> rows;
  for (const Block& block : blocks)
    for (size_t row = 0; row < block.rows(); ++row) rows.push_back({&block, row});
  return rows;
}

RecordBatch round_trip(const RecordBatch& batch, size_t block_rows, size_t block_bytes) {
  LogBlocks blocks(7, block_rows, block_bytes);
  blocks.add(Uuid::random(), 3, 11, batch);
  const std::vector<Block> read = as_read(blocks);
  const std::vector<RowAt> rows = rows_of(read);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].seq(), 11 + i);
    EXPECT_EQ(rows[i].epoch(), 3u);
  }
  const auto found = batch_of(rows);
  EXPECT_TRUE(found.ok()) << found.error().message();
  return found.value_or(RecordBatch());
}

TEST(LogRows, AnyBatchComesBackEqual) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 2000; ++round) {
    const RecordBatch batch = conformance::random_batch(random, 12);
    ASSERT_EQ(round_trip(batch, 65'536, 1 << 20), batch) << round;
    ASSERT_EQ(round_trip(batch, 1 + random() % 5, 1 << 20), batch) << round;
    ASSERT_EQ(round_trip(batch, 65'536, 1 + random() % 300), batch) << round;
  }
}

TEST(LogRows, ShapeIsWhatTheQueryNames) {
  std::string names;
  for (const Column& column : read_shape()) names += (names.empty() ? "" : ", ") + column.name;
  EXPECT_EQ(names, read_columns());
  LogBlocks blocks(7, 10, 1000);
  blocks.add(Uuid::random(), 1, 1, [] {
    RecordBatch batch;
    batch.ids.push_back("x");
    return batch;
  }());
  const Shape shape = read_shape();
  for (size_t i = 0; i < shape.size(); ++i) {
    const Column& written = blocks.blocks().front().columns[kWritten[i]];
    EXPECT_EQ(written.name, shape[i].name);
    EXPECT_EQ(written.values.index(), shape[i].values.index());
  }
}

TEST(LogRows, NumbersThatJsonCannotHoldComeBackBitForBit) {
  RecordBatch batch;
  batch.ids.push_back("x");
  MetadataColumnsBuilder builder;
  builder.set(0, "a", -0.0);
  builder.set(0, "b", std::numeric_limits<double>::denorm_min());
  builder.set(0, "c", std::numeric_limits<int64_t>::min());
  builder.set(0, "d", std::vector<double>{std::numeric_limits<double>::infinity()});
  builder.set(0, "e", std::vector<int64_t>{});
  builder.set(0, "f", std::vector<bool>{});
  builder.set(0, std::string("g\0h", 3), std::string("\xff\0", 2));
  batch.metadata = builder.finish();
  const RecordBatch found = round_trip(batch, 10, 10'000);
  EXPECT_EQ(found, batch);
  EXPECT_TRUE(std::signbit(std::get<double>(*found.metadata_of(0).find("a"))));
}

TEST(LogRows, BlocksKeepToTheirLimits) {
  RecordBatch batch;
  for (int i = 0; i < 100; ++i) batch.ids.push_back(std::string(1000, 'x'));
  LogBlocks by_rows(7, 30, 1 << 30);
  by_rows.add(Uuid::random(), 1, 1, batch);
  ASSERT_EQ(by_rows.blocks().size(), 4u);
  for (const Block& block : by_rows.blocks()) EXPECT_LE(block.rows(), 30u);
  LogBlocks by_bytes(7, 1000, 10'000);
  by_bytes.add(Uuid::random(), 1, 1, batch);
  EXPECT_GE(by_bytes.blocks().size(), 10u);
}

// An insert that is larger than the client takes would be refused amid a batch, for good.
TEST(LogRows, BlockIsNoLargerThanItsCountedBytes) {
  std::mt19937_64 random(21);
  for (int round = 0; round < 300; ++round) {
    const size_t most = 500 + random() % 5000;
    LogBlocks blocks(7, 65'536, most);
    for (int i = 0; i < 5; ++i)
      blocks.add(Uuid::random(), UINT64_MAX, UINT64_MAX / 2, conformance::random_batch(random, 12));
    for (const Block& block : blocks.blocks()) {
      const auto encoded = encode_native(block);
      ASSERT_TRUE(encoded.ok());
      if (block.rows() == 1) continue;
      EXPECT_LE(encoded->size(), most + Client::kBlockBytes - kMostRowBytes);
    }
  }
}

TEST(LogRows, RecordThatIsTooLargeIsNamed) {
  std::mt19937_64 random(22);
  for (int round = 0; round < 300; ++round) {
    const RecordBatch batch = conformance::random_batch(random, 12);
    const size_t most = 100 + random() % 600;
    LogBlocks blocks(7, 1, 1);  // a block for each row
    blocks.add(Uuid::random(), 1, 1, batch);
    size_t largest = 0;
    for (const Block& block : blocks.blocks())
      largest = std::max(largest, encode_native(block)->size());
    if (check_sizes(batch, most).ok()) {
      EXPECT_LE(largest, most + Client::kBlockBytes - kMostRowBytes);
    } else {
      EXPECT_GT(largest, most);
    }
  }
  RecordBatch batch;
  for (const char* id : {"small", "huge"}) batch.ids.push_back(id);
  batch.documents.push_back("");
  batch.documents.push_back(std::string(10'000, 'x'));
  const Status refused = check_sizes(batch, 9'000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_NE(refused.error().message().find("'huge'"), std::string::npos);
  EXPECT_TRUE(check_sizes(batch).ok());
}

// What a query gave may be another version's, or rows of two batches.
TEST(LogRows, RowsThatAreNoBatchAreDataLoss) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 500; ++round) {
    LogBlocks blocks(7, 100, 1 << 20);
    blocks.add(Uuid::random(), 1, 1, conformance::random_batch(random, 4));
    blocks.add(Uuid::random(), 1, 9, conformance::random_batch(random, 4));
    std::vector<Block> read = as_read(blocks);
    const std::vector<RowAt> rows = rows_of(read);
    const auto both = batch_of(rows);
    ASSERT_FALSE(both.ok());
    EXPECT_EQ(both.error().code(), Code::data_loss);
    const auto cut = batch_of(std::span(rows).first(1));
    if (!rows.front().last_of_batch()) {
      ASSERT_FALSE(cut.ok());
      EXPECT_EQ(cut.error().code(), Code::data_loss);
    }
  }
}

TEST(LogMetadata, DamagedBytesAreAnErrorOrOtherMetadataButNeverMore) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 500; ++round) {
    const RecordBatch batch = conformance::random_batch(random, 3);
    for (const std::string& text : encode_metadata(batch)) {
      for (size_t size = 0; size < text.size(); ++size) {
        MetadataColumnsBuilder builder;
        (void)decode_metadata(std::string_view(text).substr(0, size), 0, builder);
        std::string flipped = text;
        flipped[size] = static_cast<char>(flipped[size] ^ (1 << random() % 8));
        MetadataColumnsBuilder other;
        (void)decode_metadata(flipped, 0, other);
      }
    }
  }
}

}  // namespace
}  // namespace viridian::clickhouse
