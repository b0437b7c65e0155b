#include "os/usable_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

namespace viridian::os {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A file of one number; where it is not there, or has a word instead, nothing is limited.
uint64_t limit_in(const std::string& path) {
  std::ifstream in(path);
  uint64_t limit = 0;
  return in >> limit ? limit : kNoLimit;
}

/// Of the group and of all that it is part of. In a container the path may be that of the host,
/// which is not to be seen there: the container's own group is the mounted directory itself.
uint64_t least_on_the_way(const std::string& mount, std::string path, const char* file) {
  uint64_t least = limit_in(mount + "/" + file);
  for (; path.size() > 1; path.resize(path.find_last_of('/')))
    least = std::min(least, limit_in(mount + path + "/" + file));
  return least;
}

}  // namespace

uint64_t control_group_memory(const std::string& groups, const std::string& root) {
  uint64_t least = kNoLimit;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {
    // Its number, controllers, and path: "4:memory:/a/b" in version 1, "0::/a/b" in version 2.
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") {
      least = std::min(least, least_on_the_way(root, path, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      least = std::min(least, least_on_the_way(root + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return least;
}

uint64_t usable_memory() {
  const auto pages = static_cast<uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const auto size = static_cast<uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  return std::min(pages * size,
                  control_group_memory(text_of("/proc/self/cgroup"), "/sys/fs/cgroup"));
}

}  // namespace viridian::os
