#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "segment/base_store.h"
#include "viridian/spi/sysdb.h"

namespace viridian::segment {

/// What the images of a collection must come to: the newest version up to `sealed` of each record,
/// without those that are gone. Kept in the SysDb as the one file of the metadata segment.
struct Base {
  SeqId sealed = 0;
  uint64_t rows = 0;
  uint64_t checksum = 0;  ///< sum of version_hash() over these rows
  Offset next_offset = 0;
  uint32_t dim = 0;
  uint64_t bytes = 0;  ///< about, where it was published, with what was not merged away there yet
  friend bool operator==(const Base&, const Base&) = default;
};

/// A number that stands for one version of one record; sums of them stand for sets.
uint64_t version_hash(Offset offset, SeqId seq) noexcept;

///   data_loss  the rows are none that publish_base() makes
Result<Base> base_of(const std::vector<Segment>& segments);
/// What to publish so that base_of() gives this.
std::vector<SegmentChange> changes_for(const Base& base, const std::vector<Segment>& segments);

}  // namespace viridian::segment
