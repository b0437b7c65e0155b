#include "clickhouse/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "clickhouse/client.h"

namespace viridian::clickhouse {
namespace {

constexpr std::string_view kAnswered = " answered: Code: ";
constexpr std::string_view kCode = "Code: ";
constexpr size_t kLongestText = 2000;

struct Meaning {
  int number;
  Code code;
};
/// By ClickHouse's src/Common/ErrorCodes.cpp; the numbers never change.
constexpr Meaning kMeanings[] = {
    {3, Code::unavailable},           // UNEXPECTED_END_OF_FILE
    {6, Code::invalid_argument},      // CANNOT_PARSE_TEXT
    {10, Code::not_found},            // NOT_FOUND_COLUMN_IN_BLOCK
    {15, Code::already_exists},       // DUPLICATE_COLUMN
    {16, Code::not_found},            // NO_SUCH_COLUMN_IN_TABLE
    {20, Code::invalid_argument},     // NUMBER_OF_COLUMNS_DOESNT_MATCH
    {32, Code::unavailable},          // ATTEMPT_TO_READ_AFTER_EOF: the upload was cut
    {33, Code::unavailable},          // CANNOT_READ_ALL_DATA: the upload was cut
    {36, Code::invalid_argument},     // BAD_ARGUMENTS
    {40, Code::data_loss},            // CHECKSUM_DOESNT_MATCH
    {42, Code::invalid_argument},     // NUMBER_OF_ARGUMENTS_DOESNT_MATCH
    {43, Code::invalid_argument},     // ILLEGAL_TYPE_OF_ARGUMENT
    {44, Code::already_exists},       // ILLEGAL_COLUMN: a column is there
    {46, Code::invalid_argument},     // UNKNOWN_FUNCTION
    {47, Code::not_found},            // UNKNOWN_IDENTIFIER
    {48, Code::invalid_argument},     // NOT_IMPLEMENTED
    {50, Code::invalid_argument},     // UNKNOWN_TYPE
    {53, Code::invalid_argument},     // TYPE_MISMATCH
    {56, Code::invalid_argument},     // UNKNOWN_STORAGE
    {57, Code::already_exists},       // TABLE_ALREADY_EXISTS
    {60, Code::not_found},            // UNKNOWN_TABLE
    {62, Code::invalid_argument},     // SYNTAX_ERROR
    {63, Code::invalid_argument},     // UNKNOWN_AGGREGATE_FUNCTION
    {70, Code::invalid_argument},     // CANNOT_CONVERT_TYPE
    {73, Code::invalid_argument},     // UNKNOWN_FORMAT
    {81, Code::not_found},            // UNKNOWN_DATABASE
    {82, Code::already_exists},       // DATABASE_ALREADY_EXISTS
    {115, Code::invalid_argument},    // UNKNOWN_SETTING
    {159, Code::unavailable},         // TIMEOUT_EXCEEDED
    {164, Code::permission_denied},   // READONLY: this user may not
    {173, Code::resource_exhausted},  // CANNOT_ALLOCATE_MEMORY
    {192, Code::unauthenticated},     // UNKNOWN_USER
    {193, Code::unauthenticated},     // WRONG_PASSWORD
    {194, Code::unauthenticated},     // REQUIRED_PASSWORD
    {195, Code::unauthenticated},     // IP_ADDRESS_NOT_ALLOWED
    {201, Code::resource_exhausted},  // QUOTA_EXCEEDED
    {202, Code::resource_exhausted},  // TOO_MANY_SIMULTANEOUS_QUERIES
    {203, Code::unavailable},         // NO_FREE_CONNECTION
    {209, Code::unavailable},         // SOCKET_TIMEOUT
    {210, Code::unavailable},         // NETWORK_ERROR
    {216, Code::unavailable},  // QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: of a broken connection
    {218, Code::not_found},    // TABLE_IS_DROPPED
    {225, Code::unavailable},  // NO_ZOOKEEPER
    {228, Code::data_loss},    // a part that the catalogue names is not there
    {236, Code::unavailable},  // ABORTED: the server stops
    {241, Code::resource_exhausted},  // MEMORY_LIMIT_EXCEEDED
    {242, Code::unavailable},         // TABLE_IS_READ_ONLY
    {243, Code::resource_exhausted},  // NOT_ENOUGH_SPACE
    {244, Code::unavailable},         // UNEXPECTED_ZOOKEEPER_ERROR
    {246, Code::data_loss},           // CORRUPTED_DATA
    {252, Code::resource_exhausted},  // TOO_MANY_PARTS
    {253, Code::already_exists},      // REPLICA_ALREADY_EXISTS
    {271, Code::data_loss},           // CANNOT_DECOMPRESS
    {279, Code::unavailable},         // ALL_CONNECTION_TRIES_FAILED
    {285, Code::unavailable},         // TOO_FEW_LIVE_REPLICAS
    {286, Code::unavailable},         // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    {291, Code::permission_denied},   // DATABASE_ACCESS_DENIED
    {319, Code::unavailable},         // UNKNOWN_STATUS_OF_INSERT
    {341, Code::unavailable},         // UNFINISHED
    {394, Code::unavailable},         // QUERY_WAS_CANCELLED
    {396, Code::resource_exhausted},  // TOO_MANY_ROWS_OR_BYTES
    {425, Code::unavailable},         // SYSTEM_ERROR
    {439, Code::resource_exhausted},  // CANNOT_SCHEDULE_TASK
    {473, Code::unavailable},         // DEADLOCK_AVOIDED
    {497, Code::permission_denied},   // ACCESS_DENIED
    {516, Code::unauthenticated},     // AUTHENTICATION_FAILED
    {745, Code::resource_exhausted},  // SERVER_OVERLOADED
    {999, Code::unavailable},         // KEEPER_EXCEPTION
    {1000, Code::unavailable},        // POCO_EXCEPTION: mostly of the network
};

Code code_of(long status, int number) {
  const auto* const found =
      std::find_if(std::begin(kMeanings), std::end(kMeanings),
                   [number](const Meaning& meaning) { return meaning.number == number; });
  if (found != std::end(kMeanings)) return found->code;
  if (status == 401 || status == 407) return Code::unauthenticated;
  if (status == 403) return Code::permission_denied;
  if (status == 429) return Code::resource_exhausted;
  if (number == 0) return status >= 500 ? Code::unavailable : Code::invalid_argument;
  return status == 400 || status == 404 ? Code::invalid_argument : Code::internal;
}

}  // namespace

int code_in(std::string_view text) {
  const size_t at = text.find(kCode);
  if (at == std::string_view::npos) return 0;
  int number = 0;
  const std::string_view rest = text.substr(at + kCode.size());
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

int exception_in(std::string_view text) {
  return text.find("DB::Exception") == std::string_view::npos ? 0 : code_in(text);
}

Error server_error(std::string_view address, long status, int number, std::string_view text) {
  const Code code = code_of(status, number);
  if (text.size() > kLongestText) text = text.substr(0, kLongestText);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (number == 0)
    return Error(code, fmt::format("ClickHouse at {} answered HTTP {}: {}", address, status, text));
  const std::string own = fmt::format("{}{}", kCode, number);
  if (const size_t at = text.find(own); at != std::string_view::npos)
    text.remove_prefix(at + own.size());
  const std::string_view joint =
      text.empty() || text.front() == ',' || text.front() == '.' ? "" : ". ";
  return Error(code,
               fmt::format("ClickHouse at {}{}{}{}{}", address, kAnswered, number, joint, text));
}

int server_code(const Error& error) {
  const std::string_view message = error.message();
  const size_t at = message.find(kAnswered);
  return at == std::string_view::npos ? 0 : code_in(message.substr(at));
}

}  // namespace viridian::clickhouse
