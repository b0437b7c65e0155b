#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sysdb/catalogue_state.h"
#include "viridian/base/result.h"

/// Changes of the catalogue as they are kept in ClickHouse. Format: docs/file-formats.md.
namespace viridian::clickhouse {

std::string encode_body(const sysdb::CatalogueChange& change);
/// Several bodies, to be applied in this order, none of more than `bytes` unless a single row is.
std::vector<std::string> encode_bodies(const sysdb::CatalogueChange& change, size_t bytes);

///   data_loss            it is not what was written
///   failed_precondition  a newer version of the program wrote it
Result<sysdb::CatalogueChange> decode_body(std::string_view body);

}  // namespace viridian::clickhouse
