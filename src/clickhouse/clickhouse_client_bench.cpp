// How fast records come out of ClickHouse and go into it: next to what curl reaches with the same
// bytes when nobody looks at them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "clickhouse/client.h"
#include "clickhouse/literal.h"
#include "clickhouse/test_client.h"
#include "tests/conformance/clickhouse_server.h"

namespace viridian::clickhouse {
namespace {

constexpr size_t kDim = 384;
constexpr int kRounds = 7;

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// The median and the best of some rounds.
void report(std::string_view what, std::vector<double> seconds, double rows, double megabytes) {
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  fmt::print("{:<34} median {:.3f} s, best {:.3f} s, {:.0f} rows/s, {:.0f} MB/s\n", what, median,
             seconds.front(), rows / median, megabytes / median);
}

Block records(std::mt19937& random, uint64_t first, size_t rows) {
  Block block{{{"collection_id", std::vector<Uuid>(rows)},
               {"offset", std::vector<uint64_t>()},
               {"id", StringColumn()},
               {"vec", FloatArrays()},
               {"meta", StringColumn()},
               {"doc", StringColumn()}}};
  for (size_t i = 0; i < rows; ++i) {
    block.get<std::vector<uint64_t>>(1).push_back(first + i);
    block.get<StringColumn>(2).push_back(fmt::format("record-{}", first + i));
    auto& arrays = block.get<FloatArrays>(3);
    for (size_t j = 0; j < kDim; ++j)
      arrays.values.push_back(static_cast<float>(random()) * 0x1p-32F);
    arrays.ends.push_back(arrays.values.size());
    block.get<StringColumn>(4).push_back(R"({"page": 12, "source": "a book"})");
    block.get<StringColumn>(5).push_back("Some text of about the length that a record has, twice.");
  }
  return block;
}

void fill(Client& client, uint64_t rows) {
  constexpr size_t kBatch = 10'000;
  std::mt19937 random(1);
  std::vector<double> seconds;
  for (uint64_t first = 0; first < rows; first += kBatch) {
    const Block block = records(random, first, kBatch);
    seconds.push_back(seconds_of([&] {
      const Status status = client.insert(Context(), {}, "records", block);
      if (!status.ok()) fmt::print("{}\n", status.error().message());
    }));
  }
  report("insert, batches of 10,000", seconds, kBatch, kBatch * 1.7e-3);
}

void compare(Client& client, const std::string& url, uint64_t rows) {
  const std::string sql =
      fmt::format("SELECT offset, id, vec, meta, doc FROM {}.records", client.database());
  const Shape shape = {{"offset", std::vector<uint64_t>()},
                       {"id", StringColumn()},
                       {"vec", FloatArrays()},
                       {"meta", StringColumn()},
                       {"doc", StringColumn()}};
  std::vector<double> ours;
  std::vector<double> curls;
  double megabytes = 0;
  for (int round = 0; round < kRounds; ++round) {
    uint64_t seen = 0;
    ours.push_back(seconds_of([&] {
      const Status status = client.stream(Context(), {}, sql, shape, [&](Block& block) {
        seen += block.rows();
        return ok_status();
      });
      if (!status.ok()) fmt::print("{}\n", status.error().message());
    }));
    if (seen != rows) fmt::print("{} rows instead of {}\n", seen, rows);
    const std::string command =
        fmt::format("curl -s '{}/' --data-binary '{} FORMAT Native' | wc -c", url, sql);
    curls.push_back(seconds_of([&] {
      std::FILE* const pipe = ::popen(command.c_str(), "r");
      if (pipe == nullptr || std::fscanf(pipe, "%lf", &megabytes) != 1) fmt::print("no curl\n");
      if (pipe != nullptr) ::pclose(pipe);
      megabytes /= 1e6;
    }));
  }
  report("stream, decoded", ours, static_cast<double>(rows), megabytes);
  report("curl | wc -c", curls, static_cast<double>(rows), megabytes);
  std::sort(ours.begin(), ours.end());
  std::sort(curls.begin(), curls.end());
  fmt::print("stream at {:.0f} % of curl by medians, {:.0f} % by bests\n",
             100 * curls[kRounds / 2] / ours[kRounds / 2], 100 * curls[0] / ours[0]);
}

void small_queries(Client& client) {
  std::vector<double> seconds;
  for (int i = 0; i < 300; ++i) {
    seconds.push_back(seconds_of([&] {
      const auto found =
          client.select(Context(), {}, "SELECT 1 AS a", {{"a", std::vector<uint8_t>()}});
      if (!found.ok()) fmt::print("{}\n", found.error().message());
    }));
  }
  report("SELECT 1", seconds, 1, 0);
}

}  // namespace
}  // namespace viridian::clickhouse

int main(int count, char** words) {
  using namespace viridian;
  using namespace viridian::clickhouse;
  if (const std::string why = ClickHouseServer::missing(); !why.empty()) {
    fmt::print("no ClickHouse: {}\n", why);
    return 0;
  }
  const uint64_t rows = count > 1 ? std::strtoull(words[1], nullptr, 10) : 200'000;
  const TestClient client = TestClient::start(ClickHouseServer::shared()->settings());
  fill(*client, rows);
  compare(*client, ClickHouseServer::shared()->url(), rows);
  small_queries(*client);
  return 0;
}
