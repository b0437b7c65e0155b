#include "postings/row_list.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"

namespace viridian::postings {
namespace {

static_assert(std::endian::native == std::endian::little, "lists are kept as they lie in memory");

enum class Kind { all, raw, bitmap, split };

/// How a list of `count` of `rows` is kept.
struct Shape {
  Kind kind = Kind::all;
  uint32_t low_bits = 0;  ///< split: of each row
  size_t high_begin = 0;  ///< split: the byte from which on the high bits lie
  size_t bytes = 0;
};

size_t bytes_of_bits(uint64_t bits) { return (bits + 7) / 8; }

Shape shape_of(uint32_t count, uint32_t rows) {
  Shape shape;
  if (count == rows || count == 0) return shape;
  shape.kind = Kind::raw;
  shape.bytes = count * sizeof(Row);
  const size_t bitmap = bytes_of_bits(rows);
  const auto low_bits = static_cast<uint32_t>(std::bit_width(rows / count)) - 1;
  const size_t high_begin = bytes_of_bits(uint64_t{count} * low_bits);
  const size_t split = high_begin + bytes_of_bits(uint64_t{count} + (rows >> low_bits) + 1);
  if (split < shape.bytes && split < bitmap) return {Kind::split, low_bits, high_begin, split};
  if (bitmap < shape.bytes) return {Kind::bitmap, 0, 0, bitmap};
  return shape;
}

/// Up to eight bytes from `at` on, as far as there are any.
uint64_t load_word(std::span<const std::byte> bytes, size_t at) {
  uint64_t word = 0;
  if (at + sizeof word <= bytes.size())
    std::memcpy(&word, bytes.data() + at, sizeof word);
  else if (at < bytes.size())
    std::memcpy(&word, bytes.data() + at, bytes.size() - at);
  return word;
}

void append_split(std::span<const Row> list, const Shape& shape, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + shape.bytes);
  size_t low_at = begin;
  uint64_t pending = 0;
  uint32_t pending_bits = 0;
  const uint64_t low_mask = (uint64_t{1} << shape.low_bits) - 1;
  const size_t high_begin = begin + shape.high_begin;
  for (size_t i = 0; i < list.size(); ++i) {
    pending |= (list[i] & low_mask) << pending_bits;
    pending_bits += shape.low_bits;
    for (; pending_bits >= 8; pending_bits -= 8, pending >>= 8)
      out[low_at++] = static_cast<char>(pending);
    const uint64_t bit = (uint64_t{list[i]} >> shape.low_bits) + i;
    char& byte = out[high_begin + bit / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | (1U << (bit % 8)));
  }
  if (pending_bits != 0) out[low_at] = static_cast<char>(pending);
}

/// Calls f(row) for each.
template <class F>
bool read_split(std::span<const std::byte> bytes, const Shape& shape, uint32_t count, uint32_t rows,
                F&& f) {
  const uint64_t low_mask = (uint64_t{1} << shape.low_bits) - 1;
  uint32_t found = 0;
  uint64_t low_at = 0, last = 0;
  for (size_t at = shape.high_begin; at < shape.bytes; at += 8) {
    for (uint64_t word = load_word(bytes, at); word != 0; word &= word - 1) {
      if (found == count) return false;
      const uint64_t position =
          (at - shape.high_begin) * 8 + static_cast<uint64_t>(std::countr_zero(word));
      const uint64_t low = (load_word(bytes, low_at / 8) >> (low_at % 8)) & low_mask;
      const uint64_t row = (position - found) << shape.low_bits | low;
      if (row >= rows || (found != 0 && row <= last)) return false;
      f(static_cast<Row>(row));
      last = row;
      low_at += shape.low_bits;
      ++found;
    }
  }
  return found == count;
}

template <class F>
bool for_each_row(std::span<const std::byte> bytes, uint32_t count, uint32_t rows, F&& f) {
  if (count > rows || rows > kBlockRows) return false;
  const Shape shape = shape_of(count, rows);
  if (bytes.size() < shape.bytes) return false;
  bytes = bytes.first(shape.bytes);
  switch (shape.kind) {
    case Kind::all:
      for (uint32_t row = 0; row < count; ++row) f(static_cast<Row>(row));
      return true;
    case Kind::raw: {
      uint32_t next = 0;
      for (size_t i = 0; i < count; ++i) {
        Row row = 0;
        std::memcpy(&row, bytes.data() + i * sizeof row, sizeof row);
        if (row < next || row >= rows) return false;
        f(row);
        next = uint32_t{row} + 1;
      }
      return true;
    }
    case Kind::bitmap: {
      uint32_t found = 0;
      for (size_t at = 0; at < shape.bytes; at += 8) {
        for (uint64_t word = load_word(bytes, at); word != 0; word &= word - 1, ++found) {
          const size_t row = at * 8 + static_cast<size_t>(std::countr_zero(word));
          if (row >= rows || found == count) return false;
          f(static_cast<Row>(row));
        }
      }
      return found == count;
    }
    case Kind::split:
      break;
  }
  return read_split(bytes, shape, count, rows, f);
}

}  // namespace

size_t list_bytes(uint32_t count, uint32_t rows) noexcept { return shape_of(count, rows).bytes; }

void append_list(std::span<const Row> list, uint32_t rows, std::string& out) {
  VIRIDIAN_ASSERT(list.size() <= rows && rows <= kBlockRows &&
                  (list.empty() || list.back() < rows));
  const Shape shape = shape_of(static_cast<uint32_t>(list.size()), rows);
  switch (shape.kind) {
    case Kind::all:
      return;
    case Kind::raw:
      out.append(reinterpret_cast<const char*>(list.data()), list.size_bytes());
      return;
    case Kind::bitmap: {
      RowBits bits{};
      for (const Row row : list) bits[row / 64] |= uint64_t{1} << (row % 64);
      out.append(reinterpret_cast<const char*>(bits.data()), shape.bytes);
      return;
    }
    case Kind::split:
      append_split(list, shape, out);
  }
}

bool read_list(std::span<const std::byte> bytes, uint32_t count, uint32_t rows,
               std::vector<Row>& out) {
  out.reserve(out.size() + std::min(count, kBlockRows));
  return for_each_row(bytes, count, rows, [&](Row row) { out.push_back(row); });
}

bool read_list(std::span<const std::byte> bytes, uint32_t count, uint32_t rows, RowBits& out) {
  if (count <= rows && rows <= kBlockRows) {
    const Shape shape = shape_of(count, rows);
    if (shape.kind == Kind::bitmap && bytes.size() >= shape.bytes) {
      const auto word_at = [&](size_t at) { return load_word(bytes.first(shape.bytes), at); };
      if (rows % 64 != 0 && word_at(rows / 64 * 8) >> (rows % 64) != 0) return false;
      for (size_t at = 0; at < shape.bytes; at += 8) out[at / 8] |= word_at(at);
      return true;
    }
  }
  return for_each_row(bytes, count, rows,
                      [&](Row row) { out[row / 64] |= uint64_t{1} << (row % 64); });
}

}  // namespace viridian::postings
