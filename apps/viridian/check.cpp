#include "recovery/check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/recovery_tools.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

/// "12 collections, 3.4 GiB" over itself, twice a second, on a terminal only.
class ProgressLine {
 public:
  void show(const recovery::Report& report) {
    const auto now = std::chrono::steady_clock::now();
    if (isatty(STDERR_FILENO) == 0 || now - shown_ < std::chrono::milliseconds(500)) return;
    shown_ = now;
    any_ = true;
    fmt::print(stderr, "\r\x1b[K{} collections, {}", with_commas(report.collections),
               as_size(report.bytes));
  }
  ~ProgressLine() {
    if (any_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  std::chrono::steady_clock::time_point shown_;
  bool any_ = false;
};

}  // namespace

int run(const CheckArguments& arguments) {
  RecoveryTools tools(arguments.path, arguments.snapshots);
  ProgressLine line;
  recovery::CheckOptions options{tools.path(), tools.snapshots(), {}};
  if (!arguments.json)
    options.progress = [&line](const recovery::Report& report) { line.show(report); };
  const auto checked = recovery::check(Context(), tools.files(), tools.executor(), options);
  if (!checked.ok()) {
    print_error(checked.error().message());
    return kCouldNotCheck;
  }
  fmt::print("{}", arguments.json ? checked->as_json() + "\n" : checked->as_text());
  return checked->clean() ? kOk : kFailed;
}

}  // namespace viridian::cli
