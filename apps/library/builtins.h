#pragma once
#include <map>
#include <string>

#include "viridian/base/result.h"
#include "viridian/base/settings.h"
#include "viridian/spi/component.h"

namespace viridian {

/// Every class that comes with Viridian, by name. This and the next are the lists of concrete
/// classes.
Registry builtins();
/// Of these, what a process needs for a directory or a memory of its own, and for calling a server.
void add_local_builtins(Registry& registry);

/// The settings that make `settings` run without a disk.
void use_memory(Settings& settings);

/// The settings that keep everything in ClickHouse, at the addresses of the setting clickhouse.url.
/// `postgres_url`: of the database that says which of it counts and has the catalogue; empty:
/// ClickHouse itself does, which then has to be a single server.
std::map<std::string, std::string> clickhouse_settings(const std::string& clickhouse_url,
                                                       const std::string& postgres_url);

/// Sets keys of the settings table over what `settings` has.
///   invalid_argument  an unknown key (the nearest is named) or a value that is not allowed
Status apply_settings(Settings& settings, const std::map<std::string, std::string>& values);

}  // namespace viridian
