#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "clickhouse/client.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// The longest that rows are waited for to go, where the context leaves more time.
inline constexpr std::chrono::minutes kEraseTime{2};

/// Deletes the rows of a table (named without the database) that satisfy `condition`, and returns
/// once every replica of the shard shows none. Such a mutation rewrites whole parts: for many rows
/// at once, or few of them.
///   unavailable  a replica does not answer, or still shows some within the context and kEraseTime:
///                with the reason, where ClickHouse tells it. They may still go
Status erase_rows(const Context& context, Client& client, uint32_t shard, std::string_view table,
                  const std::string& condition);

}  // namespace viridian::clickhouse
