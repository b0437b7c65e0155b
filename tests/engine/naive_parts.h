#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "conformance/value_oracle.h"
#include "engine/oracle.h"
#include "viridian/spi/log.h"
#include "viridian/spi/segments.h"
#include "viridian/spi/sysdb.h"

/// The engine's peers at their simplest, so that its tests can look inside them and make them fail.
namespace viridian::conformance {

class NaiveLog final : public Producer, public Consumer {
 public:
  /// Asked before each append: an error is what the append then gives.
  std::function<Status()> before_append = [] { return ok_status(); };

  /// What settle() makes of the last number.
  std::function<SeqId(SeqId)> settled = [](SeqId last) { return last; };

  Result<SeqId> append(const Context&, const CollectionId& id, SharedBatch batch) override {
    VIRIDIAN_TRY_VOID(before_append());
    const std::lock_guard lock(mutex_);
    auto& log = logs_[id];
    const SeqId first = log.empty() ? 1 : log.back().last_seq() + 1;
    log.push_back({first, std::move(batch)});
    return log.back().last_seq();
  }
  Status drop(const Context&, const CollectionId& id) override {
    const std::lock_guard lock(mutex_);
    logs_.erase(id);
    return ok_status();
  }
  Status start_after(const Context&, const CollectionId&, SeqId) override {
    return Error(Code::unimplemented, "this log begins with record 1");
  }
  Status retain(const Context&, const std::vector<CollectionId>& known) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(logs_, [&](const auto& entry) {
      return std::find(known.begin(), known.end(), entry.first) == known.end();
    });
    return ok_status();
  }
  Result<std::vector<LogBatch>> read(const Context&, const CollectionId& id, SeqId after,
                                     size_t) override {
    const std::lock_guard lock(mutex_);
    std::vector<LogBatch> found;
    if (const auto at = logs_.find(id); at != logs_.end()) {
      for (const LogBatch& batch : at->second)
        if (batch.first_seq > after) found.push_back(batch);
    }
    return found;
  }
  Result<SeqId> last(const Context&, const CollectionId& id) override {
    const std::lock_guard lock(mutex_);
    const auto at = logs_.find(id);
    return at == logs_.end() ? SeqId{0} : at->second.back().last_seq();
  }
  Result<SeqId> settle(const Context& context, const CollectionId& id) override {
    VIRIDIAN_TRY(const SeqId number, last(context, id));
    return settled(number);
  }
  Status wait(const Context&, const CollectionId&, SeqId) override { return ok_status(); }
  Status trim(const Context&, const CollectionId&, SeqId) override { return ok_status(); }
  bool durable() const noexcept override { return false; }

  /// Collections that have a log.
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return logs_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::map<CollectionId, std::vector<LogBatch>> logs_;  // guarded by mutex_
};

/// A view is an Oracle that has read the whole log; an offset is an order.
class NaiveView final : public ReadView, public MetadataReader, public VectorReader {
 public:
  /// Whether a search comes upon a record.
  using Reaches = std::function<bool(const VectorQuery&, Offset)>;

  NaiveView(Oracle oracle, SeqId applied, Reaches reaches)
      : oracle_(std::move(oracle)), applied_(applied), reaches_(std::move(reaches)) {}

  SeqId applied() const override { return applied_; }
  const MetadataReader& metadata() const override { return *this; }
  const VectorReader& vectors() const override { return *this; }

  uint64_t count() const override { return oracle_.size(); }
  Result<OffsetSet> all(const Context&) const override { return offsets({}); }
  Result<OffsetSet> filter(const Context&, const Where& where) const override {
    Selection selection;
    selection.where = where;
    return offsets(selection);
  }
  Result<OffsetSet> find(const Context&, const StringColumn& ids) const override {
    Selection selection;
    selection.ids = ids;
    return offsets(selection);
  }
  Status fetch(const Context&, std::span<const Offset> rows, const Columns& columns,
               RecordColumns& out) const override {
    for (const Offset row : rows) {
      const OracleRecord& record = oracle_.at(row);
      out.ids.push_back(record.id);
      if (columns.documents) out.documents.push_back(record.document);
      if (columns.uris) out.uris.push_back(record.uri);
      if (!columns.metadata) continue;
      out.metadatas.emplace_back();
      if (!record.metadata.empty()) out.metadatas.back() = record.metadata;
    }
    return ok_status();
  }
  Result<std::vector<Offset>> order(const Context&, const OrderQuery& query) const override {
    return oracle_order(valued(query.allowed), query);
  }
  Result<std::vector<Facet>> facets(const Context&, std::span<const std::string> keys,
                                    const OffsetSet* allowed, uint32_t limit) const override {
    std::vector<Facet> all;
    for (const std::string& key : keys) all.push_back(oracle_facet(valued(allowed), key, limit));
    return all;
  }
  Result<std::vector<Extent>> extents(const Context&, std::span<const std::string> keys,
                                      const OffsetSet* allowed) const override {
    std::vector<Extent> all;
    for (const std::string& key : keys) all.push_back(oracle_extent(valued(allowed), key));
    return all;
  }
  Result<std::vector<std::vector<Neighbour>>> search(const Context&,
                                                     const VectorQuery& query) const override {
    std::vector<std::vector<Neighbour>> found(query.vectors->rows());
    for (size_t i = 0; i < found.size(); ++i) {
      const float* vector = query.vectors->row(i);
      for (const auto& [distance, row] :
           oracle_.search({vector, vector + query.vectors->dim}, {})) {
        if (found[i].size() == query.k) break;
        if ((query.allowed == nullptr || query.allowed->contains(row)) && reaches_(query, row))
          found[i].push_back({row, clamp(distance)});
      }
    }
    return found;
  }
  Status fetch(const Context&, std::span<const Offset> rows, Matrix& out) const override {
    for (const Offset row : rows) {
      const std::vector<float>& vector = oracle_.at(row).vector;
      out.dim = static_cast<uint32_t>(vector.size());
      out.values.insert(out.values.end(), vector.begin(), vector.end());
    }
    return ok_status();
  }

 private:
  static float clamp(double distance) {
    constexpr double kMost = std::numeric_limits<float>::max();
    return static_cast<float>(std::clamp(distance, -kMost, kMost));
  }
  std::vector<ValuedRecord> valued(const OffsetSet* allowed) const {
    std::vector<ValuedRecord> records;
    for (const uint64_t order : oracle_.select({}))
      if (allowed == nullptr || allowed->contains(order))
        records.emplace_back(order, &oracle_.at(order).metadata);
    return records;
  }
  OffsetSet offsets(const Selection& selection) const {
    OffsetSet set;
    for (const uint64_t order : oracle_.select(selection)) set.insert(order);
    return set;
  }

  const Oracle oracle_;
  const SeqId applied_;
  const Reaches reaches_;
};

class NaiveSegments final : public SegmentManager {
 public:
  NaiveSegments(SysDb& sysdb, Consumer& log) : sysdb_(sysdb), log_(log) {}

  /// Of views that are pinned from now on.
  NaiveView::Reaches reaches = [](const VectorQuery&, Offset) { return true; };

  std::vector<Segment> plan(const CollectionId&) const override { return {}; }
  Result<std::shared_ptr<const ReadView>> pin(const Context& context, const CollectionId& id,
                                              SeqId) override {
    VIRIDIAN_TRY(const Collection collection, sysdb_.get_collection(context, id));
    const auto& index = collection.schema.keys.at(Schema::kEmbedding).vector;
    Oracle oracle(index->space.value_or(Space::l2));
    VIRIDIAN_TRY(const auto batches, log_.read(context, id, 0, 0));
    for (const LogBatch& batch : batches) oracle.apply(*batch.batch);
    return std::make_shared<const NaiveView>(
        std::move(oracle), batches.empty() ? 0 : batches.back().last_seq(), reaches);
  }
  Status admit(const Context&, const CollectionId&, uint64_t, uint64_t) override {
    return ok_status();
  }
  Status hint(const Context&, const CollectionId&, SeqId) override { return ok_status(); }
  Status seal(const Context&, const CollectionId&) override { return ok_status(); }
  Status compact(const Context&, const CollectionId&) override { return ok_status(); }
  Status close(const Context&, const CollectionId&) override { return ok_status(); }
  Result<SegmentImage> image(const Context&, const CollectionId&) override {
    return Error(Code::unimplemented, "these segments have no files");
  }
  Result<std::vector<Segment>> restore(const Context&, const CollectionId&,
                                       const SegmentImage&) override {
    return Error(Code::unimplemented, "these segments have no files");
  }
  Result<SegmentStats> stats(const Context&, const CollectionId&) override {
    return SegmentStats();
  }
  Status drop(const Context&, const CollectionId&) override { return ok_status(); }

 private:
  SysDb& sysdb_;
  Consumer& log_;
};

}  // namespace viridian::conformance
