#include "segment/local_segment_manager.h"

#include <unordered_set>

#include "component/data_directory.h"
#include "segment/metadata_segment.h"
#include "segment/vector_segment.h"

namespace viridian::local {
namespace {

segment::Options options_of(const Settings& settings) {
  segment::Options options = segment::upkeep_options(settings);
  options.heads_bytes = settings.unsigned_integer("memory.heads_bytes");
  options.small_bytes = options.heads_bytes / 16;
  options.purge_age = std::chrono::seconds(settings.integer("segment.purge_seconds"));
  options.read_only = settings.boolean("read_only");
  return options;
}

}  // namespace

SegmentTypes SegmentManager::types() {
  SegmentTypes types;
  types.add_metadata(MetadataSegment::kType, MetadataSegment::open);
  types.add_vector(FlatVectorSegment::kType, FlatVectorSegment::open);
  types.add_vector(GraphVectorSegment::kType, GraphVectorSegment::open);
  return types;
}

Result<std::unique_ptr<SegmentManager>> SegmentManager::create(System& system) {
  VIRIDIAN_TRY(os::Files * files, system.require<os::Files>());
  VIRIDIAN_TRY(DataDirectory * directory, system.require<DataDirectory>());
  VIRIDIAN_TRY(viridian::SysDb * sysdb, system.require<viridian::SysDb>());
  VIRIDIAN_TRY(Consumer * consumer, system.require<Consumer>());
  VIRIDIAN_TRY(Executor * executor, system.require<Executor>());
  const Settings& settings = system.settings();
  const std::string& metadata_type = settings.text("metadata_segment");
  const std::string& vector_type = settings.text("vector_segment");
  if (!types().has_metadata(metadata_type))
    return Error(Code::invalid_argument, "the setting metadata_segment names no segment type: '" +
                                             metadata_type + "'; there is " +
                                             MetadataSegment::kType);
  if (!types().has_vector(vector_type))
    return Error(Code::invalid_argument, "the setting vector_segment names no segment type: '" +
                                             vector_type + "'; there are " +
                                             GraphVectorSegment::kType + " and " +
                                             FlatVectorSegment::kType);
  VIRIDIAN_TRY(obs::Metrics * metrics, system.require<obs::Metrics>());
  return std::make_unique<SegmentManager>(
      *sysdb, *consumer, *executor, *files, os::join(directory->path(), "segments"),
      options_of(settings), metadata_type, vector_type, metrics);
}

SegmentManager::SegmentManager(viridian::SysDb& sysdb, Consumer& consumer, Executor& executor,
                               os::Files& files, std::string root, const segment::Options& options,
                               std::string metadata_type, std::string vector_type,
                               obs::Metrics* metrics)
    : Manager({sysdb, consumer, executor, &files, std::move(root), metrics, types(), options},
              std::move(metadata_type), std::move(vector_type)) {}

Status SegmentManager::start(const Context& context) {
  if (environment().writes_files()) VIRIDIAN_TRY_VOID(remove_unknown_directories(context));
  return Manager::start(context);
}

Status SegmentManager::remove_unknown_directories(const Context& context) {
  os::Files& files = *environment().files;
  VIRIDIAN_TRY(const bool exists, files.exists(environment().root));
  if (!exists) return ok_status();
  VIRIDIAN_TRY(const std::vector<std::string> names, files.list(environment().root));
  VIRIDIAN_TRY(const std::vector<CollectionId> ids,
               environment().registry->all_collections(context));
  // A SysDb without any collection may be the wrong one, and removing is for good.
  if (ids.empty()) return ok_status();
  // A process that was killed may have made some of them and not synced.
  VIRIDIAN_TRY_VOID(files.sync_directory(environment().root));
  const std::unordered_set<CollectionId> known(ids.begin(), ids.end());
  for (const std::string& name : names) {
    const std::optional<Uuid> id = Uuid::parse_canonical(name);
    // What is not named like a collection is not ours to remove.
    if (!id || known.contains(*id)) continue;
    VIRIDIAN_TRY_VOID(files.remove_all(os::join(environment().root, name)));
  }
  return ok_status();
}

}  // namespace viridian::local
