#include "segment/condition.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "segment/filter.h"

namespace viridian::segment {
namespace {

using Op = Where::Op;

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

template <class T>
bool any_element(std::string_view bytes, const T& wanted) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes.data() + at, sizeof element);
    if (element == wanted) return true;
  }
  return false;
}

bool array_contains(const RowValue& value, const MetadataValue& operand) {
  switch (value.type) {
    case MetadataType::booleans:
      if (const bool* b = std::get_if<bool>(&operand))
        return any_element(value.bytes, static_cast<char>(*b ? 1 : 0));
      break;
    case MetadataType::integers:
      if (const int64_t* i = std::get_if<int64_t>(&operand)) return any_element(value.bytes, *i);
      break;
    case MetadataType::floatings:
      if (const double* d = std::get_if<double>(&operand)) return any_element(value.bytes, *d);
      break;
    case MetadataType::strings:
      if (const std::string* s = std::get_if<std::string>(&operand)) {
        bool found = false;
        for_each_string(value.bytes, [&](std::string_view element) {
          found = element == *s;
          return !found;
        });
        return found;
      }
      break;
    default:
      break;
  }
  return false;
}

bool contains_text(std::string_view document, std::string_view text) {
  return text.empty() ||
         ::memmem(document.data(), document.size(), text.data(), text.size()) != nullptr;
}

std::optional<int64_t> as_integer(double value) {
  if (!(value >= -0x1p63 && value < 0x1p63) || value != std::trunc(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

std::partial_ordering compare(const RowValue& value, const MetadataValue& operand) {
  switch (value.type) {
    case MetadataType::boolean:
      if (const bool* b = std::get_if<bool>(&operand)) return int(value.scalar != 0) <=> int(*b);
      break;
    case MetadataType::integer: {
      const auto stored = std::bit_cast<int64_t>(value.scalar);
      if (const int64_t* i = std::get_if<int64_t>(&operand)) return stored <=> *i;
      if (const double* d = std::get_if<double>(&operand)) return compare_numbers(stored, *d);
      break;
    }
    case MetadataType::floating: {
      const auto stored = std::bit_cast<double>(value.scalar);
      if (const int64_t* i = std::get_if<int64_t>(&operand))
        return reversed(compare_numbers(*i, stored));
      if (const double* d = std::get_if<double>(&operand)) return stored <=> *d;
      break;
    }
    case MetadataType::string:
      if (const std::string* s = std::get_if<std::string>(&operand)) return value.bytes <=> *s;
      break;
    default:
      break;
  }
  return std::partial_ordering::unordered;
}

bool satisfies(Op op, std::partial_ordering order) {
  switch (op) {
    case Op::gt:
      return order > 0;
    case Op::gte:
      return order >= 0;
    case Op::lt:
      return order < 0;
    case Op::lte:
      return order <= 0;
    default:
      return order == 0;
  }
}

std::partial_ordering compare_numbers(int64_t a, double b) noexcept {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 0x1p63) return std::partial_ordering::less;
  if (b < -0x1p63) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto integer = static_cast<int64_t>(whole);
  if (a != integer) return a <=> integer;
  return 0.0 <=> (b - whole);
}

void Members::add(const MetadataValue& value) {
  if (const bool* b = std::get_if<bool>(&value)) (*b ? has_true : has_false) = true;
  if (const int64_t* i = std::get_if<int64_t>(&value)) integers.push_back(*i);
  if (const std::string* s = std::get_if<std::string>(&value)) strings.push_back(*s);
  if (const double* d = std::get_if<double>(&value); d != nullptr && !std::isnan(*d)) {
    if (const auto whole = as_integer(*d))
      integers.push_back(*whole);
    else
      floats.push_back(*d);
  }
}

void Members::sort() {
  const auto make_ready = [](auto& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  };
  make_ready(integers);
  make_ready(floats);
  make_ready(strings);
}

bool Members::has(const RowValue& value) const {
  switch (value.type) {
    case MetadataType::boolean:
      return value.scalar != 0 ? has_true : has_false;
    case MetadataType::integer:
      return std::binary_search(integers.begin(), integers.end(),
                                std::bit_cast<int64_t>(value.scalar));
    case MetadataType::floating: {
      const auto stored = std::bit_cast<double>(value.scalar);
      if (std::isnan(stored)) return false;
      if (const auto whole = as_integer(stored))
        return std::binary_search(integers.begin(), integers.end(), *whole);
      return std::binary_search(floats.begin(), floats.end(), stored);
    }
    case MetadataType::string:
      return std::binary_search(strings.begin(), strings.end(), value.bytes);
    default:
      return false;
  }
}

bool Condition::holds(const RowView& row) const {
  const auto selected = [&](const Condition& child) { return child.selects(row); };
  if (op == Op::all) return std::all_of(children.begin(), children.end(), selected);
  if (op == Op::any) return std::any_of(children.begin(), children.end(), selected);
  if (op == Op::document_contains || op == Op::document_matches) {
    const auto document = row.document();
    if (!document) return false;
    if (regex) return regex->matches(*document);
    return contains_text(*document, std::get<std::string>(*operand));
  }
  std::optional<RowValue> value;
  if (field == Field::metadata) {
    if (key) value = row.find(*key);
  } else if (const auto text = field == Field::document ? row.document() : row.uri()) {
    value = RowValue{MetadataType::string, 0, *text};
  }
  if (!value) return false;
  if (op == Op::in) return members.has(*value);
  if (op == Op::contains) return array_contains(*value, *operand);
  return satisfies(op, compare(*value, *operand));
}

}  // namespace viridian::segment
