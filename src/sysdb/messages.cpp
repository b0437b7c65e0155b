#include "sysdb/messages.h"

#include <fmt/format.h>

namespace viridian::sysdb {

Error tenant_missing(std::string_view name) {
  return Error(Code::not_found, fmt::format("Tenant [{}] not found", name));
}

Error tenant_exists(std::string_view name) {
  return Error(Code::already_exists, fmt::format("Tenant [{}] already exists", name));
}

Error database_missing(std::string_view name) {
  return Error(Code::not_found, fmt::format("Database [{}] not found", name));
}

Error database_exists(std::string_view name) {
  return Error(Code::already_exists, fmt::format("Database [{}] already exists", name));
}

Error database_missing_for_create(std::string_view name) {
  return Error(Code::not_found, fmt::format("Database [{}] does not exist", name));
}

Error collection_missing(std::string_view name_or_id) {
  return Error(Code::not_found, fmt::format("Collection [{}] does not exist", name_or_id));
}

Error collection_missing(const CollectionId& id) { return collection_missing(id.to_string()); }

Error collection_exists(std::string_view name_or_id) {
  return Error(Code::already_exists, fmt::format("Collection [{}] already exists", name_or_id));
}

Error collection_changed(const CollectionId& id) {
  return Error(Code::aborted,
               fmt::format("Collection [{}] was changed meanwhile: try again", id.to_string()));
}

Error segment_missing(const SegmentId& id, const CollectionId& collection) {
  return Error(Code::not_found, fmt::format("Segment [{}] of collection [{}] does not exist",
                                            id.to_string(), collection.to_string()));
}

Error sealed_goes_back(const SegmentId& id, SeqId from, SeqId to) {
  return Error(Code::aborted,
               fmt::format("Segment [{}] is sealed up to {}; it cannot go back to {}",
                           id.to_string(), from, to));
}

Error segment_misplaced(const SegmentId& id, const CollectionId& collection) {
  return Error(Code::invalid_argument,
               fmt::format("Segment [{}] is in use, or is not one of collection [{}]",
                           id.to_string(), collection.to_string()));
}

}  // namespace viridian::sysdb
