#pragma once
#include <memory>
#include <optional>
#include <string>

#include "os/files.h"
#include "viridian/spi/component.h"

namespace viridian::local {

/// What `<path>/FORMAT` says of a data directory.
struct DirectoryFormat {
  uint32_t version = 0;
  /// The version that a program must know to open it: smaller than `version` where all that was
  /// added since may be passed over.
  uint32_t needs = 0;
  std::string created_by;
  friend bool operator==(const DirectoryFormat&, const DirectoryFormat&) = default;
};
std::string write_directory_format(const DirectoryFormat& format);
///   data_loss  it was changed, or is not such a file
Result<DirectoryFormat> read_directory_format(std::string_view text);

/// The directory (setting `path`) in which everything local is kept, held by one process at a time.
/// With the setting read_only it is only looked at, beside the process that holds it.
class DataDirectory final : public Component {
 public:
  static constexpr std::string_view kSetting = "data_directory";
  /// The format that this program writes, and the newest that it knows.
  static constexpr uint32_t kVersion = 2;

  static Result<std::unique_ptr<DataDirectory>> create(System& system);
  explicit DataDirectory(os::Files& files, std::string path, bool read_only = false);

  /// Makes the directory if need be, takes `<path>/LOCK` and sees that `<path>/FORMAT` is of this
  /// program's version. Read-only: only looks that it can be read.
  ///   failed_precondition  another process has it, and the message names that process; or it was
  ///                        written by a newer program: then nothing in it was changed
  ///   not_found            read-only, and there is no data in it
  ///   data_loss            FORMAT is damaged
  Status start(const Context&) override;
  void stop() noexcept override;

  bool read_only() const noexcept { return read_only_; }
  /// What it was when it was opened; before it was upgraded. 0: it was made just then.
  uint32_t version_found() const noexcept { return version_found_; }

  /// Without a slash at its end (but "/" stays).
  const std::string& path() const noexcept { return path_; }
  /// Whether there is a file, or a directory with something in it, under this name.
  Result<bool> holds(std::string_view name) const;

 private:
  Result<std::optional<DirectoryFormat>> read_format() const;
  Result<bool> has_data() const;
  Status start_read_only();
  Status write_format() const;

  os::Files& files_;
  const std::string path_;
  const bool read_only_;
  uint32_t version_found_ = 0;
  std::unique_ptr<os::Lock> lock_;
};

}  // namespace viridian::local
