#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

/// The checksum that each page of a database file carries in its last 8 bytes, which SQLite leaves
/// alone because byte 20 of the file says so: XXH3-64 of the page with its number in their place.
namespace viridian::sql {

inline constexpr size_t kChecksumBytes = 8;
inline constexpr size_t kHeaderBytes = 100;  ///< of the database, at the start of page 1
/// "Vrd" and the version of the page format, in the header's application id.
inline constexpr uint32_t kApplicationId = 0x56726401;

enum class PageFormat : uint8_t {
  none,     ///< no SQLite database
  plain,    ///< pages without checksums, as this program's first version wrote them
  checked,  ///< pages with checksums, or damage: reading page 1 tells
};
/// What the first bytes of a file say; `header` may be shorter than kHeaderBytes.
PageFormat page_format(std::span<const std::byte> header);
/// The page size that a header names; 0: none that SQLite has.
uint32_t page_size_of(std::span<const std::byte> header);

/// Overwrites with zeros what no row of a table's page uses: rows that SQLite moved to another page
/// leave their bytes there, and stay readable after they are deleted.
void clear_unused(std::span<std::byte> page, uint64_t number);

/// Puts the checksum into the page. Pages are numbered from 1.
void seal_page(std::span<std::byte> page, uint64_t number);
/// A page of zeros is not intact: SQLite writes every page, those it has no use for too, as deleted
/// content is overwritten.
bool page_is_intact(std::span<const std::byte> page, uint64_t number);

}  // namespace viridian::sql
