#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "viridian/model/ids.h"

namespace viridian::recovery {

enum class Severity : uint8_t {
  note,     ///< worth knowing; nothing is wrong
  warning,  ///< something is not as it should be, and nothing stored is lost by it
  error,    ///< stored bytes are wrong, missing, or contradict each other
};
std::string_view severity_name(Severity severity) noexcept;

/// One thing that check found, or that repair did.
struct Finding {
  Severity severity = Severity::error;
  std::string file;                ///< below the data directory; empty: none in particular
  std::optional<uint64_t> offset;  ///< in the file
  std::optional<CollectionId> collection;
  std::string what;                  ///< what is wrong, or what was done
  std::string affected;              ///< which records, or how many
  std::vector<std::string> records;  ///< ids of the records affected, where they are known
  std::string remedy;                ///< what to do
};

/// What was looked at, and what came of it.
struct Report {
  std::vector<Finding> findings;  ///< ordered by file and offset
  uint64_t collections = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t records = 0;  ///< live ones in sealed files

  /// Nothing but notes.
  bool clean() const noexcept;
  uint64_t count(Severity severity) const noexcept;
  /// Some thousands of findings say no more than the first ones: text shows this many of each file.
  std::string as_text() const;
  std::string as_json() const;
};

/// A report that several threads add to.
class SharedReport {
 public:
  void add(Finding finding);
  void add_file(uint64_t bytes);
  void add_records(uint64_t records);
  void add_collection();
  /// Findings and numbers of another.
  void merge(Report other);
  /// What was added, put in order.
  Report take();
  Report progress() const;  ///< the numbers only

 private:
  mutable std::mutex mutex_;
  Report report_;  // guarded by mutex_
};

}  // namespace viridian::recovery
