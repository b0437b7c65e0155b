#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "clickhouse/native.h"

namespace viridian::clickhouse {
namespace {

/// Memory grows by this much at a time, so that it is taken, and cleared, while it is in the cache.
constexpr uint64_t kPieceBytes = 64 << 10;
/// Memory asked for on the word of a length that was not yet followed by its bytes.
constexpr uint64_t kTrustedBytes = uint64_t{64} << 20;

}  // namespace

struct ColumnReader {
  NativeDecoder& decoder;
  uint64_t rows;
  template <class T>
  Status operator()(std::vector<T>& values) const {
    values.clear();
    return decoder.read_array(values, rows);
  }
  Status operator()(std::vector<Uuid>& values) const {
    values.clear();
    VIRIDIAN_TRY_VOID(decoder.read_array(values, rows));
    for (Uuid& uuid : values) {  // each half is one little-endian number
      std::reverse(uuid.bytes.begin(), uuid.bytes.begin() + 8);
      std::reverse(uuid.bytes.begin() + 8, uuid.bytes.end());
    }
    return ok_status();
  }
  Status operator()(StringColumn& values) const {
    values = StringColumn();
    return decoder.read_strings(values, rows);
  }
  Status operator()(FloatArrays& values) const { return decoder.read_arrays(values, rows); }
  Status operator()(Times& values) const {
    values.seconds.clear();
    return decoder.read_array(values.seconds, rows);
  }
};

Error NativeDecoder::bad(std::string_view what) const {
  return Error(Code::data_loss, fmt::format("block {} of the answer: {}", block_, what));
}

Result<bool> NativeDecoder::next(Block& block) {
  block.columns.resize(shape_.size());
  while (true) {
    ++block_;
    budget_ = limits_.bytes;
    header_.clear();
    uint64_t rows = 0;
    VIRIDIAN_TRY(const bool more, read_header(rows));
    if (!more) return false;
    for (size_t i = 0; i < shape_.size(); ++i) {
      Column& column = block.columns[i];
      column.name = shape_[i].name;
      VIRIDIAN_TRY_VOID(read_column(shape_[i], i, rows, column.values));
    }
    if (rows > 0) return true;
  }
}

Result<bool> NativeDecoder::read_header(uint64_t& rows) {
  if (source_.peek().empty()) return false;
  VIRIDIAN_TRY(const uint64_t columns, header_varint("the number of columns"));
  if (columns != shape_.size())
    return bad(fmt::format("it has {} columns instead of {}", columns, shape_.size()));
  VIRIDIAN_TRY(rows, header_varint("the number of rows"));
  if (rows > limits_.rows) return bad(fmt::format("{} rows, at most {}", rows, limits_.rows));
  return true;
}

Status NativeDecoder::read_column(const Column& expected, size_t index, uint64_t rows,
                                  Values& values) {
  VIRIDIAN_TRY_VOID(header_text(expected.name, "name", index));
  VIRIDIAN_TRY_VOID(header_type(expected.values, index));
  if (values.index() != expected.values.index()) {
    values =
        std::visit([](const auto& like) -> Values { return std::remove_cvref_t<decltype(like)>(); },
                   expected.values);
  }
  return std::visit(ColumnReader{*this, rows}, values);
}

Result<uint8_t> NativeDecoder::header_byte() {
  const std::string_view bytes = source_.peek();
  if (bytes.empty()) return bad("the answer ends inside its header");
  const char byte = bytes.front();
  header_ += byte;
  source_.skip(1);
  return static_cast<uint8_t>(byte);
}

Result<uint64_t> NativeDecoder::header_varint(std::string_view what) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    VIRIDIAN_TRY(const uint8_t byte, header_byte());
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  return bad(fmt::format("{} is no number", what));
}

/// Only as many bytes are read as are right.
Status NativeDecoder::header_text(std::string_view expected, std::string_view what, size_t index) {
  VIRIDIAN_TRY(const uint64_t size, header_varint("a length"));
  bool same = size == expected.size();
  for (size_t i = 0; same && i < expected.size(); ++i) {
    VIRIDIAN_TRY(const uint8_t byte, header_byte());
    same = byte == static_cast<uint8_t>(expected[i]);
  }
  if (same) return ok_status();
  return bad(fmt::format("the {} of column {} is not {}", what, index + 1, expected));
}

/// DateTime may name a time zone, which changes how a time is shown, not its value.
Status NativeDecoder::header_type(const Values& expected, size_t index) {
  constexpr size_t kLongest = 80;
  const std::string_view name = type_of(expected);
  if (!std::holds_alternative<Times>(expected)) return header_text(name, "type", index);
  VIRIDIAN_TRY(const uint64_t size, header_varint("a length"));
  std::string found;
  if (size <= kLongest) {
    for (uint64_t i = 0; i < size; ++i) {
      VIRIDIAN_TRY(const uint8_t byte, header_byte());
      found += static_cast<char>(byte);
    }
  }
  if (found == name || (found.starts_with("DateTime('") && found.ends_with("')")))
    return ok_status();
  return bad(fmt::format("the type of column {} is not {}", index + 1, name));
}

Status NativeDecoder::spend(uint64_t bytes) {
  if (bytes > budget_)
    return bad(fmt::format("it says that it has more than {} bytes", limits_.bytes));
  budget_ -= bytes;
  return ok_status();
}

Status NativeDecoder::read_bytes(void* to, size_t n) {
  auto* place = static_cast<char*>(to);
  while (n > 0) {
    const std::string_view bytes = source_.peek();
    if (bytes.empty()) return bad("the answer ends inside it");
    const size_t piece = std::min(n, bytes.size());
    std::memcpy(place, bytes.data(), piece);
    source_.skip(piece);
    place += piece;
    n -= piece;
  }
  return ok_status();
}

template <class T>
Status NativeDecoder::read_array(std::vector<T>& values, uint64_t n) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (n > limits_.bytes / sizeof(T)) return bad(fmt::format("it says that it has {} values", n));
  VIRIDIAN_TRY_VOID(spend(n * sizeof(T)));
  values.reserve(std::min(n, kTrustedBytes / sizeof(T)));
  while (n > 0) {
    const size_t piece = std::min(n, kPieceBytes / sizeof(T));
    const size_t had = values.size();
    values.resize(had + piece);
    VIRIDIAN_TRY_VOID(read_bytes(&values[had], piece * sizeof(T)));
    n -= piece;
  }
  return ok_status();
}

/// The length before a string.
Result<uint64_t> NativeDecoder::length() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::string_view bytes = source_.peek();
    if (bytes.empty()) return bad("the answer ends inside it");
    const auto byte = static_cast<uint8_t>(bytes.front());
    source_.skip(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  return bad("the length of a string is no number");
}

Status NativeDecoder::read_strings(StringColumn& values, uint64_t n) {
  values.reserve(std::min<uint64_t>(n, kPieceBytes), 0);
  for (uint64_t i = 0; i < n; ++i) {
    VIRIDIAN_TRY(const uint64_t size, length());
    VIRIDIAN_TRY_VOID(spend(size));
    const std::string_view bytes = source_.peek();
    if (bytes.size() >= size) {
      values.push_back(bytes.substr(0, size));
      source_.skip(size);
      continue;
    }
    scratch_.clear();
    while (scratch_.size() < size) {
      const size_t had = scratch_.size();
      const size_t piece = std::min<uint64_t>(size - had, kPieceBytes);
      scratch_.resize(had + piece);
      VIRIDIAN_TRY_VOID(read_bytes(&scratch_[had], piece));
    }
    values.push_back(scratch_);
  }
  return ok_status();
}

Status NativeDecoder::read_arrays(FloatArrays& values, uint64_t n) {
  values.ends.clear();
  values.values.clear();
  VIRIDIAN_TRY_VOID(read_array(values.ends, n));
  if (!std::is_sorted(values.ends.begin(), values.ends.end()))
    return bad("the ends of its arrays do not ascend");
  return read_array(values.values, values.ends.empty() ? 0 : values.ends.back());
}

}  // namespace viridian::clickhouse
