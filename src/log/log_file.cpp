#include "log/log_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "codec/batch_codec.h"

namespace viridian::log {
namespace {

constexpr uint64_t kMarkBytes = 256 << 10;
constexpr std::string_view kSuffix = ".log";
constexpr size_t kDigits = 20;

Error lost(const std::string& path, uint64_t offset, SeqId first, SeqId last) {
  return Error(Code::data_loss,
               fmt::format("log file {} is damaged at offset {}: records {} to {} cannot be read; "
                           "restore the file from a copy, or drop the collection",
                           path, offset, first, last));
}

Error newer(const std::string& path, uint64_t offset) {
  return Error(
      Code::failed_precondition,
      fmt::format("log file {} holds, at offset {}, a frame of a version that this program "
                  "does not know: use the newer program that wrote it",
                  path, offset));
}

bool is_next(const ParsedFrame& parsed, SeqId expected, std::optional<uint64_t> salt) {
  return parsed.state == FrameState::whole && parsed.frame.first_seq == expected &&
         parsed.frame.salt == salt.value_or(parsed.frame.salt);
}

/// Whether the bad frame at `offset` was a mark: what follows then goes on with the same number. A
/// batch's payload never begins as a frame does, so a batch with a bad header is not taken for one.
Result<bool> is_bad_mark(FrameReader& reader, uint64_t offset, SeqId expected,
                         std::optional<uint64_t> salt) {
  VIRIDIAN_TRY(const ParsedFrame after, reader.at(offset + kFrameHeaderBytes));
  return salt && is_next(after, expected, salt);
}

/// Of the file's first frame, where that is sound.
Result<std::optional<uint64_t>> salt_of(FrameReader& reader) {
  VIRIDIAN_TRY(const ParsedFrame first, reader.at(0));
  return first.size > 0 ? std::optional(first.frame.salt) : std::nullopt;
}

/// The next whole frame after the bad one at `offset` that comes after the records it held.
Result<std::optional<FrameReader::Found>> next_whole(FrameReader& reader, uint64_t offset,
                                                     const ParsedFrame& bad, SeqId expected,
                                                     std::optional<uint64_t> salt) {
  if (!salt && bad.size > 0) salt = bad.frame.salt;
  // A whole frame that only comes too early, because some before it are gone, is the next one.
  const bool misplaced = bad.state == FrameState::whole && salt == bad.frame.salt;
  return reader.find(misplaced ? offset : after_bad_frame(offset, bad, salt), expected + 1, salt);
}

/// True where a whole frame after the bad one says that the bad one's records had been durable.
/// Whole frames that do not say so were written together with it: none of them was acknowledged.
Result<bool> was_durable(FrameReader& reader, uint64_t offset, const ParsedFrame& bad,
                         SeqId expected, std::optional<uint64_t> salt) {
  VIRIDIAN_TRY(auto found, next_whole(reader, offset, bad, expected, salt));
  while (found) {
    if (found->frame.durable_seq >= expected) return true;
    VIRIDIAN_TRY(found, reader.find(found->offset + found->size, expected, found->frame.salt));
  }
  return false;
}

void take_frame(const ParsedFrame& parsed, Scan& scan) {
  const Frame& frame = parsed.frame;
  scan.file.mark(frame.first_seq, scan.end);
  if (frame.durable_seq >= scan.last_seq) {
    scan.proven_end = scan.end;
    scan.proven_seq = scan.last_seq;
  }
  scan.marked = frame.is_mark();
  scan.salt = frame.salt;
  scan.last_seq = frame.last_seq();
  scan.last_frame = scan.end;
  scan.end += parsed.size;
}

Result<SharedBatch> decode(const std::string& path, uint64_t offset, const Frame& frame) {
  auto batch = codec::decode_batch(os::as_text(frame.payload));
  if (batch.ok() && batch->rows() == frame.records)
    return std::make_shared<const RecordBatch>(*std::move(batch));
  return Error(
      Code::data_loss,
      fmt::format("log file {}, offset {}, records {} to {}: {}", path, offset, frame.first_seq,
                  frame.last_seq(), batch.ok() ? "their count is wrong" : batch.error().message()));
}

}  // namespace

Mark LogFile::mark_before(SeqId seq) const {
  const auto after = std::partition_point(marks.begin(), marks.end(),
                                          [&](const Mark& mark) { return mark.seq <= seq; });
  return after == marks.begin() ? Mark{first_seq, 0} : *std::prev(after);
}

void LogFile::mark(SeqId seq, uint64_t offset) noexcept {
  if (offset < (marks.empty() ? 0 : marks.back().offset) + kMarkBytes) return;
  try {
    marks.push_back({seq, offset});
  } catch (const std::bad_alloc&) {
    return;  // it only saves reading
  }
}

std::string log_file_name(SeqId first_seq) { return fmt::format("{:020}{}", first_seq, kSuffix); }

std::optional<SeqId> parse_log_file_name(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  SeqId first_seq = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, first_seq);
  if (error != std::errc() || end != name.data() + kDigits || first_seq == 0) return std::nullopt;
  return first_seq;
}

Scan scan_from_start(SeqId first_seq) {
  Scan scan;
  scan.file.first_seq = first_seq;
  scan.last_seq = scan.proven_seq = first_seq - 1;
  return scan;
}

Status scan_log_file(const os::File& file, const std::string& path, Scan& scan) {
  VIRIDIAN_TRY(const uint64_t size, file.size());
  FrameReader reader(file, size);
  while (scan.end < size) {
    const SeqId expected = scan.last_seq + 1;
    VIRIDIAN_TRY(const ParsedFrame parsed, reader.at(scan.end));
    if (parsed.state == FrameState::unknown_version) return newer(path, scan.end);
    if (is_next(parsed, expected, scan.salt)) {
      take_frame(parsed, scan);
      continue;
    }
    VIRIDIAN_TRY(const bool bad_mark, is_bad_mark(reader, scan.end, expected, scan.salt));
    if (bad_mark) {
      scan.end += kFrameHeaderBytes;
      ++scan.damaged_marks;
      continue;
    }
    VIRIDIAN_TRY(const bool damaged, was_durable(reader, scan.end, parsed, expected, scan.salt));
    if (!damaged) break;
    VIRIDIAN_TRY(const auto next, next_whole(reader, scan.end, parsed, expected, scan.salt));
    if (!scan.damage) scan.damage = lost(path, scan.end, expected, next->frame.first_seq - 1);
    scan.salt = next->frame.salt;
    scan.end = next->offset;
    scan.last_seq = next->frame.first_seq - 1;
  }
  return ok_status();
}

Status read_log_file(const Context& context, const os::File& file, const ReadRange& range,
                     SeqId after, size_t limit_bytes, Collected& out) {
  FrameReader reader(file, range.end);
  Mark at = range.from;
  std::optional<uint64_t> salt;
  out.marks = {};
  while (at.seq < range.next_seq && (out.batches.empty() || out.bytes < limit_bytes)) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const ParsedFrame parsed, reader.at(at.offset));
    if (parsed.state == FrameState::unknown_version) return newer(range.path, at.offset);
    if (!is_next(parsed, at.seq, salt)) {
      if (!salt) {
        VIRIDIAN_TRY(salt, salt_of(reader));
      }
      VIRIDIAN_TRY(const bool bad_mark, is_bad_mark(reader, at.offset, at.seq, salt));
      if (bad_mark) {
        at.offset += kFrameHeaderBytes;
        continue;
      }
      VIRIDIAN_TRY(const auto next, next_whole(reader, at.offset, parsed, at.seq, salt));
      const Mark resume =
          next ? Mark{next->frame.first_seq, next->offset} : Mark{range.next_seq, range.end};
      out.damage = lost(range.path, at.offset, at.seq, resume.seq - 1);
      if (after + 1 < resume.seq) return out.batches.empty() ? Status(*out.damage) : ok_status();
      at = resume;
      continue;
    }
    salt = parsed.frame.salt;
    if (!parsed.frame.is_mark() && parsed.frame.last_seq() > after) {
      auto batch = decode(range.path, at.offset, parsed.frame);
      if (!batch.ok()) {
        out.damage = batch.error();
        return out.batches.empty() ? Status(*out.damage) : ok_status();
      }
      out.bytes += (*batch)->size_bytes();
      out.batches.push_back({parsed.frame.first_seq, *std::move(batch)});
    }
    out.marks.mark(at.seq, at.offset);
    at = {parsed.frame.last_seq() + 1, at.offset + parsed.size};
  }
  return ok_status();
}

}  // namespace viridian::log
