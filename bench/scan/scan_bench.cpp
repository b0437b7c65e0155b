// How near a brute-force scan comes to the speed at which one core reads memory: one query against
// rows of several dimensions that do not fit any cache, on one thread. The first lines are the
// yardstick, a plain sum over the same buffer; "of_read" is the ratio to the best of its runs.
#include <benchmark/benchmark.h>

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "index/flat.h"
#include "simd/distance.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace viridian {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 30;
constexpr size_t kFloats = kBufferBytes / sizeof(float);

const FloatBuffer& buffer() {
  static const FloatBuffer floats = [] {
    FloatBuffer values;
    values.reserve(kFloats);
#ifdef __linux__
    // As for the rows that a server holds in memory: page-table walks are not what is measured.
    constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
    const uintptr_t begin =
        (reinterpret_cast<uintptr_t>(values.data()) + kHugePage - 1) & ~(kHugePage - 1);
    if (madvise(reinterpret_cast<void*>(begin), kBufferBytes - kHugePage, MADV_HUGEPAGE) != 0) {
      std::perror("madvise");
    }
#endif
    std::minstd_rand random(42);
    for (size_t i = 0; i < kFloats; ++i) {
      values.push_back(static_cast<float>(random() % 2001) / 1000 - 1);
    }
    return values;
  }();
  return floats;
}

/// Processor time of this thread: other work on the machine is not counted.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Bytes per second of a sum with wide loads and enough independent sums to hide all latency.
double read_once(const float* from) {
  using Wide = float __attribute__((vector_size(32), aligned(32)));
  const auto* data = reinterpret_cast<const Wide*>(from);
  constexpr size_t kWides = kBufferBytes / sizeof(Wide);
  Wide sums[8] = {};
  const double begin = cpu_seconds();
  for (size_t i = 0; i < kWides; i += 8) {
    for (size_t j = 0; j < 8; ++j) sums[j] += data[i + j];
  }
  const double time = cpu_seconds() - begin;
  for (size_t j = 1; j < 8; ++j) sums[0] += sums[j];
  benchmark::DoNotOptimize(sums[0]);
  return static_cast<double>(kBufferBytes) / time;
}

double read_bandwidth() {
  static const double best = [] {
    double fastest = 0;
    for (int i = 0; i < 8; ++i) fastest = std::max(fastest, read_once(buffer().data()));
    return fastest;
  }();
  return best;
}

void scan(benchmark::State& state, Space space, size_t queries, size_t live_percent) {
  const auto dim = static_cast<uint32_t>(state.range(0));
  const size_t rows = kFloats / dim;
  Matrix query{dim, FloatBuffer(buffer().data(), buffer().data() + queries * dim)};
  std::vector<Offset> offsets(rows);
  for (size_t i = 0; i < rows; ++i) offsets[i] = i;
  std::vector<float> norms(rows);
  index::FlatScanner::norms(buffer().data(), dim, rows, norms.data());
  std::minstd_rand random(7);
  std::vector<uint64_t> live(rows / 64 + 1);
  size_t live_rows = 0;
  for (size_t i = 0; i < rows; ++i) {
    if (random() % 100 >= live_percent) continue;
    live[i / 64] |= uint64_t{1} << (i % 64);
    ++live_rows;
  }
  const index::FlatScanner scanner(space, dim, query);
  double fastest = 0;
  for (auto _ : state) {
    std::vector<index::TopK> results(queries, index::TopK(10));
    const double begin = cpu_seconds();
    scanner.scan(buffer().data(), norms.data(), offsets.data(), live.data(), rows, results);
    const double time = cpu_seconds() - begin;
    benchmark::DoNotOptimize(results.front().bound());
    const double bytes = static_cast<double>(live_rows * queries * dim * sizeof(float));
    fastest = std::max(fastest, bytes / time);
  }
  state.SetBytesProcessed(static_cast<int64_t>(live_rows * queries * dim * sizeof(float)) *
                          state.iterations());
  state.counters["of_read"] = fastest / read_bandwidth();
}

void dimensions(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(100)->Arg(384)->Arg(768)->Arg(1536)->Unit(benchmark::kMillisecond)->Iterations(8);
}
BENCHMARK_CAPTURE(scan, l2, Space::l2, 1, 100)->Apply(dimensions);
BENCHMARK_CAPTURE(scan, cosine, Space::cosine, 1, 100)->Apply(dimensions);
BENCHMARK_CAPTURE(scan, ip, Space::ip, 1, 100)->Apply(dimensions);
// Several queries read a block of rows from memory once: the work per byte decides.
BENCHMARK_CAPTURE(scan, l2_8_queries, Space::l2, 8, 100)->Apply(dimensions);
BENCHMARK_CAPTURE(scan, ip_8_queries, Space::ip, 8, 100)->Apply(dimensions);
// Bytes of live rows only.
BENCHMARK_CAPTURE(scan, l2_half_live, Space::l2, 1, 50)->Apply(dimensions);
BENCHMARK_CAPTURE(scan, l2_tenth_live, Space::l2, 1, 10)->Apply(dimensions);

}  // namespace
}  // namespace viridian

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  std::printf("kernels: %s; sequential read, one core, best of 8: %.2f GB/s\n",
              std::string(viridian::simd::target_name()).c_str(), viridian::read_bandwidth() / 1e9);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
