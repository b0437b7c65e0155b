#pragma once
#include <string_view>

#include "viridian/base/result.h"
#include "viridian/model/ids.h"

/// The errors of every SysDb. Clients see these messages.
namespace viridian::sysdb {

Error tenant_missing(std::string_view name);
Error tenant_exists(std::string_view name);
Error database_missing(std::string_view name);
Error database_exists(std::string_view name);
/// The database in which a collection was to be made.
Error database_missing_for_create(std::string_view name);
Error collection_missing(std::string_view name_or_id);
Error collection_missing(const CollectionId& id);
Error collection_exists(std::string_view name_or_id);
/// It is not what a change was decided upon.
Error collection_changed(const CollectionId& id);
Error segment_missing(const SegmentId& id, const CollectionId& collection);
Error sealed_goes_back(const SegmentId& id, SeqId from, SeqId to);
/// A segment that is given with a collection but belongs to another one, or comes twice.
Error segment_misplaced(const SegmentId& id, const CollectionId& collection);

}  // namespace viridian::sysdb
