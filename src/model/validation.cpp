#include "model/validation.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace viridian {
namespace {

constexpr size_t kNameMin = 3, kNameMax = 512, kTenantMin = 3;

Error invalid(std::string message) { return Error(Code::invalid_argument, std::move(message)); }

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_ip_address(const std::string& name) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

Status check_name_part(std::string_view part) {
  const bool characters = std::all_of(part.begin(), part.end(), [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
  if (part.size() < kNameMin || part.size() > kNameMax || !characters ||
      !is_alphanumeric(part.front()) || !is_alphanumeric(part.back()))
    return invalid(
        fmt::format("Expected a name containing 3-512 characters from [a-zA-Z0-9._-], "
                    "starting and ending with a character in [a-zA-Z0-9]. Got: {}",
                    part));
  if (part.find("..") != std::string_view::npos)
    return invalid(fmt::format(
        "Expected a name that does not contains two consecutive periods (..). Got {}", part));
  if (is_ip_address(std::string(part)))
    return invalid(fmt::format("Expected a name that is not a valid ip address. Got {}", part));
  return ok_status();
}

Status check_name(std::string_view name) {
  const auto pluses = std::count(name.begin(), name.end(), '+');
  if (pluses > 1)
    return invalid(fmt::format(
        "Expected a name to contain at most one topology:  Got {} `+` characters.", pluses));
  if (pluses == 0 || name.size() > kNameMax) return check_name_part(name);
  const size_t plus = name.find('+');
  VIRIDIAN_TRY_VOID(check_name_part(name.substr(0, plus)));
  return check_name_part(name.substr(plus + 1));
}

/// Why a metadata key is not taken; empty where it is.
std::string key_fault(std::string_view key) {
  if (key.empty()) return "Metadata key cannot be empty";
  if (key.front() == '#' || key.front() == '$')
    return fmt::format("Metadata key cannot start with '#' or '$': {}", key);
  return {};
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

Error bad_metadata(uint32_t row, std::string_view cause) {
  return invalid(
      fmt::format("Validation error: metadatas: Invalid metadata at index {}: {}", row, cause));
}

Status check_column_values(const MetadataColumn& column) {
  const auto not_finite = [&](size_t at) {
    return bad_metadata(column.rows[at],
                        fmt::format("value of {} must not be NaN or Infinity", column.key));
  };
  if (const auto* values = std::get_if<std::vector<double>>(&column.values)) {
    for (size_t i = 0; i < values->size(); ++i)
      if (!std::isfinite((*values)[i])) return not_finite(i);
  } else if (const auto* arrays = std::get_if<std::vector<std::vector<double>>>(&column.values)) {
    for (size_t i = 0; i < arrays->size(); ++i)
      if (!all_finite((*arrays)[i])) return not_finite(i);
  }
  return ok_status();
}

size_t values_of(const MetadataColumn& column) {
  return std::visit(
      [&](const auto& values) {
        if constexpr (std::is_same_v<std::decay_t<decltype(values)>, std::monostate>)
          return column.rows.size();
        else
          return values.size();
      },
      column.values);
}

Status check_metadata(const RecordBatch& batch) {
  for (const MetadataColumn& column : batch.metadata) {
    if (column.rows.empty()) continue;
    const bool ascending = std::adjacent_find(column.rows.begin(), column.rows.end(),
                                              std::greater_equal<>()) == column.rows.end();
    if (!ascending || column.rows.back() >= batch.rows() || values_of(column) != column.rows.size())
      return invalid(fmt::format(
          "Inconsistent metadata column {}: its rows and values do not fit the batch", column.key));
    std::string fault = key_fault(column.key);
    if (column.key.starts_with("chroma:"))
      fault = fmt::format(
          "Metadata key cannot start with 'chroma:': {} (documents and uris have their own "
          "columns)",
          column.key);
    if (!fault.empty()) return bad_metadata(column.rows.front(), fault);
    if (column.type == MetadataType::null && batch.operation == Operation::add)
      return Error(Code::unprocessable,
                   fmt::format("metadatas[{}].{}: null is for update and upsert, where it removes "
                               "the key; leave the key out",
                               column.rows.front(), column.key));
    VIRIDIAN_TRY_VOID(check_column_values(column));
  }
  return ok_status();
}

Status check_lengths(const RecordBatch& batch) {
  const size_t rows = batch.rows();
  const bool ids_only = batch.operation == Operation::remove;
  const auto fits = [&](size_t size) { return size == 0 || (size == rows && !ids_only); };
  const Matrix& vectors = batch.embeddings;
  const bool matrix =
      vectors.dim == 0 ? vectors.values.empty() : vectors.values.size() % vectors.dim == 0;
  const bool mapped =
      batch.embedding_rows.empty() ? fits(vectors.rows()) : batch.embedding_rows.size() == rows;
  if (!matrix || !mapped || !fits(batch.documents.size()) || !fits(batch.uris.size()) ||
      (ids_only && !batch.metadata.empty()))
    return invalid("Inconsistent number of IDs, embeddings, documents, URIs and metadatas");
  uint32_t next = 0;
  for (const uint32_t row : batch.embedding_rows)
    if (row != RecordBatch::kNoEmbedding && row != next++)
      return invalid("Inconsistent embedding rows: vectors must be packed in row order");
  if (!batch.embedding_rows.empty() && next != vectors.rows())
    return invalid("Inconsistent embedding rows: a vector belongs to no record");
  return ok_status();
}

Status check_embeddings(const RecordBatch& batch) {
  const Matrix& vectors = batch.embeddings;
  if (vectors.dim > kMaxDimension)
    return invalid(
        fmt::format("Validation error: embeddings: Each embedding must have at most {} dimensions, "
                    "got {}",
                    kMaxDimension, vectors.dim));
  if (!std::all_of(vectors.values.begin(), vectors.values.end(),
                   [](float v) { return std::isfinite(v); }))
    return invalid(
        "Validation error: embeddings: Embeddings must not contain NaN or Infinity values");
  if (batch.operation == Operation::add || batch.operation == Operation::upsert) {
    for (size_t row = 0; row < batch.rows(); ++row)
      if (batch.embedding(row) == nullptr)
        return invalid(
            fmt::format("Validation error: embeddings: record {} has no embedding, which {} needs",
                        row, batch.operation == Operation::add ? "add" : "upsert"));
  }
  return ok_status();
}

}  // namespace

Status validate_collection_name(std::string_view name) { return check_name(name); }
Status validate_database_name(std::string_view name) { return check_name(name); }

Status validate_tenant_name(std::string_view name) {
  // Characters are what is counted, not bytes.
  const auto characters =
      std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (static_cast<size_t>(characters) >= kTenantMin) return ok_status();
  return invalid(
      fmt::format("Validation error: name: Validation error: length [{{\"value\": "
                  "String(\"{}\"), \"min\": Number({})}}]",
                  name, kTenantMin));
}

Status validate_batch(const RecordBatch& batch) {
  VIRIDIAN_TRY_VOID(check_lengths(batch));
  VIRIDIAN_TRY_VOID(check_embeddings(batch));
  VIRIDIAN_TRY_VOID(check_metadata(batch));
  for (size_t row = 0; row < batch.rows(); ++row)
    if (batch.ids[row].empty()) return invalid("Empty ID, ID must have at least one character");
  return ok_status();
}

Status validate_collection_metadata(const Metadata& metadata, bool nulls_allowed) {
  if (metadata.empty()) return invalid("Metadata cannot be empty");
  for (const auto& [key, value] : metadata) {
    if (std::string fault = key_fault(key); !fault.empty()) return invalid(std::move(fault));
    const MetadataType type = type_of(value);
    if (type == MetadataType::null && !nulls_allowed)
      return invalid(fmt::format("Metadata value of {} cannot be null", key));
    if (type > MetadataType::string)
      return invalid(fmt::format("Collection metadata cannot hold arrays, but {} is one", key));
    if (const double* real = std::get_if<double>(&value); real != nullptr && !std::isfinite(*real))
      return invalid(fmt::format("Metadata value of {} must not be NaN or Infinity", key));
  }
  return ok_status();
}

}  // namespace viridian
