#include "documents/dictionary.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace viridian::documents {
namespace {

constexpr size_t kSampleBytes = size_t{1} << 20;
constexpr size_t kPieceBytes = 1024;
constexpr size_t kSegmentBytes = 128;
constexpr size_t kWord = 8;  ///< bytes of the substrings that are counted
constexpr size_t kSegmentWords = kSegmentBytes - kWord + 1;
constexpr int kHashBits = 20;
/// A segment that is worth less does not make up for its own bytes.
constexpr uint64_t kLeastGain = kSegmentBytes / 2;

std::string sample_of(std::string_view text) {
  if (text.size() <= kSampleBytes) return std::string(text);
  constexpr size_t pieces = kSampleBytes / kPieceBytes;
  const size_t step = text.size() / pieces;
  std::string sample;
  sample.reserve(kSampleBytes);
  for (size_t piece = 0; piece < pieces; ++piece)
    sample.append(text.substr(piece * step, kPieceBytes));
  return sample;
}

struct Segment {
  size_t begin = 0;
  uint64_t gain = 0;
};

/// How much a sample's words are worth: of each, how often it recurs. Words are told apart by their
/// hashes only; those that share one are worth a little too much.
class Words {
 public:
  explicit Words(std::string_view sample)
      : sample_(sample),
        count_(sample.size() - kWord + 1),
        worth_(size_t{1} << kHashBits),
        in_window_(size_t{1} << kHashBits) {
    for (size_t at = 0; at < count_; ++at) ++worth_[hash(at)];
    for (uint32_t& worth : worth_) worth -= worth > 0;
  }

  size_t count() const { return count_; }

  /// What a segment of noise seems to be worth, whose words share their hashes with others.
  uint64_t gain_of_noise() const { return (kSegmentWords * count_) >> kHashBits; }

  /// The best segment among those within the words from `begin` to `end`.
  Segment best(size_t begin, size_t end) {
    Segment best{begin, 0};
    uint64_t gain = 0;
    size_t from = begin;
    for (size_t at = begin; at < end; ++at) {
      const size_t entering = hash(at);
      if (in_window_[entering]++ == 0) gain += worth_[entering];
      if (at - from == kSegmentWords) {
        const size_t leaving = hash(from++);
        if (--in_window_[leaving] == 0) gain -= worth_[leaving];
      }
      if (gain > best.gain) best = {from, gain};
    }
    for (; from < end; ++from) in_window_[hash(from)] = 0;
    return best;
  }

  /// Its words are in the dictionary: they are worth nothing more.
  void take(const Segment& segment) {
    const size_t end = std::min(segment.begin + kSegmentWords, count_);
    for (size_t at = segment.begin; at < end; ++at) worth_[hash(at)] = 0;
  }

 private:
  size_t hash(size_t at) const {
    uint64_t word = 0;
    std::memcpy(&word, sample_.data() + at, sizeof word);
    return static_cast<size_t>((word * 0x9e3779b97f4a7c15) >> (64 - kHashBits));
  }

  std::string_view sample_;
  size_t count_;
  std::vector<uint32_t> worth_;      ///< by hash
  std::vector<uint16_t> in_window_;  ///< by hash: words of the segment that is looked at
};

}  // namespace

std::string choose_dictionary(std::string_view text, size_t bytes) {
  if (text.size() < kSegmentBytes || bytes < kSegmentBytes) return {};
  const std::string sample = sample_of(text);
  Words words(sample);
  const uint64_t least_gain = kLeastGain + words.gain_of_noise();
  const size_t wanted = bytes / kSegmentBytes;
  const size_t parts = std::clamp<size_t>(words.count() / (2 * kSegmentBytes), 1, wanted);
  std::vector<Segment> chosen;
  for (bool found = true; found && chosen.size() < wanted;) {
    found = false;
    for (size_t part = 0; part < parts && chosen.size() < wanted; ++part) {
      const Segment best =
          words.best(words.count() * part / parts, words.count() * (part + 1) / parts);
      if (best.gain < least_gain) continue;
      words.take(best);
      chosen.push_back(best);
      found = true;
    }
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const Segment& a, const Segment& b) { return a.gain < b.gain; });
  std::string dictionary;
  for (const Segment& segment : chosen) dictionary += sample.substr(segment.begin, kSegmentBytes);
  return dictionary;
}

}  // namespace viridian::documents
