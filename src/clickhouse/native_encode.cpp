#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "clickhouse/native.h"

namespace viridian::clickhouse {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie");

struct TypeName {
  std::string_view operator()(const std::vector<uint8_t>&) const { return "UInt8"; }
  std::string_view operator()(const std::vector<uint16_t>&) const { return "UInt16"; }
  std::string_view operator()(const std::vector<uint32_t>&) const { return "UInt32"; }
  std::string_view operator()(const std::vector<uint64_t>&) const { return "UInt64"; }
  std::string_view operator()(const std::vector<Uuid>&) const { return "UUID"; }
  std::string_view operator()(const StringColumn&) const { return "String"; }
  std::string_view operator()(const FloatArrays&) const { return "Array(Float32)"; }
  std::string_view operator()(const Times&) const { return "DateTime"; }
};

void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

template <class T>
void put_raw(std::string& out, const std::vector<T>& values) {
  if (values.empty()) return;
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

struct Writer {
  std::string& out;
  template <class T>
  void operator()(const std::vector<T>& values) const {
    put_raw(out, values);
  }
  /// Each half of a UUID is one little-endian number.
  void operator()(const std::vector<Uuid>& values) const {
    for (const Uuid& uuid : values) {
      out.append(uuid.bytes.rbegin() + 8, uuid.bytes.rend());
      out.append(uuid.bytes.rbegin(), uuid.bytes.rbegin() + 8);
    }
  }
  void operator()(const StringColumn& values) const {
    for (size_t i = 0; i < values.size(); ++i) put_text(out, values[i]);
  }
  void operator()(const FloatArrays& values) const {
    put_raw(out, values.ends);
    put_raw(out, values.values);
  }
  void operator()(const Times& values) const { put_raw(out, values.seconds); }
};

struct ByteCount {
  template <class T>
  size_t operator()(const std::vector<T>& values) const {
    return values.size() * sizeof(T);
  }
  size_t operator()(const StringColumn& values) const {
    return values.bytes().size() + 5 * values.size();
  }
  size_t operator()(const FloatArrays& values) const {
    return values.ends.size() * sizeof(uint64_t) + values.values.size() * sizeof(float);
  }
  size_t operator()(const Times& values) const { return values.seconds.size() * sizeof(uint32_t); }
};

Status check_arrays(const Column& column) {
  const auto* arrays = std::get_if<FloatArrays>(&column.values);
  if (arrays == nullptr) return ok_status();
  const uint64_t end = arrays->ends.empty() ? 0 : arrays->ends.back();
  if (std::is_sorted(arrays->ends.begin(), arrays->ends.end()) && end == arrays->values.size())
    return ok_status();
  return Error(Code::invalid_argument,
               fmt::format("column {}: the arrays' ends do not ascend to the {} values that it has",
                           column.name, arrays->values.size()));
}

}  // namespace

std::string_view type_of(const Values& values) { return std::visit(TypeName(), values); }

Result<std::string> encode_native(const Block& block) {
  const size_t rows = block.rows();
  size_t bytes = 20;
  for (const Column& column : block.columns) {
    if (rows_of(column.values) != rows)
      return Error(Code::invalid_argument, fmt::format("column {} has {} rows, the first one {}",
                                                       column.name, rows_of(column.values), rows));
    VIRIDIAN_TRY_VOID(check_arrays(column));
    bytes += column.name.size() + 30 + std::visit(ByteCount(), column.values);
  }
  std::string out;
  out.reserve(bytes);
  put_varint(out, block.columns.size());
  put_varint(out, rows);
  for (const Column& column : block.columns) {
    put_text(out, column.name);
    put_text(out, type_of(column.values));
    std::visit(Writer{out}, column.values);
  }
  return out;
}

}  // namespace viridian::clickhouse
