#pragma once
#include <string>

#include "viridian/arguments.h"
#include "viridian/viridian.h"

namespace viridian::cli {

/// Prints "viridian: <message>" to stderr.
void print_error(std::string_view message);
/// Prints the error and returns the exit status for it.
int fail(const Error& error);

/// The headers as the setting client.headers has them.
std::string header_lines(const ServerAccess& server);

enum class IfMissing { fail, make };

/// A database that is open, or the exit status after its error was printed.
struct Opened {
  std::optional<Client> client;
  int exit = kOk;
};
/// Opens the directory or connects to the server. `missing` says what to do with a directory that
/// holds no database.
Opened open_target(const Target& target, IfMissing missing);

}  // namespace viridian::cli
