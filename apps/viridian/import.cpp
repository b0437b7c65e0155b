#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "model/schema_rules.h"
#include "model/validation.h"
#include "viridian/commands.h"
#include "viridian/import_source.h"
#include "viridian/output.h"
#include "viridian/target.h"

namespace viridian::cli {
namespace {

constexpr size_t kBatchBytesMax = 16U << 20;
constexpr uint64_t kBadLinesShown = 5;

/// Reads records, checks each, and writes them in batches.
class Import {
 public:
  Import(const ImportArguments& arguments, ImportSource& source, const CollectionHandle& collection)
      : arguments_(arguments),
        source_(source),
        collection_(collection),
        operation_(arguments.upsert ? Operation::upsert : Operation::add),
        dimension_(collection.info().dimension) {}

  Status run() {
    VIRIDIAN_TRY(before_, collection_.count());
    const Status read = read_all();
    // What was written before something went wrong is told too.
    if (const auto after = collection_.count(); after.ok())
      added_ = *after - std::min(before_, *after);
    return read;
  }

  void print_summary() const {
    // Records that were there already, or came twice, are not new.
    const uint64_t existed = written_ - std::min(added_, written_);
    if (arguments_.target.json) {
      json::Writer writer;
      writer.begin_object();
      const std::pair<const char*, uint64_t> numbers[] = {
          {"records", written_}, {"new", added_}, {"existed", existed}, {"skipped", bad_}};
      for (const auto& [key, value] : numbers) {
        writer.key(key);
        writer.unsigned_integer(value);
      }
      writer.key("seconds");
      writer.floating(seconds());
      writer.end_object();
      print_json(std::move(writer));
      return;
    }
    fmt::print("imported {} records into {} in {:.2f} s ({} records/s)", with_commas(written_),
               collection_.name(), seconds(), with_commas(rate()));
    if (existed != 0) {
      fmt::print(", {} of which existed and were {}", with_commas(existed),
                 operation_ == Operation::upsert ? "changed" : "kept as they were");
    }
    if (bad_ != 0) fmt::print(", skipped {} bad ones", with_commas(bad_));
    fmt::print("\n");
  }

  void clear_progress() const {
    if (progress_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  Status read_all() {
    while (arguments_.limit == 0 || read_ < arguments_.limit) {
      Result<std::optional<Record>> next = source_.next();
      if (next.ok() && !next->has_value()) break;
      Status taken = next.ok() ? take(**next) : Status(next.error());
      if (!taken.ok()) {
        if (!arguments_.skip_bad || taken.error().code() != Code::invalid_argument) {
          VIRIDIAN_TRY_VOID(flush());  // what was good before it is in
          return taken;
        }
        note_bad(taken.error());
      }
      if (records_.size() >= arguments_.batch_size || records_.size_bytes() >= kBatchBytesMax) {
        VIRIDIAN_TRY_VOID(flush());
      }
    }
    return flush();
  }

  // Checked here, one by one, so that a message can name the line.
  Status take(const Record& record) {
    const auto bad = [&](std::string_view why) {
      return Error(Code::invalid_argument, fmt::format("{}: {}", source_.where(), why));
    };
    if (record.id.empty()) return bad("no id");
    if (record.vector.empty() && operation_ == Operation::add) return bad("no embedding");
    if (dimension_ && !record.vector.empty() && record.vector.size() != *dimension_) {
      return bad(fmt::format("an embedding of {} numbers, the collection's have {}",
                             record.vector.size(), *dimension_));
    }
    VIRIDIAN_TRY(RecordBatch one, Records().add(record).batch(operation_));
    if (const Status valid = validate_batch(one); !valid.ok()) return bad(valid.error().message());
    if (!record.vector.empty()) dimension_ = static_cast<uint32_t>(record.vector.size());
    records_.add(record);
    ++read_;
    return ok_status();
  }

  void note_bad(const Error& error) {
    if (bad_++ < kBadLinesShown) {
      clear_progress();
      print_error(error.message());
    }
  }

  Status flush() {
    if (records_.empty()) return ok_status();
    const Records records = std::exchange(records_, Records());
    if (const auto done = collection_.write(records, operation_); !done.ok())
      return done.error().with(
          fmt::format("{} records, the last of them at {}", records.size(), source_.where()));
    written_ += records.size();
    if (progress_) show_progress();
    return ok_status();
  }

  void show_progress() const {
    constexpr int kWidth = 30;
    std::string bar;
    if (const double part = source_.progress(); part >= 0) {
      const int filled = static_cast<int>(part * kWidth);
      for (int i = 0; i < kWidth; ++i) bar += i < filled ? '#' : '.';
      bar = fmt::format("[{}] {:3.0f}%  ", bar, part * 100);
    }
    fmt::print(stderr, "\r\x1b[K{}{} records, {}/s", bar, with_commas(written_),
               with_commas(rate()));
    std::fflush(stderr);
  }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  uint64_t rate() const {
    return static_cast<uint64_t>(static_cast<double>(written_) / std::max(seconds(), 1e-6));
  }

  const ImportArguments& arguments_;
  ImportSource& source_;
  const CollectionHandle& collection_;
  const Operation operation_;
  std::optional<uint32_t> dimension_;
  const bool progress_ = isatty(STDERR_FILENO) != 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Records records_;
  uint64_t read_ = 0;
  uint64_t written_ = 0;
  uint64_t before_ = 0;  ///< records in the collection
  uint64_t added_ = 0;
  uint64_t bad_ = 0;
};

std::optional<Space> space_named(const std::string& name) {
  if (name == "l2") return Space::l2;
  if (name == "cosine") return Space::cosine;
  if (name == "ip") return Space::ip;
  return std::nullopt;
}

}  // namespace

int run(const ImportArguments& arguments) {
  Result<std::unique_ptr<ImportSource>> source =
      open_source({arguments.file, arguments.ids_file, arguments.records_file});
  if (!source.ok()) return fail(source.error());
  const Opened opened = open_target(arguments.target, IfMissing::make);
  if (!opened.client) return opened.exit;
  CollectionOptions options;
  options.space = space_named(arguments.space);
  const Result<CollectionHandle> collection =
      opened.client->get_or_create_collection(arguments.collection, options);
  if (!collection.ok()) return fail(collection.error());
  const Space space = space_of(collection->info().schema);
  if (options.space && *options.space != space) {
    return fail(Error(Code::failed_precondition,
                      fmt::format("collection {} exists with the distance {}: leave --space out, "
                                  "or import into another collection",
                                  arguments.collection, space_name(space))));
  }
  Import import(arguments, **source, *collection);
  const Status done = import.run();
  import.clear_progress();
  import.print_summary();
  if (done.ok()) return kOk;
  return fail(done.error());
}

}  // namespace viridian::cli
