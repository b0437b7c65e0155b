#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "index/flat.h"
#include "index/index_builder.h"
#include "os/background_threads.h"
#include "property/segment_rig.h"

// Every allocation of this program is counted.
namespace {
std::atomic<size_t> in_use = 0;
std::atomic<size_t> most_in_use = 0;

void* counted(void* piece) {
  if (piece == nullptr) throw std::bad_alloc();
  const size_t now = in_use += malloc_usable_size(piece);
  size_t most = most_in_use;
  while (now > most && !most_in_use.compare_exchange_weak(most, now)) {
  }
  return piece;
}
void give_back(void* piece) noexcept {
  in_use -= malloc_usable_size(piece);
  std::free(piece);
}
}  // namespace

void* operator new(size_t size) { return counted(std::malloc(size)); }
void* operator new(size_t size, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  return counted(std::aligned_alloc(unit, (size + unit - 1) / unit * unit));
}
void operator delete(void* piece) noexcept { give_back(piece); }
void operator delete(void* piece, size_t) noexcept { give_back(piece); }
void operator delete(void* piece, std::align_val_t) noexcept { give_back(piece); }
void operator delete(void* piece, size_t, std::align_val_t) noexcept { give_back(piece); }

namespace viridian::conformance {
namespace {

// 4 bytes per row, and buffers: however large the rows are. Those without vectors are packed block
// by block.
TEST(MergeMemory, DoesNotGrowWithTheBytesOfTheRows) {
  constexpr size_t kRows = 40'000, kBatch = 5'000, kTextBytes = 3'000;
  constexpr size_t kBuffers = size_t{2} << 20, kBlock = size_t{64} << 20;
  SegmentRig rig;
  rig.leave_documents_unindexed();
  ASSERT_TRUE(rig.open().ok());
  for (size_t first = 0; first < kRows; first += kBatch) {
    std::vector<Row> rows;
    for (size_t i = first; i < first + kBatch; ++i) {
      Row row{"id" + std::to_string(i), std::vector<float>(64, static_cast<float>(i))};
      row.document = noise(i, kTextBytes);
      rows.push_back(std::move(row));
    }
    rig.apply(batch_of(Operation::add, rows));
    rig.seal();
  }
  ASSERT_GT(rig.file_bytes(), kRows * (kTextBytes + 64 * sizeof(float)));
  ASSERT_GT(kRows * kTextBytes, kBlock + kBlock / 2);
  for (const bool vectors : {false, true}) {
    SegmentWriter& writer = rig.writer(vectors);
    writer.begin_merge({0, writer.files().size()});
    const size_t before = in_use;
    most_in_use = before;
    rig.write_merged(vectors);
    EXPECT_LT(most_in_use - before, kRows * 4 + (vectors ? kBuffers : kBlock))
        << "vectors: " << vectors;
    rig.adopt_merged(vectors);
  }
}

// What is indexed of rows is made block by block.
TEST(MergeMemory, OfTheIndexDoesNotGrowWithTheRows) {
  constexpr size_t kRows = 60'000, kBatch = 5'000, kWords = 200;
  constexpr size_t kIndexOfABlock = size_t{100} << 20;
  Generator generator(11);
  SegmentRig rig;
  uint64_t text_bytes = 0;
  for (size_t first = 0; first < kRows; first += kBatch) {
    std::vector<Row> rows;
    for (size_t i = first; i < first + kBatch; ++i) {
      Row row{"id" + std::to_string(i), {0, 0, static_cast<float>(i)}};
      std::string text;
      for (size_t word = 0; word < kWords; ++word)
        text += "w" + std::to_string(generator.below(30'000)) + ' ';
      text_bytes += text.size();
      row.document = std::move(text);
      Metadata metadata;
      for (int key = 0; key < 8; ++key)
        metadata.set("key" + std::to_string(key), int64_t{generator.below(1'000'000)});
      row.metadata = std::move(metadata);
      rows.push_back(std::move(row));
    }
    rig.apply(batch_of(Operation::add, rows));
    rig.seal();
  }
  // All of it at once would take more.
  ASSERT_GT(text_bytes, kIndexOfABlock / 2);
  rig.metadata().begin_merge({0, rig.metadata().files().size()});
  const size_t before = in_use;
  most_in_use = before;
  rig.write_merged(false);
  EXPECT_LT(most_in_use - before, kRows * 4 + kIndexOfABlock);
  rig.adopt_merged(false);
}

// Of values that are read since no index has them, columns keep little.
TEST(OrderMemory, DoesNotGrowWithTheBytesOfTheValues) {
  constexpr size_t kRows = 3'000, kTextBytes = 50'000, kBlock = size_t{48} << 20;
  SegmentRig rig;
  Schema schema;
  schema.defaults.string_inverted = false;
  rig.use(schema);
  for (size_t first = 0; first < kRows; first += 500) {
    std::vector<Row> rows;
    for (size_t i = first; i < first + 500; ++i) {
      Row row{"id" + std::to_string(i), {0, 0, static_cast<float>(i)}};
      const std::string text = std::to_string(i * 7919 % kRows) + std::string(kTextBytes, 'x');
      row.metadata = Metadata{{"text", text}, {"texts", std::vector<std::string>{text}}};
      rows.push_back(std::move(row));
    }
    rig.apply(batch_of(Operation::add, rows));
    rig.seal();
  }
  ASSERT_GT(kRows * kTextBytes, 2 * kBlock);
  const std::vector<std::string> keys = {"texts"};
  const std::vector<SortKey> order = {{"text", false}};
  const auto view = rig.view();
  const size_t before = in_use;
  most_in_use = before;
  const auto ordered = view->metadata().order(Context(), {.keys = order, .limit = kRows});
  ASSERT_TRUE(ordered.ok()) << ordered.error().message();
  EXPECT_EQ(ordered->size(), kRows);
  EXPECT_TRUE(view->metadata().extents(Context(), keys, nullptr).ok());
  EXPECT_LT(most_in_use - before, kBlock);
}

/// Rows about some centres.
class MadeRows final : public index::RowSource {
 public:
  MadeRows(uint32_t rows, uint32_t dim) : rows_(rows), dim_(dim), norms_(rows) {
    Generator generator(5);
    for (uint32_t row = 0; row < rows; ++row) {
      const int centre = generator.below(30);
      for (uint32_t i = 0; i < dim; ++i)
        values_.push_back(static_cast<float>((centre * 7919 + int(i) * 104729) % 13) +
                          static_cast<float>(generator.below(1000)) / 100);
    }
    index::FlatScanner::norms(values_.data(), dim, rows, norms_.data());
  }
  uint32_t rows() const override { return rows_; }
  uint32_t dim() const override { return dim_; }
  Result<const float*> vector(uint32_t row) const override {
    return values_.data() + size_t{row} * dim_;
  }
  Result<float> norm(uint32_t row) const override { return norms_[row]; }

 private:
  uint32_t rows_, dim_;
  std::vector<float> values_, norms_;
};

TEST(BuildMemory, IsNoMoreThanWhatIsSaidBeforehandAndNotMuchLess) {
  for (const uint32_t dim : {24U, 300U}) {
    for (const uint32_t rows : {1500U, 6000U}) {
      for (const size_t threads : {1U, 2U}) {
        const MadeRows source(rows, dim);
        os::BackgroundThreads executor(threads);
        const size_t before = in_use;
        most_in_use = before;
        const auto built = index::build_index(Context(), source, {}, executor);
        ASSERT_TRUE(built.ok());
        const uint64_t said = index::build_bytes({}, dim, threads, rows);
        EXPECT_LE(most_in_use - before, said) << dim << " " << rows << " " << threads;
        EXPECT_GE(most_in_use - before, said / 3) << dim << " " << rows << " " << threads;
      }
    }
  }
}

}  // namespace
}  // namespace viridian::conformance
