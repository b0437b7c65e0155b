#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "segment/base.h"
#include "segment/image_codec.h"

namespace viridian::segment {

/// Records of a base, ascending by offset: offsets[i] is row i's.
struct LoadedRecords {
  RecordBatch batch;
  std::vector<Offset> offsets;
};

/// Reads the images that make up a base from one copy: several ranges of offsets at once, each
/// sorted and cleared of what is not the newest, while its caller takes those before it.
class BaseLoader {
 public:
  using Take = std::function<Status(const LoadedRecords&)>;

  BaseLoader(BaseStore& store, const Place& place, uint32_t copy, const Base& base);

  /// Calls `take` with everything, ascending by offset, on this thread.
  ///   unavailable  it is not what the base says: this copy is behind, or a compaction has just
  ///                been at work. What was taken is worth nothing
  Status run(const Context& context, const Take& take);

 private:
  struct Range {
    LoadedRecords records;
    uint64_t rows = 0;
    uint64_t checksum = 0;
  };

  OffsetRange range(uint64_t index) const;
  Result<Range> read(const Context& context, OffsetRange range) const;
  void work(const Context& context);
  Status take_all(const Context& context, const Take& take);
  void end();

  BaseStore& store_;
  const Place place_;
  const uint32_t copy_;
  const Base base_;
  uint64_t ranges_ = 1;

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_read_ = 0;  // guarded by mutex_, as all below
  uint64_t next_taken_ = 0;
  std::map<uint64_t, Result<Range>> read_;
  bool ended_ = false;
};

}  // namespace viridian::segment
