#pragma once
#include <cstdint>
#include <vector>

#include "base/executor.h"
#include "index/graph_index.h"

namespace viridian::index {

/// 0: what suits the dimension.
struct IndexOptions {
  Space space = Space::l2;
  uint32_t degree = 0;  ///< neighbours of a node
  uint32_t leaf = 0;    ///< rows among which a node's neighbours are looked for at once
  uint32_t bits = 0;    ///< of each value in records, at first; more where they do not do
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
/// however many threads there are. Every row that it has a node for is found by a walk of breadth
/// kProofBreadth for its own vector; those for which that could not be had are apart. Takes about
/// 800 bytes per row, and one more per value, while it works.
Result<BuiltIndex> build_index(const Context&, const RowSource& rows, const IndexOptions& options,
                               Executor&);

}  // namespace viridian::index
