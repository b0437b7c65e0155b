#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/files.h"
#include "segment/scattered_reads.h"
#include "viridian/base/result.h"
#include "viridian/base/uuid.h"

namespace viridian::segment {

enum class FileKind : uint32_t { metadata = 1, vectors = 2 };

/// What a sealed file says of itself.
struct FileIdentity {
  FileKind kind = FileKind::metadata;
  Uuid file;
  Uuid collection;
};

/// A part of a sealed file. Starts at a multiple of 64 bytes.
struct Section {
  uint64_t offset = 0;
  uint64_t size = 0;
};
struct NamedSection {
  std::string name;  ///< at most 16 bytes
  Section section;
};

/// An immutable file of named sections, mapped into memory (docs/file-formats.md). Header and
/// footer are verified when it is opened, each 64 KiB block when it is first read. Thread-safe.
class SealedFile {
 public:
  static constexpr uint32_t kVersion = 3;
  static constexpr size_t kBlockBytes = size_t{64} << 10;

  /// `size` is what the SysDb says.
  ///   data_loss            not such a file, cut short, or damaged
  ///   failed_precondition  of a newer format version
  static Result<std::shared_ptr<const SealedFile>> open(os::Files& files, const std::string& path,
                                                        const FileIdentity& identity,
                                                        uint64_t size);

  /// For open() only: nothing is verified yet.
  SealedFile(std::string path, std::unique_ptr<os::Mapping> mapping);

  bool has_section(std::string_view name) const noexcept { return find(name) != nullptr; }
  ///   data_loss  there is no such section
  Result<Section> section(std::string_view name) const;
  /// `size` bytes of a section from `begin` on, verified. They live as long as the file.
  ///   data_loss  they are damaged, or beyond the section
  Result<os::Bytes> read(const Section& section, uint64_t begin, uint64_t size) const;
  /// The same for what lies here and there in a file that may be larger than memory: nothing around
  /// it is read from the disk, but what is needed to verify it.
  Result<os::Bytes> read_scattered(const Section& section, uint64_t begin, uint64_t size) const;
  /// Has the disk read these elements of a section, each of `element_bytes`, all at once where they
  /// may not be in memory; read_scattered() waits less for them then. What is beyond the section is
  /// passed over.
  void will_need(const Section& section, std::span<const uint32_t> elements,
                 uint64_t element_bytes) const;
  /// Where a section lies for read_scattered(). Nothing of it is verified.
  os::Bytes unverified(const Section& section) const {
    return for_scattered().subspan(section.offset, section.size);
  }
  /// Element i of a section of T.
  template <class T>
  Result<T> element(const Section& section, uint64_t i) const {
    VIRIDIAN_TRY(const os::Bytes bytes, read(section, i * sizeof(T), sizeof(T)));
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  const std::string& path() const noexcept { return path_; }
  Error damaged(uint64_t offset, std::string_view what) const;

 private:
  Status check_header(const FileIdentity& identity) const;
  Status read_footer();
  const Section* find(std::string_view name) const noexcept;
  /// `bytes` is the file, mapped in one of the two ways, as for the next.
  Status verify(os::Bytes bytes, uint64_t block) const;
  Result<os::Bytes> read(os::Bytes bytes, const Section& section, uint64_t begin,
                         uint64_t size) const;
  bool is_verified(uint64_t block) const noexcept;
  os::Bytes for_scattered() const noexcept { return scattered_ ? scattered_->bytes() : bytes_; }

  std::string path_;
  std::unique_ptr<os::Mapping> mapping_;
  os::Bytes bytes_;
  std::unique_ptr<const ScatteredReads> scattered_;  ///< null: too small to matter
  uint64_t data_size_ = 0;                           ///< what the blocks cover
  std::vector<NamedSection> sections_;
  std::vector<uint32_t> block_crcs_;
  mutable std::unique_ptr<std::atomic<uint64_t>[]> verified_;  ///< one bit per block
};

/// Writes a sealed file under a temporary name; finish() gives it its own. What is not finished is
/// removed.
class SealedFileWriter {
 public:
  ///   resource_exhausted  the disk is full
  static Result<SealedFileWriter> create(os::Files& files, const std::string& directory,
                                         const std::string& name, const FileIdentity& identity);
  SealedFileWriter(SealedFileWriter&&) noexcept = default;
  SealedFileWriter& operator=(SealedFileWriter&&) = delete;
  ~SealedFileWriter();

  /// What is appended from now on is this section.
  Status begin(std::string_view name);
  Status append(os::Bytes bytes);
  /// A section of all these values, which lie one after the other and have no padding.
  template <class Values>
  Status append_section(std::string_view name, const Values& values) {
    VIRIDIAN_TRY_VOID(begin(name));
    return append(std::as_bytes(std::span(values)));
  }
  /// A section of one value.
  template <class T>
  Status append_value(std::string_view name, const T& value) {
    return append_section(name, std::span(&value, 1));
  }
  /// From now on the file is synced every few megabytes, so that a large one does not hold up the
  /// disk for others when it is finished.
  void sync_often() noexcept { sync_often_ = true; }
  /// Makes the file durable under its name and returns its size.
  Result<uint64_t> finish();

 private:
  SealedFileWriter() = default;
  Status flush();

  os::Files* files_ = nullptr;
  std::string directory_, name_, temporary_;
  std::unique_ptr<os::File> file_;
  std::vector<std::byte> buffer_;
  uint64_t flushed_ = 0;
  uint64_t synced_ = 0;
  bool sync_often_ = false;
  std::vector<uint32_t> crcs_;
  std::vector<NamedSection> sections_;
};

}  // namespace viridian::segment
