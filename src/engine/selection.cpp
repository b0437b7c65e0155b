#include "engine/selection.h"

#include <algorithm>
#include <string>

#include "engine/plan_recorder.h"
#include "model/filter_size.h"
#include "model/schema_rules.h"
#include "text/regex.h"

namespace viridian::engine {

bool restricts(const Selection& selection) {
  return selection.ids || selection.where || selection.where_document;
}

Status check_key(std::string_view field, std::string_view key) {
  const auto refuse = [&](std::string_view why) {
    return Error(Code::invalid_argument, "Validation error: " + std::string(field) + ": `" +
                                             std::string(key) + "` " + std::string(why));
  };
  if (key.empty()) return refuse("is empty");
  if (key.starts_with("chroma:")) return refuse("is no key of metadata");
  return ok_status();
}

namespace {

/// A pattern that cannot be compiled is refused also where no record would be asked for it.
Status check_patterns(const Where& where, size_t memory) {
  if (where.op == Where::Op::document_matches || where.op == Where::Op::document_not_matches) {
    for (const MetadataValue& operand : where.operands) {
      if (const auto* pattern = std::get_if<std::string>(&operand)) {
        VIRIDIAN_TRY([[maybe_unused]] const Regex compiled, Regex::compile(*pattern, memory));
      }
    }
  }
  for (const Where& child : where.children) VIRIDIAN_TRY_VOID(check_patterns(child, memory));
  return ok_status();
}

Status check(const Collection& collection, const Where& where) {
  VIRIDIAN_TRY_VOID(check_filter(collection.schema, where));
  return check_patterns(where, Regex::memory_of_each(size_of(where).patterns));
}

}  // namespace

Status check_selection(const Collection& collection, const Selection& selection) {
  if (selection.where) VIRIDIAN_TRY_VOID(check(collection, *selection.where));
  if (selection.where_document) {
    VIRIDIAN_TRY_VOID(check(collection, *selection.where_document));
  }
  return ok_status();
}

Result<OffsetSet> select(const Context& context, const ReadView& view, const Selection& selection) {
  return select_page(context, view, selection, 0, kNoLimit);
}

namespace {

Result<OffsetSet> find_named(const Context& context, const MetadataReader& reader,
                             const StringColumn& ids) {
  PlanStage stage(context, "ids");
  VIRIDIAN_TRY(OffsetSet named, reader.find(stage.context(), ids));
  stage.done(named.size(), ids.size());
  return named;
}

Result<OffsetSet> find_all(const Context& context, const MetadataReader& reader) {
  PlanStage stage(context, "all");
  VIRIDIAN_TRY(OffsetSet all, reader.all(stage.context()));
  stage.done(all.size(), reader.count());
  return all;
}

Status leave_named(const Context& context, const MetadataReader& reader, const StringColumn& ids,
                   OffsetSet& selected) {
  VIRIDIAN_TRY(const OffsetSet named, find_named(context, reader, ids));
  PlanStage stage(context, "intersect");
  const uint64_t at_most = std::min(selected.size(), named.size());
  selected.intersect(named);
  stage.done(selected.size(), at_most);
  return ok_status();
}

}  // namespace

Where condition_of(const Selection& selection) {
  Where both;
  both.op = Where::Op::all;
  if (selection.where) both.children.push_back(*selection.where);
  if (selection.where_document) both.children.push_back(*selection.where_document);
  return both;
}

Result<Candidates> select_candidates(const Context& context, const ReadView& view,
                                     const Selection& selection, uint64_t few) {
  if (few == kNoLimit || (!selection.where && !selection.where_document)) {
    VIRIDIAN_TRY(OffsetSet selected, select(context, view, selection));
    return Candidates{std::move(selected), true};
  }
  const Where condition = condition_of(selection);
  VIRIDIAN_TRY(Candidates found, view.metadata().candidates(context, condition));
  if (!found.exact && found.offsets.size() <= few) {
    VIRIDIAN_TRY(found.offsets, view.metadata().filter(context, condition));
    found.exact = true;
  }
  if (selection.ids) {
    VIRIDIAN_TRY_VOID(leave_named(context, view.metadata(), *selection.ids, found.offsets));
  }
  return found;
}

Result<OffsetSet> select_page(const Context& context, const ReadView& view,
                              const Selection& selection, Offset from, uint64_t count) {
  const MetadataReader& reader = view.metadata();
  if (!selection.where && !selection.where_document) {
    return selection.ids ? find_named(context, reader, *selection.ids) : find_all(context, reader);
  }
  const Where condition = condition_of(selection);
  if (!selection.ids) return reader.filter_page(context, condition, from, count);
  VIRIDIAN_TRY(OffsetSet selected, reader.filter(context, condition));
  VIRIDIAN_TRY_VOID(leave_named(context, reader, *selection.ids, selected));
  return selected;
}

}  // namespace viridian::engine
