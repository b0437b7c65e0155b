#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "viridian/base/uuid.h"

/// Values as they are written in a statement. Server-side parameters are newer than the oldest
/// server that is supported.
namespace viridian::clickhouse {

/// Any bytes.
std::string literal(std::string_view bytes);
std::string literal(const Uuid& uuid);
/// As a list has them between its brackets.
std::string literals(std::span<const Uuid> uuids);
/// A name between backquotes.
std::string identifier(std::string_view name);

}  // namespace viridian::clickhouse
