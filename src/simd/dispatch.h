#pragma once
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <hwy/targets.h>

/// For the .cpp files of this folder: choosing among what was compiled per instruction set.
namespace viridian::simd {

template <class Table>
struct Compiled {
  int64_t instruction_set;
  Table (*make)();  ///< null where it is not compiled for this architecture
};

template <class Table>
struct Supported {
  std::string_view name;
  Table kernels;
};

/// What this machine can run of `compiled`, in its order. The last entry runs everywhere.
template <class Table>
std::vector<Supported<Table>> supported_of(std::initializer_list<Compiled<Table>> compiled) {
  std::vector<Supported<Table>> targets;
  for (const Compiled<Table>& one : compiled) {
    if (one.make == nullptr) continue;
    const bool fallback = &one == compiled.end() - 1;
    const bool runs = fallback || (hwy::SupportedTargets() & one.instruction_set) != 0;
    const std::string_view name = hwy::TargetName(one.instruction_set);
    if (runs && (targets.empty() || targets.back().name != name))
      targets.push_back({name, one.make()});
  }
  return targets;
}

}  // namespace viridian::simd
