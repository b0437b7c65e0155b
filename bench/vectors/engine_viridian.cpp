// The graph segment as a worker of bench/vectors (worker.py says what is spoken; beside that,
// builds take the parameters index_rows and in_head, how many rows, the index memory, and a
// directory to keep the segment in; searches a recall and a plan; and "own" asks for all rows by
// their own vectors).
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "component/thread_pool.h"
#include "os/temporary_directory.h"
#include "property/lost_records.h"
#include "segment/graph_reader.h"
#include "segment/index_memory.h"
#include "vectors/lone_segment.h"
#include "vectors/protocol.h"
#include "vectors/support.h"
#include "viridian/model/offset_set.h"

namespace viridian::bench {
namespace {

Space space_of(std::string_view metric) {
  return metric == "cosine" ? Space::cosine : metric == "ip" ? Space::ip : Space::l2;
}

class Worker {
 public:
  std::string answer(const Json& request) {
    const std::string_view op = request["op"];
    if (op == "build") return build(request);
    if (op == "knobs") return knobs();
    if (op == "search" || op == "filter") return search(request);
    if (op == "own") return own(request);
    throw std::runtime_error("no operation " + std::string(op));
  }

 private:
  std::string build(const Json& request) {
    const std::string folder{std::string_view(request["set"])};
    const simdjson::padded_string text = simdjson::padded_string::load(folder + "/set.json");
    simdjson::dom::parser parser;
    const Json notes = parser.parse(text);
    queries_ = matrix_of(read_npy(folder + "/queries.npy"));
    executor_.inner = &one_;
    value_of(one_.start(context_));
    LoneSegment::Options options;
    options.space = space_of(std::string_view(notes["metric"]));
    options.directory = directory_.path();
    if (uint64_t rows = 0; request["params"]["index_rows"].get(rows) == simdjson::SUCCESS)
      options.indexed_rows = rows;
    if (std::string_view kept; request["keep"].get(kept) == simdjson::SUCCESS)
      options.directory = kept;
    if (uint64_t limit = 0; request["memory"].get(limit) == simdjson::SUCCESS)
      options.memory = std::make_shared<segment::IndexMemory>(limit);
    Clock clock;
    segment_.emplace(options, executor_);
    if (!segment_->filled()) {
      base_ = read_npy(folder + "/base.npy");
      uint64_t most = 0, in_head = 0;
      if (request["rows"].get(most) == simdjson::SUCCESS)
        base_.rows = std::min<uint64_t>(base_.rows, most);
      // The last rows may stay in the head, as after they were written.
      if (request["params"]["in_head"].get(in_head) != simdjson::SUCCESS) in_head = 0;
      clock = Clock();
      segment_->fill(base_, in_head);
    }
    const double seconds = clock.seconds(), cpu = clock.cpu();
    uint64_t bytes = 0;
    for (const SegmentFile& file : segment_->files()) bytes += file.size_bytes;
    return fmt::format(
        R"("seconds": {}, "cpu": {}, "bytes": {}, {}, "params": {{}}, "about": {{}})", seconds, cpu,
        bytes, memory());
  }

  /// Least breadths of the walk; what is calibrated for a recall of 0.9 is the smallest.
  static std::string knobs() {
    return R"("knobs": [1, 16, 20, 26, 34, 44, 58, 76, 100, 130, 170, 220, 290, 380, 500, 700, 1000])";
  }

  std::string search(const Json& request) {
    const auto k = static_cast<uint32_t>(uint64_t(request["k"]));
    const bool batch = request["batch"];
    const auto threads = static_cast<size_t>(uint64_t(request["threads"]));
    ThreadPool pool(threads, 64);
    if (threads > 1) value_of(pool.start(context_));
    executor_.inner = threads > 1 ? static_cast<Executor*>(&pool) : &one_;
    std::string convert;
    OffsetSet allowed;
    Matrix some;
    if (std::string_view path; request["queries"].get(path) == simdjson::SUCCESS)
      some = matrix_of(read_npy(std::string(path)));
    const Matrix& queries = some.dim != 0 ? some : queries_;
    VectorQuery query{&queries, k, nullptr};
    if (std::string_view path; request["bitmap"].get(path) == simdjson::SUCCESS) {
      const Array bits = read_npy(std::string(path));
      const Clock clock;
      for (size_t row = 0; row < bits.rows * 8; ++row)
        if ((bits.bytes[row / 8] >> (row % 8) & 1) != 0) allowed.insert(row);
      convert = fmt::format(R"(, "convert": {})", clock.seconds());
      query.allowed = &allowed;
    }
    query.recall = recall_of(request, 0.9);
    query.breadth = static_cast<uint32_t>(uint64_t(request["knob"]));
    std::optional<segment::SearchPlan> by;
    if (uint64_t plan = 0; request["plan"].get(plan) == simdjson::SUCCESS)
      by = static_cast<segment::SearchPlan>(plan);
    std::vector<std::vector<int32_t>> found;
    std::vector<double> took;
    const Clock clock;
    if (batch) {
      for (const auto& one : find(query, by)) found.push_back(ids_of(one));
    } else {
      for (size_t i = 0; i < queries.rows(); ++i) {
        const Clock each;
        Matrix one{queries.dim, {}};
        one.values.assign(queries.row(i), queries.row(i) + queries.dim);
        query.vectors = &one;
        found.push_back(ids_of(find(query, by).front()));
        took.push_back(each.seconds());
      }
    }
    const std::string answer = times(clock, std::move(took)) + convert;
    write_ids(std::string(std::string_view(request["out"])), found, k);
    return answer;
  }

  std::vector<std::vector<Neighbour>> find(const VectorQuery& query,
                                           std::optional<segment::SearchPlan> by) const {
    const auto& reader = dynamic_cast<const segment::GraphVectorReader&>(segment_->reader());
    return value_of(reader.search_by(context_, query, by));
  }
  static std::vector<int32_t> ids_of(const std::vector<Neighbour>& found) {
    std::vector<int32_t> ids;
    for (const Neighbour& neighbour : found) ids.push_back(static_cast<int32_t>(neighbour.offset));
    return ids;
  }

  /// Asks for rows by their own vectors, and says how many are not found.
  std::string own(const Json& request) {
    const auto k = static_cast<uint32_t>(uint64_t(request["k"]));
    std::vector<uint64_t> rows(base_.rows);
    std::iota(rows.begin(), rows.end(), uint64_t{0});
    const auto ask = [&](std::span<const uint64_t> some, uint32_t nearest, double recall) {
      Matrix vectors{queries_.dim, {}};
      for (const uint64_t row : some)
        vectors.values.insert(vectors.values.end(), base_.row(row), base_.row(row + 1));
      return value_of(segment_->reader().search(context_, {&vectors, nearest, nullptr, recall}));
    };
    const size_t lost = conformance::lost_records(rows, k, recall_of(request, 0.99), ask);
    return fmt::format(R"("asked": {}, "lost": {})", rows.size(), lost);
  }

  static double recall_of(const Json& request, double otherwise) {
    double recall = otherwise;
    return request["recall"].get(recall) == simdjson::SUCCESS ? recall : otherwise;
  }

  static Matrix matrix_of(const Array& array) {
    Matrix matrix{static_cast<uint32_t>(array.columns), {}};
    matrix.values.assign(array.row(0), array.row(array.rows));
    return matrix;
  }

  static std::string memory() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::ifstream status("/proc/self/statm");
    uint64_t size = 0, resident = 0;
    status >> size >> resident;
    return fmt::format(R"("rss": {}, "peak": {})", resident * 4096, usage.ru_maxrss * 1024);
  }

  /// What the segment was opened with, of as many threads as a search asks for.
  struct Switched final : Executor {
    bool submit(std::function<void()> work) override { return inner->submit(std::move(work)); }
    void parallel_for(size_t n, const std::function<void(size_t)>& body) override {
      inner->parallel_for(n, body);
    }
    size_t concurrency() const override { return inner->concurrency(); }
    Executor* inner = nullptr;
  };

  Context context_;
  os::TemporaryDirectory directory_;
  ThreadPool one_{1, 64};
  Switched executor_;
  std::optional<LoneSegment> segment_;
  Array base_;
  Matrix queries_;
};

int run() {
  Worker worker;
  return serve(worker);
}

}  // namespace
}  // namespace viridian::bench

int main() { return viridian::bench::run(); }
