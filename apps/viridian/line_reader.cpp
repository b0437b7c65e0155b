#include "viridian/line_reader.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "codec/base64.h"
#include "codec/json_reader.h"
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

// Not JSON after all: the reader's error is told when the line has been read.
Status read_embedding(json::Reader& reader, std::vector<float>& out) {
  const json::Kind kind = reader.kind();
  FloatBuffer numbers;
  bool only_numbers = true;
  json::Value other;
  if (kind == json::Kind::string) {
    std::string_view text;
    if (!reader.read_string(text)) return ok_status();
    const auto decoded = codec::decode_floats(text, numbers);
    if (!decoded.ok()) return decoded.error().with("\"embedding\"");
  } else if (kind == json::Kind::array) {
    if (!reader.begin_array() || !reader.read_floats(numbers, only_numbers)) return ok_status();
    if (!only_numbers && reader.read_value(other)) {
      return wrong_type("embedding", "an array of numbers", other);
    }
  } else if (kind == json::Kind::null) {
    (void)reader.read_null();
  } else if (reader.read_value(other)) {
    return wrong_type("embedding", "an array of numbers", other);
  }
  out.assign(numbers.begin(), numbers.end());
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

Status read_member(json::Reader& reader, const std::string& name, Record& record) {
  if (name == "embedding") return read_embedding(reader, record.vector);
  json::Value value;
  if (!reader.read_value(value)) return ok_status();
  if (name == "id") return read_id(value, record.id);
  if (name == "document") return read_text(name, value, record.document);
  if (name == "uri") return read_text(name, value, record.uri);
  if (name == "metadata") return read_metadata(value, record.metadata);
  return Error(Code::invalid_argument,
               fmt::format("unknown field \"{}\": known are id, embedding, document, metadata and "
                           "uri",
                           name));
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
  json::Reader reader(line);
  Record record;
  const json::Kind kind = reader.kind();
  if (kind != json::Kind::object && kind != json::Kind::bad) {
    json::Value value;
    if (reader.read_value(value)) {
      return Error(Code::invalid_argument,
                   fmt::format("a line must be a JSON object, not {}", value.describe()));
    }
  }
  std::string_view name;
  if (reader.begin_object()) {
    while (reader.next_member(name)) {
      VIRIDIAN_TRY_VOID(read_member(reader, std::string(name), record));
    }
  }
  if (!reader.failed() && reader.finish()) return record;
  // The reader speaks of a request's body; here it is a line.
  const Error error = reader.error();
  std::string_view message = error.message();
  constexpr std::string_view kPrefix = "Failed to parse the request body as JSON: ";
  if (message.starts_with(kPrefix)) message.remove_prefix(kPrefix.size());
  return Error(Code::invalid_argument, fmt::format("not JSON: {}", message));
}

}  // namespace viridian::cli
