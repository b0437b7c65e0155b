#pragma once
#include <memory>
#include <span>
#include <vector>

#include "segment/build_options.h"
#include "segment/merge_plan.h"
#include "segment/merge_policy.h"
#include "segment/metadata_file.h"
#include "segment/vector_file.h"

namespace viridian::segment {

/// What the index that a merge builds may take of memory.
struct IndexRoom {
  uint64_t bytes = 0;
  uint64_t more = 0;  ///< of these, than what it takes the place of
};

/// What a merged file is made of.
template <class File, class Info>
struct MergeJob {
  const Context& context;
  Throttle& throttle;
  SealedFileWriter& writer;
  const MergePlan& plan;
  std::span<const std::shared_ptr<File>> sources;  ///< of the plan, in its order
  const Info& info;
  std::span<const Offset> ended;
  const SegmentEnvironment& environment;
  uint64_t index_bytes;  ///< see IndexRoom
};

/// See SealingSegment.
struct MetadataKind {
  using Part = MetadataPart;
  using Head = MetadataHead;
  using File = MetadataFile;
  using Info = MetadataInfo;
  static constexpr FileKind kFileKind = FileKind::metadata;
  static constexpr const char* kSuffix = ".meta";
  static constexpr const char* kName = "metadata";

  // Offsets given to records that are gone again must not be given twice.
  static bool must_write(const Info& info, const Info& last) {
    return info.next_offset != last.next_offset;
  }
  static bool must_keep(const Info&, bool newest, bool /*all*/) { return newest; }
  static bool has_index(const File&, const SegmentEnvironment&) { return false; }
  /// Files of older programs have no blocks, and those that were sealed have larger ones.
  static bool complete(const File& file, const SegmentEnvironment&);
  static std::optional<FileRange> choose(std::span<const FileWeight> files, const Info&,
                                         const SegmentEnvironment&) {
    return choose_merge(files);
  }
  static void join(Info& info, const Info& next) { info = next; }
  static Status merge(const MergeJob<File, Info>& job);
  static void make_ready(const SegmentEnvironment&, std::span<const std::shared_ptr<File>>,
                         const File&) {}
};

struct VectorKind {
  using Part = VectorPart;
  using Head = VectorHead;
  using File = VectorFile;
  using Info = VectorInfo;
  static constexpr FileKind kFileKind = FileKind::vectors;
  static constexpr const char* kSuffix = ".vec";
  static constexpr const char* kName = "vector";

  static bool must_write(const Info&, const Info&) { return false; }
  // The dimension outlives the last vector.
  static bool must_keep(const Info& info, bool /*newest*/, bool all) {
    return all && info.dim != 0;
  }
  static void join(Info& info, const Info& next) {
    const uint32_t dim = next.dim != 0 ? next.dim : info.dim;
    info = next;
    info.dim = dim;
  }
  static bool has_index(const File&, const SegmentEnvironment&) { return false; }
  static bool complete(const File&, const SegmentEnvironment&) { return true; }
  static std::optional<FileRange> choose(std::span<const FileWeight> files, const Info&,
                                         const SegmentEnvironment&) {
    return choose_merge(files);
  }
  static Status merge(const MergeJob<File, Info>& job);
  static void make_ready(const SegmentEnvironment&, std::span<const std::shared_ptr<File>>,
                         const File&) {}
};

/// The same with an index in the files that are large enough.
struct GraphKind : VectorKind {
  static bool has_index(const File& file, const SegmentEnvironment& environment) {
    return file.has_index() ||
           file.info().rows > kMostIndexes * most_indexed_rows(environment, file.info().dim);
  }
  static bool complete(const File& file, const SegmentEnvironment& environment) {
    return file.info().rows < environment.indexed_rows || has_index(file, environment) ||
           most_indexed_rows(environment, file.info().dim) < environment.indexed_rows;
  }
  static std::optional<FileRange> choose(std::span<const FileWeight> files, const Info& info,
                                         const SegmentEnvironment& environment) {
    return choose_indexed_merge(files, environment.indexed_rows,
                                most_indexed_rows(environment, info.dim));
  }
  static Status merge(const MergeJob<File, Info>& job);
  /// Where the originals' indexes are searched, opens that of the merged file, which takes long, so
  /// that no search has to wait for it.
  static void make_ready(const SegmentEnvironment&, std::span<const std::shared_ptr<File>> sources,
                         const File& merged);
};

}  // namespace viridian::segment
