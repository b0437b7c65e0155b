#pragma once
#include <memory>
#include <optional>
#include <string>

#include "os/real_files.h"
#include "segment/index_memory.h"
#include "vectors/npy.h"
#include "viridian/spi/segment_types.h"

namespace viridian::bench {

/// A graph segment without a collection: rows go through its own calls, from float32 in memory to a
/// file that is durable and queried. A row's offset is its number.
class LoneSegment {
 public:
  struct Options {
    Space space = Space::l2;
    uint64_t indexed_rows = 20'000;
    std::optional<uint64_t> threads;               ///< to build with; unset: one per processor
    std::shared_ptr<segment::IndexMemory> memory;  ///< unset: as much as there is
    std::string directory;  ///< where another process may have left such a segment
  };
  LoneSegment(const Options& options, Executor& executor);

  /// Whether it was there already.
  bool filled() const { return reader_ != nullptr; }
  /// Adds the rows, and makes one file of all but the last `in_head`, which stay in memory.
  void fill(const Array& rows, size_t in_head = 0);
  const VectorReader& reader() const { return *reader_; }
  const std::vector<SegmentFile>& files() const { return segment_->files(); }

 private:
  void add(const Array& rows, size_t first, size_t last);
  void seal_and_merge();
  bool read_kept(Segment& definition);
  void write_kept() const;

  Context context_;
  std::string list_;  ///< of the files
  Uuid collection_ = Uuid::random();
  os::RealFiles files_;
  std::unique_ptr<VectorSegment> segment_;
  std::shared_ptr<const VectorReader> reader_;
  SeqId applied_ = 0;
};

}  // namespace viridian::bench
