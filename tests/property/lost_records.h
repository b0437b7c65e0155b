#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "viridian/spi/segments.h"

/// For tests and benchmarks of indexes.
namespace viridian::conformance {

/// Asks for the k nearest to each of these records' own vectors; numbers of records are answered as
/// offsets.
using AskForOwn = std::function<std::vector<std::vector<Neighbour>>(
    std::span<const uint64_t> records, uint32_t k, double recall)>;

/// How many of the records are not among the k nearest to their own vectors, though an exact answer
/// has them, and nearer than the last of what was answered: others may be as near, or, as products
/// go, nearer to the vector than the record itself.
inline size_t lost_records(std::span<const uint64_t> records, uint32_t k, double recall,
                           const AskForOwn& ask) {
  constexpr size_t kAtOnce = 256;
  const auto find = [](const std::vector<Neighbour>& answer, uint64_t record) {
    return std::find_if(answer.begin(), answer.end(),
                        [&](const Neighbour& one) { return one.offset == record; });
  };
  size_t lost = 0;
  for (size_t begin = 0; begin < records.size(); begin += kAtOnce) {
    const auto some = records.subspan(begin, std::min(kAtOnce, records.size() - begin));
    const auto answers = ask(some, k, recall);
    std::vector<uint64_t> missing;
    std::vector<float> last;
    for (size_t i = 0; i < some.size(); ++i) {
      if (find(answers[i], some[i]) != answers[i].end()) continue;
      missing.push_back(some[i]);
      last.push_back(answers[i].size() < k ? std::numeric_limits<float>::infinity()
                                           : answers[i].back().distance);
    }
    if (missing.empty()) continue;
    const auto exact = ask(missing, k, 1);
    for (size_t i = 0; i < missing.size(); ++i) {
      const auto own = find(exact[i], missing[i]);
      lost += own != exact[i].end() && own->distance < last[i] ? 1 : 0;
    }
  }
  return lost;
}

}  // namespace viridian::conformance
