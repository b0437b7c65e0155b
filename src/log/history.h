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

/// The epoch whose records have that number; 0: none.
uint64_t owner_of(const Extent& extent, SeqId number);
/// 0: none has begun.
uint64_t newest_epoch(const Extent& extent);

/// That an epoch is over since `newest` has begun: `aborted`.
Error epoch_over(const CollectionId& collection, uint64_t epoch, uint64_t newest);
/// That an epoch is over, and no later one has begun for certain: `unavailable`.
Error not_decided(const CollectionId& collection, uint64_t epoch);
/// What came of a commit up to `to` by an epoch that is over. Ok: its rows count, as the next epoch
/// goes on after them.
///   aborted      they do not and never will
///   unavailable  no later epoch has begun yet, or where it began was trimmed away
Status outcome_in(const Extent& extent, const CollectionId& collection, uint64_t epoch, SeqId to);

/// Which rows of record_log are the history of a collection. A row counts once it is committed;
/// what was written under an epoch that is over, and was not committed, never counts. Thread-safe.
class History {
 public:
  static constexpr std::string_view kSetting = "history";
  virtual ~History() = default;

  /// Makes `epoch` the one under which the collection's next records are written: nothing of an
  /// earlier epoch is committed after this. To be called again with the same epoch is harmless, but
  /// not by two threads at a time.
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
  ///   unavailable  not known; also where the epoch is over and its successor has not begun yet
  virtual std::vector<Status> commit(const Context&, std::span<const Commit> commits) = 0;

  /// As it is now. A collection without any history has all zeros.
  virtual Result<Extent> extent(const Context&, const CollectionId&) = 0;
  struct Last {
    uint64_t epoch = 0;  ///< the newest; 0: none
    SeqId number = 0;
    friend bool operator==(const Last&, const Last&) = default;
  };
  /// Only the last numbers, of many at once.
  virtual Result<std::vector<Last>> lasts(const Context&, std::span<const CollectionId>) = 0;

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
