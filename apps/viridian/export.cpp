#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "codec/base64.h"
#include "viridian/commands.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

constexpr uint64_t kPageBytes = 8U << 20;
constexpr size_t kPageRows = 1000;
constexpr size_t kNpyHeaderBytes = 128;

/// A file that has its name only once it is complete; or standard output, a pipe or a device.
class Output {
 public:
  static Result<Output> open(const std::string& path) {
    if (path == "-") return Output(stdout, path, path);
    struct stat there {};
    // What is no regular file is written to: a rename would put a file in place of the device.
    const bool in_place = ::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode);
    std::string written = in_place ? path : path + ".part";
    std::FILE* file = std::fopen(written.c_str(), "wb");
    if (file == nullptr) {
      return Error(Code::not_found, fmt::format("cannot write {}: {}", written, reason()));
    }
    return Output(file, path, std::move(written));
  }
  Output(Output&& other) noexcept
      : file_(std::exchange(other.file_, nullptr)),
        path_(std::move(other.path_)),
        written_(std::move(other.written_)) {}
  Output& operator=(Output&&) = delete;
  ~Output() {
    if (file_ == nullptr || to_stdout()) return;
    (void)std::fclose(file_);
    if (!in_place()) (void)std::remove(written_.c_str());
  }

  bool to_stdout() const { return file_ == stdout; }
  uint64_t bytes() const noexcept { return bytes_; }

  Status write(std::string_view text) {
    bytes_ += text.size();
    if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return ok_status();
    return failed();
  }
  /// Writes over the start of the file.
  Status rewrite(std::string_view text) {
    if (std::fseek(file_, 0, SEEK_SET) != 0) return failed();
    if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return ok_status();
    return failed();
  }
  Status finish() {
    if (std::fflush(file_) != 0) return failed();
    if (to_stdout()) return ok_status();
    if (!in_place() && fsync(fileno(file_)) != 0) return failed();
    if (std::fclose(std::exchange(file_, nullptr)) != 0) return failed();
    if (!in_place() && std::rename(written_.c_str(), path_.c_str()) != 0) return failed();
    return ok_status();
  }

 private:
  Output(std::FILE* file, std::string path, std::string written)
      : file_(file), path_(std::move(path)), written_(std::move(written)) {}
  bool in_place() const { return written_ == path_; }
  static std::string reason() { return std::strerror(errno); }
  Error failed() const {
    return Error(Code::internal, fmt::format("cannot write {}: {}", path_, reason()));
  }

  std::FILE* file_;
  std::string path_;
  /// Name of the file that is written: path_, or what is renamed to it.
  std::string written_;
  uint64_t bytes_ = 0;
};

enum class Vectors { none, numbers, base64 };

/// A record as a line of JSONL, as import reads it.
std::string line_of(const Row& row, Vectors vectors) {
  json::Writer writer;
  writer.reserve(256 + row.vector.size() * 12);
  writer.begin_object();
  writer.key("id");
  writer.string(row.id);
  if (vectors != Vectors::none && !row.vector.empty()) {
    writer.key("embedding");
    if (vectors == Vectors::base64) {
      writer.string(codec::encode_floats(row.vector));
    } else {
      writer.begin_array();
      for (const float number : row.vector) writer.floating(number);
      writer.end_array();
    }
  }
  write_texts_and_metadata(writer, row);
  writer.end_object();
  std::string line = std::move(writer).take();
  line += '\n';
  return line;
}

std::string npy_header(uint64_t rows, uint64_t dim) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, dim);
  header.resize(kNpyHeaderBytes - 10 - 1, ' ');
  header += '\n';
  std::string start = "\x93NUMPY";
  start += {'\x01', '\x00', static_cast<char>(header.size()), '\x00'};
  return start + header;
}

/// Reads a collection page by page and writes it. The ids are taken at the start, all at once: what
/// is added meanwhile is left out, what is deleted is counted, and nothing is passed over because
/// pages move.
class Export {
 public:
  Export(const ExportArguments& arguments, const CollectionHandle& collection, Output lines,
         std::unique_ptr<Output> vectors)
      : arguments_(arguments),
        collection_(collection),
        lines_(std::move(lines)),
        vectors_(std::move(vectors)) {}

  Status run() {
    VIRIDIAN_TRY(const Rows all, collection_.get(selection()));
    total_ = all.size();
    if (vectors_) VIRIDIAN_TRY_VOID(vectors_->write(npy_header(0, dimension())));
    const size_t row_bytes = 512 + dimension() * sizeof(float);
    const size_t page = std::max<size_t>(1, std::min(kPageRows, kPageBytes / row_bytes));
    for (size_t first = 0; first < total_; first += page) {
      VIRIDIAN_TRY_VOID(export_page(all.columns().ids, first, std::min(first + page, total_)));
      if (progress_) show_progress();
    }
    if (vectors_) {
      VIRIDIAN_TRY_VOID(vectors_->rewrite(npy_header(written_, dimension())));
      VIRIDIAN_TRY_VOID(vectors_->finish());
    }
    return lines_.finish();
  }

  void clear_progress() const {
    if (progress_) fmt::print(stderr, "\r\x1b[K");
  }

  void print_summary() const {
    const uint64_t bytes = lines_.bytes() + (vectors_ ? vectors_->bytes() : 0);
    // The records may be what goes to standard output.
    std::FILE* out = lines_.to_stdout() ? stderr : stdout;
    if (arguments_.target.json) {
      json::Writer writer;
      writer.begin_object();
      writer.key("records");
      writer.unsigned_integer(written_);
      writer.key("deleted_meanwhile");
      writer.unsigned_integer(total_ - written_);
      writer.key("bytes");
      writer.unsigned_integer(bytes);
      writer.key("seconds");
      writer.floating(seconds());
      writer.end_object();
      fmt::print(out, "{}\n", std::move(writer).take());
      return;
    }
    if (lines_.to_stdout()) return;
    fmt::print(out, "exported {} records of {} in {:.2f} s ({}, {}/s)", with_commas(written_),
               collection_.name(), seconds(), as_size(bytes), as_size(per_second(bytes)));
    if (total_ != written_) {
      fmt::print(out, "; {} were deleted meanwhile", with_commas(total_ - written_));
    }
    fmt::print(out, "\n");
  }

 private:
  uint32_t dimension() const { return collection_.info().dimension.value_or(0); }

  GetOptions selection() const {
    GetOptions options;
    if (!arguments_.filters.where.empty()) options.where = arguments_.filters.where;
    if (!arguments_.filters.where_document.empty()) {
      options.where_document = arguments_.filters.where_document;
    }
    options.include = {};
    return options;
  }

  Status export_page(const StringColumn& ids, size_t first, size_t end) {
    GetOptions options;
    options.include = {Include::embeddings, Include::documents, Include::metadatas, Include::uris};
    options.ids.emplace();
    for (size_t i = first; i < end; ++i) options.ids->emplace_back(ids[i]);
    VIRIDIAN_TRY(const Rows rows, collection_.get(options));
    std::string text;
    std::string numbers;
    const Vectors form = vectors_            ? Vectors::none
                         : arguments_.base64 ? Vectors::base64
                                             : Vectors::numbers;
    for (const Row row : rows) {
      text += line_of(row, form);
      if (!vectors_) continue;
      if (row.vector.size() != dimension()) {
        return Error(Code::internal, fmt::format("record \"{}\" has no vector", row.id));
      }
      numbers.append(reinterpret_cast<const char*>(row.vector.data()), row.vector.size_bytes());
    }
    if (vectors_) VIRIDIAN_TRY_VOID(vectors_->write(numbers));
    written_ += rows.size();
    return lines_.write(text);
  }

  void show_progress() const {
    fmt::print(stderr, "\r\x1b[K{:3.0f}%  {} records, {}/s",
               100.0 * static_cast<double>(written_) / static_cast<double>(total_),
               with_commas(written_), with_commas(per_second(written_)));
    std::fflush(stderr);
  }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  uint64_t per_second(uint64_t amount) const {
    return static_cast<uint64_t>(static_cast<double>(amount) / std::max(seconds(), 1e-6));
  }

  const ExportArguments& arguments_;
  const CollectionHandle& collection_;
  Output lines_;
  std::unique_ptr<Output> vectors_;  ///< .npy; null: they are in the lines
  const bool progress_ = isatty(STDERR_FILENO) != 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  uint64_t total_ = 0;
  uint64_t written_ = 0;
};

Result<Export> open_export(const ExportArguments& arguments, const CollectionHandle& collection) {
  std::unique_ptr<Output> vectors;
  std::string lines = arguments.file;
  if (lines.ends_with(".npy")) {
    VIRIDIAN_TRY(Output npy, Output::open(arguments.file));
    vectors = std::make_unique<Output>(std::move(npy));
    lines = arguments.records_file;
    if (lines.empty()) lines = arguments.file.substr(0, arguments.file.size() - 4) + ".jsonl";
  }
  VIRIDIAN_TRY(Output output, Output::open(lines));
  return Export(arguments, collection, std::move(output), std::move(vectors));
}

}  // namespace

int run(const ExportArguments& arguments) {
  const Opened opened = open_target(arguments.target, IfMissing::fail);
  if (!opened.client) return opened.exit;
  const Result<CollectionHandle> collection = opened.client->get_collection(arguments.collection);
  if (!collection.ok()) return fail(collection.error());
  Result<Export> exporting = open_export(arguments, *collection);
  if (!exporting.ok()) return fail(exporting.error());
  const Status done = exporting->run();
  exporting->clear_progress();
  if (!done.ok()) return fail(done.error());
  exporting->print_summary();
  return kOk;
}

}  // namespace viridian::cli
