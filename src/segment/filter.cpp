#include "segment/filter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "text/regex.h"

namespace viridian::segment {
namespace {

using Op = Where::Op;

enum class Field { metadata, document, uri };

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

/// How a row's scalar stands to the operand; unordered where they are of different families.
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

/// The members of an `in` list by family. A float that is a whole number in the range of int64 is
/// kept as one, so that one look-up decides.
struct Members {
  std::vector<int64_t> integers;
  std::vector<double> floats;
  std::vector<std::string_view> strings;
  bool has_true = false, has_false = false;

  static std::optional<int64_t> as_integer(double value) {
    if (!(value >= -0x1p63 && value < 0x1p63) || value != std::trunc(value)) return std::nullopt;
    return static_cast<int64_t>(value);
  }
  void add(const MetadataValue& value) {
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
  void sort() {
    std::sort(integers.begin(), integers.end());
    std::sort(floats.begin(), floats.end());
    std::sort(strings.begin(), strings.end());
  }
  bool has(const RowValue& value) const {
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
};

bool is_scalar(const MetadataValue& value) {
  return type_of(value) >= MetadataType::boolean && type_of(value) <= MetadataType::string;
}

}  // namespace

std::partial_ordering compare_numbers(int64_t a, double b) noexcept {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 0x1p63) return std::partial_ordering::less;
  if (b < -0x1p63) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto integer = static_cast<int64_t>(whole);
  if (a != integer) return a <=> integer;
  return 0.0 <=> (b - whole);
}

struct Filter::Node {
  Op op = Op::all;  ///< never one of the complements: those have `negated`
  bool negated = false;
  Field field = Field::metadata;
  std::optional<uint32_t> key;             ///< unset: no row has it
  const MetadataValue* operand = nullptr;  ///< into the Where
  Members members;
  std::optional<Regex> regex;
  std::vector<Node> children;
};

struct Filter::Compiler {
  const KeyDictionary& keys;

  Result<Node> compile(const Where& where, size_t depth) const {
    if (depth > kMaxDepth)
      return Error(Code::invalid_argument,
                   "the filter is nested more than " + std::to_string(kMaxDepth) + " levels deep");
    Node node;
    switch (where.op) {
      case Op::ne:
        node.op = Op::eq;
        break;
      case Op::nin:
        node.op = Op::in;
        break;
      case Op::not_contains:
        node.op = Op::contains;
        break;
      case Op::document_not_contains:
        node.op = Op::document_contains;
        break;
      case Op::document_not_matches:
        node.op = Op::document_matches;
        break;
      default:
        node.op = where.op;
    }
    node.negated = node.op != where.op;
    if (node.op == Op::all || node.op == Op::any) {
      for (const Where& child : where.children) {
        VIRIDIAN_TRY(Node compiled, compile(child, depth + 1));
        node.children.push_back(std::move(compiled));
      }
      return node;
    }
    VIRIDIAN_TRY_VOID(set_operands(where, node));
    if (where.key == Where::kDocumentKey)
      node.field = Field::document;
    else if (where.key == Where::kUriKey)
      node.field = Field::uri;
    else
      node.key = keys.find(where.key);
    return node;
  }

  static Status set_operands(const Where& where, Node& node) {
    const bool list = node.op == Op::in;
    const bool text = node.op == Op::document_contains || node.op == Op::document_matches;
    const bool fits = (list ? !where.operands.empty() : where.operands.size() == 1) &&
                      std::all_of(where.operands.begin(), where.operands.end(), is_scalar);
    if (!fits || (text && type_of(where.operands[0]) != MetadataType::string))
      return Error(Code::invalid_argument,
                   "a condition of the filter has operands that its operator does not take");
    node.operand = &where.operands[0];
    if (list) {
      for (const MetadataValue& operand : where.operands) node.members.add(operand);
      node.members.sort();
    }
    if (node.op == Op::document_matches) {
      VIRIDIAN_TRY(Regex regex, Regex::compile(std::get<std::string>(where.operands[0])));
      node.regex = std::move(regex);
    }
    return ok_status();
  }
};

Filter::Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

Result<Filter> Filter::compile(const Where& where, const KeyDictionary& keys) {
  VIRIDIAN_TRY(Node root, Compiler{keys}.compile(where, 1));
  Filter filter;
  filter.root_ = std::make_unique<Node>(std::move(root));
  return filter;
}

bool Filter::matches(const RowView& row) const { return holds(*root_, row) != root_->negated; }

bool Filter::holds(const Node& node, const RowView& row) const {
  const auto child_holds = [&](const Node& child) { return holds(child, row) != child.negated; };
  if (node.op == Op::all)
    return std::all_of(node.children.begin(), node.children.end(), child_holds);
  if (node.op == Op::any)
    return std::any_of(node.children.begin(), node.children.end(), child_holds);
  if (node.op == Op::document_contains || node.op == Op::document_matches) {
    const auto document = row.document();
    if (!document) return false;
    if (node.regex) return node.regex->matches(*document);
    return contains_text(*document, std::get<std::string>(*node.operand));
  }
  std::optional<RowValue> value;
  if (node.field == Field::metadata) {
    if (node.key) value = row.find(*node.key);
  } else if (const auto text = node.field == Field::document ? row.document() : row.uri()) {
    value = RowValue{MetadataType::string, 0, *text};
  }
  if (!value) return false;
  if (node.op == Op::in) return node.members.has(*value);
  if (node.op == Op::contains) return array_contains(*value, *node.operand);
  return satisfies(node.op, compare(*value, *node.operand));
}

}  // namespace viridian::segment
