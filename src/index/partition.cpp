#include "index/partition.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <utility>

#include "index/candidates.h"
#include "index/random.h"

namespace viridian::index {
namespace {

using Rows = std::vector<uint32_t>;
/// Rows that go through a tile together, times how many one thread takes at once.
constexpr size_t kGroup = simd::kTileRows;
constexpr size_t kChunk = 512 * kGroup;
/// More would make a split dearer than a second one.
constexpr size_t kMostLeadersAtFirst = 384;
constexpr size_t kMostLeaders = 128;
/// Rows that are still too many after so many splits are (nearly) copies of each other.
constexpr int kDeepest = 12;

/// How a set of rows is split: its leaders are drawn, and each row has its nearest ones.
class Split {
 public:
  Split(const RowCodes& codes, std::span<const uint32_t> rows, size_t leaders, uint32_t copies,
        uint64_t seed)
      : rows_(rows), tile_(codes), copies_(copies) {
    leaders_.assign(rows.begin(), rows.end());
    for (size_t i = 0; i < leaders; ++i) {
      const uint64_t drawn = random_number(seed, i) % (leaders_.size() - i);
      std::swap(leaders_[i], leaders_[i + drawn]);
    }
    leaders_.resize(leaders);
    tile_.assign(leaders_);
  }

  size_t leaders() const noexcept { return leaders_.size(); }
  size_t chunks() const noexcept { return (rows_.size() + kChunk - 1) / kChunk; }

  /// The rows of one chunk by leader. From any thread.
  std::vector<Rows> chunk(size_t number) const {
    Tile tile = tile_;
    std::vector<Rows> groups(leaders_.size());
    std::vector<float> distances(kGroup * tile.columns());
    std::array<float, kGroup * 64> minima{};
    NearestColumns nearest;
    const size_t end = std::min(rows_.size(), (number + 1) * kChunk);
    for (size_t begin = number * kChunk; begin < end; begin += kGroup) {
      const auto group = rows_.subspan(begin, std::min(kGroup, end - begin));
      tile.distances(group, distances.data(), minima.data());
      for (size_t r = 0; r < group.size(); ++r) {
        const std::span row(distances.data() + r * tile.columns(), tile.columns());
        for (const Candidate& leader : nearest.of(row, &minima[r * 64], copies_))
          groups[leader.row].push_back(group[r]);
      }
    }
    return groups;
  }

 private:
  std::span<const uint32_t> rows_;
  Rows leaders_;
  Tile tile_;
  uint32_t copies_;
};

/// What one thread makes of a group of rows: its leaves, in their order.
class Splitter {
 public:
  Splitter(const RowCodes& codes, size_t leaf) : codes_(codes), leaf_(leaf) {}

  void split(Rows rows, uint64_t seed, int depth = 0) {
    if (rows.size() <= leaf_ || depth == kDeepest) {
      cut(rows);
      return;
    }
    const Split split(codes_, rows, leaders_for(rows.size(), leaf_, kMostLeaders), 1, seed);
    std::vector<Rows> groups(split.leaders());
    for (size_t chunk = 0; chunk < split.chunks(); ++chunk) {
      const std::vector<Rows> part = split.chunk(chunk);
      for (size_t i = 0; i < groups.size(); ++i)
        groups[i].insert(groups[i].end(), part[i].begin(), part[i].end());
    }
    divide(std::move(groups), rows.size(), seed, depth);
  }

  /// Goes on with groups that `whole` rows were split into. Small ones are put together.
  void divide(std::vector<Rows> groups, size_t whole, uint64_t seed, int depth) {
    Rows small;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups[i].size() >= whole) {
        cut(groups[i]);
      } else if (groups[i].size() * 8 >= leaf_) {
        split(std::move(groups[i]), random_number(seed, i), depth + 1);
      } else {
        small.insert(small.end(), groups[i].begin(), groups[i].end());
        if (small.size() * 2 > leaf_) add(std::exchange(small, {}));
      }
    }
    add(small);
  }

  static size_t leaders_for(size_t rows, size_t leaf, size_t most) {
    // Groups come out unequal: with this many, few are split once more.
    return std::clamp<size_t>(rows * 5 / (leaf * 3) + 1, 2, most);
  }

  Leaves leaves;

 private:
  void add(const Rows& rows) {
    if (rows.empty()) return;
    leaves.rows.insert(leaves.rows.end(), rows.begin(), rows.end());
    leaves.ends.push_back(leaves.rows.size());
  }
  /// A leaf, or several of rows that leaders do not tell apart, as copies of one vector.
  void cut(const Rows& rows) {
    for (size_t begin = 0; begin < rows.size(); begin += leaf_) {
      const auto first = rows.begin() + static_cast<ptrdiff_t>(begin);
      add(Rows(first, first + static_cast<ptrdiff_t>(std::min(leaf_, rows.size() - begin))));
    }
  }

  const RowCodes& codes_;
  const size_t leaf_;
};

void append(Leaves& leaves, const Leaves& more) {
  const size_t before = leaves.rows.size();
  leaves.rows.insert(leaves.rows.end(), more.rows.begin(), more.rows.end());
  for (const size_t end : more.ends) leaves.ends.push_back(before + end);
}

}  // namespace

Leaves partition(const RowCodes& codes, const PartitionOptions& options, Executor& executor) {
  Rows all(codes.rows());
  std::iota(all.begin(), all.end(), 0U);
  Splitter whole(codes, options.leaf);
  if (all.size() <= options.leaf) {
    whole.split(all, options.seed);
    return std::move(whole.leaves);
  }
  const Split first(
      codes, all,
      Splitter::leaders_for(all.size() * options.copies, options.leaf, kMostLeadersAtFirst),
      options.copies, options.seed);
  std::vector<std::vector<Rows>> chunks(first.chunks());
  executor.parallel_for(chunks.size(), [&](size_t i) { chunks[i] = first.chunk(i); });
  std::vector<Leaves> leaves(first.leaders());
  executor.parallel_for(first.leaders(), [&](size_t leader) {
    Rows rows;
    for (const std::vector<Rows>& chunk : chunks)
      rows.insert(rows.end(), chunk[leader].begin(), chunk[leader].end());
    Splitter part(codes, options.leaf);
    part.split(std::move(rows), random_number(options.seed, leader));
    leaves[leader] = std::move(part.leaves);
  });
  Leaves together;
  for (const Leaves& part : leaves) append(together, part);
  return together;
}

}  // namespace viridian::index
