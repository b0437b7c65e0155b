#pragma once
#include <cstdint>
#include <vector>

#include "index/rotation.h"
#include "index/row_source.h"
#include "viridian/base/context.h"
#include "viridian/model/schema.h"

namespace viridian::index {

/// What a PointMap is made of, beside the space and the dimension. It is fitted to the vectors.
struct PointFit {
  float scale = 1;            ///< of vectors (not of Space::cosine): a power of two
  float radius = 0;           ///< of Space::ip: no scaled vector is longer
  std::vector<float> centre;  ///< subtracted from points
};

/// Puts the vectors of any space where squared Euclidean distances order them as their distances to
/// a query do, about 0, and rotated:
///   l2      the vectors themselves
///   cosine  their directions
///   ip      with one value more, so that all are of one length ("Speeding Up the Xbox Recommender
///           System Using a Euclidean Transformation", Bachrach et al. 2014); queries have 0 there
/// Immutable, so thread-safe.
class PointMap {
 public:
  PointMap(Space space, uint32_t dim, PointFit fit);
  /// Chooses scale, radius and centre.
  static Result<PointFit> fit(const Context&, const RowSource& rows, Space space);

  /// Whether a vector of this Euclidean length has a point: not those that a space cannot tell a
  /// direction of, nor those so large or small that squares of floats do not hold.
  static bool has_point(Space space, float norm) noexcept;
  static uint32_t point_dim(Space space, uint32_t dim) noexcept {
    return dim + (space == Space::ip ? 1 : 0);
  }

  uint32_t dim() const noexcept { return rotation_.dim(); }
  const PointFit& parameters() const noexcept { return fit_; }
  /// Writes dim() values. The vector has a point.
  void point(const float* vector, float norm, float* out) const;
  /// The same for a query. False: all vectors are equally near to it, or it is too large or small.
  bool query(const float* vector, float norm, float* out) const;

 private:
  /// Before it is centred and rotated.
  static void place(Space space, uint32_t dim, const PointFit& fit, const float* vector, float norm,
                    float* out);
  void finish(float* out) const;

  Space space_;
  uint32_t dim_;
  PointFit fit_;
  Rotation rotation_;
};

}  // namespace viridian::index
