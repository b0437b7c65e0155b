// Prints docs/configuration.md.
#include <cstdio>

#include "config/reference.h"

int main() {
  const std::string page = viridian::config::reference_markdown();
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() ? 0 : 1;
}
