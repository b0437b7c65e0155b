#pragma once
#include <cstdint>
#include <span>

#include "index/flat.h"
#include "segment/vector_part.h"
#include "viridian/model/offset_set.h"

namespace viridian::segment {

class ReadTrace;

/// Rows [begin, end) of a part.
struct RowRange {
  const VectorPart* part = nullptr;
  uint32_t begin = 0, end = 0;
};

/// What a search is for: rows that are visible as of a number and allowed.
struct WantedRows {
  SeqId at = 0;
  const OffsetSet* allowed = nullptr;  ///< null: all
  ReadTrace* trace = nullptr;          ///< null: nobody wants to know what is done

  bool allows(Offset offset) const { return allowed == nullptr || allowed->contains(offset); }
};

/// Offers the distances of a range's wanted rows, all of which are read. `among`, where it is not
/// null, leaves out those whose bit is not set: row begin + i has bit i % 64 of word i / 64.
Status scan_rows(const RowRange& range, const WantedRows& wanted, const uint64_t* among,
                 const index::FlatScanner& scanner, std::span<index::TopK> results);

}  // namespace viridian::segment
