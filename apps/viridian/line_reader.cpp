#include "viridian/line_reader.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "codec/json.h"
#include "codec/json_values.h"

namespace viridian::cli {
namespace {

Error wrong_type(std::string_view field, std::string_view expected, const json::Value& value) {
  return Error(Code::invalid_argument,
               fmt::format("\"{}\" must be {}, not {}", field, expected, value.describe()));
}

Status read_text(std::string_view field, const json::Value& value,
                 std::optional<std::string>& out) {
  if (value.is_null()) return ok_status();
  if (value.string() == nullptr) return wrong_type(field, "a string", value);
  out = *value.string();
  return ok_status();
}

Status read_embedding(const json::Value& value, std::vector<float>& out) {
  if (value.is_null()) return ok_status();
  if (value.array() == nullptr) return wrong_type("embedding", "an array of numbers", value);
  out.reserve(value.array()->size());
  for (const json::Value& number : *value.array()) {
    if (const double* floating = number.floating()) {
      out.push_back(static_cast<float>(*floating));
    } else if (const int64_t* integer = number.integer()) {
      out.push_back(static_cast<float>(*integer));
    } else {
      return wrong_type("embedding", "an array of numbers", number);
    }
  }
  return ok_status();
}

// Numbers are ids in many exports; what is stored is their text.
Status read_id(const json::Value& value, std::string& out) {
  if (value.integer() != nullptr) {
    out = std::to_string(*value.integer());
  } else if (value.string() != nullptr) {
    out = *value.string();
  } else {
    return wrong_type("id", "a string", value);
  }
  return ok_status();
}

Status read_metadata(const json::Value& value, Metadata& out) {
  if (value.is_null()) return ok_status();
  json::Writer writer;
  writer.value(value);
  VIRIDIAN_TRY(out, codec::read_metadata(std::move(writer).take()));
  return ok_status();
}

}  // namespace

Result<LineReader> LineReader::open(const std::string& path) {
  const bool standard_input = path == "-";
  std::ifstream stream(standard_input ? "/dev/stdin" : path, std::ios::binary);
  std::error_code error;
  if (!stream || std::filesystem::is_directory(path, error)) {
    return Error(Code::not_found, fmt::format("cannot read {}", path));
  }
  const uint64_t size = standard_input ? 0 : std::filesystem::file_size(path, error);
  return LineReader(path, std::move(stream), error ? 0 : size);
}

bool LineReader::next(std::string& line) {
  while (std::getline(stream_, line)) {
    ++line_;
    read_ += line.size() + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) return true;
  }
  return false;
}

std::string LineReader::where() const { return fmt::format("{}:{}", path_, line_); }

double LineReader::progress() const {
  return size_ == 0 ? -1 : static_cast<double>(read_) / static_cast<double>(size_);
}

Result<Record> read_record(std::string_view line) {
  Result<json::Value> parsed = json::parse(line);
  if (!parsed.ok()) {
    // The parser speaks of a request's body; here it is a line.
    std::string_view message = parsed.error().message();
    constexpr std::string_view kPrefix = "Failed to parse the request body as JSON: ";
    if (message.starts_with(kPrefix)) message.remove_prefix(kPrefix.size());
    return Error(Code::invalid_argument, fmt::format("not JSON: {}", message));
  }
  if (parsed->object() == nullptr) {
    return Error(Code::invalid_argument,
                 fmt::format("a line must be a JSON object, not {}", parsed->describe()));
  }
  Record record;
  for (const auto& [name, value] : *parsed->object()) {
    if (name == "id") {
      VIRIDIAN_TRY_VOID(read_id(value, record.id));
    } else if (name == "embedding") {
      VIRIDIAN_TRY_VOID(read_embedding(value, record.vector));
    } else if (name == "document") {
      VIRIDIAN_TRY_VOID(read_text(name, value, record.document));
    } else if (name == "uri") {
      VIRIDIAN_TRY_VOID(read_text(name, value, record.uri));
    } else if (name == "metadata") {
      VIRIDIAN_TRY_VOID(read_metadata(value, record.metadata));
    } else {
      return Error(Code::invalid_argument,
                   fmt::format("unknown field \"{}\": known are id, embedding, document, metadata "
                               "and uri",
                               name));
    }
  }
  return record;
}

}  // namespace viridian::cli
