#include "config/reference.h"

#include <fmt/format.h>

#include "config/keys.h"
#include "config/load.h"

namespace viridian::config {
namespace {

constexpr std::string_view kHead = R"(# Configuration

This page is generated from the table in `src/config/keys.cpp`:
`configuration_page > docs/configuration.md`.

Settings come from, later ones winning:

1. the defaults below;
2. a TOML file: `[server]` and, below it, `port = 8000` set `server.port`;
3. environment variables: `VIRIDIAN_SERVER_PORT=8000`;
4. flags: `--server.port 8000`.

A key that does not exist or a value that is not allowed is an error at start, which says where it
stands and what would do. Bytes may be given with a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB),
milliseconds too (ms, s, min, h): `"64MiB"`, `"90s"`.
)";

std::string_view section_of(std::string_view key) {
  const size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

std::string shown_default(const Key& key) {
  if (key.default_value.empty()) return "(empty)";
  return fmt::format("`{}`", key.default_value);
}

}  // namespace

std::string reference_markdown() {
  std::string page(kHead);
  std::string_view section = "none yet";
  for (const Key& key : keys()) {
    if (section_of(key.name) != section) {
      section = section_of(key.name);
      page += fmt::format(
          "\n## {}\n\n| key | variable | value | default | meaning |\n"
          "|---|---|---|---|---|\n",
          section.empty() ? "General" : section);
    }
    page += fmt::format("| `{}` | `{}` | {} | {} | {} |\n", key.name, variable_of(key.name),
                        allowed(key), shown_default(key), key.description);
  }
  return page;
}

}  // namespace viridian::config
