#pragma once
#include <string>

#include "os/files.h"
#include "sysdb/catalogue.h"
#include "viridian/base/result.h"

namespace viridian::sqlite {

/// Makes a SysDb's file of the copies in a catalogue, durably, except for the name `path` itself,
/// which the caller may yet change. Databases that only collections tell of get new ids. Changes go
/// on after the catalogue's latest.
///   already_exists  there is a file at `path`, or two copies claim one name
Status rebuild(os::Files& files, const std::string& path, const sysdb::Catalogue& catalogue);

}  // namespace viridian::sqlite
