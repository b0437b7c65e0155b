#include "viridian/target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "config/keys.h"

namespace viridian::cli {

void print_error(std::string_view message) { fmt::print(stderr, "viridian: {}\n", message); }

int fail(const Error& error) {
  print_error(error.message());
  if (error.code() == Code::not_found) return kNotFound;
  if (error.code() == Code::unavailable) return kUnreachable;
  return kFailed;
}

std::string header_lines(const ServerAccess& server) {
  return fmt::format("{}", fmt::join(server.headers, "\n"));
}

Opened open_target(const Target& target, IfMissing missing) {
  Options options;
  options.database = {target.tenant, target.database};
  options.timeout = std::chrono::milliseconds(target.timeout_ms);
  if (!target.url.empty()) {
    options.settings["client.ca_file"] = target.server.ca_file;
    options.settings["client.headers"] = header_lines(target.server);
    Result<Client> client = Client::connect(target.url, std::move(options));
    if (client.ok()) return {*std::move(client), kOk};
    const Error error = std::move(client).error();
    if (error.code() == Code::invalid_argument) return {std::nullopt, fail(error)};
    const bool told = error.code() == Code::not_found;
    print_error(told ? error.message()
                     : fmt::format("cannot reach {}: {}", target.url, error.message()));
    return {std::nullopt, told ? kNotFound : kUnreachable};
  }
  const std::string path = target.path.empty() ? config::defaults().text("path") : target.path;
  std::error_code ignored;  // "cannot tell" is treated as "not there": opening says why
  if (target.read_only) options.settings["read_only"] = "true";
  // Where only the SysDb is missing, opening says that repair brings it back.
  const bool there = std::filesystem::exists(path + "/sysdb.sqlite3", ignored) ||
                     std::filesystem::exists(path + "/FORMAT", ignored);
  if (!there && missing == IfMissing::fail) {
    print_error(fmt::format(
        "no database at {}: name a data directory with --path, or a server with --url", path));
    return {std::nullopt, kUnreachable};
  }
  Result<Client> client = Client::open(path, std::move(options));
  if (client.ok()) return {*std::move(client), kOk};
  const Error error = std::move(client).error();
  const bool told = error.code() == Code::not_found;
  print_error(told ? error.message() : fmt::format("cannot open {}: {}", path, error.message()));
  return {std::nullopt, told ? kNotFound : kUnreachable};
}

}  // namespace viridian::cli
