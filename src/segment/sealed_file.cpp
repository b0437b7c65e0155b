#include "segment/sealed_file.h"

#include <algorithm>

#include "base/crc32c.h"
#include "segment/sealed_layout.h"

namespace viridian::segment {
namespace {

constexpr uint32_t kSectionsMax = 1024;
constexpr uint64_t kSyncBytes = uint64_t{16} << 20;
/// Vectors in smaller files are in memory soon, however they are read.
constexpr uint64_t kScatteredBytes = uint64_t{1} << 20;

}  // namespace

SealedFile::SealedFile(std::string path, std::unique_ptr<os::Mapping> mapping)
    : path_(std::move(path)), mapping_(std::move(mapping)), bytes_(mapping_->bytes()) {}

Error SealedFile::damaged(uint64_t offset, std::string_view what) const {
  return Error(Code::data_loss, path_ + " is damaged at offset " + std::to_string(offset) + ": " +
                                    std::string(what) + "; restore it from a backup");
}

Result<std::shared_ptr<const SealedFile>> SealedFile::open(os::Files& files,
                                                           const std::string& path,
                                                           const FileIdentity& identity,
                                                           uint64_t size) {
  auto mapping = files.map(path);
  if (!mapping.ok()) {
    const Error& error = mapping.error();
    if (error.code() != Code::not_found) return error;
    return Error(Code::data_loss, error.message() + "; the SysDb names this file: restore it");
  }
  auto file = std::make_shared<SealedFile>(path, *std::move(mapping));
  if (file->bytes_.size() != size)
    return file->damaged(std::min<uint64_t>(size, file->bytes_.size()),
                         "it has " + std::to_string(file->bytes_.size()) + " bytes instead of " +
                             std::to_string(size));
  VIRIDIAN_TRY_VOID(file->check_header(identity));
  VIRIDIAN_TRY_VOID(file->read_footer());
  if (identity.kind == FileKind::vectors && size >= kScatteredBytes) {
    // A second time, since the system reads ahead, or does not, by mapping.
    VIRIDIAN_TRY(auto scattered, files.map(path));
    if (scattered->bytes().size() != size)
      return file->damaged(size, "it was changed while it was opened");
    file->scattered_ = std::make_unique<const ScatteredReads>(std::move(scattered));
  }
  return std::shared_ptr<const SealedFile>(std::move(file));
}

Status SealedFile::check_header(const FileIdentity& identity) const {
  if (bytes_.size() < sizeof(StoredHeader) + sizeof(StoredTail))
    return damaged(0, "it is too short");
  const auto header = load<StoredHeader>(bytes_, 0);
  if (!is_sound(header)) return damaged(0, "it has no valid header");
  if (header.version > kVersion)
    return Error(Code::failed_precondition,
                 path_ + " has format version " + std::to_string(header.version) +
                     ", this program knows up to " + std::to_string(kVersion) +
                     "; use the version that wrote it, or a newer one");
  if (header.kind != static_cast<uint32_t>(identity.kind) || header.file != identity.file.bytes ||
      header.collection != identity.collection.bytes)
    return damaged(0, "it is not the file that the SysDb means by this name");
  return ok_status();
}

Status SealedFile::read_footer() {
  const uint64_t tail_offset = bytes_.size() - sizeof(StoredTail);
  const auto tail = load<StoredTail>(bytes_, tail_offset);
  if (tail.magic != kSealedEndMagic || tail.footer_offset < sizeof(StoredHeader) ||
      tail.footer_offset > tail_offset || tail_offset - tail.footer_offset < sizeof(FooterHead))
    return damaged(tail_offset, "it has no valid end");
  const os::Bytes footer = bytes_.subspan(tail.footer_offset, tail_offset - tail.footer_offset);
  if (crc32c(0, footer) != tail.footer_crc)
    return damaged(tail.footer_offset, "the footer's checksum is wrong");
  data_size_ = tail.footer_offset;
  const auto head = load<FooterHead>(footer, 0);
  const uint64_t blocks = blocks_of(data_size_);
  if (head.sections > kSectionsMax || head.blocks != blocks ||
      footer.size() != footer_bytes(head.sections, blocks))
    return damaged(tail.footer_offset, "the footer's sizes contradict each other");
  for (uint32_t i = 0; i < head.sections; ++i) {
    const auto& [name, section] = sections_.emplace_back(section_in(footer, i));
    if (section.offset > data_size_ || section.size > data_size_ - section.offset)
      return damaged(tail.footer_offset, "a section lies outside the file");
  }
  block_crcs_ = block_crcs_in(footer, head);
  verified_ = std::make_unique<std::atomic<uint64_t>[]>((blocks + 63) / 64);
  return ok_status();
}

const Section* SealedFile::find(std::string_view name) const noexcept {
  for (const NamedSection& section : sections_)
    if (section.name == name) return &section.section;
  return nullptr;
}

Result<Section> SealedFile::section(std::string_view name) const {
  if (const Section* const found = find(name)) return *found;
  return damaged(data_size_, "it lacks the section '" + std::string(name) + "'");
}

bool SealedFile::is_verified(uint64_t block) const noexcept {
  const uint64_t word = verified_[block / 64].load(std::memory_order_acquire);
  return ((word >> (block % 64)) & 1) != 0;
}

Status SealedFile::verify(os::Bytes bytes, uint64_t block) const {
  const uint64_t offset = block * kBlockBytes;
  bytes = bytes.subspan(offset, std::min<uint64_t>(kBlockBytes, data_size_ - offset));
  if (crc32c(0, bytes) != block_crcs_[block])
    return damaged(offset, "the checksum of the " + std::to_string(bytes.size()) +
                               " bytes from there on is wrong");
  verified_[block / 64].fetch_or(uint64_t{1} << (block % 64), std::memory_order_release);
  return ok_status();
}

Result<os::Bytes> SealedFile::read(os::Bytes bytes, const Section& section, uint64_t begin,
                                   uint64_t size) const {
  if (begin > section.size || size > section.size - begin)
    return damaged(section.offset, "something points beyond its section");
  const uint64_t from = section.offset + begin;
  if (size > 0) {
    for (uint64_t block = from / kBlockBytes; block <= (from + size - 1) / kBlockBytes; ++block)
      if (!is_verified(block)) VIRIDIAN_TRY_VOID(verify(bytes, block));
  }
  return bytes.subspan(from, size);
}

Result<os::Bytes> SealedFile::read(const Section& section, uint64_t begin, uint64_t size) const {
  return read(bytes_, section, begin, size);
}

Result<os::Bytes> SealedFile::read_scattered(const Section& section, uint64_t begin,
                                             uint64_t size) const {
  return read(for_scattered(), section, begin, size);
}

void SealedFile::will_need(const Section& section, std::span<const uint32_t> elements,
                           uint64_t element_bytes) const {
  if (!scattered_ || elements.empty() || element_bytes == 0) return;
  const os::Bytes bytes = scattered_->bytes();
  const uint64_t count = section.size / element_bytes;
  const auto place_of = [&](uint32_t element) { return section.offset + element * element_bytes; };
  const bool all = elements.front() < count && scattered_->likely_to_wait(bytes.subspan(
                                                   place_of(elements.front()), element_bytes));
  // Neighbours are asked for as one.
  uint64_t from = 0, to = 0;
  const auto ask = [&] {
    if (to > from) scattered_->will_need(bytes.subspan(from, to - from));
  };
  for (const uint32_t element : elements) {
    if (element >= count) continue;
    uint64_t begin = place_of(element), end = begin + element_bytes;
    const uint64_t first = begin / kBlockBytes, last = (end - 1) / kBlockBytes;
    bool verified = true;
    for (uint64_t block = first; block <= last; ++block) verified = verified && is_verified(block);
    if (verified && !all) continue;
    if (!verified) {  // the whole is needed to do so
      begin = first * kBlockBytes;
      end = std::min(data_size_, (last + 1) * kBlockBytes);
    }
    if (begin < from || begin > to) {
      ask();
      from = begin;
      to = end;
    }
    to = std::max(to, end);
  }
  ask();
}

Result<SealedFileWriter> SealedFileWriter::create(os::Files& files, const std::string& directory,
                                                  const std::string& name,
                                                  const FileIdentity& identity) {
  SealedFileWriter writer;
  writer.directory_ = directory;
  writer.name_ = name;
  writer.temporary_ = os::join(directory, name + ".tmp");
  VIRIDIAN_TRY_VOID(files.make_directories(directory));
  VIRIDIAN_TRY(writer.file_, files.open(writer.temporary_, os::OpenMode::create));
  writer.files_ = &files;
  writer.buffer_.reserve(SealedFile::kBlockBytes);
  VIRIDIAN_TRY_VOID(writer.append(bytes_of(make_header(identity, SealedFile::kVersion))));
  return writer;
}

SealedFileWriter::~SealedFileWriter() {
  if (!file_) return;
  file_.reset();
  // What stays behind because this fails is removed when the collection is opened.
  (void)files_->remove(temporary_);
}

Status SealedFileWriter::flush() {
  if (buffer_.empty()) return ok_status();
  crcs_.push_back(crc32c(0, buffer_));
  VIRIDIAN_TRY_VOID(file_->write_at(flushed_, os::Bytes(buffer_)));
  flushed_ += buffer_.size();
  buffer_.clear();
  if (sync_often_ && flushed_ - synced_ >= kSyncBytes) {
    VIRIDIAN_TRY_VOID(file_->sync());
    synced_ = flushed_;
  }
  return ok_status();
}

Status SealedFileWriter::append(os::Bytes bytes) {
  if (!sections_.empty()) sections_.back().section.size += bytes.size();
  while (!bytes.empty()) {
    const size_t room = SealedFile::kBlockBytes - buffer_.size();
    const os::Bytes part = bytes.first(std::min(room, bytes.size()));
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (buffer_.size() == SealedFile::kBlockBytes) VIRIDIAN_TRY_VOID(flush());
  }
  return ok_status();
}

Status SealedFileWriter::begin(std::string_view name) {
  const uint64_t at = flushed_ + buffer_.size();
  const uint64_t aligned = aligned_section(at);
  // A block's size is a multiple of the alignment, so this does not cross one.
  buffer_.resize(buffer_.size() + (aligned - at));
  if (buffer_.size() == SealedFile::kBlockBytes) VIRIDIAN_TRY_VOID(flush());
  sections_.push_back({std::string(name), {aligned, 0}});
  return ok_status();
}

Result<uint64_t> SealedFileWriter::finish() {
  VIRIDIAN_TRY_VOID(flush());
  const std::string end = encode_end(sections_, crcs_, flushed_);
  VIRIDIAN_TRY_VOID(file_->write_at(flushed_, os::as_bytes(end)));
  VIRIDIAN_TRY_VOID(file_->sync());
  VIRIDIAN_TRY_VOID(files_->rename(temporary_, os::join(directory_, name_)));
  file_.reset();
  if (Status synced = files_->sync_directory(directory_); !synced.ok()) {
    // Nobody learns of the file, so its name must not stay.
    (void)files_->remove(os::join(directory_, name_));
    return synced.error();
  }
  return flushed_ + end.size();
}

}  // namespace viridian::segment
