#pragma once
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/files.h"
#include "recovery/segment_layout.h"
#include "viridian/base/context.h"

namespace viridian::recovery {

/// A place in a file whose bytes are not what was written.
struct Damage {
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string what;
};

/// A sealed file read from end to end, with what is wrong in it. What undamaged blocks hold can be
/// read all the same. Immutable, so thread-safe.
class ScannedFile {
 public:
  ///   not_found, data_loss (the disk), failed_precondition (of a newer version), cancelled
  static Result<std::shared_ptr<const ScannedFile>> read(const Context&, os::Files& files,
                                                         std::string path,
                                                         const segment::FileIdentity& expected,
                                                         std::optional<uint64_t> expected_size);
  /// For read() only.
  ScannedFile(std::string path, std::unique_ptr<os::Mapping> mapping)
      : path_(std::move(path)), mapping_(std::move(mapping)), bytes_(mapping_->bytes()) {}

  const std::string& path() const noexcept { return path_; }
  uint64_t size() const noexcept { return bytes_.size(); }
  os::Bytes bytes() const noexcept { return bytes_; }
  const std::vector<Damage>& damage() const noexcept { return damage_; }
  bool intact() const noexcept { return damage_.empty(); }
  const std::optional<SegmentHeader>& header() const noexcept { return header_; }
  const std::optional<SegmentLayout>& layout() const noexcept { return layout_; }
  bool block_is_bad(uint64_t block) const { return bad_[block]; }
  /// What the file is, or would be if its header could be read, is what was expected.
  bool is_the_expected() const noexcept { return is_the_expected_; }

  std::optional<segment::Section> section(std::string_view name) const;
  /// Undamaged bytes of a section; null where they are damaged or beyond it.
  std::optional<os::Bytes> read(const segment::Section&, uint64_t begin, uint64_t size) const;
  template <class T>
  std::optional<T> element(const segment::Section& section, uint64_t i) const {
    const auto bytes = read(section, i * sizeof(T), sizeof(T));
    if (!bytes) return std::nullopt;
    T value;
    std::memcpy(&value, bytes->data(), sizeof value);
    return value;
  }

 private:
  void look_at_header(const segment::FileIdentity& expected);
  void look_at_end(std::optional<uint64_t> expected_size);
  Status verify_blocks(const Context&);

  std::string path_;
  std::unique_ptr<os::Mapping> mapping_;
  os::Bytes bytes_;
  std::optional<SegmentHeader> header_;
  std::optional<SegmentLayout> layout_;
  std::vector<bool> bad_;  ///< by block
  std::vector<Damage> damage_;
  bool is_the_expected_ = true;
};

/// Writes a copy of the file in which everything is put right that its checksums prove: the header
/// (which follows from the identity), one flipped bit in a block or in the footer. True: the copy
/// is what was written, byte for byte. Says in `done` what was put right.
///   resource_exhausted  the disk is full
Result<bool> write_corrected(const Context&, os::Files& files, const ScannedFile& file,
                             const segment::FileIdentity& identity, const std::string& to,
                             std::vector<Damage>& done);

}  // namespace viridian::recovery
