#include "segment/indexed_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace viridian::segment {
namespace {

/// So few allowed rows are all looked at exactly.
constexpr size_t kReadExactly = 512;
constexpr size_t kRowsAtOnce = 1024;
/// A row's estimate in a walk costs as much as this many in a scan, which knows what comes next.
constexpr double kWalkFactor = 2;
/// A walk that turns out to find nothing is followed by a scan: only one that promises to be much
/// cheaper is tried.
constexpr double kCheaper = 2;
/// Of the allowed rows that a walk should find, those without which a scan is to be trusted more.
constexpr double kEnough = 0.5;
/// Distant rows lie closer together, seen from the query, than near ones, so that more of them may
/// be the nearest.
constexpr size_t kScanRefine = 3;

}  // namespace

/// The nodes of allowed rows, found out when first needed.
struct IndexedFile::Allowed {
  std::mutex mutex;
  bool known = false;
  std::vector<uint32_t> nodes;
};

/// What is done for one query.
class IndexedFile::Query {
 public:
  Query(const IndexedFile& file, const float* vector, index::TopK& result)
      : file_(file),
        vector_(vector),
        result_(result),
        one_{file.graph_.header().dim, {}},
        search_(file.graph_.take_search()) {
    one_.values.insert(one_.values.end(), vector, vector + one_.dim);
    scanner_.emplace(static_cast<Space>(file.graph_.header().space), one_.dim, one_);
  }
  ~Query() { file_.graph_.give_back(std::move(search_)); }

  const Searched& searched() const noexcept { return searched_; }

  /// Walks if that is worth it. To be followed by step() until it says that there is no more to do,
  /// and finish().
  Status begin() {
    knows_ = search_->assign(vector_);
    if (!knows_) return ok_status();
    VIRIDIAN_TRY_VOID(read_apart());
    walks_ = !file_.scans();
    return ok_status();
  }
  bool step() {
    if (!walks_) return false;
    if (!std::exchange(begun_, true)) search_->begin(breadth());
    return search_->step();
  }
  /// The same as step() until it is over, quicker where nothing else is to be done meanwhile.
  void walk_alone() {
    if (walks_) search_->walk(breadth());
  }
  Status finish() {
    if (!knows_) return read_all();
    if (walks_) {
      VIRIDIAN_TRY(const bool enough, take_found());
      if (enough) return ok_status();
    }
    return scan();
  }

 private:
  /// Whether it found enough to be trusted; nothing is offered otherwise.
  Result<bool> take_found() {
    std::span<const uint64_t> found = search_->found();
    searched_ = {Searched::How::walked, breadth()};
    const bool all_count = file_.all_count();
    if (!all_count || !file_.graph_.apart_nodes().empty()) {
      keep_counted(found);
      found = counted_;
    }
    const double wanted = all_count ? 0 : kEnough * static_cast<double>(file_.effort_.breadth);
    if (found.size() < std::max<size_t>(file_.request_.k, static_cast<size_t>(wanted)))
      return false;
    VIRIDIAN_TRY_VOID(offer_best(found, file_.effort_.refine, file_.effort_.exact));
    return true;
  }

  /// Those of `found` that count, with those that no walk is sure to find, ascending.
  void keep_counted(std::span<const uint64_t> found) {
    search_->estimate(file_.graph_.apart_nodes(), apart_);
    // What is farther than all of a full list is not among the best of it.
    if (file_.all_count() && found.size() >= file_.effort_.refine)
      std::erase_if(apart_, [&](uint64_t each) { return each > found.back(); });
    std::sort(apart_.begin(), apart_.end());
    counted_.clear();
    for (const uint64_t each : found)
      if (const index::FoundRow row = search_->row_of(each); !row.apart && any_counts(row))
        counted_.push_back(each);
    const auto middle = static_cast<ptrdiff_t>(counted_.size());
    for (const uint64_t each : apart_)
      if (any_counts(search_->row_of(each))) counted_.push_back(each);
    std::inplace_merge(counted_.begin(), counted_.begin() + middle, counted_.end());
  }

  Status scan() {
    searched_ = {Searched::How::scanned};
    const Allowed& allowed = file_.allowed();
    const size_t most = allowed.nodes.size();
    search_->estimate(allowed.nodes, counted_);
    const size_t refine =
        std::min(std::max(kScanRefine * file_.effort_.refine, kReadExactly), most);
    std::partial_sort(counted_.begin(), counted_.begin() + static_cast<ptrdiff_t>(refine),
                      counted_.end());
    // So few that looking at all is as quick.
    const size_t exact =
        most <= kReadExactly ? most : std::min(kScanRefine * file_.effort_.exact, most);
    return offer_best(counted_, refine, exact);
  }

  /// Offers the best of what was found.
  Status offer_best(std::span<const uint64_t> found, size_t refine, size_t exact) {
    rows_.clear();
    if (file_.index_.finer_in_file()) {
      nodes_.clear();
      for (const uint64_t each : found.first(std::min(refine, found.size())))
        nodes_.push_back(index::GraphSearch::row_of(each));
      VIRIDIAN_TRY_VOID(file_.index_.fetch_finer(nodes_));
    }
    const std::span<const uint64_t> refined = search_->refine(found, refine);
    for (const uint64_t each : refined.first(std::min(exact, refined.size())))
      add(search_->row_of(each));
    return offer();
  }

  size_t breadth() const {
    const double share = std::clamp(file_.request_.share, 1e-3, 1.0);
    return static_cast<size_t>(static_cast<double>(file_.effort_.breadth) / share);
  }

  Status read_apart() {
    rows_.clear();
    for (const uint32_t row : file_.graph_.apart_rows()) add({row, true, true});
    return offer();
  }

  Status read_all() {
    for (uint32_t begin = 0; begin < file_.offsets_.size(); begin += kRowsAtOnce) {
      const size_t end = std::min<size_t>(file_.offsets_.size(), begin + kRowsAtOnce);
      rows_.clear();
      for (uint32_t row = begin; row < end; ++row)
        if (file_.counts(row)) rows_.push_back(file_.first_ + row);
      VIRIDIAN_TRY_VOID(offer());
    }
    return ok_status();
  }

  /// Notes those of the rows with one vector that count, at most as many as are asked for: among
  /// them the first go before.
  void add(const index::FoundRow& found) {
    if (file_.counts(found.row)) rows_.push_back(file_.first_ + found.row);
    if (!found.has_twins) return;
    const size_t most = rows_.size() + file_.request_.k;
    for (const index::Twin& twin : file_.graph_.twins_of(found.row)) {
      if (rows_.size() == most) return;
      if (file_.counts(twin.row)) rows_.push_back(file_.first_ + twin.row);
    }
  }
  bool any_counts(const index::FoundRow& found) const {
    if (file_.counts(found.row)) return true;
    if (!found.has_twins) return false;
    const auto twins = file_.graph_.twins_of(found.row);
    return std::any_of(twins.begin(), twins.end(),
                       [&](const index::Twin& twin) { return file_.counts(twin.row); });
  }

  Status offer() {
    vectors_.clear();
    norms_.clear();
    offsets_.clear();
    file_.file_.will_need(rows_);
    for (const uint32_t row : rows_) {
      VIRIDIAN_TRY(const float* const vector, file_.file_.vector(row));
      for (size_t at = 0; at < one_.dim; at += 16) __builtin_prefetch(vector + at);
      vectors_.push_back(vector);
      norms_.push_back(file_.index_.norms()[row - file_.first_]);
      offsets_.push_back(file_.offsets_[row - file_.first_]);
    }
    scanner_->gather(vectors_, norms_.data(), offsets_, {&result_, 1});
    return ok_status();
  }

  const IndexedFile& file_;
  const float* vector_;
  index::TopK& result_;
  Matrix one_;
  std::optional<index::FlatScanner> scanner_;
  std::unique_ptr<index::IndexSearch> search_;
  bool knows_ = false, walks_ = false, begun_ = false;
  std::vector<uint64_t> counted_, apart_;
  std::vector<uint32_t> nodes_;  ///< whose finer records are read from the file
  std::vector<uint32_t> rows_;   ///< of the file
  std::vector<const float*> vectors_;
  std::vector<float> norms_;
  std::vector<Offset> offsets_;
  Searched searched_;
};

IndexedFile::IndexedFile(const VectorFile& file, const FileIndex& index, const Request& request)
    : file_(file),
      index_(index.entry->index()),
      graph_(index_.graph()),
      first_(index.place.first),
      request_(request),
      offsets_(index_.offsets()),
      allowed_(std::make_unique<Allowed>()) {
  // Where a good part of all is asked for, reading it all is as quick.
  constexpr uint32_t kPart = 16;
  if (request.k >= graph_.header().nodes / kPart) return;
  effort_ = graph_.effort(request.recall, request.k);
  if (effort_.breadth != 0) effort_.breadth = std::max<size_t>(effort_.breadth, request.breadth);
}

IndexedFile::IndexedFile(IndexedFile&&) noexcept = default;
IndexedFile::~IndexedFile() = default;

Status IndexedFile::search(const Matrix& queries, size_t first,
                           std::span<index::TopK> results) const {
  std::vector<std::unique_ptr<Query>> all;
  for (size_t i = 0; i < results.size(); ++i) {
    all.push_back(std::make_unique<Query>(*this, queries.row(first + i), results[i]));
    VIRIDIAN_TRY_VOID(all.back()->begin());
  }
  if (all.size() == 1) {
    all.front()->walk_alone();
  } else {
    std::vector<Query*> walking;
    for (const auto& query : all) walking.push_back(query.get());
    while (!walking.empty()) std::erase_if(walking, [](Query* query) { return !query->step(); });
  }
  for (const auto& query : all) VIRIDIAN_TRY_VOID(query->finish());
  return ok_status();
}

Result<std::optional<Searched>> IndexedFile::way_to(const float* query, Offset offset) const {
  const SealedRows& rows = file_.rows();
  VIRIDIAN_TRY(const std::optional<uint32_t> row, rows.find(offset, rows.size(), request_.at));
  if (!row || *row < first_ || *row - first_ >= offsets_.size()) return std::optional<Searched>();
  const std::span<const uint32_t> apart = graph_.arrays().apart;
  if (std::binary_search(apart.begin(), apart.end(), *row - first_))
    return std::optional(Searched{});
  index::TopK ignored(request_.k);
  Query one(*this, query, ignored);
  VIRIDIAN_TRY_VOID(one.begin());
  one.walk_alone();
  VIRIDIAN_TRY_VOID(one.finish());
  return std::optional(one.searched());
}

bool IndexedFile::all_count() const noexcept {
  return request_.allowed == nullptr && file_.rows().ended() == 0;
}

bool IndexedFile::counts(uint32_t row) const {
  return file_.rows().end(first_ + row) > request_.at &&
         (request_.allowed == nullptr || request_.allowed->contains(offsets_[row]));
}

bool IndexedFile::scans() const noexcept {
  if (all_count()) return false;
  const index::IndexHeader& header = graph_.header();
  const double breadth = std::max<double>(1, header.levels[1].breadth[0]);
  const double walk = kWalkFactor * header.distances * static_cast<double>(effort_.breadth) /
                      breadth / std::max(request_.share, 1e-6);
  return request_.share * header.nodes < kCheaper * walk;
}

/// Calls use(row) for each row that may be allowed; whether it is live is not looked at.
template <class Use>
void IndexedFile::for_each_allowed(Use&& use) const {
  if (offsets_.empty()) return;
  if (request_.allowed == nullptr) {
    for (uint32_t row = 0; row < offsets_.size(); ++row) use(row);
    return;
  }
  const Offset first = offsets_.front();
  const bool dense = offsets_.back() - first + 1 == offsets_.size();
  size_t row = 0;
  request_.allowed->for_each([&](Offset offset) {
    if (offset < first) return true;
    if (offset > offsets_.back()) return false;
    if (dense) {
      use(static_cast<uint32_t>(offset - first));
      return true;
    }
    // Doubling steps until the place is passed, since the next is likely to be near.
    size_t step = 1;
    while (row + step < offsets_.size() && offsets_[row + step] < offset) step *= 2;
    const auto begin = offsets_.begin() + static_cast<ptrdiff_t>(row);
    const size_t end = std::min(row + step + 1, offsets_.size());
    row = static_cast<size_t>(
        std::lower_bound(begin, offsets_.begin() + static_cast<ptrdiff_t>(end), offset) -
        offsets_.begin());
    if (offsets_[row] == offset) use(static_cast<uint32_t>(row));
    return true;
  });
}

const IndexedFile::Allowed& IndexedFile::allowed() const {
  const std::lock_guard lock(allowed_->mutex);
  if (allowed_->known) return *allowed_;
  const index::IndexArrays& arrays = graph_.arrays();
  std::vector<uint64_t> bits((arrays.header.nodes + 63) / 64);
  for_each_allowed([&](uint32_t row) {
    const uint32_t node = arrays.nodes_of[row];
    if (file_.rows().end(first_ + row) > request_.at && node != index::IndexArrays::kNoNode)
      bits[node / 64] |= uint64_t{1} << (node % 64);
  });
  for (size_t word = 0; word < bits.size(); ++word)
    for (uint64_t left = bits[word]; left != 0; left &= left - 1)
      allowed_->nodes.push_back(
          static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(left))));
  allowed_->known = true;
  return *allowed_;
}

}  // namespace viridian::segment
