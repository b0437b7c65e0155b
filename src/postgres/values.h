#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"
#include "viridian/base/uuid.h"

struct pg_result;

namespace viridian::postgres {

/// Values for a statement's parameters, in order: $1, $2, ... Their types are part of the
/// statement. Texts are byte strings (bytea): any bytes, in the server's encoding or not.
class Parameters {
 public:
  Parameters& add(int64_t number);  ///< bigint
  /// bigint, of the same bits: to be compared for equality only, from 2^63 on.
  Parameters& add(uint64_t number) { return add(static_cast<int64_t>(number)); }
  Parameters& add(std::string_view bytes);  ///< bytea
  Parameters& add(const Uuid& id);          ///< uuid
  template <class T>
  Parameters& add(const std::optional<T>& value) {
    add(value.value_or(T()));
    if (!value) values_.back().null = true;
    return *this;
  }
  Parameters& add(std::span<const Uuid> ids);           ///< uuid[]
  Parameters& add(std::span<const uint64_t> numbers);   ///< bigint[]
  Parameters& add(std::span<const std::string> texts);  ///< bytea[]

  struct Value {
    uint32_t type = 0;  ///< an OID
    bool null = false;
    std::string bytes;  ///< in PostgreSQL's binary form
  };
  std::span<const Value> values() const noexcept { return values_; }

 private:
  Parameters& add(uint32_t type, std::string bytes);
  std::vector<Value> values_;
};

/// What a statement answered. Rows and columns count from 0; asking for one that is not there, or
/// as another type than it has, is a programming error.
class Rows {
 public:
  explicit Rows(pg_result* result);  ///< owns it

  size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  /// Rows that an insert, update or delete changed.
  uint64_t changed() const;

  bool is_null(size_t row, size_t column) const;
  int64_t integer(size_t row, size_t column) const;
  uint64_t number(size_t row, size_t column) const {
    return static_cast<uint64_t>(integer(row, column));
  }
  bool boolean(size_t row, size_t column) const;
  std::string bytes(size_t row, size_t column) const;
  Uuid uuid(size_t row, size_t column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  std::string_view raw(size_t row, size_t column, uint32_t type) const;
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace viridian::postgres
