#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "component/thread_pool.h"
#include "conformance/clickhouse_client.h"
#include "conformance/clickhouse_server.h"
#include "conformance/faulty_sysdb.h"
#include "conformance/mem_base_store.h"
#include "conformance/single_leases.h"
#include "log/mem_log.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "segment/clickhouse_images.h"
#include "segment/clickhouse_segment_manager.h"
#include "segment/local_segment_manager.h"
#include "segment/mem_segment_manager.h"
#include "segment/unsynced_files.h"
#include "sysdb/mem_sysdb.h"

namespace viridian::conformance {

/// A segment manager under test with its peers; one collection per make_collection().
class SegmentsHolder {
 public:
  /// cached: clickhouse::SegmentManager over images in memory; clickhouse: over a real server.
  enum class Kind { mem, local, cached, clickhouse };
  /// All that can be tested here.
  static std::vector<Kind> kinds() {
    std::vector<Kind> kinds = {Kind::mem, Kind::local, Kind::cached};
    if (ClickHouseServer::missing().empty()) kinds.push_back(Kind::clickhouse);
    return kinds;
  }
  static std::string name_of(Kind kind) {
    static constexpr const char* kNames[] = {"mem", "local", "cached", "clickhouse"};
    return kNames[static_cast<size_t>(kind)];
  }
  static constexpr const char* kMetadataType = "local::MetadataSegment";
  static constexpr const char* kVectorType = "local::GraphVectorSegment";

  explicit SegmentsHolder(Kind kind) : kind_(kind) {
    EXPECT_TRUE(pool_.start(context_).ok());
    // By itself nothing is sealed in a test that does not ask for it.
    options_.seal_bytes = options_.seal_records = options_.backlog_bytes = uint64_t{1} << 40;
    options_.seal_age = std::chrono::hours(1);
    if (kind == Kind::clickhouse)
      clickhouse_ = std::make_unique<ClickHouseClient>(ClickHouseServer::shared()->settings());
    const Status opened = open();
    EXPECT_TRUE(opened.ok()) << opened.error().message();
  }
  ~SegmentsHolder() {
    manager_.reset();
    pool_.stop();
  }

  bool local() const { return kind_ == Kind::local; }
  viridian::clickhouse::Client& clickhouse() { return clickhouse_->client(); }
  MemBaseStore& images() { return images_; }
  SingleLeases& leases() { return leases_; }
  const std::shared_ptr<SharedLease>& lease() { return lease_; }
  std::string cache_path() const { return temporary_.path() + "/cache"; }
  viridian::clickhouse::SegmentManager::Options& compaction() { return compaction_; }
  viridian::SegmentManager& manager() { return *manager_; }
  FaultySysDb& sysdb() { return sysdb_; }
  mem::Log& log() { return log_; }
  os::FaultyFiles& files() { return files_; }
  Executor& executor() { return pool_; }
  segment::Options& options() { return options_; }
  /// Of the local manager.
  size_t open_collections() const {
    return static_cast<size_t>(
        metrics_.gauge("viridian_segment_open_collections", "Collections that are open.").value());
  }
  std::string directory(const CollectionId& id) const { return root() + "/" + id.to_string(); }
  std::string root() const { return temporary_.path() + "/segments"; }

  CollectionId make_collection(Space space = Space::l2) {
    Collection collection;
    collection.id = Uuid::random();
    collection.name = "c" + collection.id.to_string();
    collection.tenant = kDefaultTenant;
    collection.database = kDefaultDatabase;
    collection.schema.keys[Schema::kEmbedding].vector = VectorIndex();
    collection.schema.keys[Schema::kEmbedding].vector->space = space;
    EXPECT_TRUE(sysdb_.create_collection(context_, collection, manager_->plan(collection.id)).ok());
    return collection.id;
  }

  SeqId append(const CollectionId& id, RecordBatch batch) {
    const auto last =
        log_.append(context_, id, std::make_shared<const RecordBatch>(std::move(batch)));
    EXPECT_TRUE(last.ok());
    return last.ok() ? *last : 0;
  }

  std::shared_ptr<const ReadView> pin(const CollectionId& id) {
    const auto last = log_.last(context_, id);
    auto view = manager_->pin(context_, id, last.ok() ? *last : 0);
    if (view.ok()) return *view;
    ADD_FAILURE() << view.error().message();
    return nullptr;
  }

  /// As after the end of the process, where the kind keeps anything.
  Status reopen() {
    if (kind_ == Kind::mem) return ok_status();
    manager_.reset();
    return open();
  }
  /// Another manager beside this one's, as of a process that reads only.
  std::unique_ptr<segment::Manager> follower() { return follower(log_); }
  std::unique_ptr<segment::Manager> follower(Consumer& consumer) {
    segment::Options options = options_;
    options.read_only = true;
    return std::make_unique<local::SegmentManager>(sysdb_, consumer, pool_, files_, root(), options,
                                                   kMetadataType, kVectorType);
  }
  /// Another server that shares the images, the log and the SysDb of this one.
  std::unique_ptr<segment::Manager> cache(Leases& leases) { return cache(leases, log_); }
  std::unique_ptr<segment::Manager> cache(Leases& leases, Consumer& consumer) {
    viridian::clickhouse::Holdings holdings{std::make_unique<segment::UnsyncedFiles>(files_),
                                            nullptr};
    if (kind_ == Kind::clickhouse)
      holdings.store = std::make_unique<viridian::clickhouse::Images>(clickhouse_->client(), 1);
    else
      holdings.store = std::make_unique<ForwardingBaseStore>(images_);
    return std::make_unique<viridian::clickhouse::SegmentManager>(
        viridian::clickhouse::SegmentManager::Peers{sysdb_, consumer, leases, pool_, &metrics_},
        std::move(holdings), cache_path(), options_, compaction_, kMetadataType, kVectorType);
  }
  Status open() {
    if (kind_ == Kind::mem)
      manager_ = std::make_unique<mem::SegmentManager>(sysdb_, log_, pool_, options_.backlog_bytes);
    else if (kind_ == Kind::cached || kind_ == Kind::clickhouse)
      manager_ = cache(leases_);
    else
      manager_ = std::make_unique<local::SegmentManager>(
          sysdb_, log_, pool_, files_, root(), options_, kMetadataType, kVectorType, &metrics_);
    return manager_->start(context_);
  }

 private:
  Kind kind_;
  Context context_;
  os::TemporaryDirectory temporary_;
  os::RealFiles real_files_;
  os::FaultyFiles files_{real_files_};
  mem::SysDb real_sysdb_;
  FaultySysDb sysdb_{real_sysdb_};
  mem::Log log_;
  ThreadPool pool_{2, 64};
  mutable obs::Metrics metrics_;
  segment::Options options_;
  viridian::clickhouse::SegmentManager::Options compaction_{uint64_t{1} << 40, uint64_t{1} << 40,
                                                            std::chrono::hours(1)};
  MemBaseStore images_;
  std::shared_ptr<SharedLease> lease_ = std::make_shared<SharedLease>();
  SingleLeases leases_{lease_};
  std::unique_ptr<ClickHouseClient> clickhouse_;
  std::unique_ptr<segment::Manager> manager_;
};

}  // namespace viridian::conformance
