#pragma once
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

/// For the .cpp files of this folder: choosing among what was compiled per instruction set.
namespace viridian::simd {

template <class Table>
struct Compiled {
  int64_t instruction_set;
  Table (*make)();  ///< null where it is not compiled for this architecture
};

/// What this machine, which has the instruction sets `machine`, can run of `compiled`, in its
/// order. The last entry runs everywhere. One that has the same name as the one before is left out.
template <class Target, class Table>
std::vector<Target> supported_of(std::initializer_list<Compiled<Table>> compiled, int64_t machine,
                                 const char* (*name_of)(int64_t)) {
  std::vector<Target> targets;
  for (const Compiled<Table>& one : compiled) {
    if (one.make == nullptr) continue;
    const bool fallback = &one == compiled.end() - 1;
    const bool runs = fallback || (machine & one.instruction_set) != 0;
    const std::string_view name = name_of(one.instruction_set);
    if (runs && (targets.empty() || targets.back().name != name))
      targets.push_back({name, one.make()});
  }
  return targets;
}

}  // namespace viridian::simd
