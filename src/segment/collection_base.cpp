#include <algorithm>

#include "clickhouse/placement.h"
#include "segment/base_loader.h"
#include "segment/collection_segments.h"
#include "segment/collection_view.h"

namespace viridian::segment {

Status CollectionSegments::open_from_base(const Context& context,
                                          const std::vector<Segment>& segments, uint32_t attempt) {
  VIRIDIAN_TRY(const Base base, base_of(segments));
  VIRIDIAN_TRY(const uint32_t shard, clickhouse::shard_of(segments.front().placement));
  const Place place{id_, shard};
  // What the images came to where they were published counts versions that are gone, so it refuses
  // nothing: what is loaded does.
  const uint64_t expected = std::min(base.bytes, environment_.cache->limit());
  VIRIDIAN_TRY_VOID(environment_.cache->reserve(cache_, expected));
  if (base.sealed != 0) {
    const uint32_t copy = environment_.images->copy_for(place, attempt);
    BaseLoader loader(*environment_.images, place, copy, base);
    VIRIDIAN_TRY_VOID(loader.run(context, [&](const LoadedRecords& records) {
      return take_loaded(context, base.sealed, expected, records);
    }));
  }
  VIRIDIAN_TRY_VOID(reserve_offsets(base));
  origin_ = std::make_unique<Origin>(place, base);
  stats_.sealed = metadata_->head_rows() + vectors_->head_rows() == 0 ? base.sealed : 0;
  loaded_head_bytes_ = metadata_->head_bytes() + vectors_->head_bytes();
  publish(base.sealed);
  note_garbage();
  return ok_status();
}

Status CollectionSegments::take_loaded(const Context& context, SeqId sealed, uint64_t expected,
                                       const LoadedRecords& records) {
  std::vector<RowChange> changes;
  changes.reserve(records.offsets.size());
  for (uint32_t row = 0; row < records.offsets.size(); ++row)
    changes.push_back({RowChange::Kind::insert, row, records.offsets[row], sealed});
  if (vectors_->dim() != 0 && vectors_->dim() != records.batch.embeddings.dim)
    return Error(Code::data_loss, "the images of collection " + id_.to_string() +
                                      " have vectors of different lengths");
  const MaterialisedBatch batch{records.batch, changes};
  VIRIDIAN_TRY_VOID(metadata_->apply(batch));
  VIRIDIAN_TRY_VOID(vectors_->apply(batch));
  memory_.set(metadata_->head_bytes() + vectors_->head_bytes());
  VIRIDIAN_TRY_VOID(
      environment_.cache->reserve(cache_, std::max(expected, memory_.bytes() + file_bytes())));
  if (!environment_.budget->over_limit() || !memory_.over_share()) return ok_status();
  return move_to_files(context, sealed);
}

// Nobody else knows of the collection yet, so this needs none of the locks of a seal.
Status CollectionSegments::move_to_files(const Context& context, SeqId sealed) {
  for (const Half& half : halves_) {
    half.writer->freeze(sealed);
    VIRIDIAN_TRY_VOID(half.writer->write_frozen(context));
    half.writer->adopt();
  }
  memory_.set(0);
  return ok_status();
}

// The offsets of records that are gone must not be given again, nor is the length of vectors free
// again: a record that comes and goes says both.
Status CollectionSegments::reserve_offsets(const Base& base) {
  if (metadata_->next_offset() >= base.next_offset) return ok_status();
  RecordBatch batch;
  batch.ids.push_back({});
  batch.embeddings.dim = std::max(1u, base.dim);
  batch.embeddings.values.resize(batch.embeddings.dim);
  const Offset offset = base.next_offset - 1;
  const RowChange changes[] = {{RowChange::Kind::insert, 0, offset, base.sealed},
                               {RowChange::Kind::remove, 0, offset, base.sealed}};
  VIRIDIAN_TRY_VOID(metadata_->apply({batch, changes}));
  return vectors_->apply({batch, changes});
}

bool CollectionSegments::cache_seal_is_due() const {
  const std::lock_guard lock(published_mutex_);
  if (stats_.applied == stats_.sealed || Clock::now() < seal_not_before_) return false;
  // What was loaded may stay in memory as long as there is room. What came since is half of it
  // garbage, perhaps, which only a file lets go of.
  return stats_.head_bytes >=
         std::max(environment_.options.seal_bytes, loaded_head_bytes_ + loaded_head_bytes_ / 2);
}

Error CollectionSegments::unless_superseded(const Context& context, Error error) const {
  const Code code = error.code();
  if (code != Code::unavailable && code != Code::data_loss) return error;
  const auto segments = environment_.registry->list_segments(context, id_);
  if (!segments.ok()) return error;
  const auto base = base_of(*segments);
  if (!base.ok() || base->sealed <= applied()) return error;
  return Error(Code::out_of_range, "the log may no longer hold the records after number " +
                                       std::to_string(applied()) + "; there are images up to " +
                                       std::to_string(base->sealed));
}

Result<CollectionSegments::Moment> CollectionSegments::moment(const Context& context) {
  // Applying must stand still: what offset comes next has to be that of the view's number exactly,
  // or records would get other offsets where the rest of the log is applied to the images.
  VIRIDIAN_TRY(const Serial::Hold hold, applying_.acquire(context));
  if (stopped_) return stopped_error(*stopped_);
  VIRIDIAN_TRY_VOID(unless_discarded());
  Moment moment;
  moment.base.next_offset = metadata_->next_offset();
  moment.base.dim = vectors_->dim();
  const std::lock_guard lock(published_mutex_);
  moment.view = view_;
  moment.base.sealed = stats_.applied;
  moment.base.rows = stats_.records;
  moment.base.bytes = stats_.head_bytes + stats_.file_bytes;
  return moment;
}

}  // namespace viridian::segment
