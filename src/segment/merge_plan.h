#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "segment/sealed_rows.h"
#include "viridian/base/context.h"

namespace viridian::segment {

/// Which rows of several files go into one file, and in which order: those that had not ended by
/// record `sealed`, ascending by offset. Takes 4 bytes per row of the files.
class MergePlan {
 public:
  static constexpr uint32_t kLeftOut = std::numeric_limits<uint32_t>::max();

  ///   data_loss            damaged, or an offset is live in two files
  ///   failed_precondition  more rows than one file can hold
  static Result<MergePlan> make(const Context&, Throttle&, std::vector<const SealedRows*> sources,
                                SeqId sealed);

  uint32_t rows() const noexcept { return rows_; }
  size_t sources() const noexcept { return sources_.size(); }
  const SealedRows& source(size_t i) const { return *sources_[i]; }
  /// Where a row goes; kLeftOut: nowhere.
  uint32_t new_row(size_t source, uint32_t row) const { return new_rows_[source][row]; }

  /// Rows that follow each other in their file as well as in the new one.
  struct Run {
    size_t source = 0;
    uint32_t row = 0;
    uint32_t rows = 0;
  };
  /// Calls f(run), in the new order, with runs of at most `limit` rows.
  template <class F>
  Status for_each_run(uint32_t limit, F&& f) const {
    std::vector<uint32_t> at(sources_.size());
    size_t source = 0;
    for (uint32_t row = 0; row < rows_;) {
      source = source_of(row, source, at);
      const std::vector<uint32_t>& new_rows = new_rows_[source];
      Run run{source, at[source], 0};
      while (run.rows < limit && at[source] < new_rows.size() &&
             new_rows[at[source]] == row + run.rows) {
        ++run.rows;
        ++at[source];
      }
      VIRIDIAN_TRY_VOID(f(run));
      row += run.rows;
    }
    return ok_status();
  }

  /// The rows taken over that had ended, though after `sealed`, when the plan was made.
  struct Place {
    size_t source = 0;
    uint32_t row = 0;
  };
  const std::vector<Place>& ended_since() const noexcept { return ended_since_; }

 private:
  struct Builder;
  /// The source whose next row, from at[source] on, becomes `row`; looks at `likely` first.
  size_t source_of(uint32_t row, size_t likely, std::vector<uint32_t>& at) const;

  std::vector<const SealedRows*> sources_;
  std::vector<std::vector<uint32_t>> new_rows_;
  std::vector<Place> ended_since_;
  uint32_t rows_ = 0;
};

/// Those of the files' `ended` lists that still have a row to say so of in the files before them,
/// ascending, each once. Takes 8 bytes per entry.
Result<std::vector<Offset>> merge_ended(const Context&, std::span<const SealedFile* const> files,
                                        std::span<const SealedRows* const> older);

}  // namespace viridian::segment
