// crash_soak [SEEDS] [FIRST SEED] [CALLS] [DIRECTORY]: the long form of the crash simulator, with a
// summary. DIRECTORY, which must not exist, gets the disk of the first failure.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "crash/crash_simulator.h"

namespace {

uint64_t argument(int count, char** arguments, int at, uint64_t otherwise) {
  return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
}

void write_out(const viridian::os::DiskState& disk, viridian::os::InodeNumber inode,
               const std::filesystem::path& path) {
  if (!disk.is_directory(inode)) {
    const auto& bytes = disk.bytes(inode);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return;
  }
  std::filesystem::create_directory(path);
  for (const auto& [name, child] : disk.names(inode)) write_out(disk, child, path / name);
}

}  // namespace

int main(int count, char** arguments) {
  using namespace viridian::crash;
  const uint64_t seeds = argument(count, arguments, 1, 20);
  const uint64_t first = argument(count, arguments, 2, 1);
  const auto calls = static_cast<int>(argument(count, arguments, 3, 60));
  Report sum;
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const Report report = CrashSimulator({.seed = seed, .calls = calls}, {}).run();
    if (report.failures() > 0) fmt::print("FAILED: {}\n", report.first_failure);
    fmt::print("seed {}: {} crash points, {} failures\n", seed, report.points, report.failures());
    std::fflush(stdout);
    sum += report;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print(
      "seeds {}  operations {}  crash points {}  reopened {}  after a second cut {}  lost {}  "
      "partial {}  unopenable {}  ({:.0f} points/s)\n",
      seeds, sum.operations, sum.points, sum.reopened, sum.reopened_again, sum.lost, sum.partial,
      sum.unopenable, static_cast<double>(sum.points) / took.count());
  if (count > 4 && sum.first_image)
    write_out(*sum.first_image, viridian::os::kRootInode, arguments[4]);
  return sum.failures() == 0 ? 0 : 1;
}
