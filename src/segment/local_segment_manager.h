#pragma once
#include "segment/manager.h"

namespace viridian::local {

/// Segments whose heads are sealed into files below `<path>/segments/`.
class SegmentManager final : public segment::Manager {
 public:
  static Result<std::unique_ptr<SegmentManager>> create(System& system);
  /// `root`: the directory of all collections' segment directories.
  ///   metadata_type, vector_type  what new collections get; types() must have them
  ///   metrics                     null: nobody is told
  SegmentManager(viridian::SysDb& sysdb, Consumer& consumer, Executor& executor, os::Files& files,
                 std::string root, const segment::Options& options, std::string metadata_type,
                 std::string vector_type, obs::Metrics* metrics = nullptr);

  /// The segment types it can open.
  static SegmentTypes types();

  /// Removes the directories of collections that the SysDb does not know, and begins the background
  /// work.
  Status start(const Context&) override;

 private:
  Status remove_unknown_directories(const Context&);
};

}  // namespace viridian::local
