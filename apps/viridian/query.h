#pragma once
#include <vector>

#include "viridian/arguments.h"
#include "viridian/viridian.h"

/// What commands that search have in common.
namespace viridian::cli {

/// The vector that is searched for: as given, or that of a record.
Result<std::vector<float>> query_vector(const CollectionHandle& collection,
                                        const QueryArguments& arguments);
QueryOptions query_options(const QueryArguments& arguments);
GetOptions get_options(const GetArguments& arguments);

}  // namespace viridian::cli
