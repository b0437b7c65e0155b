// What a collection of the embedded library keeps to while records come and go.
//
//     vectors_streams FOLDER l2|cosine|ip drift MODE TURNOVERS [ROWS]
//     vectors_streams FOLDER l2|cosine|ip mixed [ROWS]
//
// FOLDER is that of a set, of which the first ROWS are taken. MODE says how records are turned
// over, in chunks:
//   readd      deleted and added again under other ids, in a random order
//   clustered  the same, rows that are near each other one after the other
//   upsert     each id gets the vector of another
//   window     the oldest of half of the set are deleted and the next of it added
#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "os/temporary_directory.h"
#include "vectors/stream.h"
#include "vectors/support.h"

namespace viridian::bench {
namespace {

Set read(const std::string& folder, std::string_view space, const char* rows) {
  Set set{read_npy(folder + "/base.npy"), read_npy(folder + "/queries.npy"),
          space == "cosine" ? Space::cosine
          : space == "ip"   ? Space::ip
                            : Space::l2};
  if (rows != nullptr) set.base.rows = std::min<size_t>(set.base.rows, std::stoul(rows));
  return set;
}

int run(int count, char** arguments) {
  const auto argument = [&](int i) { return i < count ? arguments[i] : nullptr; };
  const std::string_view part = count > 3 ? arguments[3] : "";
  const os::TemporaryDirectory directory;
  if (part == "mixed") {
    mixed(read(arguments[1], arguments[2], argument(4)), directory.path());
    return 0;
  }
  if (part != "drift" || count < 6 ||
      std::find(std::begin(kDriftModes), std::end(kDriftModes), std::string_view(arguments[4])) ==
          std::end(kDriftModes))
    throw std::runtime_error("the head of streams.cpp says what this takes");
  drift(read(arguments[1], arguments[2], argument(6)), arguments[4], std::stoul(arguments[5]),
        directory.path());
  return 0;
}

}  // namespace
}  // namespace viridian::bench

int main(int count, char** arguments) {
  return viridian::bench::run_main(viridian::bench::run, count, arguments);
}
