#include "recovery/scanned_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "recovery/flipped_bit.h"

namespace viridian::recovery {
namespace {

constexpr uint64_t kBlockBytes = segment::SealedFile::kBlockBytes;
/// Blocks between two looks at the caller's deadline.
constexpr uint64_t kCheckBlocks = 64;

os::Bytes block_bytes(os::Bytes file, const SegmentLayout& layout, uint64_t block) {
  const uint64_t offset = block * kBlockBytes;
  return file.subspan(offset, std::min(kBlockBytes, layout.data_size - offset));
}

bool same(const segment::FileIdentity& a, const segment::FileIdentity& b) {
  return a.kind == b.kind && a.file == b.file && a.collection == b.collection;
}

}  // namespace

Result<std::shared_ptr<const ScannedFile>> ScannedFile::read(
    const Context& context, os::Files& files, std::string path,
    const segment::FileIdentity& expected, std::optional<uint64_t> expected_size) {
  VIRIDIAN_TRY(std::unique_ptr<os::Mapping> mapping, files.map(path));
  auto file = std::make_shared<ScannedFile>(std::move(path), std::move(mapping));
  file->look_at_header(expected);
  if (file->header_ && file->header_->version > segment::SealedFile::kVersion)
    return Error(Code::failed_precondition,
                 fmt::format("{} has format version {}, which this program does not know",
                             file->path_, file->header_->version));
  file->look_at_end(expected_size);
  VIRIDIAN_TRY_VOID(file->verify_blocks(context));
  return std::shared_ptr<const ScannedFile>(std::move(file));
}

void ScannedFile::look_at_header(const segment::FileIdentity& expected) {
  header_ = read_segment_header(bytes_);
  if (!header_) {
    damage_.push_back({0, kSegmentHeaderBytes, "it has no valid header"});
  } else if (!same(header_->identity, expected)) {
    is_the_expected_ = false;
    damage_.push_back({0, kSegmentHeaderBytes,
                       fmt::format("it is another file: kind {}, file {}, of collection {}",
                                   static_cast<uint32_t>(header_->identity.kind),
                                   header_->identity.file.to_string(),
                                   header_->identity.collection.to_string())});
  }
}

void ScannedFile::look_at_end(std::optional<uint64_t> expected_size) {
  if (expected_size && *expected_size != size()) {
    damage_.push_back({std::min(*expected_size, size()), 0,
                       fmt::format("it has {} bytes instead of {}", size(), *expected_size)});
    // What was written may be whole all the same.
    bytes_ = bytes_.first(std::min(*expected_size, size()));
  }
  layout_ = read_segment_layout(bytes_);
  if (!layout_) {
    damage_.push_back({size() - std::min<uint64_t>(size(), kSegmentTailBytes), kSegmentTailBytes,
                       "it has no footer, so nothing in it can be verified"});
  } else if (!layout_->verified) {
    damage_.push_back(
        {layout_->data_size, size() - layout_->data_size, "the footer's checksum is wrong"});
  } else if (!layout_->sound_tail) {
    damage_.push_back({size() - kSegmentTailBytes, kSegmentTailBytes, "its end is damaged"});
  }
}

Status ScannedFile::verify_blocks(const Context& context) {
  if (!layout_) return ok_status();
  bad_.resize(layout_->block_crcs.size());
  for (uint64_t block = 0; block < bad_.size(); ++block) {
    if (block % kCheckBlocks == 0) VIRIDIAN_TRY_VOID(context.check());
    const os::Bytes bytes = block_bytes(bytes_, *layout_, block);
    bad_[block] = crc32c(0, bytes) != layout_->block_crcs[block];
    if (bad_[block])
      damage_.push_back(
          {block * kBlockBytes, bytes.size(),
           fmt::format("the checksum of the {} bytes from there on is wrong", bytes.size())});
  }
  return ok_status();
}

std::optional<segment::Section> ScannedFile::section(std::string_view name) const {
  if (!layout_) return std::nullopt;
  for (const segment::NamedSection& named : layout_->sections)
    if (named.name == name) return named.section;
  return std::nullopt;
}

std::optional<os::Bytes> ScannedFile::read(const segment::Section& section, uint64_t begin,
                                           uint64_t size) const {
  if (begin > section.size || size > section.size - begin) return std::nullopt;
  const uint64_t from = section.offset + begin;
  if (size > 0)
    for (uint64_t block = from / kBlockBytes; block <= (from + size - 1) / kBlockBytes; ++block)
      if (bad_[block]) return std::nullopt;
  return bytes_.subspan(from, size);
}

namespace {

/// One block as it was written, where it is damaged in a way that can be undone.
std::optional<std::vector<std::byte>> correct_block(const ScannedFile& file, uint64_t block,
                                                    const segment::FileIdentity& identity,
                                                    std::vector<Damage>& done) {
  const os::Bytes bytes = block_bytes(file.bytes(), *file.layout(), block);
  const uint32_t crc = file.layout()->block_crcs[block];
  std::vector<std::byte> corrected(bytes.begin(), bytes.end());
  const auto put_header = [&](uint32_t version) {
    const segment::StoredHeader header = segment::make_header(identity, version);
    std::ranges::copy(segment::bytes_of(header), corrected.begin());
  };
  if (block == 0) {
    for (uint32_t version = segment::SealedFile::kVersion; version > 0; --version) {
      put_header(version);
      if (crc32c(0, corrected) != crc) continue;
      done.push_back({0, kSegmentHeaderBytes, "the header was written anew"});
      return corrected;
    }
    const uint32_t version = file.header() ? file.header()->version : segment::SealedFile::kVersion;
    put_header(version);
  }
  const auto bit = find_flipped_bit(corrected, crc);
  if (!bit) return std::nullopt;
  corrected[*bit / 8] ^= std::byte{1} << (*bit % 8);
  done.push_back(
      {block * kBlockBytes + *bit / 8, 1,
       fmt::format("bit {} was flipped, says the block's checksum: flipped back", *bit % 8)});
  return corrected;
}

}  // namespace

Result<bool> write_corrected(const Context& context, os::Files& files, const ScannedFile& file,
                             const segment::FileIdentity& identity, const std::string& to,
                             std::vector<Damage>& done) {
  if (!file.layout()) return false;
  const SegmentLayout& layout = *file.layout();
  VIRIDIAN_TRY_VOID(files.remove(to));
  VIRIDIAN_TRY(const std::unique_ptr<os::File> out, files.open(to, os::OpenMode::create));
  bool whole = true;
  for (uint64_t block = 0; block < layout.block_crcs.size(); ++block) {
    if (block % kCheckBlocks == 0) VIRIDIAN_TRY_VOID(context.check());
    const os::Bytes bytes = block_bytes(file.bytes(), layout, block);
    std::optional<std::vector<std::byte>> corrected;
    if (file.block_is_bad(block)) {
      corrected = correct_block(file, block, identity, done);
      whole = whole && corrected;
    }
    VIRIDIAN_TRY_VOID(
        out->write_at(block * kBlockBytes, corrected ? os::Bytes(*corrected) : bytes));
  }
  if (!layout.verified || !layout.sound_tail)
    done.push_back({layout.data_size, file.size() - layout.data_size,
                    "the footer was written anew from its parts"});
  const std::string end = segment::encode_end(layout.sections, layout.block_crcs, layout.data_size);
  VIRIDIAN_TRY_VOID(out->write_at(layout.data_size, os::as_bytes(end)));
  VIRIDIAN_TRY_VOID(out->sync());
  return whole;
}

}  // namespace viridian::recovery
