#include "codec/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace viridian::codec {

Error shape_error(std::string_view path, std::string_view reason) {
  return Error(Code::unprocessable,
               fmt::format("Failed to deserialize the JSON body into the target type: {}{}{}", path,
                           path.empty() ? "" : ": ", reason));
}

Error wrong_type(std::string_view path, const json::Value& found, std::string_view expected) {
  return shape_error(path,
                     fmt::format("invalid type: {}, expected {}", found.describe(), expected));
}

Error validation_error(std::string_view field, std::string_view reason) {
  return Error(Code::invalid_argument, fmt::format("Validation error: {}: {}", field, reason));
}

std::string member_path(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

std::string element_path(std::string_view path, size_t index) {
  return fmt::format("{}[{}]", path, index);
}

Result<Fields> Fields::of(const json::Value& value, std::string path,
                          std::initializer_list<std::string_view> names, Unknown unknown) {
  if (value.object() == nullptr) return wrong_type(path, value, "an object");
  Fields fields;
  fields.path_ = std::move(path);
  for (const auto& [name, member] : *value.object()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      if (unknown == Unknown::ignored) continue;
      return shape_error(fields.path_,
                         names.size() == 0
                             ? fmt::format("unknown field `{}`, there are no fields", name)
                             : fmt::format("unknown field `{}`, expected one of `{}`", name,
                                           fmt::join(names, "`, `")));
    }
    if (fields.find(name) != nullptr)
      return shape_error(fields.path_, fmt::format("duplicate field `{}`", name));
    fields.found_.emplace_back(name, &member);
  }
  return fields;
}

const json::Value* Fields::find(std::string_view name) const {
  for (const auto& [found, value] : found_)
    if (found == name) return value;
  return nullptr;
}

const json::Value* Fields::present(std::string_view name) const {
  const json::Value* value = find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<const json::Value*> Fields::require(std::string_view name) const {
  const json::Value* value = find(name);
  if (value == nullptr) return shape_error(path_, fmt::format("missing field `{}`", name));
  return value;
}

Result<std::string> Fields::text(std::string_view name) const {
  VIRIDIAN_TRY(const json::Value* value, require(name));
  return as_text(*value, path_of(name));
}

Result<uint64_t> Fields::count(std::string_view name) const {
  VIRIDIAN_TRY(const json::Value* value, require(name));
  return as_unsigned(*value, path_of(name));
}

Result<std::optional<uint64_t>> Fields::optional_count(std::string_view name) const {
  const json::Value* value = present(name);
  if (value == nullptr) return std::optional<uint64_t>();
  VIRIDIAN_TRY(const uint64_t count, as_unsigned(*value, path_of(name)));
  return std::optional(count);
}

Result<std::optional<double>> Fields::optional_number(std::string_view name) const {
  const json::Value* value = present(name);
  if (value == nullptr) return std::optional<double>();
  VIRIDIAN_TRY(const double number, as_number(*value, path_of(name)));
  return std::optional(number);
}

Result<bool> Fields::boolean_or(std::string_view name, bool otherwise) const {
  const json::Value* value = find(name);
  return value == nullptr ? Result<bool>(otherwise) : as_boolean(*value, path_of(name));
}

Result<std::string> as_text(const json::Value& value, std::string_view path) {
  if (value.string() == nullptr) return wrong_type(path, value, "a string");
  return *value.string();
}

Result<bool> as_boolean(const json::Value& value, std::string_view path) {
  if (value.boolean() == nullptr) return wrong_type(path, value, "a boolean");
  return *value.boolean();
}

Result<uint64_t> as_unsigned(const json::Value& value, std::string_view path) {
  VIRIDIAN_TRY(const int64_t number, as_integer(value, path));
  if (number < 0)
    return shape_error(
        path, fmt::format("invalid value: {}, expected an unsigned integer", value.describe()));
  return static_cast<uint64_t>(number);
}

Result<uint32_t> as_u32(const json::Value& value, std::string_view path) {
  const bool fits = value.integer() != nullptr && *value.integer() >= 0 &&
                    *value.integer() <= std::numeric_limits<uint32_t>::max();
  if (fits) return static_cast<uint32_t>(*value.integer());
  const bool integer = value.integer() != nullptr || value.is_big_integer();
  return shape_error(path, fmt::format("invalid {}: {}, expected u32", integer ? "value" : "type",
                                       value.describe()));
}

Result<int64_t> as_integer(const json::Value& value, std::string_view path) {
  if (value.integer() == nullptr) return wrong_type(path, value, "an integer");
  return *value.integer();
}

Result<double> as_number(const json::Value& value, std::string_view path) {
  if (value.integer() != nullptr) return static_cast<double>(*value.integer());
  if (value.floating() != nullptr) return *value.floating();
  return wrong_type(path, value, "a number");
}

Result<const json::Array*> as_array(const json::Value& value, std::string_view path) {
  if (value.array() == nullptr) return wrong_type(path, value, "an array");
  return value.array();
}

}  // namespace viridian::codec
