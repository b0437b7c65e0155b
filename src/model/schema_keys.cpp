#include <fmt/format.h>

#include <algorithm>

#include "model/schema_rules.h"

namespace viridian {
namespace {

using Flag = std::optional<bool> ValueTypes::*;

/// The index that filters on values of this type use; an array uses its elements'.
Flag flag_of(MetadataType type) {
  switch (type) {
    case MetadataType::boolean:
    case MetadataType::booleans:
      return &ValueTypes::bool_inverted;
    case MetadataType::integer:
    case MetadataType::integers:
      return &ValueTypes::int_inverted;
    case MetadataType::floating:
    case MetadataType::floatings:
      return &ValueTypes::float_inverted;
    case MetadataType::string:
    case MetadataType::strings:
      return &ValueTypes::string_inverted;
    case MetadataType::null:
      break;
  }
  return nullptr;
}

std::string_view type_word(MetadataType type) {
  switch (type) {
    case MetadataType::boolean:
      return "Bool";
    case MetadataType::integer:
      return "Int";
    case MetadataType::floating:
      return "Float";
    default:
      return "Str";
  }
}

bool is_document_condition(Where::Op op) {
  return op == Where::Op::document_contains || op == Where::Op::document_not_contains ||
         op == Where::Op::document_matches || op == Where::Op::document_not_matches;
}

bool indexed(const Schema& schema, const std::string& key, Flag flag) {
  if (const auto at = schema.keys.find(key); at != schema.keys.end() && at->second.*flag)
    return *(at->second.*flag);
  return (schema.defaults.*flag).value_or(true);
}

}  // namespace

bool indexes_documents(const Schema& schema) {
  const auto at = schema.keys.find(Schema::kDocument);
  if (at != schema.keys.end() && at->second.full_text) return *at->second.full_text;
  return schema.defaults.full_text.value_or(false);
}

bool indexes_values(const Schema& schema, const std::string& key, MetadataType type) {
  const Flag flag = flag_of(type);
  if (flag == nullptr) return true;
  if (flag != &ValueTypes::int_inverted && flag != &ValueTypes::float_inverted)
    return indexed(schema, key, flag);
  return indexed(schema, key, &ValueTypes::int_inverted) ||
         indexed(schema, key, &ValueTypes::float_inverted);
}

bool note_keys(Schema& schema, const RecordBatch& batch) {
  return note_keys(schema, batch, [](uint32_t) { return true; });
}

bool note_keys(Schema& schema, const RecordBatch& batch,
               const std::function<bool(uint32_t)>& applies) {
  bool added = false;
  for (const MetadataColumn& column : batch.metadata) {
    const Flag flag = flag_of(column.type);
    if (flag == nullptr || std::none_of(column.rows.begin(), column.rows.end(), applies)) continue;
    ValueTypes& types = schema.keys[column.key];
    std::optional<bool>& entry = types.*flag;
    if (entry) continue;
    entry = (schema.defaults.*flag).value_or(true);
    // A string entry always names both of its indexes.
    if (flag == &ValueTypes::string_inverted && !types.full_text)
      types.full_text = schema.defaults.full_text.value_or(false);
    added = true;
  }
  return added;
}

Status check_filter(const Schema& schema, const Where& where) {
  for (const Where& child : where.children) VIRIDIAN_TRY_VOID(check_filter(schema, child));
  if (where.op == Where::Op::all || where.op == Where::Op::any) return ok_status();
  if (is_document_condition(where.op)) {
    if (indexes_documents(schema)) return ok_status();
    return Error(Code::invalid_argument,
                 "Cannot filter using full-text search because FTS indexing is disabled");
  }
  if (where.key == Where::kDocumentKey || where.key == Where::kUriKey) return ok_status();
  for (const MetadataValue& operand : where.operands) {
    const Flag flag = flag_of(type_of(operand));
    if (flag == nullptr) continue;
    if (where.key != Schema::kDocument && indexed(schema, where.key, flag)) continue;
    return Error(Code::invalid_argument,
                 fmt::format("Cannot filter using metadata key '{}' with type '{}' because "
                             "indexing is disabled",
                             where.key, type_word(type_of(operand))));
  }
  return ok_status();
}

}  // namespace viridian
