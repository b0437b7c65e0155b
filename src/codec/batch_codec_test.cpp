#include "codec/batch_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <random>

#include "conformance/random_batches.h"
#include "viridian/base/uuid.h"

namespace viridian::codec {
namespace {

using conformance::random_batch;

TEST(BatchCodec, RandomBatchesComeBackEqual) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    const RecordBatch batch = random_batch(random, 20);
    const std::string bytes = encode_batch(batch);
    const auto back = decode_batch(bytes);
    ASSERT_TRUE(back.ok()) << i << ": " << back.error().message();
    ASSERT_EQ(*back, batch) << i;
  }
}

TEST(BatchCodec, EmptyBatchComesBack) {
  const auto back = decode_batch(encode_batch(RecordBatch()));
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, RecordBatch());
}

// Floats are kept as bits: -0, subnormal numbers and even NaN payloads.
TEST(BatchCodec, FloatsKeepTheirBits) {
  RecordBatch batch;
  batch.ids = {"a"};
  batch.embeddings.dim = 4;
  const uint32_t bits[] = {0x80000000u, 1u, 0x7fc12345u, 0xff800000u};
  batch.embeddings.values.resize(4);
  std::memcpy(batch.embeddings.values.data(), bits, sizeof bits);
  const RecordBatch back = decode_batch(encode_batch(batch)).value();
  ASSERT_EQ(back.embeddings.values.size(), 4u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(std::bit_cast<uint32_t>(back.embeddings.values[i]), bits[i]);
}

TEST(BatchCodec, CanonicalUuidsTakeSixteenBytesAndOthersStayText) {
  RecordBatch uuids;
  RecordBatch texts;
  for (int i = 0; i < 100; ++i) {
    std::string id = Uuid::random().to_string();
    id[9] = 'a';
    uuids.ids.push_back(id);
    id[9] = 'A';  // upper case: not the canonical form, must come back as it is
    texts.ids.push_back(id);
  }
  EXPECT_EQ(decode_batch(encode_batch(uuids)).value(), uuids);
  EXPECT_EQ(decode_batch(encode_batch(texts)).value(), texts);
  EXPECT_EQ(encode_batch(texts).size() - encode_batch(uuids).size(), 100 * (40 - 16) - 13u);
}

TEST(BatchCodec, EveryPrefixIsRefused) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = encode_batch(random_batch(random, 8));
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string prefix = bytes.substr(0, size);
      const auto refused = decode_batch(prefix);
      ASSERT_FALSE(refused.ok()) << size << " of " << bytes.size();
      ASSERT_EQ(refused.error().code(), Code::data_loss);
    }
    EXPECT_FALSE(decode_batch(bytes + '\0').ok());
  }
}

/// What the decoder promises about batches that it lets through.
void expect_consistent(const RecordBatch& batch) {
  const size_t rows = batch.rows();
  ASSERT_TRUE(batch.documents.empty() || batch.documents.size() == rows);
  ASSERT_TRUE(batch.uris.empty() || batch.uris.size() == rows);
  ASSERT_TRUE(batch.embedding_rows.empty() || batch.embedding_rows.size() == rows);
  for (size_t row = 0; row < rows; ++row) {
    if (const float* vector = batch.embedding(row)) {
      ASSERT_LE(vector + batch.embeddings.dim,
                batch.embeddings.values.data() + batch.embeddings.values.size());
    }
    (void)batch.metadata_of(row);  // walks every column: a wrong length would read out of bounds
  }
  for (const MetadataColumn& column : batch.metadata)
    for (const uint32_t row : column.rows) ASSERT_LT(row, rows);
}

TEST(BatchCodec, DamagedBytesNeverYieldAnInconsistentBatch) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = encode_batch(random_batch(random, 6));
    const size_t changes = 1 + random() % 3;
    for (size_t change = 0; change < changes; ++change) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
          break;
        case 2:
          bytes.erase(at, 1 + random() % 9);
          break;
        default:
          bytes.insert(at, 1 + random() % 9, static_cast<char>(random() % 3 - 1));
          break;
      }
      if (bytes.empty()) break;
    }
    const auto batch = decode_batch(bytes);
    if (batch.ok())
      expect_consistent(*batch);
    else
      ASSERT_EQ(batch.error().code(), Code::data_loss);
  }
}

// A few bytes must not make the decoder ask for gigabytes.
TEST(BatchCodec, CountsAreCheckedAgainstTheBytesThatAreThere) {
  std::string bytes = encode_batch(RecordBatch());
  for (size_t at = 4; at + 4 <= bytes.size(); at += 4) {
    std::string huge = bytes;
    std::memset(huge.data() + at, 0xff, 4);
    EXPECT_FALSE(decode_batch(huge).ok()) << at;
  }
}

TEST(BatchCodec, BrokenRulesAreRefused) {
  RecordBatch batch;
  batch.ids = {"a", "b"};
  batch.metadata = {{"k", MetadataType::boolean, {1, 0}, std::vector<uint8_t>{1, 0}}};
  EXPECT_FALSE(decode_batch(encode_batch(batch)).ok()) << "rows descend";
  batch.metadata = {{"k", MetadataType::boolean, {0, 2}, std::vector<uint8_t>{1, 0}}};
  EXPECT_FALSE(decode_batch(encode_batch(batch)).ok()) << "row out of range";
  batch.metadata = {{"k", MetadataType::boolean, {0}, std::vector<uint8_t>{2}}};
  EXPECT_FALSE(decode_batch(encode_batch(batch)).ok()) << "bad flag";
  batch.metadata = {{"k", MetadataType::boolean, {0}, std::vector<uint8_t>{1}},
                    {"k", MetadataType::boolean, {1}, std::vector<uint8_t>{1}}};
  EXPECT_FALSE(decode_batch(encode_batch(batch)).ok()) << "duplicate column";
  batch.metadata.clear();
  batch.embedding_rows = {0, 1};
  batch.embeddings = {1, {0.5f}};
  EXPECT_FALSE(decode_batch(encode_batch(batch)).ok()) << "vector out of range";
  batch.embedding_rows = {0, RecordBatch::kNoEmbedding};
  EXPECT_TRUE(decode_batch(encode_batch(batch)).ok());
}

}  // namespace
}  // namespace viridian::codec
