#include "recovery/repair.h"

#include <fmt/format.h>

#include "viridian/commands.h"
#include "viridian/recovery_tools.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

int show(const recovery::Repair& repair, bool as_json) {
  const bool lost = repair.done.count(recovery::Severity::error) > 0;
  const bool mended = repair.after.clean();
  if (as_json) {
    fmt::print("{{\"found\":{},\"done\":{},\"remaining\":{},\"set_aside\":\"{}\"}}\n",
               repair.before.as_json(), repair.done.as_json(), repair.after.as_json(),
               repair.set_aside);
  } else if (repair.before.clean()) {
    fmt::print("nothing to repair\n{}", repair.before.as_text());
  } else {
    fmt::print("{}", repair.done.as_text());
    if (!repair.set_aside.empty())
      fmt::print("what was replaced, and this report, is in {}\n", repair.set_aside);
    if (!mended) fmt::print("what is still wrong:\n{}", repair.after.as_text());
  }
  return lost || !mended ? kFailed : kOk;
}

}  // namespace

int run(const RepairArguments& arguments) {
  RecoveryTools tools(arguments.path, arguments.snapshots);
  if (arguments.dry_run) {
    const auto found = recovery::check(Context(), tools.files(), tools.executor(),
                                       {tools.path(), tools.snapshots(), {}});
    if (!found.ok()) {
      print_error(found.error().message());
      return kCouldNotCheck;
    }
    fmt::print("{}", arguments.json ? found->as_json() + "\n" : found->as_text());
    if (!arguments.json) fmt::print("nothing was changed\n");
    return found->clean() ? kOk : kFailed;
  }
  const auto repaired = recovery::repair(Context(), tools.files(), tools.executor(),
                                         {tools.path(), tools.snapshots()});
  if (repaired.ok()) return show(*repaired, arguments.json);
  print_error(repaired.error().message());
  return kCouldNotCheck;
}

}  // namespace viridian::cli
