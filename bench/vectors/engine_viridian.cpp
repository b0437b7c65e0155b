// The graph segment as a worker of bench/vectors (worker.py says what is spoken): rows go through
// the segment's own calls, from float32 in memory to a file that is durable and queried.
#include <fmt/core.h>
#include <sys/resource.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "component/thread_pool.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "protocol.h"
#include "segment/graph_reader.h"
#include "segment/throttles.h"
#include "segment/vector_segment.h"
#include "viridian/model/offset_set.h"

namespace viridian {
namespace {

using bench::Array;
using bench::Clock;
using bench::Json;
using bench::read_npy;

template <class T>
T value_of(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

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
    throw std::runtime_error("no operation " + std::string(op));
  }

 private:
  std::string build(const Json& request) {
    const std::string folder{std::string_view(request["set"])};
    const simdjson::padded_string text = simdjson::padded_string::load(folder + "/set.json");
    simdjson::dom::parser parser;
    const Json notes = parser.parse(text);
    const Array base = read_npy(folder + "/base.npy");
    queries_ = matrix_of(read_npy(folder + "/queries.npy"));
    environment_.space = space_of(std::string_view(notes["metric"]));
    executor_.inner = &one_;
    environment_.executor = &executor_;
    environment_.files = &files_;
    environment_.directory = directory_.path();
    environment_.definition.id = Uuid::random();
    environment_.definition.collection = Uuid::random();
    value_of(one_.start(context_));
    const Clock clock;
    segment_ = value_of(local::GraphVectorSegment::open(context_, environment_));
    add(base);
    seal_and_merge();
    const double seconds = clock.seconds(), cpu = clock.cpu();
    uint64_t bytes = 0;
    for (const SegmentFile& file : segment_->files()) bytes += file.size_bytes;
    return fmt::format(
        R"("seconds": {}, "cpu": {}, "bytes": {}, {}, "params": {{}}, "about": {{}})", seconds, cpu,
        bytes, memory());
  }

  static Matrix matrix_of(const Array& array) {
    Matrix matrix{static_cast<uint32_t>(array.columns), {}};
    matrix.values.assign(array.floats(), array.floats() + array.rows * array.columns);
    return matrix;
  }

  void add(const Array& base) {
    constexpr size_t kBatch = 10'000;
    SeqId seq = 0;
    for (size_t begin = 0; begin < base.rows; begin += kBatch) {
      const size_t end = std::min(base.rows, begin + kBatch);
      RecordBatch batch;
      batch.operation = Operation::add;
      batch.embeddings.dim = static_cast<uint32_t>(base.columns);
      batch.embeddings.values.assign(base.floats() + begin * base.columns,
                                     base.floats() + end * base.columns);
      std::vector<RowChange> changes;
      for (size_t row = begin; row < end; ++row) {
        batch.ids.push_back("");
        changes.push_back(
            {RowChange::Kind::insert, static_cast<uint32_t>(row - begin), row, ++seq});
      }
      value_of(segment_->apply({batch, changes}));
    }
    applied_ = seq;
  }

  void seal_and_merge() {
    segment_->freeze(applied_);
    value_of(segment_->write_frozen(context_));
    segment_->adopt();
    if (!segment_->compacted()) {
      segment::NoThrottle throttle;
      segment_->begin_merge({0, segment_->files().size()});
      value_of(segment_->write_merged(context_, throttle));
      segment_->adopt_merged();
    }
    reader_ = segment_->reader(applied_);
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
    query.recall = 0.9;
    query.breadth = static_cast<uint32_t>(uint64_t(request["knob"]));
    if (double recall = 0; request["recall"].get(recall) == simdjson::SUCCESS)
      query.recall = recall;
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
    const std::string answer = bench::times(clock, std::move(took)) + convert;
    bench::write_ids(std::string(std::string_view(request["out"])), found, k);
    return answer;
  }

  std::vector<std::vector<Neighbour>> find(const VectorQuery& query,
                                           std::optional<segment::SearchPlan> by) const {
    const auto& reader = dynamic_cast<const segment::GraphVectorReader&>(*reader_);
    return value_of(reader.search_by(context_, query, by));
  }
  static std::vector<int32_t> ids_of(const std::vector<Neighbour>& found) {
    std::vector<int32_t> ids;
    for (const Neighbour& neighbour : found) ids.push_back(static_cast<int32_t>(neighbour.offset));
    return ids;
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
  os::RealFiles files_;
  ThreadPool one_{1, 64};
  Switched executor_;
  SegmentEnvironment environment_;
  std::unique_ptr<VectorSegment> segment_;
  SeqId applied_ = 0;
  std::shared_ptr<const VectorReader> reader_;
  Matrix queries_;
};

int run() {
  Worker worker;
  return bench::serve(worker);
}

}  // namespace
}  // namespace viridian

int main() { return viridian::run(); }
