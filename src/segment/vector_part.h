#pragma once
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "os/large_array.h"
#include "segment/coded_rows.h"
#include "segment/rows.h"
#include "viridian/model/columns.h"

namespace viridian::segment {

/// Vectors that lie end to end in memory.
struct VectorRun {
  const float* vectors = nullptr;
  const float* norms = nullptr;  ///< their Euclidean lengths
  uint32_t rows = 0;
};

/// A head or a file of a vector segment.
class VectorPart {
 public:
  virtual ~VectorPart() = default;
  virtual const Rows& rows() const = 0;
  virtual Rows& rows() = 0;
  /// Rows from `begin` on, at most `limit`, at least one. begin + limit must not exceed
  /// rows().size().
  virtual Result<VectorRun> run(uint32_t begin, uint32_t limit) const = 0;
  /// Of its rows, as far as searches have made them; a file's, only as long as they are pinned.
  virtual CodedRows& codes() const = 0;
};

class VectorHead final : public VectorPart {
 public:
  explicit VectorHead(uint32_t dim) : dim_(dim) {}

  void push_back(Offset offset, const float* vector);
  size_t bytes() const noexcept;
  Offset offset(uint32_t row) const { return rows_.offset(row); }
  uint32_t dim() const noexcept { return dim_; }

  const HeadRows& rows() const override { return rows_; }
  HeadRows& rows() override { return rows_; }
  Result<VectorRun> run(uint32_t begin, uint32_t limit) const override;
  CodedRows& codes() const noexcept override { return codes_; }

 private:
  /// Chunk i holds twice as many rows as chunk i - 1. Filled once, never moved.
  struct Chunk {
    Chunk(size_t vectors_size, size_t norms_size) : vectors(vectors_size), norms(norms_size) {}
    os::LargeArray<float> vectors;
    os::LargeArray<float> norms;
  };
  HeadRows rows_;
  uint32_t dim_;
  std::array<std::unique_ptr<Chunk>, 33> chunks_;
  mutable CodedRows codes_;
};

}  // namespace viridian::segment
