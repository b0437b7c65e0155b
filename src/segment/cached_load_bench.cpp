// How long a server takes from knowing nothing to answering queries about a collection that is in
// ClickHouse: next to what curl reaches with the same bytes when nobody looks at them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <random>
#include <vector>

#include "clickhouse/literal.h"
#include "conformance/segments_holder.h"

namespace viridian::conformance {
namespace {

constexpr uint32_t kDim = 384;
constexpr uint64_t kBatch = 10'000;
constexpr int kRounds = 5;

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// Processor time that this process has taken, and ClickHouse: what something costs, however busy
/// the machine is.
struct Processor {
  double here = 0;
  double clickhouse = 0;
  static Processor now() {
    pid_t pid = 0;
    std::ifstream(ClickHouseServer::shared()->directory() + "/pid") >> pid;
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    if (::clock_getcpuclockid(pid, &clock) != 0) fmt::print("no processor time of ClickHouse\n");
    return {seconds_on(CLOCK_PROCESS_CPUTIME_ID), seconds_on(clock)};
  }
  void add_since(const Processor& begin, int parts) {
    const Processor end = now();
    here += (end.here - begin.here) / parts;
    clickhouse += (end.clickhouse - begin.clickhouse) / parts;
  }

 private:
  static double seconds_on(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
};

void must(const Status& status) {
  if (status.ok()) return;
  fmt::print("{}\n", status.error().message());
  std::exit(1);
}

RecordBatch records(std::mt19937& random, uint64_t first) {
  RecordBatch batch;
  batch.embeddings.dim = kDim;
  MetadataColumnsBuilder metadata;
  std::uniform_real_distribution<float> values(-1, 1);
  for (uint32_t row = 0; row < kBatch; ++row) {
    batch.ids.push_back(fmt::format("record-{:08}", first + row));
    batch.documents.push_back(fmt::format("{:-^100}", first + row));
    metadata.set(row, "number", static_cast<int64_t>(first + row));
    metadata.set(row, "source", std::string("generated"));
    for (uint32_t i = 0; i < kDim; ++i) batch.embeddings.values.push_back(values(random));
  }
  batch.metadata = metadata.finish();
  return batch;
}

void fill(SegmentsHolder& holder, const CollectionId& id, uint64_t rows) {
  std::mt19937 random(1);
  double compaction = 0;
  for (uint64_t first = 0; first < rows; first += kBatch) {
    holder.append(id, records(random, first));
    if ((first / kBatch) % 10 != 9 && first + kBatch < rows) continue;
    compaction += seconds_of([&] { must(holder.manager().seal(Context(), id)); });
  }
  fmt::print("{:<34} {:.1f} s, {:.0f} rows/s\n", "compaction into images", compaction,
             static_cast<double>(rows) / compaction);
}

void report(std::string_view what, std::vector<double> seconds, double rows, double megabytes) {
  const std::string rounds = fmt::format("{:.3f}", fmt::join(seconds, " "));
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  fmt::print("{:<34} median {:.3f} s, best {:.3f} s, {:.0f} rows/s, {:.0f} MB/s; in turn {}\n",
             what, median, seconds.front(), rows / median, megabytes / median, rounds);
}

void compare(SegmentsHolder& holder, const CollectionId& id, uint64_t rows) {
  const std::string sql = fmt::format(
      "SELECT offset, seq, deleted, flags, id, vec, meta, doc, uri FROM {}.records WHERE bucket = "
      "{} AND collection_id = {}",
      holder.clickhouse().database(), slot_of(id) % 16, clickhouse::literal(id));
  const std::string query = holder.cache_path() + "/query";
  std::ofstream(query) << sql << " FORMAT Native";
  const std::string command = fmt::format("curl -s '{}/' --data-binary @{} | wc -c",
                                          ClickHouseServer::shared()->url(), query);
  std::vector<double> loads, curls;
  double megabytes = 0;
  Processor load;
  Processor curl;
  for (int round = 0; round < kRounds; ++round) {
    const auto server = holder.cache(holder.leases());
    must(server->start(Context()));
    Processor before = Processor::now();
    loads.push_back(seconds_of([&] {
      const auto view = server->pin(Context(), id, rows);
      if (!view.ok()) must(view.error());
      if ((*view)->metadata().count() != rows) fmt::print("not all records\n");
    }));
    load.add_since(before, kRounds);
    before = Processor::now();
    curls.push_back(seconds_of([&] {
      std::FILE* const pipe = ::popen(command.c_str(), "r");
      if (pipe == nullptr || std::fscanf(pipe, "%lf", &megabytes) != 1) fmt::print("no curl\n");
      if (pipe != nullptr) ::pclose(pipe);
      megabytes /= 1e6;
    }));
    curl.add_since(before, kRounds);
  }
  report("load, ready for queries", loads, static_cast<double>(rows), megabytes);
  fmt::print("{:<34} {:.2f} s of processor time here, {:.2f} s in ClickHouse\n", "", load.here,
             load.clickhouse);
  report("curl | wc -c", curls, static_cast<double>(rows), megabytes);
  fmt::print("{:<34} {:.2f} s of processor time in ClickHouse\n", "", curl.clickhouse);
  std::sort(loads.begin(), loads.end());
  std::sort(curls.begin(), curls.end());
  fmt::print("load at {:.0f} % of curl by medians, {:.0f} % by bests\n",
             100 * curls[kRounds / 2] / loads[kRounds / 2], 100 * curls[0] / loads[0]);
}

}  // namespace
}  // namespace viridian::conformance

int main(int count, char** words) {
  using namespace viridian;
  using namespace viridian::conformance;
  if (const std::string why = ClickHouseServer::missing(); !why.empty()) {
    fmt::print("no ClickHouse: {}\n", why);
    return 0;
  }
  const uint64_t wanted = count > 1 ? std::strtoull(words[1], nullptr, 10) : 500'000;
  const uint64_t rows = (wanted + kBatch - 1) / kBatch * kBatch;
  SegmentsHolder holder(SegmentsHolder::Kind::clickhouse);
  const CollectionId id = holder.make_collection();
  fill(holder, id, rows);
  must(holder.manager().close(Context(), id));
  compare(holder, id, rows);
  return 0;
}
