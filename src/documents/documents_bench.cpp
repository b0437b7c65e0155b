// What texts cost to compress, to read one at a time and to read all: texts of many words, most of
// them seldom, as in prose. Or of a file, a text a line: VIRIDIAN_BENCH_TEXTS=FILE.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "documents/texts_fixture.h"

namespace viridian::documents {
namespace {

/// Joined until they have `bytes` each.
PlainTexts texts_of(size_t bytes) {
  PlainTexts texts(1);
  size_t total = 0;
  const auto add = [&](std::string_view text) {
    if (texts.back().size() >= bytes) texts.emplace_back();
    texts.back() += text;
    total += text.size();
  };
  if (const char* path = std::getenv("VIRIDIAN_BENCH_TEXTS")) {
    std::ifstream file(path);
    for (std::string line; total < size_t{8} << 20 && std::getline(file, line);) add(line + "\n");
    return texts;
  }
  std::mt19937 random(1);
  while (total < size_t{8} << 20) add(prose(random, std::max<size_t>(bytes, 75)));
  return texts;
}

int64_t bytes_of(const PlainTexts& texts) {
  int64_t bytes = 0;
  for (const std::string& text : texts) bytes += static_cast<int64_t>(text.size());
  return bytes;
}

void BM_Build(benchmark::State& state) {
  const PlainTexts plain = texts_of(static_cast<size_t>(state.range(0)));
  size_t kept = 0;
  for (auto _ : state) kept = build(plain)->size();
  state.SetBytesProcessed(state.iterations() * bytes_of(plain));
  state.counters["kept"] = static_cast<double>(kept) / static_cast<double>(bytes_of(plain));
}
BENCHMARK(BM_Build)->Arg(1)->Arg(1200)->Unit(benchmark::kMillisecond);

void BM_ReadOne(benchmark::State& state) {
  const PlainTexts plain = texts_of(static_cast<size_t>(state.range(0)));
  const auto texts = *open(*build(plain));
  std::mt19937 random(2);
  std::string out;
  for (auto _ : state) {
    out.clear();
    if (!texts->read(static_cast<uint32_t>(random() % plain.size()), out).ok()) std::abort();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReadOne)->Arg(1)->Arg(1200);

void BM_ReadAll(benchmark::State& state) {
  const PlainTexts plain = texts_of(static_cast<size_t>(state.range(0)));
  const auto texts = *open(*build(plain));
  std::vector<uint32_t> all(plain.size());
  std::iota(all.begin(), all.end(), 0U);
  for (auto _ : state) {
    const Status status = read_many(
        texts, all, [](uint32_t, std::string_view text) { benchmark::DoNotOptimize(text.data()); });
    if (!status.ok()) std::abort();
  }
  state.SetBytesProcessed(state.iterations() * bytes_of(plain));
}
BENCHMARK(BM_ReadAll)->Arg(1)->Arg(1200);

}  // namespace
}  // namespace viridian::documents

BENCHMARK_MAIN();
