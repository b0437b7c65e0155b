#pragma once
#include "viridian/arguments.h"

/// One function per sub-command: does it, prints, and returns the exit status.
namespace viridian::cli {

int run(const ServeArguments& arguments);
int run(const ImportArguments& arguments);
int run(const FromChromaArguments& arguments);
int run(const ExportArguments& arguments);
int run(const QueryArguments& arguments);
int run(const ExplainArguments& arguments);
int run(const GetArguments& arguments);
int run(const CountArguments& arguments);
int run(const CollectionsArguments& arguments);
int run(const StatsArguments& arguments);
int run(const ServersArguments& arguments);
int run(const CheckArguments& arguments);
int run(const RepairArguments& arguments);
int run(const MaintainArguments& arguments);
int run(const SnapshotArguments& arguments);
int run(const ConfigArguments& arguments);
int run(const VersionArguments& arguments);

}  // namespace viridian::cli
