#include "segment/sealed_layout.h"

#include <algorithm>
#include <cstddef>

#include "base/crc32c.h"

namespace viridian::segment {
namespace {

uint32_t header_crc(const StoredHeader& header) {
  return crc32c(0, bytes_of(header).first(offsetof(StoredHeader, crc)));
}

}  // namespace

StoredHeader make_header(const FileIdentity& identity, uint32_t version) {
  StoredHeader header{kSealedMagic,
                      version,
                      static_cast<uint32_t>(identity.kind),
                      identity.file.bytes,
                      identity.collection.bytes,
                      {},
                      0};
  header.crc = header_crc(header);
  return header;
}

bool is_sound(const StoredHeader& header) {
  return header.magic == kSealedMagic && header.crc == header_crc(header);
}

NamedSection section_in(os::Bytes footer, uint32_t i) {
  const auto stored = load<StoredSection>(footer, footer_bytes(i, 0));
  const auto end = std::find(stored.name.begin(), stored.name.end(), '\0');
  return {std::string(stored.name.begin(), end), {stored.offset, stored.size}};
}

std::vector<uint32_t> block_crcs_in(os::Bytes footer, const FooterHead& head) {
  std::vector<uint32_t> crcs(head.blocks);
  const os::Bytes stored = footer.subspan(footer_bytes(head.sections, 0));
  if (!crcs.empty()) std::memcpy(crcs.data(), stored.data(), crcs.size() * sizeof(uint32_t));
  return crcs;
}

std::string encode_end(std::span<const NamedSection> sections, std::span<const uint32_t> block_crcs,
                       uint64_t data_size) {
  std::string end;
  const auto put = [&end](const auto& value) { end.append(os::as_text(bytes_of(value))); };
  put(FooterHead{static_cast<uint32_t>(sections.size()), static_cast<uint32_t>(block_crcs.size())});
  for (const auto& [name, section] : sections) {
    StoredSection stored{{}, section.offset, section.size};
    name.copy(stored.name.data(), stored.name.size());
    put(stored);
  }
  end.append(os::as_text(std::as_bytes(block_crcs)));
  put(StoredTail{data_size, crc32c(0, os::as_bytes(end)), 0, kSealedEndMagic});
  return end;
}

}  // namespace viridian::segment
