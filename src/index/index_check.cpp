#include "index/index_check.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace viridian::index {
namespace {

/// Far more than any that were built: what a search allocates for each of its turns.
constexpr uint32_t kMostDegree = 1 << 16;

Error damaged(const char* what) {
  return Error(Code::data_loss, std::string("the index is damaged: ") + what);
}

bool known_bits(uint32_t bits) { return bits == 1 || bits == 2 || bits == 4 || bits == 8; }

size_t record_bytes(uint32_t dim, uint32_t bits) {
  return bits == 0 ? 0 : RecordCoder(dim, bits).bytes();
}

/// The greatest is compared, since compilers make no vector instructions of a loop that may end
/// early.
bool all_below(std::span<const uint32_t> values, uint32_t limit) {
  uint32_t greatest = 0;
  for (const uint32_t value : values) greatest = std::max(greatest, value);
  return values.empty() || greatest < limit;
}

template <class T>
bool strictly_ascend(std::span<const T> values) {
  return std::adjacent_find(values.begin(), values.end(),
                            [](const T& a, const T& b) { return !(a < b); }) == values.end();
}

/// Logarithms are taken of what recalls lack, and of the breadths of two levels side by side.
bool levels_are_sound(const IndexHeader& header) {
  for (size_t i = 0; i < header.levels.size(); ++i) {
    const Level& level = header.levels[i];
    for (size_t k = 0; k < level.breadth.size(); ++k) {
      if (level.breadth[k] == 0) continue;
      if (!(level.recall > 0 && level.recall < 1)) return false;
      if (i == 0) continue;
      const Level& below = header.levels[i - 1];
      if (below.breadth[k] == 0 || !(below.recall < level.recall)) return false;
    }
  }
  return true;
}

Status check_sizes(const IndexArrays& arrays) {
  const IndexHeader& header = arrays.header;
  if (header.version != IndexHeader::kVersion)
    return Error(Code::failed_precondition, "the index has format version " +
                                                std::to_string(header.version) +
                                                ", which this program does not know");
  if (header.space > static_cast<uint32_t>(Space::ip) || header.dim == 0 ||
      header.dim > arrays.centre.size() || header.degree == 0 || header.degree > kMostDegree ||
      header.rows > kMostRows || header.nodes > header.rows || !known_bits(header.bits) ||
      (header.fine_bits != 0 && !known_bits(header.fine_bits)))
    return damaged("its header");
  const uint32_t dim = PointMap::point_dim(static_cast<Space>(header.space), header.dim);
  const size_t nodes = header.nodes;
  if (arrays.centre.size() != dim || arrays.nodes_of.size() != header.rows ||
      arrays.records.size() != nodes * record_bytes(dim, header.bits) ||
      arrays.fine.size() != nodes * record_bytes(dim, header.fine_bits) ||
      arrays.links.size() != nodes * header.degree || (nodes != 0 && arrays.entries.empty()))
    return damaged("its parts are not of the size that its header says");
  const bool finite = std::isfinite(header.scale) && std::isfinite(header.radius) &&
                      std::all_of(arrays.centre.begin(), arrays.centre.end(),
                                  [](float value) { return std::isfinite(value); });
  if (!finite) return damaged("where its points lie is no number");
  if (!levels_are_sound(header)) return damaged("the levels of its header");
  return ok_status();
}

/// Records and rows name each other; rows apart are marked where they have a record.
Status check_rows(const IndexArrays& arrays) {
  const IndexHeader& header = arrays.header;
  const uint32_t dim = PointMap::point_dim(static_cast<Space>(header.space), header.dim);
  const RecordCoder coder(dim, header.bits);
  uint32_t greatest = 0;  // counted from one on: a row of no node has 0
  for (const uint32_t node : arrays.nodes_of) greatest = std::max(greatest, node + 1);
  if (greatest > header.nodes) return damaged("a row's node is none");
  size_t marked = 0;
  for (uint32_t node = 0; node < header.nodes; ++node) {
    const FoundRow found = found_row(coder.tail(arrays.records.data() + node * coder.bytes()));
    if (found.row >= header.rows || arrays.nodes_of[found.row] != node)
      return damaged("a record's row is none, or of another record");
    marked += found.apart ? 1 : 0;
  }
  if (!strictly_ascend(arrays.apart) || !all_below(arrays.apart, header.rows))
    return damaged("rows apart do not ascend, or are none");
  for (const uint32_t row : arrays.apart) {
    const uint32_t node = arrays.nodes_of[row];
    if (node == IndexArrays::kNoNode) continue;
    const FoundRow found = found_row(coder.tail(arrays.records.data() + node * coder.bytes()));
    if (!found.apart || found.row != row) return damaged("the record of a row apart");
    --marked;
  }
  if (marked != 0) return damaged("a record is of a row apart that is not among those");
  return ok_status();
}

Status check_twins(const IndexArrays& arrays) {
  if (!strictly_ascend(arrays.twins)) return damaged("rows with the same vector do not ascend");
  for (const Twin& twin : arrays.twins)
    if (twin.first >= twin.row || twin.row >= arrays.header.rows ||
        arrays.nodes_of[twin.first] != arrays.nodes_of[twin.row])
      return damaged("rows with the same vector are none, or of two nodes");
  return ok_status();
}

}  // namespace

Status check(const IndexArrays& arrays) {
  VIRIDIAN_TRY_VOID(check_sizes(arrays));
  if (!all_below(arrays.links, arrays.header.nodes)) return damaged("a link leads to no node");
  if (!all_below(arrays.entries, arrays.header.nodes))
    return damaged("a node that walks start from is none");
  VIRIDIAN_TRY_VOID(check_rows(arrays));
  return check_twins(arrays);
}

}  // namespace viridian::index
