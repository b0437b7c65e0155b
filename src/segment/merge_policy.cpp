#include "segment/merge_policy.h"

#include <algorithm>
#include <limits>

namespace viridian::segment {
namespace {

constexpr size_t kFewestFiles = 4;
/// Where no run qualifies, there may still be too many files: then the cheapest run is merged.
constexpr size_t kMostFiles = 16;
constexpr uint64_t kMostRows = std::numeric_limits<uint32_t>::max() - 1;

/// Of what is live, in hundredths.
constexpr uint64_t kGarbagePercent = 15;
/// A neighbour that has at least this much garbage itself is taken along.
constexpr uint64_t kNeighbourPercent = 10;
/// Rows of an index that is built anew to those that come to it.
constexpr uint64_t kIndexRatio = 4;

struct Sum {
  uint64_t bytes = 0, rows = 0, dead = 0, largest = 0;
  void add(const FileWeight& file) {
    bytes += file.bytes;
    rows += file.rows;
    dead += file.dead_bytes;
    largest = std::max(largest, file.bytes);
  }
};

std::optional<FileRange> longest_even_run(std::span<const FileWeight> files) {
  std::optional<FileRange> best;
  uint64_t best_bytes = 0;
  for (size_t first = 0; first < files.size(); ++first) {
    Sum sum;
    for (size_t last = first; last < files.size(); ++last) {
      sum.add(files[last]);
      const size_t count = last - first + 1;
      if (sum.rows > kMostRows) break;
      if (count < kFewestFiles || sum.largest > sum.bytes - sum.largest) continue;
      const bool better =
          !best || count > best->count || (count == best->count && sum.bytes < best_bytes);
      if (!better) continue;
      best = FileRange{first, count};
      best_bytes = sum.bytes;
    }
  }
  return best;
}

std::optional<FileRange> cheapest_run(std::span<const FileWeight> files) {
  std::optional<FileRange> best;
  uint64_t best_bytes = 0;
  for (size_t first = 0; first + kFewestFiles <= files.size(); ++first) {
    Sum sum;
    for (const FileWeight& file : files.subspan(first, kFewestFiles)) sum.add(file);
    if (sum.rows > kMostRows || (best && sum.bytes >= best_bytes)) continue;
    best = FileRange{first, kFewestFiles};
    best_bytes = sum.bytes;
  }
  return best;
}

/// The file with the greatest share of garbage, and the neighbours that are worth taking along.
std::optional<FileRange> worst_files(std::span<const FileWeight> files) {
  const auto share = [](const FileWeight& file) {
    return file.bytes == 0 ? 0.0
                           : static_cast<double>(file.dead_bytes) / static_cast<double>(file.bytes);
  };
  const auto worst = std::max_element(
      files.begin(), files.end(),
      [&](const FileWeight& a, const FileWeight& b) { return share(a) < share(b); });
  if (worst == files.end() || worst->dead_bytes == 0) return std::nullopt;
  const auto at = static_cast<size_t>(worst - files.begin());
  FileRange range{at, 1};
  Sum sum;
  sum.add(*worst);
  const auto worth_it = [&](const FileWeight& file) {
    if (sum.rows + file.rows > kMostRows) return false;
    return file.dead_bytes * 100 >= file.bytes * kNeighbourPercent ||
           file.bytes <= (sum.bytes - std::min(sum.bytes, sum.dead)) / 4;
  };
  for (bool grown = true; grown;) {
    grown = false;
    if (range.first > 0 && worth_it(files[range.first - 1])) {
      sum.add(files[--range.first]);
      ++range.count;
      grown = true;
    }
    if (const size_t next = range.first + range.count;
        next < files.size() && worth_it(files[next])) {
      sum.add(files[next]);
      ++range.count;
      grown = true;
    }
  }
  return range;
}

/// What is worth merging for what it would give back.
std::optional<FileRange> for_garbage(std::span<const FileWeight> files) {
  Sum all;
  uint64_t ended = 0;
  for (const FileWeight& file : files) {
    all.add(file);
    ended += file.ended_bytes;
  }
  const uint64_t garbage = all.dead + ended;
  const uint64_t live = all.bytes - std::min(all.bytes, garbage);
  if (garbage >= kGarbageFloorBytes && garbage * 100 > live * kGarbagePercent) {
    // Lists of ended rows go for certain only where no older file is left for them to speak of.
    if (ended > all.dead && all.rows <= kMostRows) return FileRange{0, files.size()};
    return worst_files(files);
  }
  return std::nullopt;
}

std::optional<FileRange> for_number(std::span<const FileWeight> files) {
  if (const auto range = longest_even_run(files)) return range;
  if (files.size() > kMostFiles) return cheapest_run(files);
  return std::nullopt;
}

}  // namespace

std::optional<FileRange> choose_merge(std::span<const FileWeight> files) {
  if (const auto range = for_garbage(files)) return range;
  return for_number(files);
}

std::optional<FileRange> choose_indexed_merge(std::span<const FileWeight> files,
                                              uint64_t indexed_rows, uint64_t most_rows) {
  if (most_rows < indexed_rows) return choose_merge(files);
  if (const auto range = for_garbage(files)) return range;
  size_t first = files.size(), end = 0, newest = 0;
  Sum unindexed;
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].indexed) {
      newest = i + 1;
      continue;
    }
    first = std::min(first, i);
    end = i + 1;
    unindexed.add(files[i]);
  }
  if (unindexed.rows < indexed_rows) {
    auto range = for_number(files.subspan(newest));
    if (range) range->first += newest;
    return range;
  }
  Sum sum;
  for (size_t i = first; i < end; ++i) sum.add(files[i]);
  while (first > 0 && files[first - 1].rows <= kIndexRatio * sum.rows &&
         files[first - 1].rows + sum.rows <= most_rows)
    sum.add(files[--first]);
  return FileRange{first, end - first};
}

}  // namespace viridian::segment
