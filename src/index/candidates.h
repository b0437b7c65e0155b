#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace viridian::index {

/// A row, or a column of a tile, and how far it is.
struct Candidate {
  float distance;
  uint32_t row;
  friend bool operator<(const Candidate& a, const Candidate& b) noexcept {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  }
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// Finds the nearest columns of a tile's row. One thread at a time.
class NearestColumns {
 public:
  /// The k nearest, ascending, fewer where there are fewer. `distances` as from Tile::distances():
  /// columns that are none are at the largest float. k is at most 64. Valid until the next call.
  std::span<const Candidate> of(std::span<const float> distances, const float* minima, size_t k);

 private:
  std::vector<uint32_t> below_;
  std::vector<uint64_t> keys_;
  std::vector<Candidate> found_;
};

/// Chooses neighbours that lie in different directions: RobustPrune of "DiskANN" (Subramanya et al.
/// 2019, algorithm 2), by squared distances. One thread at a time; reused, it allocates nothing.
class Pruner {
 public:
  /// Keeps of `candidates`, ascending by distance to one row, at most `most` such that none is much
  /// nearer to a nearer one than to the row; `alpha` above 1 keeps more. A candidate as far from a
  /// kept one as from the row goes, so that copies of one vector do not fill the list. Returns
  /// their numbers in `candidates`, ascending, valid until the next call.
  ///   distances(i, others, out)  distances from candidate i to the candidates `others`
  template <class Distances>
  std::span<const uint32_t> prune(std::span<const Candidate> candidates, float alpha, size_t most,
                                  Distances distances) {
    kept_.clear();
    left_.resize(candidates.size());
    for (uint32_t i = 0; i < left_.size(); ++i) left_[i] = i;
    while (!left_.empty() && kept_.size() < most) {
      kept_.push_back(left_.front());
      left_.erase(left_.begin());
      if (left_.empty() || kept_.size() == most) break;
      out_.resize(left_.size());
      distances(kept_.back(), std::span<const uint32_t>(left_), out_.data());
      size_t still = 0;
      for (size_t i = 0; i < left_.size(); ++i)
        if (alpha * out_[i] > candidates[left_[i]].distance) left_[still++] = left_[i];
      left_.resize(still);
    }
    return kept_;
  }

 private:
  std::vector<uint32_t> kept_, left_;
  std::vector<float> out_;
};

}  // namespace viridian::index
