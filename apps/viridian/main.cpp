#include <cstdio>
#include <exception>
#include <variant>

#include "viridian/commands.h"

// Nothing of ours throws; what the standard library may still throw (memory) ends here.
int main(int argc, char** argv) try {
  const viridian::cli::Parsed parsed = viridian::cli::parse_arguments(argc, argv);
  if (!parsed.arguments) return parsed.exit;
  return std::visit([](const auto& arguments) { return viridian::cli::run(arguments); },
                    *parsed.arguments);
} catch (const std::exception& error) {
  std::fprintf(stderr, "viridian: %s\n", error.what());
  return viridian::cli::kFailed;
}
