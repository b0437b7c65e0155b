#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"

namespace viridian::clickhouse {

/// From `first` on, until the next span's first number, rows of the table record_log count if they
/// are of this epoch, and no others.
struct Span {
  uint64_t epoch = 0;
  SeqId first = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

/// A collection's history: its records have the numbers base + 1 to last, without a gap.
struct Extent {
  SeqId base = 0;
  SeqId last = 0;
  std::vector<Span> spans;  ///< ascending, the epochs too; the newest may have no record yet
};

/// Which rows of record_log are the history of a collection. A row counts once it is committed;
/// what was written under an epoch that is over, and was not committed, never counts. Thread-safe.
class History {
 public:
  static constexpr std::string_view kSetting = "history";
  virtual ~History() = default;

  /// Makes `epoch` the one under which the collection's next records are written: nothing of an
  /// earlier epoch is committed after this. To be called again with the same epoch is harmless.
  ///   aborted  a later epoch has begun
  virtual Result<Extent> begin(const Context&, const CollectionId&, uint64_t epoch) = 0;

  struct Commit {
    CollectionId collection;
    uint64_t epoch = 0;
    SeqId from = 0;  ///< the last number before
    SeqId to = 0;
  };
  /// The rows from + 1 to `to` of each are in the table. One outcome for each; one that is not
  /// known may be asked for again with the same numbers.
  ///   aborted      its epoch is over: those rows do not count and never will
  ///   unavailable  not known
  virtual std::vector<Status> commit(const Context&, std::span<const Commit> commits) = 0;

  /// As it is now. A collection without any history has all zeros.
  virtual Result<Extent> extent(const Context&, const CollectionId&) = 0;
  /// Only the last numbers, of many at once.
  virtual Result<std::vector<SeqId>> lasts(const Context&, std::span<const CollectionId>) = 0;

  /// Begins a history after this number.
  ///   already_exists  there is one
  virtual Status start_after(const Context&, const CollectionId&, uint64_t epoch, SeqId after) = 0;
  /// Lets go of the numbers up to `up_to`, which is at most the last one: from now on the history
  /// begins after it, and its rows up to there may go. Keeps what is needed for that apart from
  /// those rows. Repeated, or of a number before the base: renews the same.
  virtual Status trim(const Context&, const CollectionId&, SeqId up_to) = 0;
  /// Forgets histories for good. Absent: ok.
  virtual Status forget(const Context&, std::span<const CollectionId>) = 0;
};

}  // namespace viridian::clickhouse
