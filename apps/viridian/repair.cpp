#include "recovery/repair.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "codec/json.h"
#include "viridian/commands.h"
#include "viridian/recovery_tools.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

std::string json_of(const recovery::Repair& repair) {
  json::Writer writer;
  writer.begin_object();
  writer.key("found");
  writer.raw(repair.before.as_json());
  writer.key("done");
  writer.raw(repair.done.as_json());
  writer.key("remaining");
  writer.raw(repair.after.as_json());
  writer.key("set_aside");
  writer.string(repair.set_aside);
  writer.end_object();
  return std::move(writer).take();
}

int show(const recovery::Repair& repair, bool as_json) {
  const bool lost = repair.done.count(recovery::Severity::error) > 0;
  const bool mended = repair.after.clean();
  if (as_json) {
    fmt::print("{}\n", json_of(repair));
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
