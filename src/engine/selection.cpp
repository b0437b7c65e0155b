#include "engine/selection.h"

#include "model/schema_rules.h"

namespace viridian::engine {

bool restricts(const Selection& selection) {
  return selection.ids || selection.where || selection.where_document;
}

Status check_selection(const Collection& collection, const Selection& selection) {
  if (selection.where) VIRIDIAN_TRY_VOID(check_filter(collection.schema, *selection.where));
  if (selection.where_document) {
    VIRIDIAN_TRY_VOID(check_filter(collection.schema, *selection.where_document));
  }
  return ok_status();
}

Result<OffsetSet> select(const Context& context, const ReadView& view, const Selection& selection) {
  const MetadataReader& reader = view.metadata();
  if (!selection.where && !selection.where_document) {
    return selection.ids ? reader.find(context, *selection.ids) : reader.all(context);
  }
  Where both;
  both.op = Where::Op::all;
  if (selection.where) both.children.push_back(*selection.where);
  if (selection.where_document) both.children.push_back(*selection.where_document);
  VIRIDIAN_TRY(OffsetSet selected, reader.filter(context, both));
  if (selection.ids) {
    VIRIDIAN_TRY(const OffsetSet named, reader.find(context, *selection.ids));
    selected.intersect(named);
  }
  return selected;
}

}  // namespace viridian::engine
