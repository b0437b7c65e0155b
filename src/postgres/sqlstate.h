#pragma once
#include <string_view>

#include "viridian/base/result.h"

namespace viridian::postgres {

/// What a five-character SQLSTATE of PostgreSQL means to us; see Connection.
Code code_of_sqlstate(std::string_view state) noexcept;

}  // namespace viridian::postgres
