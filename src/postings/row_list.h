#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "postings/row_set.h"

namespace viridian::postings {

// Sorted lists of rows as they are kept: in as few bytes as a list of so many rows of so many
// takes, so that neither number nor a mark of the kind is kept with them. Nothing (all rows), two
// bytes a row, a bitmap, or the encoding of Elias (J. ACM 21(2), 1974) and Fano (1971): the low
// bits of each row side by side, the high ones in unary. What is kept is the same on every machine.

/// The bytes that append_list() adds for `count` rows of a block of `rows`.
size_t list_bytes(uint32_t count, uint32_t rows) noexcept;

/// Adds the list to `out`. It ascends, each row once; all are below `rows`.
void append_list(std::span<const Row> list, uint32_t rows, std::string& out);

/// Adds the rows of what append_list() wrote to `out`, ascending. Reads nothing outside of `bytes`.
/// False where these are no such list: damaged, though it may hold good rows.
[[nodiscard]] bool read_list(std::span<const std::byte> bytes, uint32_t count, uint32_t rows,
                             std::vector<Row>& out);
/// The same, setting the rows' bits.
[[nodiscard]] bool read_list(std::span<const std::byte> bytes, uint32_t count, uint32_t rows,
                             RowBits& out);

}  // namespace viridian::postings
