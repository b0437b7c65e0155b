#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "viridian/base/result.h"

namespace viridian::clickhouse {

/// The setting clickhouse.url: servers by shard, each as scheme://host:port, with a path where
/// there is one, and without a slash at the end.
///   invalid_argument  an address is none, not of http or https, or names a user or parameters
Result<std::vector<std::vector<std::string>>> parse_addresses(std::string_view setting);

/// Letters, digits and -._~ as they are, everything else as %HH.
std::string percent_encode(std::string_view text);

}  // namespace viridian::clickhouse
