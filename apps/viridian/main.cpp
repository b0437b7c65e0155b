#include <cstdio>
#include <exception>
#include <variant>

#include "viridian/commands.h"

// Nothing of ours throws; what the standard library may still throw (memory) ends here.
int main(int argc, char** argv) try {
  const viridian::cli::Parsed parsed = viridian::cli::parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit;
  const int code = std::visit([](const auto& arguments) { return viridian::cli::run(arguments); },
                              *parsed.arguments);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fputs("viridian: the output could not be written\n", stderr);
  return code == 0 ? viridian::cli::kFailed : code;
} catch (const std::exception& error) {
  std::fprintf(stderr, "viridian: %s\n", error.what());
  return viridian::cli::kFailed;
}
