#include "engine/selection.h"

#include <string>

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

Result<OffsetSet> select_page(const Context& context, const ReadView& view,
                              const Selection& selection, Offset from, uint64_t count) {
  const MetadataReader& reader = view.metadata();
  if (!selection.where && !selection.where_document) {
    return selection.ids ? reader.find(context, *selection.ids) : reader.all(context);
  }
  Where both;
  both.op = Where::Op::all;
  if (selection.where) both.children.push_back(*selection.where);
  if (selection.where_document) both.children.push_back(*selection.where_document);
  if (!selection.ids) return reader.filter_page(context, both, from, count);
  VIRIDIAN_TRY(OffsetSet selected, reader.filter(context, both));
  VIRIDIAN_TRY(const OffsetSet named, reader.find(context, *selection.ids));
  selected.intersect(named);
  return selected;
}

}  // namespace viridian::engine
