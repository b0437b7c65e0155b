#include <fmt/format.h>

#include <limits>

#include "codec/fields.h"
#include "codec/json_values.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

Error no_metadata_value(std::string_view path, const json::Value& found) {
  return wrong_type(path, found,
                    "a string, a number, a boolean, or an array of one of these types");
}

struct ArrayKinds {
  size_t strings = 0, booleans = 0, integers = 0, floatings = 0;
};

ArrayKinds count_kinds(const json::Array& elements) {
  ArrayKinds kinds;
  for (const json::Value& element : elements) {
    if (element.string() != nullptr)
      ++kinds.strings;
    else if (element.boolean() != nullptr)
      ++kinds.booleans;
    else if (element.integer() != nullptr)
      ++kinds.integers;
    else if (element.floating() != nullptr)
      ++kinds.floatings;
  }
  return kinds;
}

template <class T, class Get>
MetadataValue collect(const json::Array& elements, Get get) {
  std::vector<T> values;
  values.reserve(elements.size());
  for (const json::Value& element : elements) values.push_back(get(element));
  return values;
}

double number_of(const json::Value& value) {
  return value.integer() != nullptr ? static_cast<double>(*value.integer()) : *value.floating();
}

Result<MetadataValue> array_value(const json::Value& value, std::string_view path) {
  const json::Array& elements = *value.array();
  const ArrayKinds kinds = count_kinds(elements);
  // An empty array has no type of its own: Chroma's schemas count it among the booleans.
  if (kinds.booleans == elements.size())
    return collect<bool>(elements, [](const json::Value& e) { return *e.boolean(); });
  if (kinds.strings == elements.size())
    return collect<std::string>(elements, [](const json::Value& e) { return *e.string(); });
  if (kinds.integers == elements.size())
    return collect<int64_t>(elements, [](const json::Value& e) { return *e.integer(); });
  if (kinds.integers + kinds.floatings == elements.size())
    return collect<double>(elements, number_of);
  return shape_error(path, "expected an array of strings, of booleans, or of numbers");
}

bool looks_sparse(const json::Object& members) {
  const json::Value* type = nullptr;
  bool indices = false, values = false, others = false;
  for (const auto& [name, member] : members) {
    if (name == "#type")
      type = &member;
    else if (name == "indices")
      indices = true;
    else if (name == "values")
      values = true;
    else if (name != "tokens")
      others = true;
  }
  if (type != nullptr) return type->string() != nullptr && *type->string() == "sparse_vector";
  return indices && values && !others;
}

/// Always an error: which one says whether the vector would be one.
Error sparse_vector(const json::Value& value, std::string_view key, std::string_view path) {
  auto fields = Fields::of(value, std::string(path), {"#type", "indices", "values", "tokens"});
  if (!fields.ok()) return std::move(fields).error();
  const json::Value* indices = fields->find("indices");
  const json::Value* values = fields->find("values");
  if (indices == nullptr || indices->array() == nullptr || values == nullptr ||
      values->array() == nullptr)
    return shape_error(path, "expected a sparse vector with arrays `indices` and `values`");
  const auto malformed = [&](std::string_view why) {
    return Error(Code::invalid_argument, fmt::format("sparse vector {}: {}", key, why));
  };
  std::optional<uint32_t> last;
  for (const json::Value& index : *indices->array()) {
    const auto at = as_u32(index, member_path(path, "indices"));
    if (!at.ok()) return at.error();
    if (last && *at <= *last) return malformed("indices must ascend");
    last = *at;
  }
  for (const json::Value& number : *values->array())
    if (const auto held = as_number(number, member_path(path, "values")); !held.ok())
      return held.error();
    else if (*held > std::numeric_limits<float>::max() ||
             *held < std::numeric_limits<float>::lowest())
      return malformed("values must fit 32-bit floats");
  const json::Value* tokens = fields->present("tokens");
  if (tokens != nullptr && tokens->array() == nullptr)
    return wrong_type(member_path(path, "tokens"), *tokens, "an array of strings");
  const size_t size = indices->array()->size();
  if (values->array()->size() != size || (tokens != nullptr && tokens->array()->size() != size))
    return malformed("indices, values and tokens must be of one length");
  return Error(Code::unimplemented, fmt::format("Sparse vector is not supported yet: {}", key));
}

void write_value(json::Writer& out, const MetadataValue& value) {
  const auto one = [&out](const auto& held) {
    using T = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<T, bool>)
      out.boolean(held);
    else if constexpr (std::is_same_v<T, int64_t>)
      out.integer(held);
    else if constexpr (std::is_same_v<T, double>)
      out.floating(held);
    else
      out.string(held);
  };
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          out.null();
        } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
          out.begin_array();
          for (const bool flag : held) out.boolean(flag);
          out.end_array();
        } else if constexpr (requires { typename T::allocator_type; } &&
                             !std::is_same_v<T, std::string>) {
          out.begin_array();
          for (const auto& element : held) one(element);
          out.end_array();
        } else {
          one(held);
        }
      },
      value);
}

}  // namespace

Result<MetadataValue> metadata_value(const json::Value& value, std::string_view key,
                                     std::string_view path) {
  if (value.is_null()) return MetadataValue();
  if (value.boolean() != nullptr) return MetadataValue(*value.boolean());
  if (value.integer() != nullptr) return MetadataValue(*value.integer());
  if (value.floating() != nullptr) return MetadataValue(*value.floating());
  if (value.string() != nullptr) return MetadataValue(*value.string());
  if (value.array() != nullptr) return array_value(value, path);
  if (looks_sparse(*value.object())) return sparse_vector(value, key, path);
  return no_metadata_value(path, value);
}

Result<Metadata> record_metadata(const json::Value& value, std::string_view path) {
  if (value.object() == nullptr) return wrong_type(path, value, "an object");
  Metadata metadata;
  std::optional<Error> other;
  for (const auto& [key, member] : *value.object()) {
    auto read = metadata_value(member, key, member_path(path, key));
    if (read.ok())
      metadata.set(key, *std::move(read));
    else if (read.error().code() == Code::unprocessable)
      return std::move(read).error();
    else if (!other)
      other = std::move(read).error();  // a wrong shape further on goes first
  }
  if (other) return *std::move(other);
  return metadata;
}

Result<Metadata> collection_metadata(const json::Value& value, std::string_view path,
                                     bool nulls_allowed) {
  auto read = record_metadata(value, path);
  if (!read.ok() && read.error().code() != Code::unprocessable)
    return validation_error(path, "Collection metadata cannot hold sparse vectors");
  VIRIDIAN_TRY(Metadata metadata, std::move(read));
  for (const auto& [key, held] : metadata) {
    if (type_of(held) == MetadataType::null && !nulls_allowed)
      return shape_error(member_path(path, key), "invalid type: null, expected a scalar");
  }
  for (const auto& [key, held] : metadata) {
    if (type_of(held) > MetadataType::string)
      return validation_error(
          path, fmt::format("Collection metadata cannot hold arrays, but {} is one", key));
  }
  if (metadata.empty()) return validation_error(path, "Metadata cannot be empty");
  return metadata;
}

void write(json::Writer& out, const Metadata& metadata) {
  out.begin_object();
  for (const auto& [key, value] : metadata) {
    out.key(key);
    write_value(out, value);
  }
  out.end_object();
}

std::string write_metadata(const Metadata& metadata) {
  json::Writer out;
  write(out, metadata);
  return std::move(out).take();
}

Result<Metadata> read_metadata(std::string_view json) {
  VIRIDIAN_TRY(const json::Value value, json::parse(json));
  return record_metadata(value, "");
}

}  // namespace viridian::codec
