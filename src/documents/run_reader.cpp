#include "documents/run_reader.h"

#include <lz4.h>

#include <algorithm>
#include <cstring>
#include <ranges>

namespace viridian::documents {

Result<RunReader> RunReader::begin(const postings::Source& source, const TextsHeader& header) {
  RunReader reader(source, header);
  const uint64_t directory_bytes = (uint64_t{header.runs} + 1) * sizeof(uint64_t);
  const uint64_t dictionary_begin = sizeof(TextsHeader) + directory_bytes;
  VIRIDIAN_TRY(reader.directory_, source.read(sizeof(TextsHeader), directory_bytes));
  VIRIDIAN_TRY(reader.dictionary_, source.read(dictionary_begin, header.dictionary_bytes));
  reader.runs_begin_ = dictionary_begin + header.dictionary_bytes;
  return reader;
}

RunEntry RunReader::entry(uint32_t run) const {
  uint64_t packed = 0;
  std::memcpy(&packed, directory_.data() + run * sizeof packed, sizeof packed);
  return RunEntry::unpack(packed);
}

uint32_t RunReader::find(uint32_t text, uint32_t likely) const {
  if (likely < header_.runs && entry(likely).first_text <= text &&
      text < entry(likely + 1).first_text)
    return likely;
  const auto runs = std::views::iota(uint32_t{0}, header_.runs);
  const auto after = std::ranges::partition_point(
      runs, [&](uint32_t run) { return entry(run).first_text <= text; });
  return after == runs.begin() ? 0 : *after - 1;
}

uint32_t RunReader::first_piece(uint32_t run) const {
  while (run > 0 && entry(run - 1).first_text == entry(run).first_text) --run;
  return run;
}

Status RunReader::load(uint32_t run, Run& out) const {
  const RunEntry from = entry(run), to = entry(run + 1);
  out.at = runs_begin_ + from.begin;
  out.first_text = from.first_text;
  if (to.begin < from.begin || to.first_text < from.first_text) return damaged(out.at);
  VIRIDIAN_TRY(const auto bytes, source_->read(out.at, to.begin - from.begin));
  // A piece is followed by one of the same text, except the last.
  const uint32_t texts = std::max(to.first_text - from.first_text, uint32_t{1});
  if (!parse_run(bytes, texts, out.contents)) return damaged(out.at);
  return ok_status();
}

Status RunReader::expand(const Run& run, uint32_t bytes, std::string& out) const {
  if (bytes == 0) return ok_status();
  const auto payload = run.contents.payload;
  const auto* compressed = reinterpret_cast<const char*>(payload.data());
  if (payload.size() == run.contents.bytes()) {
    out.append(compressed, bytes);
    return ok_status();
  }
  if (payload.size() > run.contents.bytes()) return damaged(run.at);
  const size_t begin = out.size();
  out.resize(begin + bytes);
  const auto size = static_cast<int>(bytes);
  const int found = LZ4_decompress_safe_partial_usingDict(
      compressed, out.data() + begin, static_cast<int>(payload.size()), size, size,
      reinterpret_cast<const char*>(dictionary_.data()), static_cast<int>(dictionary_.size()));
  if (found != size) return damaged(run.at);
  return ok_status();
}

}  // namespace viridian::documents
