#pragma once
#include <string>
#include <string_view>

#include "viridian/base/result.h"

/// What ClickHouse's own errors mean to callers.
namespace viridian::clickhouse {

/// The number in the first "Code: N" of a server's message, 0 where there is none.
int code_in(std::string_view text);

/// The same for what stands where data should be: 0 unless it reads like an error of ClickHouse.
int exception_in(std::string_view text);

/// An answer that is an error: `status` of HTTP, or 200 where the error came after data. `number`
/// is the server's own, 0 where it gave none.
Error server_error(std::string_view address, long status, int number, std::string_view text);

}  // namespace viridian::clickhouse
