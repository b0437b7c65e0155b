#include "postgres/values.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace viridian::postgres {
namespace {

// The types' numbers in pg_type; they never change.
constexpr uint32_t kBoolean = 16;
constexpr uint32_t kBytea = 17;
constexpr uint32_t kBigint = 20;
constexpr uint32_t kUuid = 2950;
constexpr uint32_t kByteaArray = 1001;
constexpr uint32_t kBigintArray = 1016;
constexpr uint32_t kUuidArray = 2951;

template <class Integer>
void append(std::string& out, Integer value) {
  for (int shift = 8 * (static_cast<int>(sizeof(value)) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift));
}

std::string_view view(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

/// The binary form of an array of one dimension without nulls. `element(i)` gives the bytes.
template <class Element>
std::string array_of(uint32_t type, size_t count, const Element& element) {
  std::string out;
  append(out, int32_t{1});  // dimensions
  append(out, int32_t{0});  // no nulls
  append(out, type);
  append(out, static_cast<int32_t>(count));
  append(out, int32_t{1});  // the first element's index
  for (size_t i = 0; i < count; ++i) {
    const std::string bytes(element(i));
    append(out, static_cast<int32_t>(bytes.size()));
    out += bytes;
  }
  return out;
}

}  // namespace

Parameters& Parameters::add(uint32_t type, std::string bytes) {
  values_.push_back({type, false, std::move(bytes)});
  return *this;
}

Parameters& Parameters::add(int64_t number) {
  std::string bytes;
  append(bytes, number);
  return add(kBigint, std::move(bytes));
}

Parameters& Parameters::add(std::string_view bytes) { return add(kBytea, std::string(bytes)); }

Parameters& Parameters::add(const Uuid& id) { return add(kUuid, std::string(view(id))); }

Parameters& Parameters::add(std::span<const Uuid> ids) {
  return add(kUuidArray, array_of(kUuid, ids.size(), [&](size_t i) { return view(ids[i]); }));
}

Parameters& Parameters::add(std::span<const uint64_t> numbers) {
  return add(kBigintArray, array_of(kBigint, numbers.size(), [&](size_t i) {
               std::string bytes;
               append(bytes, numbers[i]);
               return bytes;
             }));
}

Parameters& Parameters::add(std::span<const std::string> texts) {
  return add(kByteaArray, array_of(kBytea, texts.size(), [&](size_t i) { return texts[i]; }));
}

void Rows::Clear::operator()(pg_result* result) const noexcept { PQclear(result); }

Rows::Rows(pg_result* result) : result_(result) {}

size_t Rows::size() const noexcept { return static_cast<size_t>(PQntuples(result_.get())); }

uint64_t Rows::changed() const {
  const std::string_view digits = PQcmdTuples(result_.get());
  uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string_view Rows::raw(size_t row, size_t column, uint32_t type) const {
  const int r = static_cast<int>(row);
  const int c = static_cast<int>(column);
  VIRIDIAN_ASSERT(row < size() && c < PQnfields(result_.get()));
  VIRIDIAN_ASSERT(PQfformat(result_.get(), c) == 1 && PQftype(result_.get(), c) == type);
  return {PQgetvalue(result_.get(), r, c), static_cast<size_t>(PQgetlength(result_.get(), r, c))};
}

bool Rows::is_null(size_t row, size_t column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) == 1;
}

int64_t Rows::integer(size_t row, size_t column) const {
  uint64_t number = 0;
  for (const char byte : raw(row, column, kBigint))
    number = number << 8 | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(number);
}

bool Rows::boolean(size_t row, size_t column) const {
  const std::string_view byte = raw(row, column, kBoolean);
  return byte.size() == 1 && byte[0] != 0;
}

std::string Rows::bytes(size_t row, size_t column) const {
  return std::string(raw(row, column, kBytea));
}

Uuid Rows::uuid(size_t row, size_t column) const {
  Uuid id;
  const std::string_view stored = raw(row, column, kUuid);
  VIRIDIAN_ASSERT(stored.size() == id.bytes.size() || stored.empty());
  std::copy(stored.begin(), stored.end(), id.bytes.begin());
  return id;
}

}  // namespace viridian::postgres
