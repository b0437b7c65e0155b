#pragma once
#include "config/load.h"
#include "viridian/arguments.h"

namespace viridian::cli {

/// The settings in effect: defaults, then the file, then the environment, then the flags.
Result<config::Loaded> load_settings(const SettingsArguments& arguments);

}  // namespace viridian::cli
