#include "documents/texts_builder.h"

#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "documents/dictionary.h"
#include "documents/texts_format.h"

namespace viridian::documents {
namespace {

/// Levels above gain less than 1 % and take up to twice as long (decision 26).
constexpr int kLevel = 6;
/// A dictionary is kept uncompressed: this part of the texts at most.
constexpr size_t kDictionaryShare = 8;

/// LZ4's compressor that looks for the longest matches.
struct Thorough {
  using State = LZ4_streamHC_t;
  static void load(State& state, std::string_view dictionary) {
    LZ4_initStreamHC(&state, sizeof state);
    LZ4_resetStreamHC_fast(&state, kLevel);
    LZ4_loadDictHC(&state, dictionary.data(), static_cast<int>(dictionary.size()));
  }
  static int compress(State& state, std::string_view text, char* out, int room) {
    return LZ4_compress_HC_continue(&state, text.data(), out, static_cast<int>(text.size()), room);
  }
};

/// That which takes the first match.
struct Quick {
  using State = LZ4_stream_t;
  static void load(State& state, std::string_view dictionary) {
    LZ4_initStream(&state, sizeof state);
    LZ4_loadDict(&state, dictionary.data(), static_cast<int>(dictionary.size()));
  }
  static int compress(State& state, std::string_view text, char* out, int room) {
    constexpr int kAcceleration = 1;
    return LZ4_compress_fast_continue(&state, text.data(), out, static_cast<int>(text.size()), room,
                                      kAcceleration);
  }
};

/// Compresses texts independently of each other, all with one dictionary.
template <class Method>
class Compressor {
 public:
  explicit Compressor(std::string_view dictionary)
      : loaded_(std::make_unique<State>()), working_(std::make_unique<State>()) {
    Method::load(*loaded_, dictionary);
  }

  /// Appends `text` compressed, or as it is where that is not longer.
  Status append(std::string_view text, std::string& out) {
    const size_t begin = out.size();
    const int bound = LZ4_compressBound(static_cast<int>(text.size()));
    out.resize(begin + static_cast<size_t>(bound));
    // A copy of the state takes less time than to load the dictionary once more.
    *working_ = *loaded_;
    const int size = Method::compress(*working_, text, out.data() + begin, bound);
    if (size <= 0) return Error(Code::internal, "LZ4 does not compress a text");
    out.resize(begin + static_cast<size_t>(size));
    if (static_cast<size_t>(size) >= text.size()) out.replace(begin, std::string::npos, text);
    return ok_status();
  }

 private:
  using State = typename Method::State;
  std::unique_ptr<State> loaded_, working_;
};

/// Texts, or a piece of one, that are compressed together.
struct Run {
  uint32_t first_text = 0, texts = 0;
  uint64_t begin = 0, end = 0;  ///< bytes of the plain text
};

std::vector<Run> cut(const std::vector<uint64_t>& ends) {
  std::vector<Run> runs;
  bool last_is_piece = false;
  for (uint32_t text = 0; text < ends.size(); ++text) {
    uint64_t begin = text == 0 ? 0 : ends[text - 1];
    const uint64_t end = ends[text];
    if (!runs.empty() && !last_is_piece && runs.back().texts < kMostTextsOfRun &&
        end - runs.back().begin <= kRunBytes) {
      runs.back().end = end;
      ++runs.back().texts;
      continue;
    }
    last_is_piece = end - begin > kPieceBytes;
    for (; end - begin > kPieceBytes; begin += kPieceBytes)
      runs.push_back({text, 1, begin, begin + kPieceBytes});
    runs.push_back({text, 1, begin, end});
  }
  return runs;
}

template <class T>
void append_bytes(const T& value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// See docs/file-formats.md, "Documents".
template <class Method>
Result<std::string> write(std::string_view plain, const std::vector<uint64_t>& ends,
                          std::string_view dictionary) {
  const std::vector<Run> runs = cut(ends);
  Compressor<Method> compressor(dictionary);
  std::string out;
  append_bytes(
      TextsHeader{kTextsVersion, static_cast<uint32_t>(ends.size()),
                  static_cast<uint32_t>(runs.size()), static_cast<uint32_t>(dictionary.size())},
      out);
  const size_t directory = out.size();
  out.resize(directory + (runs.size() + 1) * sizeof(uint64_t));
  out += dictionary;
  const size_t first_run = out.size();
  const auto set_entry = [&](size_t run, uint32_t first_text) {
    const uint64_t entry = RunEntry{out.size() - first_run, first_text}.packed();
    std::memcpy(out.data() + directory + run * sizeof entry, &entry, sizeof entry);
  };
  for (size_t i = 0; i < runs.size(); ++i) {
    const Run& run = runs[i];
    set_entry(i, run.first_text);
    uint64_t begin = run.begin;
    for (uint32_t text = 0; text < run.texts; ++text) {
      const uint64_t end = std::min(ends[run.first_text + text], run.end);
      append_length(static_cast<uint32_t>(end - begin), out);
      begin = end;
    }
    VIRIDIAN_TRY_VOID(compressor.append(plain.substr(run.begin, run.end - run.begin), out));
  }
  set_entry(runs.size(), static_cast<uint32_t>(ends.size()));
  return out;
}

}  // namespace

void TextsBuilder::add(std::string_view text) {
  plain_ += text;
  ends_.push_back(plain_.size());
}

Result<std::string> TextsBuilder::finish() {
  // What does not become smaller gets longer by its run's lengths, at most 4 bytes for a text.
  if (ends_.size() > RunEntry::kMostTexts ||
      plain_.size() + 4 * uint64_t{RunEntry::kMostTexts} > RunEntry::kMostBytes)
    return Error(Code::invalid_argument, "too many texts for one block");
  const std::string dictionary =
      choose_dictionary(plain_, std::min(kMostDictionaryBytes, plain_.size() / kDictionaryShare));
  if (effort_ == Effort::quick) return write<Quick>(plain_, ends_, dictionary);
  return write<Thorough>(plain_, ends_, dictionary);
}

}  // namespace viridian::documents
