// What is asked of a graph segment, beyond the nearest: how it is built, how it is searched, and
// what its searches are worth.
#include <gtest/gtest.h>

#include <thread>

#include "obs/metrics.h"
#include "property/segment_rig.h"
#include "segment/recall_sampler.h"

namespace viridian::conformance {
namespace {

constexpr uint32_t kDim = 12;
constexpr int kRows = 2500;

/// Rows that lie around a few centres, in one file with an index.
class GraphRig {
 public:
  explicit GraphRig(const HnswParameters& hnsw = {}, segment::RecallSampler* sampler = nullptr)
      : rig(1000, Space::l2, hnsw, sampler) {
    std::vector<Row> rows;
    for (int i = 0; i < kRows; ++i) rows.push_back({std::to_string(i), vector()});
    rig.apply(batch_of(Operation::add, rows));
    rig.seal();
    while (const auto range = rig.vectors().merge_due()) rig.merge(true, *range);
    EXPECT_EQ(rig.vectors().files().size(), 1u);
  }
  std::vector<float> vector() {
    std::vector<float> made(kDim);
    const int centre = generator.below(20);
    for (uint32_t i = 0; i < kDim; ++i)
      made[i] = static_cast<float>((centre * 7919 + int(i) * 104729) % 13) +
                static_cast<float>(generator.below(1000)) / 300;
    return made;
  }
  Matrix one_vector() {
    const std::vector<float> values = vector();
    Matrix one{kDim, {}};
    one.values.insert(one.values.end(), values.begin(), values.end());
    return one;
  }
  std::vector<Neighbour> search(const VectorQuery& query) {
    auto found = rig.view()->vectors().search(context, query);
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() ? found->front() : std::vector<Neighbour>();
  }
  Searched way_to(const VectorQuery& query, Offset offset) {
    const auto searched = rig.view()->vectors().way_to(context, query, offset);
    EXPECT_TRUE(searched.ok()) << searched.error().message();
    return searched.ok() ? *searched : Searched();
  }
  index::IndexHeader header() {
    const SegmentFile& entry = rig.vectors().files().front();
    auto sealed = segment::SealedFile::open(
        rig.files(), os::join(rig.directory(), entry.name),
        {segment::FileKind::vectors, entry.id, rig.collection()}, entry.size_bytes);
    EXPECT_TRUE(sealed.ok()) << sealed.error().message();
    const auto places = segment::indexes_of(**sealed);
    EXPECT_TRUE(places.ok() && places->size() == 1);
    const auto index = segment::OpenedIndex::open(**sealed, places->front(), true);
    EXPECT_TRUE(index.ok()) << index.error().message();
    return (*index)->graph().header();
  }

  Context context;
  Generator generator{5};
  SegmentRig rig;
};

TEST(GraphReader, ParametersOfTheCollectionShapeItsIndexes) {
  const uint32_t usual = GraphRig().header().degree;
  HnswParameters hnsw;
  hnsw.max_neighbors = 10;
  hnsw.ef_construction = 30;
  hnsw.num_threads = 1;
  GraphRig sparse(hnsw);
  EXPECT_EQ(sparse.header().degree, 20u);
  EXPECT_NE(usual, 20u);
  const Matrix vector = sparse.one_vector();
  EXPECT_EQ(sparse.search({&vector, 10, nullptr}).size(), 10u);
}

TEST(GraphReader, AWalkIsAtLeastAsBroadAsAskedFor) {
  GraphRig graph;
  const Matrix vector = graph.one_vector();
  VectorQuery query{&vector, 10, nullptr};
  const Offset nearest = graph.search(query).front().offset;
  const Searched usual = graph.way_to(query, nearest);
  EXPECT_EQ(usual.how, Searched::How::walked);
  EXPECT_GE(usual.breadth, 10u);
  EXPECT_LT(usual.breadth, 500u);
  query.breadth = 1;
  EXPECT_EQ(graph.way_to(query, nearest), usual);
  query.breadth = 700;
  EXPECT_EQ(graph.way_to(query, nearest), (Searched{Searched::How::walked, 700}));
  query.breadth = std::numeric_limits<uint32_t>::max();  // no more than there are rows
  EXPECT_EQ(graph.way_to(query, nearest), (Searched{Searched::How::walked, uint64_t{kRows}}));
  query.recall = 1;
  const std::vector<Neighbour> exact = graph.search(query);
  query.recall = 0.9;
  EXPECT_EQ(graph.search(query), exact);
}

TEST(GraphReader, TellsHowItComesUponARecord) {
  GraphRig graph;
  const Matrix vector = graph.one_vector();
  VectorQuery query{&vector, 10, nullptr};
  query.recall = 1;
  EXPECT_EQ(graph.way_to(query, 7), Searched{});
  query.recall = 0.95;
  EXPECT_EQ(graph.way_to(query, 7).how, Searched::How::walked);
  OffsetSet few;
  for (Offset offset = 0; offset < kRows; offset += 100) few.insert(offset);
  query.allowed = &few;
  EXPECT_EQ(graph.way_to(query, 700), Searched{});
  query.allowed = nullptr;
  graph.rig.apply(batch_of(Operation::add, {{"new", graph.vector()}}));
  EXPECT_EQ(graph.way_to(query, kRows), Searched{});
  query.k = kRows / 2;
  EXPECT_EQ(graph.way_to(query, 7), Searched{});
}

TEST(GraphReader, ItsAnswersAreSampled) {
  ThreadPool pool(1, 16);
  ASSERT_TRUE(pool.start(Context()).ok());
  obs::Metrics metrics;
  segment::RecallSampler sampler(pool, metrics, {1, 0});
  const auto value = [&](const char* name) { return metrics.counter(name, "").value(); };
  {
    GraphRig graph({}, &sampler);
    const Matrix vector = graph.one_vector();
    OffsetSet most;
    for (Offset offset = 0; offset < kRows; ++offset)
      if (offset % 10 != 0) most.insert(offset);
    VectorQuery query{&vector, 10, nullptr};
    query.recall = 1;
    graph.search(query);  // by no index
    query.recall = 0.95;
    query.allowed = &most;
    graph.search(query);
  }
  for (int i = 0; i < 10'000 && value("viridian_search_sampled_neighbours_total") == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  sampler.stop();
  EXPECT_EQ(value("viridian_search_sampled_neighbours_total"), 10u);
  EXPECT_GE(value("viridian_search_sampled_found_total"), 9u);
  EXPECT_LE(value("viridian_search_sampled_found_total"), 10u);
  pool.stop();
}

}  // namespace
}  // namespace viridian::conformance
