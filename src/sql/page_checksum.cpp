#include "sql/page_checksum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace viridian::sql {
namespace {

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr size_t kPageSizeAt = 16;  // two bytes, big-endian
constexpr size_t kReservedAt = 20;
constexpr size_t kApplicationIdAt = 68;

uint32_t big_endian(std::span<const std::byte> bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint32_t>(bytes[at + i]);
  return value;
}

void put_little_endian(std::span<std::byte> to, uint64_t value) {
  for (std::byte& byte : to) {
    byte = static_cast<std::byte>(value);
    value >>= 8;
  }
}

}  // namespace

PageFormat page_format(std::span<const std::byte> header) {
  if (header.size() < kHeaderBytes || std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0)
    return PageFormat::none;
  // One flipped bit must not pass for the old format: both marks have to be missing.
  const bool plain =
      header[kReservedAt] == std::byte{0} && big_endian(header, kApplicationIdAt, 4) == 0;
  return plain ? PageFormat::plain : PageFormat::checked;
}

uint32_t page_size_of(std::span<const std::byte> header) {
  const uint32_t stored = big_endian(header, kPageSizeAt, 2);
  const uint32_t size = stored == 1 ? 65536 : stored;
  return size >= 512 && std::has_single_bit(size) ? size : 0;
}

void clear_unused(std::span<std::byte> page, uint64_t number) {
  // https://www.sqlite.org/fileformat2.html#b_tree_pages
  constexpr size_t kCellsAt = 3;
  constexpr size_t kContentAt = 5;
  // Other pages begin with the number of a page, which is below 2 << 24 in a file below 128 GiB.
  if (number >= 2 << 24) return;
  const size_t header = number == 1 ? kHeaderBytes : 0;
  const auto type = static_cast<unsigned>(page[header]);
  const bool interior = type == 2 || type == 5;
  if (!interior && type != 10 && type != 13) return;
  const size_t begin = header + (interior ? 12 : 8) + 2 * big_endian(page, header + kCellsAt, 2);
  const uint32_t stored = big_endian(page, header + kContentAt, 2);
  const size_t end = stored == 0 ? 65536 : stored;
  if (begin < end && end <= page.size() - kChecksumBytes)
    std::ranges::fill(page.subspan(begin, end - begin), std::byte{0});
}

void seal_page(std::span<std::byte> page, uint64_t number) {
  const std::span<std::byte> place = page.last(kChecksumBytes);
  put_little_endian(place, number);
  put_little_endian(place, hash64({reinterpret_cast<const char*>(page.data()), page.size()}));
}

bool page_is_intact(std::span<const std::byte> page, uint64_t number) {
  std::vector<std::byte> sealed(page.begin(), page.end());
  seal_page(sealed, number);
  return std::equal(page.begin(), page.end(), sealed.begin());
}

}  // namespace viridian::sql
