#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/base/uuid.h"
#include "viridian/model/columns.h"

namespace viridian::clickhouse {

/// Array(Float32): row i has values[ends[i - 1]..ends[i]).
struct FloatArrays {
  std::vector<uint64_t> ends;
  std::vector<float> values;
  friend bool operator==(const FloatArrays&, const FloatArrays&) = default;
};
/// DateTime: seconds since 1970.
struct Times {
  std::vector<uint32_t> seconds;
  friend bool operator==(const Times&, const Times&) = default;
};

/// A column's values. The alternative says the type in ClickHouse: UInt8, UInt16, UInt32, UInt64,
/// UUID, String, Array(Float32), DateTime.
using Values =
    std::variant<std::vector<uint8_t>, std::vector<uint16_t>, std::vector<uint32_t>,
                 std::vector<uint64_t>, std::vector<Uuid>, StringColumn, FloatArrays, Times>;

struct Column {
  std::string name;
  Values values;
  friend bool operator==(const Column&, const Column&) = default;
};

/// Rows by column, as ClickHouse's Native format has them. All columns have the same length.
struct Block {
  std::vector<Column> columns;

  size_t rows() const noexcept;
  template <class T>
  T& get(size_t column) {
    return std::get<T>(columns[column].values);
  }
  template <class T>
  const T& get(size_t column) const {
    return std::get<T>(columns[column].values);
  }
  friend bool operator==(const Block&, const Block&) = default;
};

/// What a query's blocks must look like: names, and values of which only the types count.
using Shape = std::vector<Column>;

}  // namespace viridian::clickhouse
