#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "codec/json_values.h"
#include "codec/values.h"
#include "viridian/model/schema.h"

namespace viridian::codec {
namespace {

/// Levels of $and and $or inside each other. Chroma's own limit, and what keeps recursion short.
constexpr int kMaxNesting = 62;

Error bad_where(std::string_view detail) {
  return Error(Code::invalid_argument, fmt::format("Invalid where clause: {}", detail));
}

Error bad_where_document(std::string_view detail) {
  return Error(Code::invalid_argument, fmt::format("Invalid where document clause: {}", detail));
}

using Fail = Error (*)(std::string_view);
using ReadChild = Result<Where> (*)(const json::Value&, int);

struct Operator {
  std::string_view name;
  Where::Op op;
};
constexpr std::array<Operator, 10> kOperators = {{{"$eq", Where::Op::eq},
                                                  {"$ne", Where::Op::ne},
                                                  {"$gt", Where::Op::gt},
                                                  {"$gte", Where::Op::gte},
                                                  {"$lt", Where::Op::lt},
                                                  {"$lte", Where::Op::lte},
                                                  {"$in", Where::Op::in},
                                                  {"$nin", Where::Op::nin},
                                                  {"$contains", Where::Op::contains},
                                                  {"$not_contains", Where::Op::not_contains}}};
constexpr std::array<Operator, 4> kDocumentOperators = {
    {{"$contains", Where::Op::document_contains},
     {"$not_contains", Where::Op::document_not_contains},
     {"$regex", Where::Op::document_matches},
     {"$not_regex", Where::Op::document_not_matches}}};

template <size_t N>
const Operator* find_operator(const std::array<Operator, N>& operators, std::string_view name) {
  const auto at = std::find_if(operators.begin(), operators.end(),
                               [&](const Operator& o) { return o.name == name; });
  return at == operators.end() ? nullptr : &*at;
}

template <size_t N>
std::string_view name_of(const std::array<Operator, N>& operators, Where::Op op) {
  const auto at = std::find_if(operators.begin(), operators.end(),
                               [&](const Operator& o) { return o.op == op; });
  return at == operators.end() ? std::string_view() : at->name;
}

bool is_number(const MetadataValue& value) {
  return type_of(value) == MetadataType::integer || type_of(value) == MetadataType::floating;
}

/// The scalar, or null (monostate) where the value is none.
MetadataValue scalar_of(const json::Value& value) {
  if (value.boolean() != nullptr) return *value.boolean();
  if (value.integer() != nullptr) return *value.integer();
  if (value.floating() != nullptr) return *value.floating();
  if (value.string() != nullptr) return *value.string();
  return std::monostate();
}

Result<const json::Member*> only_member(const json::Value& value, Fail fail) {
  if (value.object() == nullptr)
    return fail(fmt::format("expected an object, got {}", value.describe()));
  if (value.object()->size() != 1)
    return fail(fmt::format("expected an object with exactly one key, got {} keys",
                            value.object()->size()));
  return &value.object()->front();
}

/// $and and $or; nothing where the member is neither.
Result<std::optional<Where>> read_logical(const json::Member& member, int nesting, Fail fail,
                                          ReadChild read_child) {
  const auto& [name, operand] = member;
  if (name != "$and" && name != "$or") return std::optional<Where>();
  if (operand.array() == nullptr)
    return fail(fmt::format("{} takes a list of clauses, got {}", name, operand.describe()));
  if (nesting == kMaxNesting)
    return fail(fmt::format("$and and $or are nested deeper than {} levels", kMaxNesting));
  Where where;
  where.op = name == "$and" ? Where::Op::all : Where::Op::any;
  for (const json::Value& child : *operand.array()) {
    VIRIDIAN_TRY(Where read, read_child(child, nesting + 1));
    where.children.push_back(std::move(read));
  }
  return std::optional<Where>(std::move(where));
}

Where leaf(Where::Op op, std::string_view key, std::vector<MetadataValue> operands) {
  return Where{op, std::string(key), std::move(operands), {}};
}

Result<Where> read_list(Where::Op op, std::string_view name, std::string_view key,
                        const json::Value& operand) {
  if (operand.array() == nullptr || operand.array()->empty())
    return bad_where(fmt::format("{} on {} takes a list that is not empty, got {}", name, key,
                                 operand.describe()));
  std::vector<MetadataValue> operands;
  for (const json::Value& element : *operand.array()) {
    MetadataValue value = scalar_of(element);
    if (type_of(value) == MetadataType::null)
      return bad_where(fmt::format("{} on {} takes strings, numbers or booleans, got {}", name, key,
                                   element.describe()));
    if (element.is_big_integer())
      return bad_where(
          fmt::format("{} on {}: {} is beyond 64 bits", name, key, element.describe()));
    // The first element gives the type; whole numbers are welcome among fractions.
    if (!operands.empty() && type_of(operands.front()) == MetadataType::floating &&
        type_of(value) == MetadataType::integer)
      value = static_cast<double>(std::get<int64_t>(value));
    if (!operands.empty() && type_of(value) != type_of(operands.front()))
      return bad_where(
          fmt::format("{} on {} takes values of one type: {} is of another than the "
                      "first",
                      name, key, element.describe()));
    operands.push_back(std::move(value));
  }
  return leaf(op, key, std::move(operands));
}

Result<Where> read_operation(std::string_view key, const json::Member& member) {
  const auto& [name, operand] = member;
  if (key == Schema::kDocument) {
    if (const Operator* found = find_operator(kDocumentOperators, name)) {
      if (operand.string() == nullptr)
        return bad_where(
            fmt::format("{} on {} takes a string, got {}", name, key, operand.describe()));
      return leaf(found->op, "", {*operand.string()});
    }
  }
  const Operator* found = find_operator(kOperators, name);
  if (found == nullptr) return bad_where(fmt::format("unknown operator {} on {}", name, key));
  if (found->op == Where::Op::in || found->op == Where::Op::nin)
    return read_list(found->op, name, key, operand);
  MetadataValue value = scalar_of(operand);
  if (type_of(value) == MetadataType::null)
    return bad_where(fmt::format("{} on {} takes a string, a number or a boolean, got {}", name,
                                 key, operand.describe()));
  const bool ordered = found->op == Where::Op::gt || found->op == Where::Op::gte ||
                       found->op == Where::Op::lt || found->op == Where::Op::lte;
  if (ordered && !is_number(value))
    return bad_where(fmt::format("{} on {} takes a number, got {}", name, key, operand.describe()));
  return leaf(found->op, key, {std::move(value)});
}

Result<Where> read_clause(const json::Value& value, int nesting) {
  VIRIDIAN_TRY(const json::Member* member, only_member(value, bad_where));
  VIRIDIAN_TRY(auto logical, read_logical(*member, nesting, bad_where, read_clause));
  if (logical) return *std::move(logical);
  const auto& [key, operand] = *member;
  if (key.starts_with('$')) return bad_where(fmt::format("unknown operator {}", key));
  if (operand.object() != nullptr) {
    VIRIDIAN_TRY(const json::Member* operation, only_member(operand, bad_where));
    return read_operation(key, *operation);
  }
  MetadataValue scalar = scalar_of(operand);
  if (type_of(scalar) == MetadataType::null)
    return bad_where(fmt::format("{} takes a string, a number, a boolean or an operator, got {}",
                                 key, operand.describe()));
  return leaf(Where::Op::eq, key, {std::move(scalar)});
}

Result<Where> read_document_clause(const json::Value& value, int nesting) {
  VIRIDIAN_TRY(const json::Member* member, only_member(value, bad_where_document));
  VIRIDIAN_TRY(auto logical,
               read_logical(*member, nesting, bad_where_document, read_document_clause));
  if (logical) return *std::move(logical);
  const auto& [name, operand] = *member;
  const Operator* found = find_operator(kDocumentOperators, name);
  if (found == nullptr) return bad_where_document(fmt::format("unknown operator {}", name));
  if (operand.string() == nullptr)
    return bad_where_document(fmt::format("{} takes a string, got {}", name, operand.describe()));
  return leaf(found->op, "", {*operand.string()});
}

void write_scalar(json::Writer& out, const MetadataValue& value) {
  if (const bool* flag = std::get_if<bool>(&value))
    out.boolean(*flag);
  else if (const int64_t* number = std::get_if<int64_t>(&value))
    out.integer(*number);
  else if (const double* real = std::get_if<double>(&value))
    out.floating(*real);
  else if (const std::string* text = std::get_if<std::string>(&value))
    out.string(*text);
  else
    out.null();
}

void write_operands(json::Writer& out, const Where& where) {
  if (where.op != Where::Op::in && where.op != Where::Op::nin) {
    write_scalar(out, where.operands.empty() ? MetadataValue() : where.operands.front());
    return;
  }
  out.begin_array();
  for (const MetadataValue& operand : where.operands) write_scalar(out, operand);
  out.end_array();
}

using WriteChild = void (*)(json::Writer&, const Where&);

bool write_logical(json::Writer& out, const Where& where, WriteChild write_child) {
  if (where.op != Where::Op::all && where.op != Where::Op::any) return false;
  out.begin_object();
  out.key(where.op == Where::Op::all ? "$and" : "$or");
  out.begin_array();
  for (const Where& child : where.children) write_child(out, child);
  out.end_array();
  out.end_object();
  return true;
}

}  // namespace

Result<Where> where_of(const json::Value& value) { return read_clause(value, 0); }
Result<Where> where_document_of(const json::Value& value) { return read_document_clause(value, 0); }

void write(json::Writer& out, const Where& where) {
  if (write_logical(out, where, write)) return;
  const std::string_view name = name_of(kOperators, where.op);
  out.begin_object();
  if (name.empty()) {
    out.key(Schema::kDocument);
    write_document_filter(out, where);
  } else {
    out.key(where.key);
    out.begin_object();
    out.key(name);
    write_operands(out, where);
    out.end_object();
  }
  out.end_object();
}

void write_document_filter(json::Writer& out, const Where& where) {
  if (write_logical(out, where, write_document_filter)) return;
  out.begin_object();
  out.key(name_of(kDocumentOperators, where.op));
  write_operands(out, where);
  out.end_object();
}

Result<Where> read_where(std::string_view json) {
  VIRIDIAN_TRY(const json::Value value, json::parse(json));
  return where_of(value);
}

Result<Where> read_where_document(std::string_view json) {
  VIRIDIAN_TRY(const json::Value value, json::parse(json));
  return where_document_of(value);
}

std::string write_where(const Where& where) {
  json::Writer out;
  write(out, where);
  return std::move(out).take();
}

std::string write_where_document(const Where& where) {
  json::Writer out;
  write_document_filter(out, where);
  return std::move(out).take();
}

}  // namespace viridian::codec
