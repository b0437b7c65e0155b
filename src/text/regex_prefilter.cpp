#include "text/regex_prefilter.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/literal_trigrams.h"
#include "text/rust_pattern.h"

namespace viridian::text {
namespace {

using postings::Row;
using postings::RowSet;

/// Patterns that need more texts let every row pass.
constexpr size_t kMostAtoms = 1024;
/// Sets of trigrams to be looked up, of all atoms together, and of one.
constexpr size_t kMostSets = 4096;
constexpr size_t kMostSetsPerAtom = 64;
/// Beyond so many combinations of atoms, rows with others pass.
constexpr size_t kMostCombinations = 4096;

}  // namespace

/// The texts are RE2's "atoms", numbered as it numbers them.
struct RegexPrefilter::Compiled {
  re2::FilteredRE2 filter{1};
  std::vector<std::vector<TrigramIndex::AnyOf>> trigrams;  ///< of those that can be looked up
  std::vector<int> atoms;                                  ///< their numbers
  std::vector<int> assumed;                                ///< the numbers of all others

  bool passes(const std::vector<int>& present) const {
    std::vector<int> passing;
    filter.AllPotentials(present, &passing);
    return !passing.empty();
  }
  void find_atoms();
  RowSet passing(const std::vector<RowSet>& having, RowSet any) const;
};

void RegexPrefilter::Compiled::find_atoms() {
  std::vector<std::string> texts;
  filter.Compile(&texts);
  const size_t most =
      std::clamp<size_t>(kMostSets / std::max<size_t>(texts.size(), 1), 1, kMostSetsPerAtom);
  for (size_t i = 0; i < texts.size(); ++i) {
    auto sets = atoms.size() < kMostAtoms ? literal_trigrams(texts[i], most)
                                          : std::vector<TrigramIndex::AnyOf>();
    const int atom = static_cast<int>(i);
    if (sets.empty()) {
      assumed.push_back(atom);
    } else {
      atoms.push_back(atom);
      trigrams.push_back(std::move(sets));
    }
  }
}

RegexPrefilter::RegexPrefilter(std::string_view rust_pattern, size_t memory) {
  if (rust_pattern.size() > kPatternBytesMax) return;
  const auto pattern = to_marked_re2(rust_pattern);
  if (!pattern.ok()) return;
  auto compiled = std::make_unique<Compiled>();
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(static_cast<int64_t>(memory));
  int id = 0;
  if (compiled->filter.Add(*pattern, options, &id) != re2::RE2::NoError) return;
  compiled->find_atoms();
  if (!compiled->passes(compiled->assumed)) compiled_ = std::move(compiled);
}

RegexPrefilter::RegexPrefilter(RegexPrefilter&&) noexcept = default;
RegexPrefilter& RegexPrefilter::operator=(RegexPrefilter&&) noexcept = default;
RegexPrefilter::~RegexPrefilter() = default;

bool RegexPrefilter::lets_all_pass() const noexcept { return compiled_ == nullptr; }

/// Those of `any` that have enough, given who has each atom.
RowSet RegexPrefilter::Compiled::passing(const std::vector<RowSet>& having, RowSet any) const {
  const size_t width = (atoms.size() + 7) / 8;
  std::string masks(width * postings::kBlockRows, '\0');
  for (size_t i = 0; i < having.size(); ++i) {
    having[i].for_each([&](Row row) {
      char& byte = masks[row * width + i / 8];
      byte = static_cast<char>(static_cast<unsigned char>(byte) | 1U << (i % 8));
    });
  }
  std::unordered_map<std::string_view, bool> known;
  any.filter([&](Row row) {
    const std::string_view mask(masks.data() + row * width, width);
    if (const auto found = known.find(mask); found != known.end()) return found->second;
    if (known.size() == kMostCombinations) return true;
    std::vector<int> present = assumed;
    for (size_t i = 0; i < atoms.size(); ++i)
      if ((static_cast<unsigned char>(mask[i / 8]) >> (i % 8) & 1) != 0)
        present.push_back(atoms[i]);
    return known.emplace(mask, passes(present)).first->second;
  });
  return any;
}

Result<Candidates> RegexPrefilter::candidates(const TrigramIndex& index,
                                              const RowSet* among) const {
  if (!compiled_) {
    VIRIDIAN_TRY(Candidates all, index.containing("", among));
    all.exact = all.rows.empty();
    return all;
  }
  std::vector<RowSet> having;
  RowSet any;
  for (const auto& sets : compiled_->trigrams) {
    VIRIDIAN_TRY(Candidates found, index.having(sets, among));
    any.unite(found.rows);
    having.push_back(std::move(found.rows));
  }
  // A row without any of the atoms would pass only if all did.
  Candidates passing{compiled_->passing(having, std::move(any)), false};
  passing.exact = passing.rows.empty();
  return passing;
}

}  // namespace viridian::text
