#include "recovery/log_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "log/frame.h"
#include "log/log_file.h"

namespace viridian::recovery {
namespace {

const std::string kUnfinished = ".tmp";
/// Lost records in a row beyond which a number, and not a record, must be wrong.
constexpr uint64_t kBridgedMax = 1'000'000'000;
constexpr uint64_t kCopyBytes = uint64_t{1} << 20;

uint64_t random_salt() {
  uint64_t salt = 0;
  const Uuid random = Uuid::random();
  std::memcpy(&salt, random.bytes.data(), sizeof salt);
  return salt;
}

/// Writes a file from front to back.
class Appender {
 public:
  explicit Appender(os::File& out) : out_(out) {}
  Status append(os::Bytes bytes) {
    VIRIDIAN_TRY_VOID(out_.write_at(end_, bytes));
    end_ += bytes.size();
    return ok_status();
  }
  Status copy(const os::File& from, uint64_t offset, uint64_t end) {
    std::vector<std::byte> buffer;
    while (offset < end) {
      buffer.resize(std::min(kCopyBytes, end - offset));
      VIRIDIAN_TRY(const size_t got, from.read_at(offset, buffer));
      if (got != buffer.size()) return Error(Code::data_loss, "a log file became shorter");
      VIRIDIAN_TRY_VOID(append(buffer));
      offset += got;
    }
    return ok_status();
  }

 private:
  os::File& out_;
  uint64_t end_ = 0;
};

}  // namespace

Status LogRepair::run(const Context& context) {
  os::Files& files = tools_.directory.files;
  const std::string directory = tools_.directory.log(known_.row.id);
  const SeqId sealed = known_.sealed();
  std::vector<std::string> others;
  VIRIDIAN_TRY(const auto names, list_log(files, directory, others));
  if (names.empty() && sealed == 0) return ok_status();
  SeqId next = sealed + 1;  // where the next file should begin, at the latest
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& [first_seq, name] = names[i];
    const std::string path = os::join(directory, name);
    if (first_seq > next)
      VIRIDIAN_TRY_VOID(bridge(next, first_seq, "the log file that held them is missing"));
    VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::read));
    VIRIDIAN_TRY(ScannedLogFile scanned, scan_log(context, *file, path, first_seq));
    const bool newest = i + 1 == names.size();
    const SeqId next_file = newest ? kUnknown : names[i + 1].first;
    if (!scanned.holes.empty()) VIRIDIAN_TRY_VOID(mend_file(context, scanned, path, next_file));
    next = scanned.next_seq;
  }
  return next <= sealed || names.empty() ? begin_anew(names) : ok_status();
}

Status LogRepair::mend_file(const Context& context, ScannedLogFile& scanned,
                            const std::string& path, SeqId next_file) {
  os::Files& files = tools_.directory.files;
  const std::string unfinished = path + kUnfinished;
  VIRIDIAN_TRY_VOID(files.remove(unfinished));
  VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(const auto out, files.open(unfinished, os::OpenMode::create));
  if (!scanned.salt) scanned.salt = random_salt();
  Appender appender(*out);
  auto run = scanned.runs.begin();
  for (const LogHole& hole : scanned.holes) {
    for (; run != scanned.runs.end() && run->offset < hole.offset; ++run)
      VIRIDIAN_TRY_VOID(appender.copy(*file, run->offset, run->end));
    VIRIDIAN_TRY(const Bytes mended, mend_hole(*file, scanned, hole, next_file, path));
    VIRIDIAN_TRY_VOID(appender.append(mended));
    VIRIDIAN_TRY_VOID(context.check());
  }
  for (; run != scanned.runs.end(); ++run)
    VIRIDIAN_TRY_VOID(appender.copy(*file, run->offset, run->end));
  VIRIDIAN_TRY_VOID(out->sync());
  VIRIDIAN_TRY_VOID(replace(path, files, unfinished));
  VIRIDIAN_TRY(const auto mended, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(scanned, scan_log(context, *mended, path, scanned.first_seq));
  return ok_status();
}

Result<LogRepair::Bytes> LogRepair::mend_hole(const os::File& file, const ScannedLogFile& scanned,
                                              LogHole hole, SeqId next_file,
                                              const std::string& path) {
  Bytes mended;
  // Flipped bits first, frame by frame.
  std::vector<std::byte> bytes(std::min(hole.end - hole.offset, log::kPayloadBytesMax));
  VIRIDIAN_TRY(const size_t got, file.read_at(hole.offset, bytes));
  bytes.resize(got);
  os::Bytes rest = bytes;
  while (!rest.empty() && (hole.last == kUnknown || hole.first <= hole.last)) {
    const auto frame = correct_frame(rest, hole.first, scanned.salt);
    if (!frame) break;
    const log::Frame corrected = log::parse_frame(*frame).frame;
    const std::string held = corrected.records == 0 ? std::string("a mark without records")
                                                    : fmt::format("the frame of records {} to {}",
                                                                  hole.first, corrected.last_seq());
    tools_.say(Severity::warning, path, known_.row.id,
               fmt::format("a bit was flipped in {}, say its checksums: flipped back", held));
    mended.insert(mended.end(), frame->begin(), frame->end());
    hole.first = corrected.last_seq() + 1;
    rest = rest.subspan(frame->size());
  }
  if (hole.last == kUnknown && next_file != kUnknown) hole.last = next_file - 1;
  if (hole.last == kUnknown) {
    if (!rest.empty())
      tools_.say(
          Severity::warning, path, known_.row.id,
          fmt::format("its last {} bytes, which are no whole record, were cut off", rest.size()),
          fmt::format("log record {} and what came with it, if it had been acknowledged",
                      hole.first));
    return mended;
  }
  if (hole.first > hole.last) return mended;
  if (hole.last - hole.first >= kBridgedMax)
    return Error(Code::data_loss,
                 fmt::format("{}: the records {} to {} would be missing, which is too many to be "
                             "true: look at the names of the files",
                             path, hole.first, hole.last));
  tools_.say(Severity::error, path, known_.row.id, "log records that cannot be read are lost",
             fmt::format("log records {} to {}", hole.first, hole.last));
  const Bytes filler = make_filler(hole.first, hole.last, *scanned.salt);
  mended.insert(mended.end(), filler.begin(), filler.end());
  return mended;
}

Status LogRepair::bridge(SeqId first, SeqId next, const std::string& why) {
  if (next - first >= kBridgedMax)
    return Error(Code::data_loss,
                 fmt::format("the log of collection {} would lack the records {} to {}, which is "
                             "too many to be true: look at the names of its files",
                             known_.row.id.to_string(), first, next - 1));
  os::Files& files = tools_.directory.files;
  const std::string path = os::join(tools_.directory.log(known_.row.id), log::log_file_name(first));
  VIRIDIAN_TRY_VOID(files.remove(path + kUnfinished));
  {
    VIRIDIAN_TRY(const auto out, files.open(path + kUnfinished, os::OpenMode::create));
    VIRIDIAN_TRY_VOID(out->write_at(0, make_filler(first, next - 1, random_salt())));
    VIRIDIAN_TRY_VOID(out->sync());
  }
  tools_.say(Severity::error, path, known_.row.id, why,
             fmt::format("log records {} to {}", first, next - 1));
  return replace(path, files, path + kUnfinished);
}

Status LogRepair::begin_anew(const std::vector<std::pair<SeqId, std::string>>& names) {
  os::Files& files = tools_.directory.files;
  const std::string directory = tools_.directory.log(known_.row.id);
  const SeqId first = known_.sealed() + 1;
  VIRIDIAN_TRY_VOID(files.make_directories(directory));
  const std::string path = os::join(directory, log::log_file_name(first));
  {
    VIRIDIAN_TRY(const auto file, files.open(path, os::OpenMode::open_create));
    VIRIDIAN_TRY_VOID(file->sync());
  }
  VIRIDIAN_TRY_VOID(files.sync_directory(directory));
  for (const auto& [first_seq, name] : names)
    VIRIDIAN_TRY_VOID(tools_.set_aside.move(os::join(directory, name)));
  tools_.say(Severity::error, directory, known_.row.id,
             "the log was missing, or older than the sealed files: it begins anew after them",
             fmt::format("log records from {} on, if there were any", first));
  return ok_status();
}

Status LogRepair::replace(const std::string& path, os::Files& files,
                          const std::string& unfinished) {
  VIRIDIAN_TRY_VOID(tools_.set_aside.keep(path));
  VIRIDIAN_TRY_VOID(files.rename(unfinished, path));
  return files.sync_directory(os::parent_of(path));
}

}  // namespace viridian::recovery
