#include "base/assert.h"
#include "segment/metadata_part.h"

namespace viridian::segment {

void MetadataHead::push_back(Offset offset, uint64_t id_hash, const RowBuilder& builder) {
  const size_t size = builder.size();
  std::byte* bytes = arena_.allocate(size);
  builder.write(bytes);
  bytes_.at_grown(rows_.size()) = {bytes, size};
  by_id_.push_back(id_hash);
  rows_.push_back(offset);
}

size_t MetadataHead::bytes() const noexcept {
  return arena_.bytes() + rows_.bytes() + by_id_.bytes() + rows_.size() * sizeof(bytes_[0]);
}

RowView MetadataHead::view(uint32_t row) const {
  const auto view = RowView::parse(bytes_[row]);
  VIRIDIAN_ASSERT(view.has_value());
  return *view;
}

Result<std::optional<VisibleRow>> MetadataHead::find_id(const RowId& id, uint64_t hash,
                                                        uint32_t limit, SeqId at) const {
  const auto row = by_id_.find(hash, [&](uint32_t candidate) {
    return candidate < limit && rows_.end(candidate) > at && view(candidate).has_id(id);
  });
  if (!row) return std::nullopt;
  return VisibleRow{*row, rows_.offset(*row)};
}

}  // namespace viridian::segment
