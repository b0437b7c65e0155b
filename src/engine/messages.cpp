#include "engine/messages.h"

#include <fmt/format.h>

namespace viridian::engine {

Error tenant_exists(std::string_view name) {
  return Error(Code::already_exists, fmt::format("Tenant [{}] already exists", name));
}

Error tenant_missing(std::string_view name) {
  return Error(Code::not_found, fmt::format("Tenant [{}] not found", name));
}

Error database_exists(std::string_view name) {
  return Error(Code::already_exists, fmt::format("Database [{}] already exists", name));
}

Error collection_exists(std::string_view name) {
  return Error(Code::already_exists, fmt::format("Collection [{}] already exists", name));
}

Error collection_missing(std::string_view name_or_id) {
  return Error(Code::not_found, fmt::format("Collection [{}] does not exist", name_or_id));
}

Error collection_missing_by_id(const CollectionId& id) {
  return Error(Code::not_found, fmt::format("Collection [{}] does not exist.", id.to_string()));
}

Error wrong_dimension(uint64_t expected, uint64_t given) {
  return Error(
      Code::invalid_argument,
      fmt::format("Collection expecting embedding with dimension of {}, got {}", expected, given));
}

}  // namespace viridian::engine
