#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/collection.h"
#include "viridian/model/offset_set.h"
#include "viridian/model/requests.h"
#include "viridian/model/where.h"

namespace viridian {

/// Which of a record's columns to fetch. The id always comes.
struct Columns {
  bool documents = false;
  bool uris = false;
  bool metadata = false;
};

/// Which records an order gives.
struct OrderQuery {
  std::span<const SortKey> keys;        ///< one or more; the first one counts first
  const OffsetSet* allowed = nullptr;   ///< null: every live record; else a subset of them
  const SortPosition* after = nullptr;  ///< null: from the beginning
  uint64_t skip = 0;                    ///< of those after it
  uint64_t limit = 0;
};

/// Records that a filter may select: all that it does are among them.
struct Candidates {
  OffsetSet offsets;
  bool exact = true;  ///< it selects all of them
};

/// Ids, documents, uris and metadata of one collection as of one applied number. Immutable, so
/// thread-safe; it outlives whatever is written, sealed or merged meanwhile.
class MetadataReader {
 public:
  virtual ~MetadataReader() = default;
  /// Live records.
  virtual uint64_t count() const = 0;
  virtual Result<OffsetSet> all(const Context&) const = 0;
  /// Live records that satisfy the filter.
  ///   invalid_argument  the filter holds a regular expression that does not compile
  virtual Result<OffsetSet> filter(const Context&, const Where&) const = 0;
  /// The same for a page: of those that filter() gives, at least the first `count` from offset
  /// `from` on are among them.
  virtual Result<OffsetSet> filter_page(const Context& context, const Where& where, Offset /*from*/,
                                        uint64_t /*count*/) const {
    return filter(context, where);
  }
  /// The same with less work where many documents would have to be looked at: for who needs a few
  /// of them only, and asks satisfying() of these.
  virtual Result<Candidates> candidates(const Context& context, const Where& where) const {
    VIRIDIAN_TRY(OffsetSet found, filter(context, where));
    return Candidates{std::move(found), true};
  }
  /// Which of these live records satisfy the filter.
  virtual Result<OffsetSet> satisfying(const Context& context, const Where& where,
                                       std::span<const Offset> offsets) const {
    VIRIDIAN_TRY(const OffsetSet all, filter(context, where));
    OffsetSet found;
    for (const Offset offset : offsets)
      if (all.contains(offset)) found.insert(offset);
    return found;
  }
  /// Offsets of those ids that exist.
  virtual Result<OffsetSet> find(const Context&, const StringColumn& ids) const = 0;
  /// Appends the rows' columns to `out`, in the order of `offsets`, which must be live.
  virtual Status fetch(const Context&, std::span<const Offset> offsets, const Columns&,
                       RecordColumns& out) const = 0;
  /// Allowed records by their values of metadata keys.
  virtual Result<std::vector<Offset>> order(const Context&, const OrderQuery&) const = 0;
  /// One per key: what values the allowed records have, of which `limit` are named. Null: every
  /// live record.
  ///   resource_exhausted  too many long texts begin alike to be told apart
  virtual Result<std::vector<Facet>> facets(const Context&, std::span<const std::string> keys,
                                            const OffsetSet* allowed, uint32_t limit) const = 0;
  /// One per key. As facets().
  virtual Result<std::vector<Extent>> extents(const Context&, std::span<const std::string> keys,
                                              const OffsetSet* allowed) const = 0;
};

struct Neighbour {
  Offset offset = 0;
  float distance = 0;
  friend bool operator==(const Neighbour&, const Neighbour&) = default;
};

struct VectorQuery {
  const Matrix* vectors = nullptr;  ///< one row per query, of the collection's dimension
  uint32_t k = 0;
  const OffsetSet* allowed = nullptr;  ///< null: every live record; else a subset of them
  /// The share of the k nearest that is to be found, on average, where an index answers; 1: all.
  double recall = 0.99;
  uint32_t breadth = 0;  ///< of the walk through a graph, at least: Chroma's ef_search
};

/// The vectors of one collection as of one applied number. As MetadataReader.
class VectorReader {
 public:
  virtual ~VectorReader() = default;
  /// Per query the k nearest allowed live records (fewer only where fewer exist), by ascending
  /// (distance, offset), as far as they are found. Finite distances only: what overflows is clamped
  /// to the largest float.
  virtual Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                             const VectorQuery&) const = 0;
  /// How a search for the first of the query's vectors comes upon that record, which is live and
  /// allowed.
  virtual Result<Searched> way_to(const Context&, const VectorQuery&, Offset) const {
    return Searched{};
  }
  /// Appends the rows' vectors to `out`, bit for bit as given, in the order of `offsets`.
  virtual Status fetch(const Context&, std::span<const Offset> offsets, Matrix& out) const = 0;
};

/// Both halves of a collection at one applied number.
class ReadView {
 public:
  virtual ~ReadView() = default;
  virtual SeqId applied() const = 0;
  virtual const MetadataReader& metadata() const = 0;
  virtual const VectorReader& vectors() const = 0;
};

/// What the parts of records without their vectors take in files, and what is indexed of them in
/// files and in heads.
struct MetadataBytes {
  uint64_t rows = 0;  ///< ids, metadata and uris
  uint64_t documents = 0;
  uint64_t value_index = 0;  ///< of metadata
  uint64_t text_index = 0;   ///< of documents
};

/// What a collection's segments hold, for statistics and health.
struct SegmentStats {
  SeqId applied = 0;
  SeqId sealed = 0;
  uint64_t records = 0;
  uint64_t head_bytes = 0;
  uint64_t file_bytes = 0;
  uint64_t files = 0;
  MetadataBytes metadata;
  uint64_t dead_rows = 0;  ///< row versions in files that are deleted or replaced
};

/// A collection's files as of one sealed number, for a snapshot. As long as `keep` is held, the
/// files stay where they are, and the log keeps the records after that number. To be let go before
/// the manager that made it.
struct SegmentImage {
  std::vector<Segment> segments;
  std::string directory;  ///< of the files
  std::shared_ptr<const void> keep;
};

/// Opens the segments of collections (once, however many ask), keeps them caught up with the log,
/// one applier per collection, and seals their heads into files. Thread-safe. A collection that
/// cannot be opened or applied fails alone.
class SegmentManager {
 public:
  static constexpr std::string_view kSetting = "segment_manager";
  virtual ~SegmentManager() = default;

  /// The segments a new collection is to have: definitions only, the caller stores them.
  virtual std::vector<Segment> plan(const CollectionId&) const = 0;
  /// A view that holds every log record up to `min_seq`; applies what is missing first.
  ///   not_found     the SysDb knows no such collection
  ///   data_loss     a file or log frame that is needed is damaged
  virtual Result<std::shared_ptr<const ReadView>> pin(const Context&, const CollectionId&,
                                                      SeqId min_seq) = 0;
  /// To be called before `bytes` are appended to the collection's log, with so many vectors. Waits,
  /// within the context, while the records of all collections that are not yet in files take more
  /// memory than they may, and this one has more than its share of it.
  ///   resource_exhausted  they cannot be written to files either, or there is too little memory to
  ///                       search so many vectors; the message says why
  ///   and as pin(): segments that cannot be opened would never apply the batch
  virtual Status admit(const Context&, const CollectionId&, uint64_t bytes, uint64_t vectors) = 0;
  /// Says that the log has grown: the collection is caught up, and sealed if due, in the
  /// background. Returns at once, except that it waits while the collection is more than the
  /// configured backlog behind (so that writers cannot outrun memory).
  virtual Status hint(const Context&, const CollectionId&, SeqId durable) = 0;
  /// Seals everything that the log holds by now into files, records them, trims the log.
  ///   not_found  the SysDb knows no such collection, or it was dropped meanwhile
  virtual Status seal(const Context&, const CollectionId&) = 0;
  /// As seal(), then rewrites the files until nothing deleted or replaced is left in any of them,
  /// nor in the log. Reads and writes go on meanwhile.
  virtual Status compact(const Context&, const CollectionId&) = 0;
  /// Gives back the memory and the open files of a collection that nobody is using; it opens again
  /// when asked for. Nothing is lost: what is not sealed is in the log.
  virtual Status close(const Context&, const CollectionId&) = 0;
  virtual Result<SegmentImage> image(const Context&, const CollectionId&) = 0;
  /// Puts an image's files into the directory of `target`, by hard link where the file system can,
  /// and returns the segments that `target` is to have: the caller stores them in the SysDb. The
  /// image's directory need not be a collection's.
  ///   data_loss  a file is missing or damaged
  virtual Result<std::vector<Segment>> restore(const Context&, const CollectionId& target,
                                               const SegmentImage&) = 0;
  virtual Result<SegmentStats> stats(const Context&, const CollectionId&) = 0;
  /// Closes the collection and removes its files, at once: views of it keep what they need. Absent:
  /// ok. To be called after the SysDb has forgotten it.
  virtual Status drop(const Context&, const CollectionId&) = 0;
};

}  // namespace viridian
