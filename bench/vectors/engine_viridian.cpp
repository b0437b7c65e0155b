// The graph segment as a worker of bench/vectors (worker.py says what is spoken): rows go through
// the segment's own calls, from float32 in memory to a file that is durable and queried.
#include <fmt/core.h>
#include <simdjson.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>

#include "component/thread_pool.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "segment/index_memory.h"
#include "segment/throttles.h"
#include "segment/vector_segment.h"
#include "viridian/model/offset_set.h"

namespace viridian {
namespace {

using Json = simdjson::dom::element;

template <class T>
T value_of(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

struct Array {
  size_t rows = 0, columns = 1;
  std::string bytes;
  const float* floats() const { return reinterpret_cast<const float*>(bytes.data()); }
};

/// A file of NumPy's, version 1, in C order.
Array read_npy(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char head[10];
  in.read(head, sizeof head);
  std::string header(static_cast<unsigned char>(head[8]) |
                         static_cast<size_t>(static_cast<unsigned char>(head[9])) << 8,
                     ' ');
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  const size_t shape = header.find("'shape': (");
  if (!in || shape == std::string::npos) throw std::runtime_error("not an array: " + path);
  Array array;
  if (std::sscanf(header.c_str() + shape, "'shape': (%zu, %zu", &array.rows, &array.columns) < 1)
    throw std::runtime_error("no shape: " + path);
  array.bytes.assign(std::istreambuf_iterator<char>(in), {});
  return array;
}

void write_ids(const std::string& path, const std::vector<std::vector<Neighbour>>& found,
               size_t k) {
  std::string header = fmt::format(
      "{{'descr': '<i4', 'fortran_order': False, 'shape': ({}, {}), }}", found.size(), k);
  header.resize((10 + header.size() + 64) / 64 * 64 - 10, ' ');
  header.back() = '\n';
  std::ofstream out(path, std::ios::binary);
  const char size[2] = {static_cast<char>(header.size() & 255),
                        static_cast<char>(header.size() >> 8)};
  out.write("\x93NUMPY\x01\x00", 8).write(size, 2) << header;
  for (const auto& one : found)
    for (size_t i = 0; i < k; ++i) {
      const int32_t id = i < one.size() ? static_cast<int32_t>(one[i].offset) : -1;
      out.write(reinterpret_cast<const char*>(&id), sizeof id);
    }
}

/// Wall and processor time since it was made.
class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
  }
  double cpu() const { return now() - cpu_; }

 private:
  static double now() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  double cpu_ = now();
};

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
    queries_ = read_queries(folder + "/queries.npy");
    environment_.space = space_of(std::string_view(notes["metric"]));
    executor_.inner = &one_;
    environment_.executor = &executor_;
    environment_.files = &files_;
    environment_.directory = directory_.path();
    environment_.definition.id = Uuid::random();
    environment_.definition.collection = Uuid::random();
    std::string_view kept;
    if (request["keep"].get(kept) == simdjson::SUCCESS) environment_.directory = kept;
    uint64_t memory_limit = 0;
    if (request["memory"].get(memory_limit) == simdjson::SUCCESS)
      environment_.index_memory = std::make_shared<segment::IndexMemory>(memory_limit);
    const std::string list = environment_.directory + "/kept.txt";
    const bool found = !kept.empty() && read_kept(list);
    value_of(one_.start(context_));
    const Clock clock;
    segment_ = value_of(local::GraphVectorSegment::open(context_, environment_));
    if (!found) {
      uint64_t most = 0;
      if (request["rows"].get(most) != simdjson::SUCCESS) most = ~uint64_t{0};
      add(read_npy(folder + "/base.npy"), most);
      seal_and_merge();
      if (!kept.empty()) write_kept(list);
    }
    reader_ = segment_->reader(applied_);
    const double seconds = clock.seconds(), cpu = clock.cpu();
    uint64_t bytes = 0;
    for (const SegmentFile& file : segment_->files()) bytes += file.size_bytes;
    return fmt::format(
        R"("seconds": {}, "cpu": {}, "bytes": {}, {}, "params": {{}}, "about": {{}})", seconds, cpu,
        bytes, memory());
  }

  static Matrix read_queries(const std::string& path) {
    const Array array = read_npy(path);
    Matrix queries{static_cast<uint32_t>(array.columns), {}};
    queries.values.assign(array.floats(), array.floats() + array.rows * array.columns);
    return queries;
  }

  /// What an earlier process built in the same directory, if one did.
  bool read_kept(const std::string& path) {
    std::ifstream in(path);
    std::string collection;
    if (!(in >> collection >> applied_)) return false;
    Segment& segment = environment_.definition;
    segment.collection = Uuid::parse_canonical(collection).value();
    segment.sealed = applied_;
    std::string id;
    for (SegmentFile file; in >> id >> file.name >> file.size_bytes >> file.rows;) {
      file.id = Uuid::parse_canonical(id).value();
      file.first_seq = 1;
      file.last_seq = applied_;
      segment.files.push_back(file);
    }
    return true;
  }
  void write_kept(const std::string& path) {
    std::ofstream out(path);
    out << environment_.definition.collection.to_string() << " " << applied_ << "\n";
    for (const SegmentFile& file : segment_->files())
      out << file.id.to_string() << " " << file.name << " " << file.size_bytes << " " << file.rows
          << "\n";
  }

  void add(const Array& base, uint64_t most) {
    constexpr size_t kBatch = 10'000;
    SeqId seq = 0;
    const size_t rows = std::min<uint64_t>(base.rows, most);
    for (size_t begin = 0; begin < rows; begin += kBatch) {
      const size_t end = std::min(rows, begin + kBatch);
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
    if (std::string_view path; request["queries"].get(path) == simdjson::SUCCESS)
      queries_ = read_queries(std::string(path));
    VectorQuery query{&queries_, k, nullptr};
    if (std::string_view path; request["bitmap"].get(path) == simdjson::SUCCESS) {
      const Array bits = read_npy(std::string(path));
      const Clock clock;
      for (size_t row = 0; row < bits.rows * 8; ++row)
        if ((bits.bytes[row / 8] >> (row % 8) & 1) != 0) allowed.insert(row);
      convert = fmt::format(R"(, "convert": {})", clock.seconds());
      query.allowed = &allowed;
    }
    if (request["recall"].get(query.recall) != simdjson::SUCCESS) query.recall = 0.9;
    query.breadth = static_cast<uint32_t>(uint64_t(request["knob"]));
    std::vector<std::vector<Neighbour>> found;
    std::vector<double> took;
    const Clock clock;
    if (batch) {
      found = value_of(reader_->search(context_, query));
    } else {
      for (size_t i = 0; i < queries_.rows(); ++i) {
        const Clock each;
        Matrix one{queries_.dim, {}};
        one.values.assign(queries_.row(i), queries_.row(i) + queries_.dim);
        query.vectors = &one;
        found.push_back(std::move(value_of(reader_->search(context_, query)).front()));
        took.push_back(each.seconds());
      }
    }
    std::string answer =
        fmt::format(R"("seconds": {}, "cpu": {}{})", clock.seconds(), clock.cpu(), convert);
    write_ids(std::string(std::string_view(request["out"])), found, k);
    if (took.empty()) return answer;
    std::sort(took.begin(), took.end());
    return answer + fmt::format(R"(, "p50": {}, "p99": {})", took[took.size() / 2],
                                took[took.size() * 99 / 100]);
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
  simdjson::dom::parser parser;
  for (std::string line; std::getline(std::cin, line);) {
    std::string answer;
    try {
      const Json request = parser.parse(line);
      if (std::string_view(request["op"]) == "quit") break;
      answer = "{\"ok\": true, " + worker.answer(request) + "}";
    } catch (const std::exception& error) {
      answer = fmt::format(R"({{"ok": false, "error": "{}"}})", error.what());
    }
    std::cout << answer << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace viridian

int main() { return viridian::run(); }
