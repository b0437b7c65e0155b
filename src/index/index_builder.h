#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "base/executor.h"
#include "index/graph_index.h"

namespace viridian::index {

inline constexpr uint32_t kMostBits = 8;  ///< of a value in records

/// 0: what suits the dimension.
struct IndexOptions {
  Space space = Space::l2;
  uint32_t degree = 0;  ///< neighbours of a node
  uint32_t leaf = 0;    ///< rows among which a node's neighbours are looked for at once
  uint32_t bits = 0;    ///< of each value in records, at first; more where they do not do
  /// What records and links of a row may take: there are more bits only within that.
  uint64_t searched_bytes_per_row = std::numeric_limits<uint64_t>::max();
};

/// An index in memory.
struct BuiltIndex {
  IndexHeader header;
  std::vector<float> centre;
  os::LargeArray<uint8_t> records{0}, fine{0};
  std::vector<uint32_t> links, entries, nodes_of, apart;
  std::vector<Twin> twins;

  /// They last as long as this, and until it is moved.
  IndexArrays arrays() const;
  /// A node's record's, of so many bits a value.
  size_t record_bytes(uint32_t bits) const;
};

/// Builds the index of all rows: the same for the same rows and options, whatever the machine and
/// however many threads there are. Every row that is not apart is found for its own vector by walks
/// of the least breadth that searches use (IndexSearch::finds). Takes about 800 bytes per row, and
/// one more per value, while it works.
Result<BuiltIndex> build_index(const Context&, const RowSource& rows, const IndexOptions& options,
                               Executor&);

/// Bytes of memory that building an index of so many rows of dimension `dim` takes, at most: about
/// 850 per row, and one more per value.
uint64_t build_bytes(const IndexOptions& options, uint32_t dim, size_t threads, uint64_t rows);

/// Bytes per row of records and links, without which an index cannot be searched, where records
/// have the bits that it begins with.
uint64_t searched_bytes_per_row(const IndexOptions& options, uint32_t dim);

}  // namespace viridian::index
