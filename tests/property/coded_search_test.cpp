// Rows without an index are searched by their codes first: what is found must be what reading them
// all finds, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "index/flat.h"
#include "property/hard_vectors.h"
#include "property/segment_rig.h"
#include "segment/graph_reader.h"

namespace viridian::conformance {
namespace {

std::string name_of(Space space) {
  return space == Space::l2 ? "l2" : space == Space::cosine ? "cosine" : "ip";
}

/// A collection of one kind of vectors, none of which gets an index.
class CodedSearchRig {
 public:
  CodedSearchRig(const HardVectors& kind, Space in, uint32_t dimension, uint32_t seed)
      : space(in), dim(dimension), random(seed), rig(1'000'000, in), kind_(kind) {}

  std::vector<float> vector() {
    std::vector<float> made(dim);
    kind_.make(random, made, made_++);
    return made;
  }
  void write(Operation operation, size_t first, size_t count) {
    std::vector<Row> rows;
    for (size_t i = first; i < first + count; ++i) {
      Row row{std::to_string(i), {}};
      if (operation != Operation::remove) row.vector = vector();
      rows.push_back(row);
    }
    rig.apply(batch_of(operation, rows));
  }

  Matrix queries(size_t count) {
    Matrix made{dim, {}};
    for (size_t i = 0; i < count; ++i) {
      std::vector<float> one = vector();
      if (i % 3 == 1)
        for (float& value : one) value *= 1 + normal(random) / 100;
      if (i % 3 == 2)
        for (float& value : one) value = normal(random);
      made.values.insert(made.values.end(), one.begin(), one.end());
    }
    return made;
  }
  static std::vector<Offset> some_of(const std::vector<Offset>& all, std::mt19937& random) {
    std::vector<Offset> some;
    const size_t part = 1 + random() % 12;
    for (const Offset offset : all)
      if (random() % part == 0) some.push_back(offset);
    return some;
  }

  /// Searches of many kinds, each compared with reading everything.
  void check(int times) {
    const auto view = rig.view();
    const auto all = view->metadata().all(context);
    ASSERT_TRUE(all.ok());
    const std::vector<Offset> offsets = all->slice(0, all->size());
    for (int i = 0; i < times; ++i) {
      const Matrix asked = queries(i % 4 == 3 ? 11 : 1);
      const std::vector<uint32_t> ks = {1, 10, 100, static_cast<uint32_t>(offsets.size() + 3)};
      const uint32_t k = ks[random() % ks.size()];
      OffsetSet allowed;
      const bool filtered = i % 3 == 2;
      const std::vector<Offset> among = filtered ? some_of(offsets, random) : offsets;
      for (const Offset offset : among) allowed.insert(offset);
      const auto found =
          view->vectors().search(context, {&asked, k, filtered ? &allowed : nullptr});
      ASSERT_TRUE(found.ok()) << found.error().message();
      ASSERT_NO_FATAL_FAILURE(compare(*view, asked, k, among, *found));
    }
  }

  void compare(const ReadView& view, const Matrix& asked, uint32_t k,
               const std::vector<Offset>& among,
               const std::vector<std::vector<Neighbour>>& found) const {
    Matrix vectors{dim, {}};
    ASSERT_TRUE(view.vectors().fetch(context, among, vectors).ok());
    std::vector<float> norms(among.size());
    index::FlatScanner::norms(vectors.values.data(), dim, among.size(), norms.data());
    const index::FlatScanner scanner(space, dim, asked);
    std::vector<index::TopK> exact(asked.rows(), index::TopK(k));
    scanner.scan(vectors.values.data(), norms.data(), among.data(), nullptr, among.size(), exact);
    for (size_t q = 0; q < asked.rows(); ++q)
      ASSERT_EQ(found[q], exact[q].sorted()) << kind_.name << ", " << name_of(space) << ", dim "
                                             << dim << ", k " << k << ", query " << q;
  }

  const Space space;
  const uint32_t dim;
  std::mt19937 random;
  SegmentRig rig;
  Context context;

 private:
  const HardVectors kind_;
  size_t made_ = 0;
};

class CodedSearchOf : public testing::TestWithParam<Space> {};

TEST_P(CodedSearchOf, FindsWhatReadingEverythingFinds) {
  uint32_t seed = 1;
  for (const HardVectors& kind : hard_vectors()) {
    for (const uint32_t dim : {32U, 77U, 300U}) {
      CodedSearchRig one(kind, GetParam(), dim, seed++);
      one.write(Operation::add, 0, 300 + one.random() % 900);
      ASSERT_NO_FATAL_FAILURE(one.check(5));
      one.rig.seal();
      ASSERT_NO_FATAL_FAILURE(one.check(5));
      one.write(Operation::remove, 20, 1 + one.random() % 200);
      one.write(Operation::upsert, 250, 700);
      ASSERT_NO_FATAL_FAILURE(one.check(7));
      one.rig.seal();
      one.rig.merge_everything();
      one.rig.reopen();
      one.write(Operation::add, 2000, 600);
      one.write(Operation::remove, 300, 400);
      ASSERT_NO_FATAL_FAILURE(one.check(7));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Spaces, CodedSearchOf,
                         testing::Values(Space::l2, Space::cosine, Space::ip),
                         [](const auto& space) { return name_of(space.param); });

// Without codes all would be found as well, ten times slower.
TEST(CodedSearch, CodesAreMadeBySearches) {
  constexpr uint32_t kDim = 64;
  const auto head = std::make_shared<segment::VectorHead>(kDim);
  std::mt19937 random(3);
  std::vector<float> vector(kDim);
  Matrix query{kDim, {}};
  const auto search = [&] {
    ThreadPool pool(1, 16);
    const segment::GraphVectorReader reader({{head, head->rows().size(), nullptr}}, Space::l2, kDim,
                                            1, pool, nullptr, nullptr);
    EXPECT_TRUE(reader.search(Context(), {&query, 10, nullptr}).ok());
    return head->codes().size();
  };
  const auto add = [&](uint32_t rows) {
    for (uint32_t row = 0; row < rows; ++row) {
      for (float& value : vector) value = normal(random);
      head->push_back(head->rows().size(), vector.data());
    }
  };
  query.values.resize(kDim);
  add(255);
  EXPECT_EQ(search(), 0u);
  add(1);
  const size_t before = head->bytes();
  EXPECT_EQ(search(), 256u);
  EXPECT_GE(head->bytes(), before + 256 * kDim / 2);
  add(1000);
  EXPECT_EQ(search(), 256u + 512);
  EXPECT_EQ(search(), 1024u);
  EXPECT_EQ(search(), 1024u);
  EXPECT_LE(head->codes().bytes(), segment::CodedRows::most_bytes(kDim, 1024));
}

// One writes, others search what they are shown, and make codes of it.
TEST(CodedSearch, SeesWhatItsReaderMaySee) {
  constexpr uint32_t kDim = 40, kRows = 6000;
  const auto head = std::make_shared<segment::VectorHead>(kDim);
  std::mutex mutex;
  uint32_t shown = 0;  // guarded by mutex; as of record number `shown`
  std::atomic<bool> done = false;
  const auto write = [&] {
    std::mt19937 random(5);
    std::vector<float> vector(kDim);
    for (uint32_t row = 0; row < kRows; ++row) {
      for (float& value : vector) value = normal(random);
      head->push_back(row, vector.data());
      if (row % 5 == 4) head->rows().set_end(row - 4, row + 1);
      if (row % 37 != 0) continue;
      const std::lock_guard lock(mutex);
      shown = row + 1;
    }
    done = true;
  };
  const auto read = [&](uint32_t seed) {
    ThreadPool pool(1, 16);
    std::mt19937 random(seed);
    do {
      uint32_t limit = 0;
      {
        const std::lock_guard lock(mutex);
        limit = shown;
      }
      const std::vector<segment::PinnedVectors> parts = {{head, limit, nullptr}};
      Matrix query{kDim, {}};
      for (uint32_t i = 0; i < kDim; ++i) query.values.push_back(normal(random));
      const VectorQuery asked{&query, 7, nullptr};
      const auto found =
          segment::GraphVectorReader(parts, Space::cosine, kDim, limit, pool, nullptr, nullptr)
              .search(Context(), asked);
      const auto exact = segment::PartsVectorReader(parts, Space::cosine, kDim, limit, pool)
                             .search(Context(), asked);
      ASSERT_TRUE(found.ok() && exact.ok());
      ASSERT_EQ(*found, *exact) << limit;
    } while (!done);
  };
  std::vector<std::thread> threads;
  threads.emplace_back(write);
  for (uint32_t reader = 0; reader < 3; ++reader) threads.emplace_back(read, reader);
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(head->codes().size(), 0u);
}

}  // namespace
}  // namespace viridian::conformance
