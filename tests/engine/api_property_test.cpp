// The engine on its real parts, against the Oracle: whatever the order of operations, every answer
// is the one that the plainest implementation gives. A failure prints the seed that repeats it.
#include <map>

#include "conformance/api_fixture.h"
#include "engine/oracle.h"
#include "engine/random_requests.h"
#include "engine/test_system.h"

namespace viridian::conformance {
namespace {

struct Tracked {
  CollectionRef ref;
  Space space = Space::l2;
  Oracle oracle;
};

class RandomRun {
 public:
  RandomRun(TestSystem& system, uint32_t seed) : system_(system), random_(seed) {
    for (const Space space : {Space::l2, Space::cosine, Space::ip}) {
      CreateCollection request;
      request.name = "docs" + std::to_string(static_cast<int>(space));
      request.configuration.emplace().hnsw.emplace().space = space;
      const Collection made = must(api().create_collection(context_, DatabasePath(), request));
      collections_.push_back({{DatabasePath(), made.id}, space, Oracle(space)});
    }
  }

  void step() {
    Tracked& at = collections_[static_cast<size_t>(random_.pick(3))];
    const int kind = random_.pick(100);
    if (kind < 45)
      write(at);
    else if (kind < 60)
      remove(at);
    else if (kind < 80)
      get(at);
    else
      query(at);
    EXPECT_EQ(must(api().count(context_, at.ref, ReadLevel::index_and_wal)), at.oracle.size());
  }
  void compare_all() {
    for (Tracked& at : collections_) compare(at, get_all());
  }

 private:
  Api& api() { return system_.api(); }

  void write(Tracked& at) {
    const RecordBatch batch = random_.batch();
    EXPECT_OK(api().write(context_, at.ref, batch));
    at.oracle.apply(batch);
  }

  void remove(Tracked& at) {
    DeleteRequest request;
    request.selection = random_.selection();
    const Selection& s = request.selection;
    const bool filtered = s.where || s.where_document;
    if (filtered && random_.chance(40)) request.limit = static_cast<uint32_t>(random_.pick(4));
    if (!filtered && (!s.ids || s.ids->empty())) return;
    const auto selected = at.oracle.select(s);
    const size_t expected = std::min<size_t>(selected.size(), request.limit.value_or(1000));
    RecordBatch removed;
    removed.operation = Operation::remove;
    for (size_t i = 0; i < expected; ++i) removed.ids.push_back(at.oracle.at(selected[i]).id);
    EXPECT_EQ(must(api().delete_records(context_, at.ref, request)).deleted, expected);
    at.oracle.apply(removed);
  }

  void get(Tracked& at) {
    GetRequest request = get_all(random_.selection());
    if (random_.chance(40)) request.limit = static_cast<uint32_t>(random_.pick(10));
    if (random_.chance(40)) request.offset = static_cast<uint32_t>(random_.pick(10));
    compare(at, request);
  }

  void compare(Tracked& at, const GetRequest& request) {
    auto expected = at.oracle.select(request.selection);
    expected.erase(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(std::min<size_t>(
                                                            request.offset, expected.size())));
    if (request.limit && expected.size() > *request.limit) expected.resize(*request.limit);
    const RecordColumns found = must(api().get(context_, at.ref, request)).records;
    ASSERT_EQ(found.ids.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) expect_row(found, i, at.oracle.at(expected[i]));
  }

  static void expect_row(const RecordColumns& found, size_t i, const OracleRecord& record) {
    EXPECT_EQ(found.ids[i], record.id);
    EXPECT_EQ(row_of(found.embeddings, i), record.vector);
    const auto as_string = [](std::optional<std::string_view> text) {
      return text ? std::optional<std::string>(*text) : std::nullopt;
    };
    EXPECT_EQ(as_string(found.documents[i]), record.document);
    EXPECT_EQ(as_string(found.uris[i]), record.uri);
    const auto metadata =
        record.metadata.empty() ? std::nullopt : std::optional<Metadata>(record.metadata);
    EXPECT_EQ(found.metadatas[i], metadata);
  }

  void query(Tracked& at) {
    const std::vector<float> vector = random_.vector();
    const auto n_results = static_cast<uint32_t>(random_.pick(12));
    const Selection selection = random_.selection();
    const auto expected = at.oracle.search(vector, selection);
    const QueryResult result =
        must(api().query(context_, at.ref, query_of({vector}, n_results, selection)));
    ASSERT_EQ(result.records.size(), 1U);
    const StringColumn& ids = result.records[0].ids;
    ASSERT_EQ(ids.size(), std::min<size_t>(n_results, expected.size()));
    std::map<std::string, double> distances;
    for (const auto& [distance, order] : expected) distances[at.oracle.at(order).id] = distance;
    for (size_t i = 0; i < ids.size(); ++i) {
      const float distance = result.distances.at(0).at(i);
      EXPECT_NEAR(distance, expected[i].first, 1e-5);
      const auto same = distances.find(std::string(ids[i]));
      ASSERT_NE(same, distances.end()) << ids[i] << " is not selected, or came twice";
      EXPECT_NEAR(distance, same->second, 1e-5);
      distances.erase(same);
      // Cosines are rounded, so that ties may fall either way; the others are exact.
      if (at.space != Space::cosine) {
        EXPECT_EQ(ids[i], at.oracle.at(expected[i].second).id);
      }
    }
  }

  TestSystem& system_;
  RandomRequests random_;
  std::vector<Tracked> collections_;
  const Context context_;
};

constexpr uint32_t kSeeds = 25;
constexpr int kSteps = 250;

TEST(ApiProperty, InMemoryAnswersAsTheOracleDoes) {
  for (uint32_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto system = must(make_mem_api());
    ASSERT_TRUE(system);
    RandomRun run(*system, seed);
    for (int i = 0; i < kSteps && !testing::Test::HasFailure(); ++i) run.step();
    run.compare_all();
  }
}

TEST(ApiProperty, OnDiskAnswersAsTheOracleDoesAcrossReopening) {
  for (uint32_t seed = 101; seed <= 100 + kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryDirectory directory;
    const auto system = must(make_local_api(directory.path()));
    ASSERT_TRUE(system);
    RandomRun run(*system, seed);
    for (int i = 0; i < kSteps && !testing::Test::HasFailure(); ++i) {
      run.step();
      if (i % 40 == 39) {
        EXPECT_OK(system->reopen());
        run.compare_all();
      }
    }
  }
}

}  // namespace
}  // namespace viridian::conformance
