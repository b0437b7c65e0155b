#include "postgres/sqlstate.h"

namespace viridian::postgres {
namespace {

struct Meaning {
  std::string_view state;  // five characters, or a class: the first two
  Code code;
};

// The first that fits counts.
constexpr Meaning kMeanings[] = {
    {"23505", Code::already_exists},       // unique_violation
    {"23", Code::failed_precondition},     // other constraints
    {"40001", Code::aborted},              // serialization_failure
    {"40P01", Code::aborted},              // deadlock_detected
    {"40003", Code::unavailable},          // statement_completion_unknown
    {"25006", Code::unavailable},          // read_only_sql_transaction: a primary no more
    {"25P03", Code::unavailable},          // idle_in_transaction_session_timeout
    {"55P03", Code::unavailable},          // lock_not_available
    {"57014", Code::deadline_exceeded},    // query_canceled
    {"57", Code::unavailable},             // shutting down, crashed, starting up
    {"08", Code::unavailable},             // connection exceptions
    {"53300", Code::unavailable},          // too_many_connections
    {"53", Code::resource_exhausted},      // disk or memory full
    {"28", Code::permission_denied},       // password, user
    {"42501", Code::permission_denied},    // insufficient_privilege
    {"42P01", Code::failed_precondition},  // undefined_table
    {"3D000", Code::failed_precondition},  // no such database
    {"XX001", Code::data_loss},            // data_corrupted
    {"XX002", Code::data_loss},            // index_corrupted
};

}  // namespace

Code code_of_sqlstate(std::string_view state) noexcept {
  for (const Meaning& meaning : kMeanings)
    if (state.starts_with(meaning.state)) return meaning.code;
  return Code::internal;
}

}  // namespace viridian::postgres
