#pragma once
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "postings/row_set.h"
#include "segment/row_index.h"
#include "segment/stable_array.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"
#include "viridian/model/offset_set.h"

namespace viridian::segment {

/// The end of a row version that is still the newest of a live record.
inline constexpr SeqId kNever = std::numeric_limits<SeqId>::max();

struct VisibleRow {
  uint32_t row = 0;
  Offset offset = 0;
};

/// A row of a frozen head that goes into a file.
template <class Head>
struct FrozenRow {
  Offset offset = 0;
  const Head* head = nullptr;
  uint32_t row = 0;
};

/// Which record versions a part (head or file) holds, and until which log record each counts.
///
/// A reader as of number S took the part's size at the time S was published as its limit. It sees
/// the rows below the limit that end after S: nothing else needs to be said about their beginning,
/// as rows are appended in log order. One thread appends and ends; all may read.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual uint32_t size() const = 0;
  /// Appends the rows of [begin, end) that are visible as of `at` to `out`, ascending.
  virtual Status visible(uint32_t begin, uint32_t end, SeqId at,
                         std::vector<VisibleRow>& out) const = 0;
  /// Adds the offsets of those rows `first` + i, i in `rows`, that are below `limit` and visible as
  /// of `at`.
  virtual Status add_visible(uint32_t first, postings::RowSet rows, uint32_t limit, SeqId at,
                             OffsetSet& out) const = 0;
  /// Between which offsets those of the rows [begin, end) lie, both included; they are not empty.
  virtual Result<std::pair<Offset, Offset>> offsets_between(uint32_t begin, uint32_t end) const = 0;
  /// The row below `limit` with this offset that is visible as of `at`.
  virtual Result<std::optional<uint32_t>> find(Offset offset, uint32_t limit, SeqId at) const = 0;
  virtual SeqId end(uint32_t row) const = 0;
  virtual void set_end(uint32_t row, SeqId seq) = 0;
};

/// Hash of an offset for RowIndex.
inline uint64_t hash_offset(Offset offset) noexcept {
  const uint64_t mixed = (offset + 1) * 0x9e3779b97f4a7c15u;
  return mixed ^ (mixed >> 32);
}

/// The rows of a head.
class HeadRows final : public Rows {
 public:
  uint32_t push_back(Offset offset);
  Offset offset(uint32_t row) const { return offsets_[row]; }
  size_t bytes() const noexcept { return size() * size_t{16} + by_offset_.bytes(); }

  uint32_t size() const override { return size_.load(std::memory_order_acquire); }
  Status visible(uint32_t begin, uint32_t end, SeqId at,
                 std::vector<VisibleRow>& out) const override;
  Status add_visible(uint32_t first, postings::RowSet rows, uint32_t limit, SeqId at,
                     OffsetSet& out) const override;
  /// Rows of heads come in any order.
  Result<std::pair<Offset, Offset>> offsets_between(uint32_t, uint32_t) const override {
    return std::pair(Offset{0}, std::numeric_limits<Offset>::max());
  }
  Result<std::optional<uint32_t>> find(Offset offset, uint32_t limit, SeqId at) const override;
  SeqId end(uint32_t row) const override;
  void set_end(uint32_t row, SeqId seq) override;

 private:
  StableArray<Offset> offsets_;
  StableArray<std::atomic<SeqId>> ends_;  ///< 0 stands for kNever
  RowIndex by_offset_;
  std::atomic<uint32_t> size_ = 0;
};

}  // namespace viridian::segment
