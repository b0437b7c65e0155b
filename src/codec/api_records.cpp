#include <fmt/format.h>

#include <span>

#include "codec/api_columns.h"
#include "codec/api_json.h"
#include "codec/base64.h"
#include "codec/fields.h"
#include "codec/values.h"

namespace viridian::codec {
namespace {

constexpr std::string_view kReserved = "chroma:";

/// The body of add, update or upsert, member by member.
class RecordsReader {
 public:
  RecordsReader(std::string_view body, Operation operation)
      : reader_(body), operation_(operation) {}

  Result<RecordBatch> read() {
    if (reader_.kind() != json::Kind::object) return unexpected(reader_, "", "an object");
    std::string_view name;
    reader_.begin_object();
    while (reader_.next_member(name)) VIRIDIAN_TRY_VOID(read_member(name));
    if (!reader_.finish()) return reader_.error();
    if (!ids_) return shape_error("", "missing field `ids`");
    if (operation_ != Operation::update && !seen_[kEmbeddings])
      return shape_error("", "missing field `embeddings`");
    VIRIDIAN_TRY_VOID(faults_.status());
    VIRIDIAN_TRY_VOID(check_lengths());
    return batch();
  }

 private:
  enum Column : size_t { kIds, kEmbeddings, kDocuments, kUris, kMetadatas, kColumns };
  static constexpr std::array<std::string_view, kColumns> kNames = {
      "ids", "embeddings", "documents", "uris", "metadatas"};

  Status read_member(std::string_view name) {
    size_t column = 0;
    while (column < kColumns && kNames[column] != name) ++column;
    if (column == kColumns) return reader_.skip() ? ok_status() : Status(reader_.error());
    if (seen_[column]) return shape_error("", fmt::format("duplicate field `{}`", name));
    seen_[column] = true;
    const bool required =
        column == kIds || (column == kEmbeddings && operation_ != Operation::update);
    if (!required && reader_.kind() == json::Kind::null)
      return reader_.read_null() ? ok_status() : Status(reader_.error());
    return read_column(static_cast<Column>(column));
  }

  Status read_column(Column column) {
    const std::string_view name = kNames[column];
    switch (column) {
      case kIds: {
        VIRIDIAN_TRY(ids_, read_strings(reader_, name));
        return ok_status();
      }
      case kEmbeddings: {
        const Rows rows =
            operation_ == Operation::update ? Rows::base64_and_null : Rows::base64_too;
        VIRIDIAN_TRY(vectors_, read_vectors(reader_, name, rows, faults_));
        return ok_status();
      }
      case kDocuments: {
        VIRIDIAN_TRY(documents_, read_nullable_strings(reader_, name));
        return ok_status();
      }
      case kUris: {
        VIRIDIAN_TRY(uris_, read_nullable_strings(reader_, name));
        return ok_status();
      }
      default:
        return read_metadatas(name);
    }
  }

  Status read_metadatas(std::string_view name) {
    if (reader_.kind() != json::Kind::array)
      return unexpected(reader_, name, "an array of objects and nulls");
    metadatas_.emplace();
    reader_.begin_array();
    while (reader_.next_element()) {
      const std::string path = element_path(name, metadatas_->size());
      Metadata& metadata = metadatas_->emplace_back();
      if (reader_.kind() == json::Kind::null) {
        if (!reader_.read_null()) break;
        continue;
      }
      if (reader_.kind() != json::Kind::object)
        return unexpected(reader_, path, "an object or null");
      VIRIDIAN_TRY_VOID(read_metadata(path, metadata));
    }
    return reader_.failed() ? Status(reader_.error()) : ok_status();
  }

  Error bad_metadata(std::string_view cause) const {
    return validation_error("metadatas", fmt::format("Invalid metadata at index {}: {}",
                                                     metadatas_->size() - 1, cause));
  }

  Status read_metadata(const std::string& path, Metadata& metadata) {
    std::string_view name;
    json::Value value;
    reader_.begin_object();
    while (reader_.next_member(name)) {
      const std::string key(name);
      if (!reader_.read_value(value)) break;
      auto read = metadata_value(value, key, member_path(path, key));
      if (!read.ok()) {
        if (read.error().code() == Code::unprocessable) return std::move(read).error();
        faults_.note(read.error().code() == Code::invalid_argument
                         ? bad_metadata(read.error().message())
                         : read.error());
      } else if (std::string_view(key).starts_with(kReserved)) {
        read_reserved(key, *read);
      } else if (type_of(*read) == MetadataType::null && operation_ == Operation::add) {
        return shape_error(member_path(path, key), "invalid type: null, expected a value");
      } else {
        metadata.set(key, *std::move(read));
      }
    }
    return reader_.failed() ? Status(reader_.error()) : ok_status();
  }

  /// Chroma keeps documents and uris among the metadata, and its clients may say so.
  void read_reserved(const std::string& key, MetadataValue& value) {
    const bool document = key == Where::kDocumentKey;
    if (!document && key != Where::kUriKey) return;
    std::string* const text = std::get_if<std::string>(&value);
    if (text == nullptr)
      return faults_.note(bad_metadata(fmt::format("{} is the record's {}, so it must be a string",
                                                   key, document ? "document" : "uri")));
    auto& column = document ? reserved_documents_ : reserved_uris_;
    column.resize(metadatas_->size());
    column.back() = std::move(*text);
  }

  Status check_lengths() const {
    const size_t rows = ids_->size();
    const bool equal =
        (!vectors_ || vectors_->rows() == rows) && (!documents_ || documents_->size() == rows) &&
        (!uris_ || uris_->size() == rows) && (!metadatas_ || metadatas_->size() == rows);
    if (equal) return ok_status();
    return Error(Code::invalid_argument,
                 "Inconsistent number of IDs, embeddings, documents, URIs and metadatas");
  }

  using Texts = std::vector<std::optional<std::string>>;

  /// The column, with what reserved keys say where it says nothing.
  NullableStringColumn merged(std::optional<NullableStringColumn>& column,
                              const Texts& reserved) const {
    if (reserved.empty()) return column ? std::move(*column) : NullableStringColumn();
    NullableStringColumn result;
    for (size_t row = 0; row < ids_->size(); ++row) {
      if (column && column->has(row))
        result.push_back((*column)[row]);
      else if (row < reserved.size() && reserved[row])
        result.push_back(*reserved[row]);
      else
        result.push_back(std::nullopt);
    }
    return result;
  }

  RecordBatch batch() {
    RecordBatch batch;
    batch.operation = operation_;
    batch.documents = merged(documents_, reserved_documents_);
    batch.uris = merged(uris_, reserved_uris_);
    if (metadatas_) {
      MetadataColumnsBuilder builder;
      for (uint32_t row = 0; row < metadatas_->size(); ++row) builder.set(row, (*metadatas_)[row]);
      batch.metadata = builder.finish();
    }
    batch.ids = std::move(*ids_);
    if (!vectors_) return batch;
    batch.embeddings = std::move(vectors_->matrix);
    const size_t present = batch.embeddings.rows();
    if (present == 0 || present == batch.ids.size()) return batch;
    uint32_t next = 0;
    for (const bool has : vectors_->present)
      batch.embedding_rows.push_back(has ? next++ : RecordBatch::kNoEmbedding);
    return batch;
  }

  json::Reader reader_;
  Operation operation_;
  std::array<bool, kColumns> seen_{};
  Faults faults_;
  std::optional<StringColumn> ids_;
  std::optional<VectorColumn> vectors_;
  std::optional<NullableStringColumn> documents_;
  std::optional<NullableStringColumn> uris_;
  std::optional<std::vector<Metadata>> metadatas_;
  Texts reserved_documents_;
  Texts reserved_uris_;
};

void write_texts(json::Writer& out, std::string_view name, const NullableStringColumn& column) {
  if (column.empty()) return;
  out.key(name);
  out.begin_array();
  for (size_t row = 0; row < column.size(); ++row)
    if (column.has(row))
      out.string(*column[row]);
    else
      out.null();
  out.end_array();
}

void write_embeddings(json::Writer& out, const RecordBatch& batch) {
  if (batch.embeddings.rows() == 0 && batch.operation == Operation::update) return;
  out.key("embeddings");
  out.begin_array();
  for (size_t row = 0; row < batch.rows(); ++row)
    if (const float* vector = batch.embedding(row))
      out.string(encode_floats({vector, batch.embeddings.dim}));
    else
      out.null();
  out.end_array();
}

/// The metadata of all rows, in one pass over the columns.
std::vector<Metadata> by_row(const RecordBatch& batch) {
  std::vector<Metadata> rows(batch.rows());
  for (const MetadataColumn& column : batch.metadata)
    for (size_t i = 0; i < column.rows.size(); ++i)
      rows.at(column.rows[i]).set(column.key, column.value(i));
  return rows;
}

}  // namespace

Result<RecordBatch> read_records(std::string_view body, Operation operation) {
  return RecordsReader(body, operation).read();
}

std::string write_records(const RecordBatch& batch) {
  json::Writer out;
  out.reserve(batch.size_bytes() * 3 / 2 + 256);
  out.begin_object();
  out.key("ids");
  out.begin_array();
  for (size_t row = 0; row < batch.rows(); ++row) out.string(batch.ids[row]);
  out.end_array();
  write_embeddings(out, batch);
  write_texts(out, "documents", batch.documents);
  write_texts(out, "uris", batch.uris);
  if (!batch.metadata.empty()) {
    out.key("metadatas");
    out.begin_array();
    for (const Metadata& metadata : by_row(batch))
      if (metadata.empty())
        out.null();
      else
        write(out, metadata);
    out.end_array();
  }
  out.end_object();
  return std::move(out).take();
}

}  // namespace viridian::codec
