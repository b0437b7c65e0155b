#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/files.h"

namespace viridian::os {

/// The kinds of calls that FaultyFiles counts, as a set of bits.
enum class FileCalls : uint32_t {
  none = 0,
  open = 1,
  map = 2,
  list = 4,
  exists = 8,
  make_directories = 16,
  rename = 32,  ///< rename and link
  remove = 64,  ///< remove and remove_all
  sync_directory = 128,
  lock = 256,
  read = 512,
  write = 1024,
  sync = 2048,
  truncate = 4096,
  reserve = 8192,
  size = 16384,
  all = 32767,
};
constexpr FileCalls operator|(FileCalls a, FileCalls b) {
  return static_cast<FileCalls>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}
constexpr bool overlap(FileCalls a, FileCalls b) {
  return (static_cast<uint32_t>(a) & static_cast<uint32_t>(b)) != 0;
}

/// A test double around any Files: fails a chosen call, counts calls. Thread-safe. The files it
/// opens must not outlive it.
class FaultyFiles final : public Files {
 public:
  struct Fault {
    FileCalls calls = FileCalls::all;  ///< which calls count
    uint64_t nth = 1;                  ///< the nth of them from now on fails, 1 being the next
    Code code = Code::data_loss;
    bool every_later = false;  ///< all later ones fail too: as when the process had died there
    size_t partial_write = 0;  ///< bytes that a failing write still puts into the file
  };

  /// Whether syncs reach the disk. Tests that cannot cut the power are much faster without.
  enum class Syncs { real, pretended };

  explicit FaultyFiles(Files& inner, Syncs syncs = Syncs::real) : inner_(inner), syncs_(syncs) {}

  /// Replaces the fault set before.
  void fail(const Fault& fault);
  void clear();
  /// Calls of these kinds so far.
  uint64_t count(FileCalls calls) const;
  /// True once a call has failed because of a fault.
  bool struck() const;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<Mapping>> map(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path, std::string_view holder) override;

 private:
  friend class FaultyFile;
  /// Counts a call; its error, if it is to fail.
  Status enter(FileCalls call, const std::string& path);
  size_t partial_write() const;

  Files& inner_;
  const Syncs syncs_;
  mutable std::mutex mutex_;
  std::optional<Fault> fault_;
  uint64_t since_fault_ = 0;
  bool struck_ = false;
  std::vector<uint64_t> counts_ = std::vector<uint64_t>(15, 0);
};

}  // namespace viridian::os
