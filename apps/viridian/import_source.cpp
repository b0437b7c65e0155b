#include "viridian/import_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "viridian/line_reader.h"

static_assert(std::endian::native == std::endian::little, "both binary formats are little-endian");

namespace viridian::cli {
namespace {

constexpr uint64_t kDimensionMax = 1 << 20;

class JsonLines final : public ImportSource {
 public:
  explicit JsonLines(LineReader lines) : lines_(std::move(lines)) {}

  Result<std::optional<Record>> next() override {
    if (!lines_.next(line_)) return std::optional<Record>();
    Result<Record> record = read_record(line_);
    if (!record.ok()) {
      return Error(Code::invalid_argument, where() + ": " + record.error().message());
    }
    return std::optional<Record>(*std::move(record));
  }
  std::string where() const override { return lines_.where(); }
  double progress() const override { return lines_.progress(); }

 private:
  LineReader lines_;
  std::string line_;
};

/// How the vectors of a binary file lie.
struct Layout {
  uint64_t start = 0;  ///< of the first row
  uint64_t rows = 0;
  uint64_t dim = 0;
  uint64_t row_prefix = 0;  ///< bytes before each row's numbers: .fvecs repeats the dimension
  bool doubles = false;
  uint64_t row_bytes() const { return row_prefix + dim * (doubles ? 8 : 4); }
};

class VectorFile final : public ImportSource {
 public:
  VectorFile(std::string path, std::ifstream stream, Layout layout)
      : path_(std::move(path)), stream_(std::move(stream)), layout_(layout) {
    buffer_.resize(layout_.row_bytes());
    stream_.seekg(static_cast<std::streamoff>(layout_.start));
  }

  Status add_sides(const ImportFiles& files) {
    if (!files.ids.empty()) {
      VIRIDIAN_TRY(LineReader ids, LineReader::open(files.ids));
      ids_.emplace(std::move(ids));
    }
    if (!files.records.empty()) {
      VIRIDIAN_TRY(LineReader records, LineReader::open(files.records));
      records_.emplace(std::move(records));
    }
    return ok_status();
  }

  Result<std::optional<Record>> next() override {
    if (row_ == layout_.rows) return finish();
    if (!stream_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()))) {
      return Error(Code::data_loss, fmt::format("{} ends within row {}", path_, row_));
    }
    ++row_;
    Record record;
    if (records_) {
      std::string line;
      if (!records_->next(line)) return too_short(*records_);
      Result<Record> read = read_record(line);
      if (!read.ok()) {
        skip_id();
        return Error(Code::invalid_argument, records_->where() + ": " + read.error().message());
      }
      record = *std::move(read);
      if (!record.vector.empty()) {
        skip_id();
        return Error(Code::invalid_argument,
                     fmt::format("{}: an embedding here, though {} has the vectors",
                                 records_->where(), path_));
      }
    }
    if (ids_ && !ids_->next(record.id)) return too_short(*ids_);
    if (record.id.empty()) record.id = std::to_string(row_ - 1);
    VIRIDIAN_TRY_VOID(read_numbers(record.vector));
    return std::optional<Record>(std::move(record));
  }

  std::string where() const override { return fmt::format("{}, row {}", path_, row_ - 1); }
  double progress() const override {
    return layout_.rows == 0 ? 1 : static_cast<double>(row_) / static_cast<double>(layout_.rows);
  }

 private:
  // Keeps the ids in step with the rows when a row is passed over.
  void skip_id() {
    std::string line;
    if (ids_) ids_->next(line);
  }

  Error too_short(const LineReader& lines) const {
    return Error(Code::data_loss, fmt::format("{} is the last line, but {} has {} rows",
                                              lines.where(), path_, layout_.rows));
  }

  Result<std::optional<Record>> finish() {
    std::string line;
    for (std::optional<LineReader>* side : {&ids_, &records_}) {
      if (*side && (*side)->next(line)) {
        return Error(Code::data_loss, fmt::format("{}: one line more than {} has rows ({})",
                                                  (*side)->where(), path_, layout_.rows));
      }
    }
    return std::optional<Record>();
  }

  Status read_numbers(std::vector<float>& out) {
    const char* numbers = buffer_.data() + layout_.row_prefix;
    if (layout_.row_prefix != 0) {
      uint32_t dim = 0;
      std::memcpy(&dim, buffer_.data(), sizeof dim);
      if (dim != layout_.dim) {
        return Error(Code::data_loss, fmt::format("{} has {} numbers, the rows before it {}",
                                                  where(), dim, layout_.dim));
      }
    }
    out.resize(layout_.dim);
    if (!layout_.doubles) {
      std::memcpy(out.data(), numbers, layout_.dim * sizeof(float));
      return ok_status();
    }
    for (size_t i = 0; i < out.size(); ++i) {
      double number = 0;
      std::memcpy(&number, numbers + i * sizeof number, sizeof number);
      out[i] = static_cast<float>(number);
    }
    return ok_status();
  }

  std::string path_;
  std::ifstream stream_;
  Layout layout_;
  std::vector<char> buffer_;
  std::optional<LineReader> ids_;
  std::optional<LineReader> records_;
  uint64_t row_ = 0;  ///< rows read so far
};

Error not_npy(const std::string& path, std::string_view why) {
  return Error(Code::invalid_argument,
               fmt::format("{}: {}; what can be read is a two-dimensional array of float32 or "
                           "float64 in C order",
                           path, why));
}

// The text after 'name': in the header, a Python dictionary.
std::string_view header_value(std::string_view header, std::string_view name) {
  const size_t at = header.find(fmt::format("'{}':", name));
  if (at == std::string_view::npos) return {};
  std::string_view value = header.substr(at + name.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

// "(5000, 100)" as rows and dim.
bool read_shape(std::string_view text, Layout& layout) {
  if (!text.starts_with('(')) return false;
  const char* end = text.data() + text.size();
  const auto rows = std::from_chars(text.data() + 1, end, layout.rows);
  if (rows.ec != std::errc() || end - rows.ptr < 3 || *rows.ptr != ',') return false;
  const char* second = rows.ptr + 1 + (rows.ptr[1] == ' ' ? 1 : 0);
  const auto dim = std::from_chars(second, end, layout.dim);
  return dim.ec == std::errc() && dim.ptr != end && *dim.ptr == ')';
}

Result<Layout> npy_layout(const std::string& path, std::ifstream& stream, uint64_t size) {
  unsigned char start[12] = {};
  stream.read(reinterpret_cast<char*>(start), 10);
  if (!stream || std::memcmp(start, "\x93NUMPY", 6) != 0) return not_npy(path, "not an .npy file");
  uint64_t length = start[8] + 256U * start[9];
  Layout layout;
  layout.start = 10;
  if (start[6] >= 2) {
    stream.read(reinterpret_cast<char*>(start) + 10, 2);
    length += 65536ULL * start[10] + 16777216ULL * start[11];
    layout.start = 12;
  }
  if (!stream || length > 65536 || length > size) return not_npy(path, "its header is damaged");
  std::string header(length, '\0');
  stream.read(header.data(), static_cast<std::streamsize>(length));
  layout.start += length;
  const std::string_view type = header_value(header, "descr");
  layout.doubles = type.starts_with("'<f8'");
  if (!layout.doubles && !type.starts_with("'<f4'")) {
    return not_npy(path, fmt::format("its numbers are {}", type.substr(0, type.find(','))));
  }
  if (!header_value(header, "fortran_order").starts_with("False")) {
    return not_npy(path, "it is in Fortran order");
  }
  const std::string_view shape = header_value(header, "shape");
  if (!read_shape(shape, layout)) {
    return not_npy(path, fmt::format("its shape is {}", shape.substr(0, shape.find(')') + 1)));
  }
  return layout;
}

Result<Layout> fvecs_layout(const std::string& path, std::ifstream& stream, uint64_t size) {
  Layout layout;
  layout.row_prefix = sizeof(uint32_t);
  uint32_t dim = 0;
  if (size != 0 && !stream.read(reinterpret_cast<char*>(&dim), sizeof dim)) {
    return Error(Code::invalid_argument, fmt::format("{} is too short for .fvecs", path));
  }
  layout.dim = dim;
  layout.rows = size / layout.row_bytes();
  return layout;
}

Result<std::unique_ptr<ImportSource>> open_vectors(const ImportFiles& files, bool npy) {
  std::ifstream stream(files.file, std::ios::binary);
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(files.file, error);
  if (!stream || error) return Error(Code::not_found, fmt::format("cannot read {}", files.file));
  VIRIDIAN_TRY(Layout layout,
               npy ? npy_layout(files.file, stream, size) : fvecs_layout(files.file, stream, size));
  if (layout.dim > kDimensionMax || (layout.dim == 0 && size != 0)) {
    return Error(Code::invalid_argument,
                 fmt::format("{} has vectors of {} numbers", files.file, layout.dim));
  }
  const uint64_t room = size - layout.start;
  if (layout.dim != 0 &&
      (layout.rows > room / layout.row_bytes() || layout.rows * layout.row_bytes() != room)) {
    return Error(Code::data_loss,
                 fmt::format("{} holds {} bytes of vectors, which are not {} rows of {} numbers",
                             files.file, room, layout.rows, layout.dim));
  }
  auto source = std::make_unique<VectorFile>(files.file, std::move(stream), layout);
  VIRIDIAN_TRY_VOID(source->add_sides(files));
  return source;
}

}  // namespace

Result<std::unique_ptr<ImportSource>> open_source(const ImportFiles& files) {
  if (files.file.ends_with(".npy")) return open_vectors(files, true);
  if (files.file.ends_with(".fvecs")) return open_vectors(files, false);
  if (!files.ids.empty() || !files.records.empty()) {
    return Error(Code::invalid_argument,
                 "--ids and --records belong to .npy and .fvecs files; JSONL has all in its lines");
  }
  VIRIDIAN_TRY(LineReader lines, LineReader::open(files.file));
  return std::make_unique<JsonLines>(std::move(lines));
}

}  // namespace viridian::cli
