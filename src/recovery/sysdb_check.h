#pragma once
#include <map>

#include "recovery/directory.h"
#include "recovery/report.h"

namespace viridian::recovery {

/// What a directory's collections are, from the best source there is.
struct Collections {
  std::vector<KnownCollection> known;
  std::unique_ptr<OpenSysDb> sysdb;  ///< null where it cannot be read
};

/// Looks at the file FORMAT.
///   failed_precondition  the directory is of a newer version
Status check_format(const Directory&, SharedReport&);

/// Verifies the pages of the SysDb's file. False: some are damaged.
Result<bool> check_sysdb_pages(const Context&, const Directory&, SharedReport&);

/// Reads what the SysDb says. Trouble goes into the report; what can be read is there.
/// `pages_are_sound`: as check_sysdb_pages() said.
///   failed_precondition  it is of another version
///   cancelled
Result<Collections> read_collections(const Context&, const Directory&, bool pages_are_sound,
                                     SharedReport&);

/// Compares the copies in the directory catalogue with what the SysDb says. Copies that differ
/// because a writer beside us has changed something are looked at again.
Status check_catalogue(const Context&, const Directory&, Collections&, SharedReport&);

}  // namespace viridian::recovery
