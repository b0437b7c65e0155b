#include "segment/base.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

namespace viridian::segment {
namespace {

constexpr std::string_view kName = "images";

uint64_t mixed(uint64_t value) noexcept {
  value = (value ^ (value >> 31)) * 0x7fb5d329728ea185u;
  value = (value ^ (value >> 27)) * 0x81dadef4bc2dd44du;
  return value ^ (value >> 33);
}

/// The numbers behind the dots of a name, such as "images.12.34".
template <size_t n>
std::optional<std::array<uint64_t, n>> parse_name(std::string_view name) {
  std::array<uint64_t, n> numbers{};
  if (!name.starts_with(kName)) return std::nullopt;
  name.remove_prefix(kName.size());
  for (uint64_t& number : numbers) {
    if (name.empty() || name.front() != '.') return std::nullopt;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (error != std::errc()) return std::nullopt;
    name.remove_prefix(static_cast<size_t>(end - name.data()));
  }
  return name.empty() ? std::optional(numbers) : std::nullopt;
}

}  // namespace

uint64_t version_hash(Offset offset, SeqId seq) noexcept {
  return mixed(mixed(offset + 0x9e3779b97f4a7c15u) + seq);
}

Result<Base> base_of(const std::vector<Segment>& segments) {
  Base base;
  for (const Segment& segment : segments) {
    if (segment.scope != SegmentScope::metadata || segment.sealed == 0) continue;
    const auto numbers =
        segment.files.size() == 1 ? parse_name<4>(segment.files.front().name) : std::nullopt;
    if (!numbers || (*numbers)[0] != segment.sealed)
      return Error(Code::data_loss, "the SysDb does not say what the images of collection " +
                                        segment.collection.to_string() +
                                        " come to: another segment manager wrote it");
    base.sealed = segment.sealed;
    base.next_offset = (*numbers)[1];
    base.checksum = (*numbers)[2];
    base.dim = static_cast<uint32_t>((*numbers)[3]);
    base.rows = segment.files.front().rows;
    base.bytes = segment.files.front().size_bytes;
  }
  return base;
}

std::vector<SegmentChange> changes_for(const Base& base, const std::vector<Segment>& segments) {
  std::vector<SegmentChange> changes;
  for (const Segment& segment : segments) {
    SegmentChange change{segment.id, base.sealed, {}, 0};
    if (segment.scope == SegmentScope::metadata) {
      SegmentFile entry;
      entry.id = Uuid::random();
      entry.name = fmt::format("{}.{}.{}.{}.{}", kName, base.sealed, base.next_offset,
                               base.checksum, base.dim);
      entry.size_bytes = base.bytes;
      entry.rows = base.rows;
      entry.first_seq = 1;
      entry.last_seq = base.sealed;
      change.files.push_back(std::move(entry));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace viridian::segment
