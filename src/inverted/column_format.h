#pragma once
#include <cstddef>
#include <cstdint>

// How the columns of a block are kept (docs/file-formats.md): for their builder and their reader.
namespace viridian::inverted {

inline constexpr uint32_t kColumnsVersion = 1;
/// Of a text, at most so many bytes are kept: a column is to find rows, which have all of it.
inline constexpr size_t kTextPrefix = 64;

struct ColumnsHeader {
  uint32_t version = kColumnsVersion;
  uint32_t rows = 0;
  uint32_t columns = 0;
  uint32_t reserved = 0;
};

enum class RowsKind : uint8_t {
  in_order = 0,  ///< two bytes per entry, in the order of the values
  listed = 1,    ///< per value a list as of postings::append_list()
};

/// Entries of the directory ascend by key, then type.
struct StoredColumn {
  uint32_t key = 0;
  uint8_t type = 0;
  RowsKind rows_kind = RowsKind::in_order;
  uint8_t value_bytes = 0;  ///< of numbers: of each, less `base`
  uint8_t start_bytes = 0;  ///< 0: every value has one entry; else 2 or 4
  uint32_t values = 0;      ///< distinct ones
  uint32_t entries = 0;     ///< pairs of a value and a row
  uint64_t base = 0;        ///< of numbers: the least one
  uint64_t begin = 0;       ///< of what follows, each part from a multiple of 8 on
};
static_assert(sizeof(ColumnsHeader) == 16 && sizeof(StoredColumn) == 32);

constexpr uint64_t aligned(uint64_t at) { return (at + 7) / 8 * 8; }

}  // namespace viridian::inverted
