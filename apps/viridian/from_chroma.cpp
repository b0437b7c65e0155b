#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "viridian/commands.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

/// As the module ends where it could not go on.
constexpr int kCouldNotGoOn = 2;
/// Where the Python package may lie, seen from this program: in a build tree, and installed.
constexpr const char* kPackageFolders[] = {"../python", "../" VIRIDIAN_PACKAGE_FOLDER};

// Says what to install where the module cannot be had. What lies in the current directory is not
// looked for there.
constexpr const char* kStart = R"(
import sys
sys.path[:] = [place for place in sys.path if place]
try:
    from viridian.migrate.__main__ import main
except ImportError as error:
    package = (error.name or "").partition(".")[0]
    what = {"viridian": "the Python package viridian", "numpy": "NumPy"}.get(package)
    if what is None:
        raise
    print(f"viridian: {sys.executable} lacks {what} ({error}): install it there, "
          f"'{sys.executable} -m pip install {package}', or name an interpreter that has it with "
          "--python", file=sys.stderr)
    sys.exit(2)
sys.exit(main("viridian import --from-chroma"))
)";

/// Puts the package that was built or installed with this program before all others.
void find_package() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;  // then it has to be in the interpreter's own places
  for (const char* folder : kPackageFolders) {
    const auto place = (program.parent_path() / folder).lexically_normal();
    if (!std::filesystem::exists(place / "viridian/__init__.py", error)) continue;
    const char* const others = std::getenv("PYTHONPATH");
    const std::string places = others == nullptr || *others == '\0'
                                   ? place.string()
                                   : fmt::format("{}:{}", place.string(), others);
    ::setenv("PYTHONPATH", places.c_str(), 1);
    return;
  }
}

/// By the environment, where other users do not see it.
void pass(const char* name, const std::string& value) {
  if (!value.empty()) ::setenv(name, value.c_str(), 1);
}

}  // namespace

// The module takes the place of this process, so what it prints, how it ends and which signals it
// gets are its own affair (docs/decisions/0030-chroma-by-the-python-module.md).
int run(const FromChromaArguments& arguments) {
  find_package();
  pass(kCaFileVariable, arguments.server.ca_file);
  pass(kHeadersVariable, header_lines(arguments.server));
  std::vector<std::string> words = {arguments.python, "-c", kStart, "--into=" + arguments.into};
  if (!arguments.state.empty()) words.push_back("--state=" + arguments.state);
  words.insert(words.end(), {"--", arguments.directory});
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp(pointers[0], pointers.data());
  print_error(
      fmt::format("cannot run {}: {}; Chroma's directories are read by Python: install "
                  "Python 3.9 or newer, or name the program with --python",
                  arguments.python, std::strerror(errno)));
  return kCouldNotGoOn;
}

}  // namespace viridian::cli
