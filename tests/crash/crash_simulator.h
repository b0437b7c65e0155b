#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crash/book.h"
#include "crash/crash_system.h"
#include "crash/workload.h"
#include "os/simulated_disk.h"

namespace viridian::crash {

struct Options {
  uint64_t seed = 1;
  int calls = 120;        ///< of the client
  int drop_percent = 0;   ///< of the calls, besides those that drop a collection anyway
  int random_images = 2;  ///< per point, besides "nothing" and "everything"
  uint64_t max_points = ~uint64_t{0};
  bool stop_at_failure = true;
};

struct Report {
  uint64_t operations = 0;      ///< changes to the disk
  uint64_t points = 0;          ///< power cuts looked at
  uint64_t reopened = 0;        ///< of these, those that left a disk that was not seen before
  uint64_t reopened_again = 0;  ///< after a second cut
  uint64_t lost = 0;
  uint64_t partial = 0;  ///< a call shows in part, or something that nobody wrote
  uint64_t unopenable = 0;
  std::string first_failure = {};
  std::optional<os::DiskState> first_image = {};  ///< the disk that it was found on

  uint64_t failures() const { return lost + partial + unopenable; }
  Report& operator+=(const Report& other);
};

/// Runs a workload on a simulated disk, cuts the power before every change to that disk, opens what
/// is left, and compares it with what the client was told.
class CrashSimulator {
 public:
  CrashSimulator(const Options& options, Assembly assembly)
      : options_(options), assembly_(std::move(assembly)), dice_(options.seed) {}

  Report run();

 private:
  /// What the client knew: from the operation `begin` on the call was under way, from `end` on it
  /// was acknowledged, with this state.
  struct Call {
    std::string what;
    size_t begin = 0, end = 0;
    State after;
  };
  /// What is right to find.
  struct Expected {
    const State& acknowledged;
    const State& complete;
  };

  Status run_workload(os::SimulatedDisk& disk);
  void cut_everywhere(const os::SimulatedDisk& disk);
  Expected expected_at(size_t operation) const;
  os::Survival random_survival();
  /// Counts a failure; false where there was one.
  bool check_image(const os::DiskState& image, const Expected& expected, const std::string& where);
  /// The same for what a second cut leaves, before this operation of the recovered disk.
  bool check_later(const os::SimulatedDisk& disk, size_t operation, const os::Survival& survival,
                   const Expected& expected, const std::string& where);
  /// Some more calls, and what they make of `state`.
  Status write_more(Api& api, State& state);
  bool found(const Verdict& verdict, const std::string& where, const os::DiskState& image);
  bool unopenable(const Error& error, const std::string& where, const os::DiskState& image);
  void note_failure(std::string text, const os::DiskState& image);

  const Options options_;
  const Assembly assembly_;
  os::Dice dice_;
  std::vector<Call> calls_;
  State initial_;
  std::set<std::pair<uint64_t, size_t>> seen_;  // digest of an image, last call before it
  Report report_;
};

}  // namespace viridian::crash
