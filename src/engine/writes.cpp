#include <fmt/format.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "engine/api.h"
#include "engine/attempts.h"
#include "engine/messages.h"
#include "engine/selection.h"
#include "model/schema_rules.h"
#include "model/validation.h"

namespace viridian::engine {
namespace {

bool has_vectors(const RecordBatch& batch) { return batch.embeddings.rows() != 0; }

/// What the collection's row must become before the batch may be appended; empty if it may stay.
/// By value: most callers are done with the collection, and noting keys in place copies nothing.
/// `applies` says which rows have an effect.
CollectionChange change_for(Collection collection, const RecordBatch& batch,
                            const std::function<bool(uint32_t)>& applies) {
  CollectionChange change;
  if (!collection.dimension && has_vectors(batch)) change.dimension = batch.embeddings.dim;
  if (note_keys(collection.schema, batch, applies)) change.schema = std::move(collection.schema);
  return change;
}

bool any_row(uint32_t) { return true; }

bool empty(const CollectionChange& change) { return !change.dimension && !change.schema; }

/// Whether an append that failed so left nothing. Otherwise the batch may be found in the log after
/// a restart, and what it needs must stay.
bool nothing_was_written(Code code) {
  return code == Code::resource_exhausted || code == Code::deadline_exceeded ||
         code == Code::cancelled || code == Code::invalid_argument;
}

/// Undoes such a change.
CollectionChange undo(const CollectionChange& change, const Collection& before) {
  CollectionChange undone;
  if (change.dimension) undone.dimension = before.dimension;
  if (change.schema) undone.schema = before.schema;
  return undone;
}

/// Without a dimension no record was ever stored, so there is nothing that an update could change.
bool changes_nothing(const Collection& collection, const RecordBatch& batch) {
  return batch.operation == Operation::update && !collection.dimension;
}

bool dimension_fits(const Collection& collection, const RecordBatch& batch) {
  return !collection.dimension || !has_vectors(batch) ||
         *collection.dimension == batch.embeddings.dim;
}

Status check_delete(const DeleteRequest& request) {
  const Selection& selection = request.selection;
  const bool filtered = selection.where || selection.where_document;
  if (request.limit && !filtered) {
    return Error(Code::invalid_argument,
                 "Validation error: limit, where: limit can only be specified when a where clause "
                 "is provided");
  }
  if (selection.ids && selection.ids->empty() && !filtered) {
    return Error(Code::invalid_argument,
                 "Validation error: ids, where: Either ids or where must be specified");
  }
  return ok_status();
}

bool selects_nothing(const DeleteRequest& request) {
  const Selection& selection = request.selection;
  if (!selection.ids && !selection.where && !selection.where_document) return true;
  return (selection.ids && selection.ids->empty()) || request.limit == 0U;
}

}  // namespace

Result<WriteResult> Api::write(const Context& context, const CollectionRef& ref,
                               RecordBatch batch) {
  return write(context, ref, std::make_shared<const RecordBatch>(std::move(batch)));
}

Result<WriteResult> Api::write(const Context& asked, const CollectionRef& ref,
                               const SharedBatch& batch) {
  if (batch->operation == Operation::remove) {
    return Error(Code::invalid_argument,
                 "write() takes add, update and upsert: records are removed by delete_records()");
  }
  VIRIDIAN_TRY_VOID(validate_batch(*batch));
  VIRIDIAN_TRY_VOID(writable());
  const Context context = deciding(asked);
  {
    VIRIDIAN_TRY(const auto pass, gates_.enter(context, ref.id, Access::write));
    VIRIDIAN_TRY(Collection collection, find(context, ref));
    if (batch->rows() == 0 || changes_nothing(collection, *batch)) return WriteResult();
    if (dimension_fits(collection, *batch) &&
        empty(change_for(std::move(collection), *batch, any_row))) {
      VIRIDIAN_TRY(const SeqId last, append(context, ref.id, batch));
      return WriteResult{last};
    }
  }
  VIRIDIAN_TRY(const auto pass, gates_.enter(context, ref.id, Access::alter));
  return until_decided([&] { return write_altering(context, ref, batch); });
}

Result<WriteResult> Api::write_altering(const Context& context, const CollectionRef& ref,
                                        const SharedBatch& batch) {
  // Before the row: whatever comes into the log from now on may have changed that.
  VIRIDIAN_TRY(const SeqId decided_at, parts_.consumer.last(context, ref.id));
  VIRIDIAN_TRY(const Collection before, find(context, ref));
  Collection collection = before;
  if (!dimension_fits(collection, *batch)) {
    // A dimension without any record is what a crash leaves between fixing it and the append.
    VIRIDIAN_TRY(const bool unused, never_written(context, ref.id));
    if (!unused) return wrong_dimension(*collection.dimension, batch->embeddings.dim);
    collection.dimension.reset();
  }
  if (changes_nothing(collection, *batch)) return WriteResult();
  VIRIDIAN_TRY(const auto applies, applying_rows(context, collection, *batch));
  CollectionChange change = change_for(collection, *batch, applies);
  Collection changed;
  if (!empty(change)) {
    // A snapshot between this and the append holds a dimension or keys that nothing uses yet, as
    // after a crash there.
    VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
    const GateGuard guard(changes_, Access::write);
    change.only_if = before;
    VIRIDIAN_TRY(changed,
                 reword(parts_.sysdb.update_collection(context, ref.id, change), Code::not_found,
                        [&] { return collection_missing_by_id(ref.id); }));
  }
  auto last = append(context, ref.id, batch, decided_at);
  if (last.ok()) return WriteResult{*last};
  if (!empty(change) && nothing_was_written(last.error().code())) {
    // Not the caller's context, which may be what made the append fail. If this fails as well, the
    // append's error is still the one to report, and never_written() sets the dimension right.
    CollectionChange undone = undo(change, before);
    undone.only_if = std::move(changed);
    (void)parts_.sysdb.update_collection(Context(), ref.id, undone);
  }
  return std::move(last).error();
}

Result<std::function<bool(uint32_t)>> Api::applying_rows(const Context& context,
                                                         const Collection& collection,
                                                         const RecordBatch& batch) {
  if (batch.operation == Operation::upsert || !collection.dimension) {
    return std::function<bool(uint32_t)>(any_row);
  }
  VIRIDIAN_TRY(const auto view, pin_durable(context, collection.id));
  VIRIDIAN_TRY(const OffsetSet found, view->metadata().find(context, batch.ids));
  RecordColumns there;
  VIRIDIAN_TRY_VOID(view->metadata().fetch(context, found.slice(0, kNoLimit), Columns(), there));
  std::unordered_set<std::string> existing;
  for (size_t row = 0; row < there.ids.size(); ++row) existing.emplace(there.ids[row]);
  const bool wanted = batch.operation == Operation::update;
  return std::function<bool(uint32_t)>(
      [existing = std::move(existing), wanted, &batch](uint32_t row) {
        return existing.contains(std::string(batch.ids[row])) == wanted;
      });
}

Result<bool> Api::never_written(const Context& context, const CollectionId& id) {
  VIRIDIAN_TRY(const SeqId last, parts_.consumer.last(context, id));
  if (last != 0) return false;
  VIRIDIAN_TRY(const auto view, parts_.segments.pin(context, id, 0));
  return view->applied() == 0;
}

Result<SeqId> Api::append(const Context& context, const CollectionId& id, SharedBatch batch,
                          std::optional<SeqId> decided_at) {
  VIRIDIAN_TRY_VOID(context.check());
  // Segments that cannot be opened would never apply the batch: better refused than forgotten.
  // Those that have more in memory than their share wait here. A vector that takes the place of
  // another is there beside it until files are merged.
  const uint64_t vectors = batch->operation == Operation::remove ? 0 : batch->embeddings.rows();
  VIRIDIAN_TRY_VOID(parts_.segments.admit(context, id, batch->size_bytes(), vectors));
  SeqId last = 0;
  {
    VIRIDIAN_TRY_VOID(changes_.enter(context, Access::write));
    const GateGuard guard(changes_, Access::write);
    VIRIDIAN_TRY(last, decided_at
                           ? parts_.producer.append_if(context, id, std::move(batch), *decided_at)
                           : parts_.producer.append(context, id, std::move(batch)));
  }
  // The batch is durable, so the answer is yes, even if the hint fails: it only makes the segments
  // catch up sooner, and whoever reads the collection hears what is wrong with them.
  (void)parts_.segments.hint(context, id, last);
  return last;
}

Result<DeleteResult> Api::delete_records(const Context& asked, const CollectionRef& ref,
                                         const DeleteRequest& request) {
  VIRIDIAN_TRY_VOID(check_delete(request));
  VIRIDIAN_TRY_VOID(writable());
  const Context context = deciding(asked);
  // Between the choice of the records and their removal nothing may change, or the removal would
  // hit records that did not match.
  VIRIDIAN_TRY(const auto pass, gates_.enter(context, ref.id, Access::alter));
  return until_decided([&] { return delete_once(context, ref, request); });
}

// What was to be deleted may have been by an attempt whose answer was lost: who reads with this
// number does not see it. Nothing is appended, by which it would be found out whether what was
// looked at counts, so that is asked.
Result<DeleteResult> Api::nothing_to_delete(const Context& context, const CollectionId& id,
                                            SeqId applied) {
  VIRIDIAN_TRY(const SeqId settled, parts_.consumer.settle(context, id));
  if (settled < applied || !parts_.consumer.counts(id, applied))
    return Error(Code::aborted, fmt::format("collection {} was looked at with records that do not "
                                            "count: try again",
                                            id.to_string()));
  return DeleteResult{0, applied};
}

Result<DeleteResult> Api::delete_once(const Context& context, const CollectionRef& ref,
                                      const DeleteRequest& request) {
  VIRIDIAN_TRY(const Collection collection, find(context, ref));
  VIRIDIAN_TRY_VOID(check_selection(collection, request.selection));
  if (selects_nothing(request) || !collection.dimension) return DeleteResult();
  VIRIDIAN_TRY(const auto view, pin_durable(context, ref.id));
  VIRIDIAN_TRY(const OffsetSet selected, select(context, *view, request.selection));
  const std::vector<Offset> doomed = selected.slice(0, request.limit.value_or(kNoLimit));
  if (doomed.empty()) return nothing_to_delete(context, ref.id, view->applied());
  RecordColumns columns;
  VIRIDIAN_TRY_VOID(view->metadata().fetch(context, doomed, Columns(), columns));
  RecordBatch batch;
  batch.operation = Operation::remove;
  batch.ids = std::move(columns.ids);
  VIRIDIAN_TRY(const SeqId last,
               append(context, ref.id, std::make_shared<const RecordBatch>(std::move(batch)),
                      view->applied()));
  return DeleteResult{doomed.size(), last};
}

}  // namespace viridian::engine
