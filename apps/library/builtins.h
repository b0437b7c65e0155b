#pragma once
#include <map>
#include <string>

#include "viridian/base/result.h"
#include "viridian/base/settings.h"
#include "viridian/spi/component.h"

namespace viridian {

/// Every class that comes with Viridian, by name. The one list of concrete classes.
Registry builtins();

/// The settings that make `settings` run without a disk.
void use_memory(Settings& settings);

/// Sets keys of the settings table over what `settings` has.
///   invalid_argument  an unknown key (the nearest is named) or a value that is not allowed
Status apply_settings(Settings& settings, const std::map<std::string, std::string>& values);

}  // namespace viridian
