#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "index/flat.h"
#include "property/lost_records.h"
#include "vectors/stream.h"

namespace viridian::bench {
namespace {

constexpr size_t kChunk = 2000;
constexpr uint32_t kNearest = 10;
using Answers = std::vector<std::vector<Neighbour>>;

class Drift {
 public:
  Drift(const Set& set, std::string_view mode, const std::string& directory)
      : set_(set),
        mode_(mode),
        directory_(directory),
        stream_(set, directory + "/drift"),
        order_(set.base.rows) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::shuffle(order_.begin(), order_.end(), random_);
    if (mode_ == "clustered") sort_by_cluster();
    const size_t live = mode_ == "window" ? set.base.rows / 2 : set.base.rows;
    for (size_t i = 0; i < live; ++i) live_.push_back({next_id_++, order_[next_row()]});
  }

  void run(size_t turnovers) {
    fmt::print(
        "| {} | recall@10 | query us of a processor | estimates, recall 0.99 | files, indexed "
        "| rows apart | file bytes / vectors' | lost of own, 1 result | 10 | writes, s | "
        "merges after, s |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        mode_);
    add_all(stream_);
    for (size_t turnover = 0; turnover <= turnovers; ++turnover) {
      const Clock clock;
      if (turnover > 0) turn_over(turnover);
      const double wrote = clock.seconds();
      const double settled = stream_.settle();
      report(std::to_string(turnover), stream_, wrote, settled);
    }
    const Stream fresh(set_, directory_ + "/fresh");
    const Clock clock;
    add_all(fresh);
    const double wrote = clock.seconds();
    const double settled = fresh.settle();
    report("a fresh one", fresh, wrote, settled);
  }

 private:
  size_t next_row() { return row_++ % order_.size(); }

  void sort_by_cluster() {
    constexpr size_t kLeaders = 64;
    Matrix leaders{static_cast<uint32_t>(set_.base.columns), {}};
    for (size_t i = 0; i < kLeaders; ++i)
      leaders.values.insert(leaders.values.end(), set_.base.row(order_[i]),
                            set_.base.row(order_[i] + 1));
    std::vector<size_t> cluster(set_.base.rows);
    std::vector<float> norms(kLeaders);
    index::FlatScanner::norms(leaders.values.data(), leaders.dim, kLeaders, norms.data());
    std::vector<Offset> numbers(kLeaders);
    std::iota(numbers.begin(), numbers.end(), Offset{0});
    for (size_t row = 0; row < cluster.size(); ++row) {
      Matrix one{leaders.dim, {}};
      one.values.assign(set_.base.row(row), set_.base.row(row + 1));
      index::TopK nearest(1);
      index::FlatScanner(set_.space, leaders.dim, one)
          .scan(leaders.values.data(), norms.data(), numbers.data(), nullptr, kLeaders,
                std::span(&nearest, 1));
      cluster[row] = nearest.sorted().front().offset;
    }
    std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
      return std::pair(cluster[a], a) < std::pair(cluster[b], b);
    });
  }

  void add_all(const Stream& to) const {
    for (size_t begin = 0; begin < live_.size(); begin += kChunk)
      to.write(Operation::add,
               std::span(live_).subspan(begin, std::min(kChunk, live_.size() - begin)));
  }

  void turn_over(size_t turnover) {
    if (mode_ == "upsert") {
      // Every id gets another one's vector: an upsert that changes nothing is not written.
      std::rotate(live_.begin(), live_.begin() + 1, live_.end());
      std::vector<size_t> rows;
      for (const Live& one : live_) rows.push_back(one.row);
      std::rotate(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(turnover * 997 % rows.size()),
                  rows.end());
      for (size_t i = 0; i < rows.size(); ++i) live_[i].row = rows[i];
    } else if (mode_ == "readd") {
      std::shuffle(live_.begin(), live_.end(), random_);
    }
    for (size_t begin = 0; begin < live_.size(); begin += kChunk) {
      const auto chunk = std::span(live_).subspan(begin, std::min(kChunk, live_.size() - begin));
      if (mode_ == "upsert") {
        stream_.write(Operation::upsert, chunk);
        continue;
      }
      stream_.remove(chunk);
      for (Live& one : chunk) {
        one.id = next_id_++;
        if (mode_ == "window") one.row = order_[next_row()];
      }
      stream_.write(Operation::add, chunk);
    }
  }

  void report(const std::string& name, const Stream& stream, double wrote, double settled) const {
    const auto queries = stream.queries();
    stream.query(queries, kNearest, 0);  // opens what is new
    const Clock clock;
    const Answers found = stream.query(queries, kNearest, 0);
    const double cpu = clock.cpu() / static_cast<double>(queries.size());
    const double recall = recall_of(found, stream.query(queries, kNearest, 1));
    const Stream::Walks walks = stream.walks();
    const SegmentStats stats = stream.stats();
    const double live = static_cast<double>(live_.size() * set_.base.columns * sizeof(float));
    fmt::print(
        "| {} | {:.4f} | {:.0f} | {:.0f} | {}, {} | {} | {:.2f} | {} | {} | {:.1f} | {:.1f} |\n",
        name, recall, 1e6 * cpu, walks.estimates, stats.files, walks.indexed_files, walks.apart,
        static_cast<double>(stats.file_bytes) / live, lost(stream, 1), lost(stream, kNearest),
        wrote, settled);
    std::fflush(stdout);
  }

  static double recall_of(const Answers& found, const Answers& exact) {
    size_t hits = 0, wanted = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      wanted += exact[i].size();
      for (const auto& one : found[i]) hits += one.distance <= exact[i].back().distance ? 1 : 0;
    }
    return static_cast<double>(hits) / static_cast<double>(wanted);
  }

  size_t lost(const Stream& stream, uint32_t k) const {
    std::vector<uint64_t> ids;
    std::vector<size_t> row_of(next_id_);
    for (const Live& one : live_) {
      ids.push_back(one.id);
      row_of[one.id] = one.row;
    }
    return conformance::lost_records(
        ids, k, 0, [&](std::span<const uint64_t> some, uint32_t nearest, double recall) {
          std::vector<std::vector<float>> vectors;
          for (const uint64_t id : some)
            vectors.emplace_back(set_.base.row(row_of[id]), set_.base.row(row_of[id] + 1));
          return stream.query(vectors, nearest, recall);
        });
  }

  const Set& set_;
  const std::string_view mode_;
  const std::string directory_;
  Stream stream_;
  std::vector<size_t> order_;  ///< of the set's rows, as they come
  std::vector<Live> live_;
  size_t row_ = 0;
  uint64_t next_id_ = 0;
  std::mt19937_64 random_{1};
};

}  // namespace

void drift(const Set& set, std::string_view mode, size_t turnovers, const std::string& directory) {
  Drift(set, mode, directory).run(turnovers);
}

}  // namespace viridian::bench
