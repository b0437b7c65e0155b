#include "recovery/log_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "log/frame_reader.h"
#include "log/log_file.h"
#include "recovery/flipped_bit.h"

namespace viridian::recovery {

using log::FrameReader;
using log::FrameState;
using log::ParsedFrame;

namespace {

/// Records in one filler frame.
constexpr uint64_t kFillerRecords = 1 << 20;
constexpr size_t kHeaderCrcOffset = 44;

class LogScanner {
 public:
  LogScanner(const Context& context, const os::File& file, uint64_t size)
      : context_(context), reader_(file, size) {}

  Status scan(ScannedLogFile& out) {
    out.next_seq = out.first_seq;
    uint64_t offset = 0;
    while (offset < out.size) {
      if (++looked_ % kCheckFrames == 0) VIRIDIAN_TRY_VOID(context_.check());
      VIRIDIAN_TRY(const ParsedFrame parsed, reader_.at(offset));
      if (parsed.state == FrameState::unknown_version)
        return Error(Code::failed_precondition,
                     fmt::format("log file {} holds, at offset {}, a frame of a version that this "
                                 "program does not know",
                                 out.name, offset));
      if (is_next(parsed, out)) {
        take(parsed, offset, out);
        offset += parsed.size;
      } else {
        VIRIDIAN_TRY(offset, pass_over(parsed, offset, out));
      }
    }
    return ok_status();
  }

 private:
  static constexpr uint64_t kCheckFrames = 256;

  static bool is_next(const ParsedFrame& parsed, const ScannedLogFile& out) {
    return parsed.state == FrameState::whole && parsed.frame.first_seq == out.next_seq &&
           parsed.frame.salt == out.salt.value_or(parsed.frame.salt);
  }

  static void take(const ParsedFrame& parsed, uint64_t offset, ScannedLogFile& out) {
    const log::Frame& frame = parsed.frame;
    if (!frame.is_mark()) {
      const auto batch = codec::decode_batch(os::as_text(frame.payload));
      if (!batch.ok() || batch->rows() != frame.records) out.undecodable.push_back(offset);
    }
    out.salt = frame.salt;
    if (out.runs.empty() || out.runs.back().end != offset)
      out.runs.push_back({offset, offset, frame.first_seq, 0});
    out.runs.back().end = offset + parsed.size;
    out.runs.back().last = frame.last_seq();
    out.next_seq = frame.last_seq() + 1;
  }

  /// Notes a hole; returns where the next whole frame begins, or the end.
  Result<uint64_t> pass_over(const ParsedFrame& bad, uint64_t offset, ScannedLogFile& out) {
    std::optional<uint64_t> salt = out.salt;
    if (!salt && bad.size > 0) salt = bad.frame.salt;
    const bool misplaced = bad.state == FrameState::whole && salt == bad.frame.salt &&
                           bad.frame.first_seq > out.next_seq;
    const uint64_t from = misplaced ? offset : log::after_bad_frame(offset, bad, salt);
    VIRIDIAN_TRY(const auto next, reader_.find(from, out.next_seq, salt));
    LogHole hole{offset, next ? next->offset : out.size, out.next_seq, kUnknown, false};
    if (next) {
      hole.last = next->frame.first_seq - 1;
      out.salt = next->frame.salt;
      VIRIDIAN_TRY(hole.acknowledged, proves_durable(*next, hole.first));
      out.next_seq = next->frame.first_seq;
    }
    out.holes.push_back(hole);
    return hole.end;
  }

  Result<bool> proves_durable(FrameReader::Found found, SeqId seq) {
    while (true) {
      if (found.frame.durable_seq >= seq) return true;
      VIRIDIAN_TRY(const auto next, reader_.find(found.offset + found.size, seq, found.frame.salt));
      if (!next) return false;
      found = *next;
    }
  }

  const Context& context_;
  FrameReader reader_;
  uint64_t looked_ = 0;
};

uint32_t load_u32(os::Bytes bytes, size_t offset) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

void flip(std::vector<std::byte>& bytes, uint64_t bit) {
  bytes[bit / 8] ^= std::byte{1} << (bit % 8);
}

/// The header with its checksum right, where that takes at most one bit.
bool correct_header(std::vector<std::byte>& frame) {
  const os::Bytes covered = os::Bytes(frame).first(kHeaderCrcOffset);
  const uint32_t stored = load_u32(frame, kHeaderCrcOffset), actual = crc32c(0, covered);
  if (stored == actual) return true;
  if (std::popcount(stored ^ actual) == 1) {
    std::memcpy(frame.data() + kHeaderCrcOffset, &actual, sizeof actual);
    return true;
  }
  const auto bit = find_flipped_bit(covered, stored);
  if (bit) flip(frame, *bit);
  return bit.has_value();
}

}  // namespace

Result<ScannedLogFile> scan_log(const Context& context, const os::File& file,
                                const std::string& name, SeqId first_seq) {
  ScannedLogFile scanned;
  scanned.name = name;
  scanned.first_seq = first_seq;
  VIRIDIAN_TRY(scanned.size, file.size());
  VIRIDIAN_TRY_VOID(LogScanner(context, file, scanned.size).scan(scanned));
  return scanned;
}

Result<std::vector<std::pair<SeqId, std::string>>> list_log(os::Files& files,
                                                            const std::string& directory,
                                                            std::vector<std::string>& others) {
  std::vector<std::pair<SeqId, std::string>> found;
  const auto names = files.list(directory);
  if (!names.ok() && names.error().code() == Code::not_found) return found;
  if (!names.ok()) return names.error();
  for (const std::string& name : *names) {
    if (const auto first_seq = log::parse_log_file_name(name))
      found.emplace_back(*first_seq, name);
    else
      others.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<SeqId> first_of_unbroken(const Context& context, const Directory& directory,
                                const CollectionId& collection, SeqId last) {
  const std::string place = directory.log(collection);
  std::vector<std::string> others;
  VIRIDIAN_TRY(const auto names, list_log(directory.files, place, others));
  SeqId first = 0, next = 0;  // of the records without a break so far; next 0: none yet
  for (const auto& [first_seq, name] : names) {
    const std::string path = os::join(place, name);
    VIRIDIAN_TRY(const auto file, directory.files.open(path, os::OpenMode::read));
    VIRIDIAN_TRY(const ScannedLogFile scanned, scan_log(context, *file, path, first_seq));
    for (const LogRun& run : scanned.runs) {
      if (run.last < run.first) continue;  // a mark alone
      if (run.first != next) first = run.first;
      next = run.last + 1;
      if (next > last) return scanned.undecodable.empty() ? std::min(first, last + 1) : last + 1;
    }
    if (!scanned.undecodable.empty()) next = 0;
  }
  return last + 1;
}

std::optional<std::vector<std::byte>> correct_frame(os::Bytes bytes, SeqId first_seq,
                                                    std::optional<uint64_t> salt) {
  if (bytes.size() < log::kFrameHeaderBytes) return std::nullopt;
  std::vector<std::byte> frame(bytes.begin(), bytes.begin() + log::kFrameHeaderBytes);
  if (!correct_header(frame)) return std::nullopt;
  constexpr size_t kPayloadSizeOffset = 8, kPayloadCrcOffset = 40;
  const uint64_t padded = log::padded_size(load_u32(frame, kPayloadSizeOffset));
  if (padded > bytes.size() - log::kFrameHeaderBytes) return std::nullopt;
  const os::Bytes payload = bytes.subspan(log::kFrameHeaderBytes, padded);
  frame.insert(frame.end(), payload.begin(), payload.end());
  if (const uint32_t crc = load_u32(frame, kPayloadCrcOffset); crc32c(0, payload) != crc) {
    const auto bit = find_flipped_bit(payload, crc);
    if (!bit) return std::nullopt;
    flip(frame, log::kFrameHeaderBytes * 8 + *bit);
  }
  const ParsedFrame parsed = log::parse_frame(frame);
  if (parsed.state != FrameState::whole || parsed.frame.first_seq != first_seq ||
      parsed.frame.salt != salt.value_or(parsed.frame.salt))
    return std::nullopt;
  if (parsed.frame.records == 0) return frame;  // a mark
  const auto batch = codec::decode_batch(os::as_text(parsed.frame.payload));
  if (!batch.ok() || batch->rows() != parsed.frame.records) return std::nullopt;
  return frame;
}

std::vector<std::byte> make_filler(SeqId first, SeqId last, uint64_t salt) {
  std::vector<std::byte> out;
  for (SeqId seq = first; seq <= last;) {
    log::Frame frame;
    frame.first_seq = seq;
    frame.durable_seq = seq - 1;
    frame.records = static_cast<uint32_t>(std::min(last - seq + 1, kFillerRecords));
    frame.salt = salt;
    // Removing what cannot exist: no record has an empty id.
    RecordBatch batch;
    batch.operation = Operation::remove;
    for (uint32_t i = 0; i < frame.records; ++i) batch.ids.push_back("");
    std::string payload = codec::encode_batch(batch);
    const uint64_t size = payload.size();
    payload.resize(log::padded_size(size));
    const log::FrameHeader header =
        log::make_frame_header(frame, size, crc32c(0, os::as_bytes(payload)));
    out.insert(out.end(), header.begin(), header.end());
    const os::Bytes bytes = os::as_bytes(payload);
    out.insert(out.end(), bytes.begin(), bytes.end());
    seq += frame.records;
  }
  return out;
}

}  // namespace viridian::recovery
