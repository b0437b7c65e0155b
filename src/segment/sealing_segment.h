#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "segment/segment_kinds.h"
#include "viridian/spi/segment_types.h"

namespace viridian::segment {

/// What both kinds of local segment do alike: hold files and heads, seal heads into files and merge
/// files. A Kind says what differs: Part, Head, File and Info types, kFileKind, kSuffix, kName, and
/// the static functions
///   bool has_index(file, environment)   whether it has one, or writing it anew would give it none
///   bool complete(file)   whether writing it anew would add nothing to it
///   optional<FileRange> choose(files, info, environment)   what to merge now
///   bool must_write(info, last)   a seal without rows: whether `info` has news over `last`
///   bool must_keep(info, newest, all)   a merge without rows, of a range with the newest file or
///                                       with all files: whether its `info` is needed
///   void join(info, next)         `info` becomes that of a file that holds both
///   Status merge(context, throttle, writer, job)
template <class Role, class Kind>
class SealingSegment : public Role {
 public:
  using Part = typename Kind::Part;
  using Head = typename Kind::Head;
  using File = typename Kind::File;
  using Info = typename Kind::Info;

  // NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): that of every Role is virtual
  ~SealingSegment() override;

  uint64_t head_bytes() const final;
  uint64_t head_rows() const final;
  void freeze(SeqId up_to) final;
  Status write_frozen(const Context&) final;
  std::vector<SegmentFile> files_with_frozen() const final;
  void discard() final;
  void adopt() final;
  const std::vector<SegmentFile>& files() const final { return environment_.definition.files; }

  Garbage garbage() const final;
  std::optional<FileRange> merge_due() const final;
  bool compacted() const final;
  void begin_merge(FileRange range) final;
  Status write_merged(const Context&, Throttle&) final;
  std::vector<SegmentFile> files_with_merged() const final;
  void adopt_merged() final;
  void discard_merged() final;

 protected:
  struct Located {
    Part* part;
    File* file;  ///< null where it is in a head
    uint32_t row;
  };

  explicit SealingSegment(SegmentEnvironment environment);
  Status open_files(const Context&);
  /// The newest version of a live record.
  Result<Located> locate(Offset offset);
  void end(const Located& located, Offset offset, SeqId seq);

  /// Called with each file, oldest first, by open_files().
  virtual Status opened(const File& file) = 0;
  /// What a file written now would say, but for the rows and the number.
  virtual Info info() const = 0;
  virtual void start_head() = 0;
  virtual Status write_rows(const Context&, SealedFileWriter&, const Info&,
                            std::span<const FrozenRow<Head>> rows,
                            std::span<const Offset> ended) = 0;
  /// Of a file that these are merged into.
  virtual IndexRoom index_room(std::span<const std::shared_ptr<File>> /*sources*/) const {
    return {};
  }
  /// Of the merge that is under way, if one is.
  IndexRoom merged_index_room() const;

  SegmentEnvironment environment_;
  std::vector<std::shared_ptr<File>> files_;  ///< oldest first
  std::vector<std::shared_ptr<Head>> heads_;  ///< the last one takes the writes

 private:
  /// A version in a file that ended, and no file says so yet.
  struct Ended {
    Offset offset;
    File* file;
    uint32_t row;
  };
  /// What freeze() set aside for write_frozen().
  struct Frozen {
    std::vector<std::shared_ptr<Head>> heads;
    std::vector<Ended> ended;
    SeqId up_to = 0;
    Info info;
    bool must_write = false;
  };
  /// A file that write_frozen() or write_merged() made.
  struct NewFile {
    SegmentFile entry;
    std::string path;
    std::shared_ptr<File> file;  ///< null where there was nothing to write
  };
  struct Written : NewFile {
    std::vector<FrozenRow<Head>> rows;  ///< by row of the file
  };
  /// A merge under way.
  struct Merging : NewFile {
    FileRange range;
    std::vector<std::shared_ptr<File>> sources, older;
    SeqId sealed = 0;
    bool newest = false, all = false;  ///< whether the range has the newest file, or all files
    IndexRoom index_room;
    MergePlan plan;
    std::vector<MergePlan::Place> ended_meanwhile;  ///< in the sources, since begin_merge()
    std::atomic<bool> discarded = false;
  };

  Status end_in_older(const File& file);
  FileIdentity identity(const SegmentFile& file) const;
  template <class Write>
  Status write_file(NewFile& made, Write&& write) const;
  void carry_ends(const Merging& merging);

  std::vector<Ended> ended_;
  Frozen frozen_;
  std::unique_ptr<Written> written_;
  std::unique_ptr<Merging> merging_;
};

}  // namespace viridian::segment
