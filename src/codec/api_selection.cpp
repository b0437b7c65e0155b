#include "codec/api_selection.h"

#include "codec/values.h"

namespace viridian::codec {
namespace {

/// A key alone, or an object.
Result<SortKey> sort_key_of(const json::Value& value, const std::string& path) {
  SortKey key;
  if (value.string() != nullptr) {
    key.key = *value.string();
    return key;
  }
  VIRIDIAN_TRY(const Fields fields,
               Fields::of(value, path, {"key", "direction"}, Unknown::refused));
  VIRIDIAN_TRY(key.key, fields.text("key"));
  const json::Value* direction = fields.present("direction");
  if (direction == nullptr) return key;
  VIRIDIAN_TRY(const std::string word, as_text(*direction, fields.path_of("direction")));
  if (word != "asc" && word != "desc")
    return validation_error(fields.path_of("direction"),
                            "unknown direction `" + word + "`, expected `asc` or `desc`");
  key.descending = word == "desc";
  return key;
}

}  // namespace

Result<Selection> read_selection(const Fields& fields) {
  Selection selection;
  if (const json::Value* ids = fields.present("ids")) {
    VIRIDIAN_TRY(const json::Array* elements, as_array(*ids, "ids"));
    selection.ids.emplace();
    for (const json::Value& element : *elements) {
      VIRIDIAN_TRY(const std::string id,
                   as_text(element, element_path("ids", selection.ids->size())));
      selection.ids->push_back(id);
    }
  }
  return selection;
}

/// The filters, after everything that concerns the body's shape.
Status read_filters(const Fields& fields, Selection& selection) {
  if (const json::Value* where = fields.present("where")) {
    VIRIDIAN_TRY(selection.where, where_of(*where));
  }
  if (const json::Value* where = fields.present("where_document")) {
    VIRIDIAN_TRY(selection.where_document, where_document_of(*where));
  }
  return ok_status();
}

void write_selection(json::Writer& out, const Selection& selection) {
  if (selection.ids) {
    out.key("ids");
    out.begin_array();
    for (size_t i = 0; i < selection.ids->size(); ++i) out.string((*selection.ids)[i]);
    out.end_array();
  }
  if (selection.where) {
    out.key("where");
    write(out, *selection.where);
  }
  if (selection.where_document) {
    out.key("where_document");
    write_document_filter(out, *selection.where_document);
  }
}

Result<std::optional<uint32_t>> read_u32(const Fields& fields, std::string_view name) {
  const json::Value* value = fields.present(name);
  if (value == nullptr) return std::optional<uint32_t>();
  VIRIDIAN_TRY(const uint32_t number, as_u32(*value, fields.path_of(name)));
  return std::optional<uint32_t>(number);
}

Result<std::vector<SortKey>> sort_keys_of(const json::Value& value, std::string_view path) {
  std::vector<SortKey> keys;
  if (value.array() == nullptr) {
    if (value.string() == nullptr) return wrong_type(path, value, "a key or an array");
    VIRIDIAN_TRY(SortKey key, sort_key_of(value, std::string(path)));
    keys.push_back(std::move(key));
    return keys;
  }
  for (const json::Value& element : *value.array()) {
    VIRIDIAN_TRY(SortKey key, sort_key_of(element, element_path(path, keys.size())));
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return validation_error(path, "it names no key");
  return keys;
}

void write_sort_keys(json::Writer& out, const std::vector<SortKey>& keys) {
  out.key("order_by");
  out.begin_array();
  for (const SortKey& key : keys) {
    out.begin_object();
    out.key("key");
    out.string(key.key);
    out.key("direction");
    out.string(key.descending ? "desc" : "asc");
    out.end_object();
  }
  out.end_array();
}

}  // namespace viridian::codec
