#pragma once
#include <string_view>
#include <utility>

#include "viridian/base/result.h"
#include "viridian/model/ids.h"

/// Errors as clients know them. Their tests look for parts of these texts.
namespace viridian::engine {

Error tenant_exists(std::string_view name);
Error tenant_missing(std::string_view name);
Error database_exists(std::string_view name);
Error collection_exists(std::string_view name);
/// For routes that name a collection, or show one by its id.
Error collection_missing(std::string_view name_or_id);
/// For routes that change a collection or touch its records, by id: ends in a full stop.
Error collection_missing_by_id(const CollectionId& id);
Error wrong_dimension(uint64_t expected, uint64_t given);

/// The result, with error() in place of an error of this code.
template <class T, class MakeError>
Result<T> reword(Result<T> result, Code code, MakeError&& error) {
  if (result.ok() || result.error().code() != code) return result;
  return error();
}

}  // namespace viridian::engine
