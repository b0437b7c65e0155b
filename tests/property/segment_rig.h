#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "component/thread_pool.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "property/plain_files.h"
#include "property/segment_workload.h"
#include "segment/materialise.h"
#include "segment/metadata_segment.h"
#include "segment/vector_segment.h"
#include "viridian/spi/log.h"

/// Both segments of a collection without their manager: what it does is done step by step, so that
/// a test can put anything between the steps.
namespace viridian::conformance {

class Unthrottled final : public Throttle {
 public:
  Status pass(const Context&, uint64_t bytes) override {
    passed += bytes;
    return ok_status();
  }
  uint64_t passed = 0;
};

class RigView final : public ReadView {
 public:
  RigView(SeqId applied, std::shared_ptr<const MetadataReader> metadata,
          std::shared_ptr<const VectorReader> vectors)
      : applied_(applied), metadata_(std::move(metadata)), vectors_(std::move(vectors)) {}
  SeqId applied() const override { return applied_; }
  const MetadataReader& metadata() const override { return *metadata_; }
  const VectorReader& vectors() const override { return *vectors_; }

 private:
  SeqId applied_;
  std::shared_ptr<const MetadataReader> metadata_;
  std::shared_ptr<const VectorReader> vectors_;
};

class SegmentRig {
 public:
  /// `indexed_rows`: 0 for a flat vector segment; else see SegmentEnvironment.
  explicit SegmentRig(uint64_t indexed_rows = 0, Space space = Space::l2,
                      const HnswParameters& hnsw = {}, segment::RecallSampler* sampler = nullptr)
      : indexed_rows_(indexed_rows), space_(space), hnsw_(hnsw), sampler_(sampler) {
    EXPECT_TRUE(pool_.start(context_).ok());
    const CollectionId collection = Uuid::random();
    for (Segment* segment : {&metadata_definition_, &vector_definition_}) {
      segment->id = Uuid::random();
      segment->collection = collection;
    }
    succeeds(open());
  }
  ~SegmentRig() { pool_.stop(); }

  MetadataSegment& metadata() { return *metadata_; }
  VectorSegment& vectors() { return *vectors_; }
  SegmentWriter& writer(bool vectors) {
    return vectors ? static_cast<SegmentWriter&>(*vectors_) : *metadata_;
  }
  const SegmentOracle& oracle() const { return oracle_; }
  const CollectionId& collection() const { return vector_definition_.collection; }
  std::string directory() const { return temporary_.path() + "/segments"; }
  os::Files& files() { return files_; }
  SeqId applied() const { return applied_; }

  void apply(RecordBatch batch) {
    oracle_.apply(batch);
    const LogBatch logged{applied_ + 1, std::make_shared<const RecordBatch>(std::move(batch))};
    log_.push_back(logged);
    replay(logged);
  }

  // Steps that a manager takes without its lock touch nothing else of the rig.
  void freeze() {
    frozen_ = applied_;
    metadata_->freeze(applied_);
    vectors_->freeze(applied_);
  }
  void write_frozen() {
    succeeds(metadata_->write_frozen(context_));
    succeeds(vectors_->write_frozen(context_));
  }
  void adopt() {
    metadata_definition_.files = metadata_->files_with_frozen();
    vector_definition_.files = vectors_->files_with_frozen();
    metadata_definition_.sealed = vector_definition_.sealed = frozen_;
    metadata_->adopt();
    vectors_->adopt();
  }
  void seal() {
    freeze();
    write_frozen();
    adopt();
  }

  void write_merged(bool vectors) { succeeds(writer(vectors).write_merged(context_, throttle_)); }
  void adopt_merged(bool vectors) {
    const std::vector<SegmentFile> before = definition(vectors).files;
    definition(vectors).files = writer(vectors).files_with_merged();
    writer(vectors).adopt_merged();
    const std::vector<SegmentFile>& after = definition(vectors).files;
    EXPECT_EQ(writer(vectors).files(), after);
    for (const SegmentFile& file : before)
      if (std::find(after.begin(), after.end(), file) == after.end())
        succeeds(files_.remove(os::join(directory(), file.name)));
  }
  void merge(bool vectors, FileRange range) {
    writer(vectors).begin_merge(range);
    write_merged(vectors);
    adopt_merged(vectors);
  }
  void merge_everything() {
    for (const bool vectors : {false, true})
      if (const size_t count = writer(vectors).files().size()) merge(vectors, {0, count});
  }

  /// From the next time on that it is opened.
  void limit_index_memory(uint64_t bytes, obs::Metrics* metrics) {
    index_memory_ = std::make_shared<segment::IndexMemory>(bytes, metrics);
  }

  /// From the next time on that it is opened.
  void leave_documents_unindexed() {
    Schema schema;
    schema.defaults.full_text = false;
    schema_ = std::make_shared<const Schema>(std::move(schema));
  }
  /// Before anything is written.
  void use(Schema schema) {
    schema_ = std::make_shared<const Schema>(std::move(schema));
    succeeds(open());
  }

  /// Opens the sealed files anew; nothing is replayed.
  Status open() {
    SegmentEnvironment environment;
    environment.executor = &pool_;
    environment.schema = schema_;
    environment.files = &files_;
    environment.directory = directory();
    environment.definition = metadata_definition_;
    VIRIDIAN_TRY(metadata_, local::MetadataSegment::open(context_, environment));
    environment.definition = vector_definition_;
    environment.space = space_;
    environment.hnsw = hnsw_;
    environment.sampler = sampler_;
    environment.index_memory = index_memory_;
    if (indexed_rows_ == 0) {
      VIRIDIAN_TRY(vectors_, local::FlatVectorSegment::open(context_, environment));
    } else {
      environment.indexed_rows = indexed_rows_;
      VIRIDIAN_TRY(vectors_, local::GraphVectorSegment::open(context_, environment));
    }
    applied_ = metadata_definition_.sealed;
    return ok_status();
  }

  /// As after the end of the process.
  void reopen() {
    Garbage before[2], after[2];
    for (const bool vectors : {false, true}) before[vectors] = writer(vectors).garbage();
    remove_unnamed();
    succeeds(open());
    for (const bool vectors : {false, true}) {
      after[vectors] = writer(vectors).garbage();
      EXPECT_EQ(before[vectors].rows, after[vectors].rows) << "vectors: " << vectors;
      EXPECT_EQ(before[vectors].bytes, after[vectors].bytes) << "vectors: " << vectors;
    }
    replay_log();
  }

  /// Writes all metadata files as older programs did, and opens them.
  void make_metadata_plain() {
    for (SegmentFile& file : metadata_definition_.files) {
      const auto size = write_plain(
          files_, directory(), file.name,
          {segment::FileKind::metadata, file.id, metadata_definition_.collection}, file.size_bytes);
      ASSERT_TRUE(size.ok()) << size.error().message();
      file.size_bytes = *size;
    }
    succeeds(open());
    replay_log();
  }

  /// The blocks of the oldest metadata file.
  std::shared_ptr<const segment::RowBlocks> blocks() {
    const SegmentFile& file = metadata_definition_.files.front();
    const auto sealed = segment::SealedFile::open(
        files_, os::join(directory(), file.name),
        {segment::FileKind::metadata, file.id, metadata_definition_.collection}, file.size_bytes);
    EXPECT_TRUE(sealed.ok()) << sealed.error().message();
    const auto opened = segment::MetadataFile::open(*sealed, nullptr);
    EXPECT_TRUE(opened.ok()) << opened.error().message();
    return (*opened)->blocks();
  }

  /// Makes another collection of the same files.
  void change_collection() {
    const CollectionId to = Uuid::random();
    for (Segment* segment : {&metadata_definition_, &vector_definition_}) {
      for (SegmentFile& file : segment->files)
        if (file.origin == CollectionId()) file.origin = segment->collection;
      segment->collection = to;
    }
  }

  std::shared_ptr<const ReadView> view() {
    return std::make_shared<RigView>(applied_, metadata_->reader(applied_),
                                     vectors_->reader(applied_));
  }

  /// Bytes of all files that are named.
  uint64_t file_bytes() const {
    uint64_t bytes = 0;
    for (const auto* definition : {&metadata_definition_, &vector_definition_})
      for (const SegmentFile& file : definition->files) bytes += file.size_bytes;
    return bytes;
  }

  void remove_unnamed() {
    const auto names = files_.list(directory());
    if (!names.ok()) return;
    for (const std::string& name : *names) {
      const auto named = [&](const Segment& segment) {
        return std::any_of(segment.files.begin(), segment.files.end(),
                           [&](const SegmentFile& file) { return file.name == name; });
      };
      if (!named(metadata_definition_) && !named(vector_definition_))
        succeeds(files_.remove(os::join(directory(), name)));
    }
  }

 private:
  static void succeeds(const Status& status) {
    EXPECT_TRUE(status.ok()) << status.error().message();
  }
  Segment& definition(bool vectors) { return vectors ? vector_definition_ : metadata_definition_; }

  void replay_log() {
    for (const LogBatch& logged : log_)
      if (logged.first_seq > applied_) replay(logged);
  }

  void replay(const LogBatch& logged) {
    auto resolved = segment::materialise(logged, *metadata_, vectors_->dim());
    ASSERT_TRUE(resolved.ok()) << resolved.error().message();
    const MaterialisedBatch batch{*logged.batch, resolved->changes};
    succeeds(metadata_->apply(batch));
    succeeds(vectors_->apply(batch));
    applied_ = logged.last_seq();
  }

  const uint64_t indexed_rows_;
  const Space space_;
  const HnswParameters hnsw_;
  segment::RecallSampler* const sampler_;
  std::shared_ptr<segment::IndexMemory> index_memory_;
  std::shared_ptr<const Schema> schema_;
  Context context_;
  os::TemporaryDirectory temporary_;
  os::RealFiles files_;
  ThreadPool pool_{2, 64};
  Unthrottled throttle_;
  Segment metadata_definition_, vector_definition_;  ///< as the SysDb would have them
  std::unique_ptr<MetadataSegment> metadata_;
  std::unique_ptr<VectorSegment> vectors_;
  std::vector<LogBatch> log_;
  SeqId applied_ = 0, frozen_ = 0;
  SegmentOracle oracle_;
};

}  // namespace viridian::conformance
