// Makes a sealed file with an index of an array's rows, so that files can be compared that other
// instruction sets, or other numbers of threads, made of the same rows.
//
//     sealed_index ROWS.npy l2|cosine|ip DIRECTORY THREADS [AVX2|SSE4|none]
//
// The last argument is the best instruction set that is used: unset, the machine's best. Prints
// which that was, and the file.
#include <fmt/core.h>
#include <hwy/highway.h>

#include <string>
#include <string_view>

#include "component/thread_pool.h"
#include "simd/codes.h"
#include "simd/distance.h"
#include "vectors/lone_segment.h"
#include "vectors/support.h"

namespace viridian::bench {
namespace {

/// Has to come before anything asks for kernels.
void keep_to(std::string_view name) {
  const int64_t best = name == "AVX2" ? HWY_AVX2 : name == "SSE4" ? HWY_SSE4 : HWY_STATIC_TARGET;
  hwy::DisableTargets(best - 1);  // better ones have lower bits
}

int run(int count, char** arguments) {
  if (count < 5) return 2;
  if (count > 5) keep_to(arguments[5]);
  const std::string_view space = arguments[2];
  LoneSegment::Options options;
  options.space = space == "cosine" ? Space::cosine : space == "ip" ? Space::ip : Space::l2;
  options.indexed_rows = 1;
  options.directory = arguments[3];
  options.threads = std::stoul(arguments[4]);
  ThreadPool executor(1, 64);
  LoneSegment segment(options, executor);
  segment.fill(read_npy(arguments[1]));
  fmt::print("{} {} {}/{}\n", simd::target_name(), simd::supported_code_targets().front().name,
             options.directory, segment.files().front().name);
  return 0;
}

}  // namespace
}  // namespace viridian::bench

int main(int count, char** arguments) {
  return viridian::bench::run_main(viridian::bench::run, count, arguments);
}
