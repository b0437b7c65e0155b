#include "documents/texts.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "documents/run_reader.h"
#include "documents/texts_format.h"

namespace viridian::documents {
namespace {

uint64_t head_bytes_of(const TextsHeader& header) {
  return sizeof header + (uint64_t{header.runs} + 1) * sizeof(uint64_t) + header.dictionary_bytes;
}

/// Calls f(run) for the runs from `first` to `last`, pieces of `text`.
template <class F>
Status for_each_piece(const RunReader& reader, uint32_t first, uint32_t last, uint32_t text,
                      F&& f) {
  RunReader::Run run;
  for (uint32_t piece = first; piece <= last; ++piece) {
    VIRIDIAN_TRY_VOID(reader.load(piece, run));
    if (run.first_text != text || run.contents.count != 1) return reader.damaged(run.at);
    VIRIDIAN_TRY_VOID(f(run));
  }
  return ok_status();
}

Status append_pieces(const RunReader& reader, uint32_t first, uint32_t last, uint32_t text,
                     std::string& out) {
  return for_each_piece(reader, first, last, text, [&](const RunReader::Run& run) {
    return reader.expand(run, run.contents.bytes(), out);
  });
}

Status append_text(const RunReader& reader, uint32_t text, std::string& out) {
  const uint32_t last = reader.find(text, 0);
  const uint32_t first = reader.first_piece(last);
  if (first != last) return append_pieces(reader, first, last, text, out);
  RunReader::Run run;
  VIRIDIAN_TRY_VOID(reader.load(last, run));
  if (!run.has(text)) return reader.damaged(run.at);
  const uint32_t place = text - run.first_text;
  const size_t begin = out.size();
  VIRIDIAN_TRY_VOID(reader.expand(run, run.contents.ends[place], out));
  out.erase(begin, run.contents.begin(place));
  return ok_status();
}

}  // namespace

Texts::Texts(std::shared_ptr<const postings::Source> source, const TextsHeader& header)
    : source_(std::move(source)), header_(std::make_unique<const TextsHeader>(header)) {}

Texts::~Texts() = default;

Result<std::shared_ptr<const Texts>> Texts::open(std::shared_ptr<const postings::Source> source) {
  VIRIDIAN_TRY(const auto bytes, source->read(0, sizeof(TextsHeader)));
  TextsHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kTextsVersion)
    return source->damaged(0, "its texts have version " + std::to_string(header.version));
  if (head_bytes_of(header) > source->size() || header.dictionary_bytes > kMostDictionaryBytes ||
      header.texts > RunEntry::kMostTexts || (header.texts == 0) != (header.runs == 0))
    return source->damaged(0, "it has no such texts");
  return std::make_shared<const Texts>(std::move(source), header);
}

Result<RunReader> Texts::runs() const { return RunReader::begin(*source_, *header_); }

uint64_t Texts::head_bytes(std::span<const std::byte> bytes) {
  TextsHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return head_bytes_of(header);
}

uint32_t Texts::size() const noexcept { return header_->texts; }

Result<uint64_t> Texts::length(uint32_t text) const {
  VIRIDIAN_TRY(const RunReader reader, runs());
  if (text >= size()) return reader.damaged(0);
  const uint32_t last = reader.find(text, 0);
  const uint32_t first = reader.first_piece(last);
  uint64_t length = 0;
  if (first != last) {
    VIRIDIAN_TRY_VOID(for_each_piece(reader, first, last, text, [&](const RunReader::Run& run) {
      length += run.contents.bytes();
      return ok_status();
    }));
    return length;
  }
  RunReader::Run run;
  VIRIDIAN_TRY_VOID(reader.load(last, run));
  if (!run.has(text)) return reader.damaged(run.at);
  const uint32_t place = text - run.first_text;
  return run.contents.ends[place] - run.contents.begin(place);
}

Status Texts::read(uint32_t text, std::string& out) const {
  VIRIDIAN_TRY(const RunReader reader, runs());
  if (text >= size()) return reader.damaged(0);
  const size_t begin = out.size();
  Status status = append_text(reader, text, out);
  if (!status.ok()) out.resize(begin);
  return status;
}

}  // namespace viridian::documents
