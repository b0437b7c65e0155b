#pragma once
#include <cstdint>
#include <string>

namespace viridian::os {

/// Bytes of memory that this process may use: the machine's, or less where a control group that it
/// is in allows less.
uint64_t usable_memory();

/// The least that any of the control groups allows that a process is in; the greatest number where
/// none says. `groups` is the text of its /proc/self/cgroup, `root` the directory that the
/// hierarchies are mounted in.
uint64_t control_group_memory(const std::string& groups, const std::string& root);

}  // namespace viridian::os
