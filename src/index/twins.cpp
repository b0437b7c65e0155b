#include "index/twins.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include "base/hash.h"
#include "index/parallel.h"

namespace viridian::index {
namespace {

constexpr size_t kRowsAtOnce = 4096;

struct Hashed {
  uint64_t hash;
  uint32_t row;
  bool operator<(const Hashed& other) const noexcept {
    return hash != other.hash ? hash < other.hash : row < other.row;
  }
};

/// The twins among rows of one hash, which ascend.
Status add_twins(const RowSource& rows, std::vector<Hashed> same, std::vector<Twin>& twins) {
  const size_t bytes = rows.dim() * sizeof(float);
  while (same.size() > 1) {
    VIRIDIAN_TRY(const float* const first, rows.vector(same.front().row));
    std::vector<Hashed> others;
    for (size_t i = 1; i < same.size(); ++i) {
      VIRIDIAN_TRY(const float* const vector, rows.vector(same[i].row));
      if (std::memcmp(first, vector, bytes) == 0)
        twins.push_back({same.front().row, same[i].row});
      else
        others.push_back(same[i]);
    }
    same = std::move(others);
  }
  return ok_status();
}

}  // namespace

Result<std::vector<Twin>> find_twins(const Context& context, const RowSource& rows,
                                     Executor& executor) {
  const size_t bytes = rows.dim() * sizeof(float);
  std::vector<Hashed> hashed(rows.rows());
  VIRIDIAN_TRY_VOID(for_pieces(
      context, executor, hashed.size(), kRowsAtOnce, [&](size_t begin, size_t end) -> Status {
        std::vector<uint32_t> all(end - begin);
        std::iota(all.begin(), all.end(), static_cast<uint32_t>(begin));
        rows.will_need(all);
        for (size_t row = begin; row < end; ++row) {
          const auto number = static_cast<uint32_t>(row);
          VIRIDIAN_TRY(const float* const vector, rows.vector(number));
          hashed[row] = {hash64({reinterpret_cast<const char*>(vector), bytes}), number};
        }
        return ok_status();
      }));
  std::sort(hashed.begin(), hashed.end());
  std::vector<Twin> twins;
  for (size_t begin = 0, end = 0; begin < hashed.size(); begin = end) {
    for (end = begin + 1; end < hashed.size() && hashed[end].hash == hashed[begin].hash;) ++end;
    if (end - begin == 1) continue;
    const auto first = hashed.begin() + static_cast<ptrdiff_t>(begin);
    VIRIDIAN_TRY_VOID(add_twins(rows, {first, first + static_cast<ptrdiff_t>(end - begin)}, twins));
  }
  std::sort(twins.begin(), twins.end());
  return twins;
}

}  // namespace viridian::index
