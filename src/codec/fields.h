#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/json.h"
#include "viridian/base/result.h"

namespace viridian::codec {

/// unprocessable: well-formed JSON, but `path` (empty: the body itself) is not what is due there.
Error shape_error(std::string_view path, std::string_view reason);
Error wrong_type(std::string_view path, const json::Value& found, std::string_view expected);
/// invalid_argument: "Validation error: FIELD: REASON"
Error validation_error(std::string_view field, std::string_view reason);

/// `path` with ".name" or "[index]" after it.
std::string member_path(std::string_view path, std::string_view name);
std::string element_path(std::string_view path, size_t index);

enum class Unknown : uint8_t { ignored, refused };

/// The named members of an object, each present at most once. Refers to the value it is made of.
class Fields {
 public:
  static Result<Fields> of(const json::Value& value, std::string path,
                           std::initializer_list<std::string_view> names,
                           Unknown unknown = Unknown::ignored);
  /// The member, or null where it is absent. Asking for a name not given to of() finds nothing.
  const json::Value* find(std::string_view name) const;
  /// As find(), with JSON null counting as absent.
  const json::Value* present(std::string_view name) const;
  /// The member, null or not; absent: unprocessable.
  Result<const json::Value*> require(std::string_view name) const;
  std::string path_of(std::string_view name) const { return member_path(path_, name); }

  Result<std::string> text(std::string_view name) const;
  Result<uint64_t> count(std::string_view name) const;
  /// Unset where the member is absent or null.
  Result<std::optional<uint64_t>> optional_count(std::string_view name) const;
  Result<std::optional<double>> optional_number(std::string_view name) const;
  /// The member's value; `otherwise` where it is absent.
  Result<bool> boolean_or(std::string_view name, bool otherwise) const;

 private:
  std::string path_;
  std::vector<std::pair<std::string_view, const json::Value*>> found_;
};

Result<std::string> as_text(const json::Value& value, std::string_view path);
Result<bool> as_boolean(const json::Value& value, std::string_view path);
Result<uint64_t> as_unsigned(const json::Value& value, std::string_view path);
Result<uint32_t> as_u32(const json::Value& value, std::string_view path);
Result<int64_t> as_integer(const json::Value& value, std::string_view path);
Result<double> as_number(const json::Value& value, std::string_view path);
Result<const json::Array*> as_array(const json::Value& value, std::string_view path);

/// A body that is an array, of which `read` takes each element and its path.
template <class T>
Result<std::vector<T>> read_list(std::string_view body,
                                 Result<T> (*read)(const json::Value&, std::string)) {
  VIRIDIAN_TRY(const json::Value value, json::parse(body));
  VIRIDIAN_TRY(const json::Array* elements, as_array(value, ""));
  std::vector<T> list;
  for (const json::Value& element : *elements) {
    VIRIDIAN_TRY(T one, read(element, element_path("", list.size())));
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace viridian::codec
