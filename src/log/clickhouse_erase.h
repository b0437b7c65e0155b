#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "clickhouse/client.h"
#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"

namespace viridian::clickhouse {

/// The table record_log as a statement names it.
std::string log_table(const Client& client);
/// The ids as a statement lists them.
std::string literals(std::span<const CollectionId> ids);
/// Seconds since 1970, as rows of the log have them.
uint32_t seconds_now();

/// Deletes the rows of record_log that satisfy `condition`, and returns once none of those that
/// were there are left. Such a mutation rewrites whole parts: for many rows at once, or few of
/// them.
///   unavailable  the server has not done it within the context, and may still do it
Status erase_rows(const Context& context, Client& client, Node node, const std::string& condition);

/// Waits, at most until the context ends.
Status pause(const Context& context, std::chrono::milliseconds time);

}  // namespace viridian::clickhouse
