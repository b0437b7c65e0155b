#include "segment/indexed_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/stopwatch.h"
#include "segment/read_trace.h"
#include "simd/prefetch.h"
#include "viridian/spi/plan_trace.h"

namespace viridian::segment {
namespace {

/// Rows between two looks at the caller's deadline.
constexpr size_t kRowsAtOnce = 1024;
/// So many times the rows that a walk estimates finely are kept by a scan, and looked at at once.
constexpr size_t kKept = 8, kScanRefine = 2;

/// In a plan, by the numbers of SearchPlan and of Searched::How.
constexpr std::array<std::string_view, 3> kPlans = {"walk", "scan", "read"};
constexpr std::array<std::string_view, 3> kSteps = {"read", "walk", "scan"};

}  // namespace

/// The nodes of allowed rows, found out when first needed.
struct IndexedFile::Allowed {
  std::mutex mutex;
  std::unique_ptr<const index::NodeSet> nodes;
};

/// How broad the walk of one query is to be.
class IndexedFile::Guide final : public index::WalkGuide {
 public:
  Guide(const IndexedFile& file, const index::IndexSearch& search) : file_(file), search_(search) {}
  bool counts(uint64_t found) const override { return file_.any_counts(search_.row_of(found)); }
  size_t breadth(size_t found, size_t counted) const override {
    return file_.planner_->breadth(found, counted);
  }

 private:
  const IndexedFile& file_;
  const index::IndexSearch& search_;
};

/// What is done for one query.
class IndexedFile::Query {
 public:
  Query(const IndexedFile& file, const Context& context, const float* vector, index::TopK& result)
      : file_(file),
        context_(context),
        vector_(vector),
        result_(result),
        one_{file.graph_.header().dim, {}},
        search_(file.graph_.take_search()) {
    one_.values.insert(one_.values.end(), vector, vector + one_.dim);
    scanner_.emplace(static_cast<Space>(file.graph_.header().space), one_.dim, one_);
    search_->stop_with(&context);
  }
  ~Query() {
    search_->stop_with(nullptr);
    file_.graph_.give_back(std::move(search_));
  }

  const Searched& searched() const noexcept { return searched_; }

  /// False: nothing is known of what is near to it.
  bool assign() { return search_->assign(vector_); }
  Status run() {
    if (!file_.planner_) {
      VIRIDIAN_TRY_VOID(read_apart());
      const auto found = walk();
      count_compared();
      VIRIDIAN_TRY_VOID(not_stopped());
      return offer_best(with_own(found, file_.effort_.refine), 1, result_);
    }
    SearchPlan plan = file_.plan_;
    if (plan == SearchPlan::walk) {
      const Guide guide(file_, *search_);
      const auto found = search_->walk(guide, file_.planner_->room());
      count_compared();
      VIRIDIAN_TRY_VOID(not_stopped());
      keep_counted(found);
      if (counted_.size() >= file_.request_.k &&
          !search_->is_crowded(found, file_.effort_.breadth)) {
        searched_ = {Searched::How::walked, found.size()};
        VIRIDIAN_TRY_VOID(read_apart());
        return offer_while_better(counted_, 1);
      }
      plan = file_.planner_->exhaustive();
    }
    if (plan == SearchPlan::read) return read_allowed();
    searched_ = {Searched::How::scanned};
    VIRIDIAN_TRY_VOID(read_apart());
    VIRIDIAN_TRY(const index::NodeSet* const allowed, file_.allowed(context_));
    const auto found = search_->find_all_own(
        kKept * file_.effort_.refine, [&](size_t keep) { return search_->scan(*allowed, keep); });
    count_compared();
    VIRIDIAN_TRY_VOID(not_stopped());
    return offer_while_better(found, kScanRefine);
  }

  /// The step that it was.
  PlanStep step(const Stopwatch& took) const {
    PlanStep step = file_.expected();
    step.name = kSteps[static_cast<size_t>(searched_.how)];
    if (searched_.breadth != 0) step.breadth = searched_.breadth;
    // Nobody compares codes to read all that is allowed.
    step.looked_at = compared_ != 0 ? compared_ : exact_;
    step.actual = exact_;
    step.microseconds = took.microseconds();
    return step;
  }

 private:
  void count_compared() noexcept { compared_ += search_->counts().distances; }
  /// What has ended stays so.
  Status not_stopped() const { return search_->stopped() ? context_.check() : ok_status(); }

  std::span<const uint64_t> walk() {
    searched_ = {Searched::How::walked, file_.effort_.breadth};
    return search_->find_all_own(file_.effort_.breadth,
                                 [&](size_t breadth) { return search_->walk(breadth); });
  }

  void keep_counted(std::span<const uint64_t> found) {
    counted_.clear();
    for (const uint64_t each : found)
      if (const index::FoundRow row = search_->row_of(each); !row.apart && file_.any_counts(row))
        counted_.push_back(each);
  }

  /// The first `some`, and all that may have the query's own vector.
  std::span<const uint64_t> with_own(std::span<const uint64_t> found, size_t some) const {
    some = std::min(some, found.size());
    while (some < found.size() && search_->may_be_own(found[some])) ++some;
    return found.first(some);
  }

  Status read_allowed() {
    return file_.for_each_allowed(context_, [&](std::span<const uint32_t> rows) {
      rows_.clear();
      for (const uint32_t row : rows) rows_.push_back(file_.first_ + row);
      return offer(result_);
    });
  }

  /// Offers the best of these by finer estimates, so many times as many as a walk does.
  Status offer_best(std::span<const uint64_t> found, size_t times, index::TopK& result) {
    rows_.clear();
    if (file_.index_.finer_in_file()) {
      nodes_.clear();
      for (const uint64_t each : found) nodes_.push_back(index::GraphSearch::row_of(each));
      VIRIDIAN_TRY_VOID(file_.index_.fetch_finer(nodes_));
    }
    const std::span<const uint64_t> refined = search_->refine(found, found.size());
    for (const uint64_t each : with_own(refined, times * file_.effort_.exact))
      if (const index::FoundRow row = search_->row_of(each); !row.apart) add(row);
    return offer(result);
  }

  /// The same of so much of it as has any of the nearest: far from the query rows lie closer
  /// together than estimates can tell, and calibration says nothing of them.
  Status offer_while_better(std::span<const uint64_t> found, size_t times) {
    index::TopK nearest(file_.request_.k);
    std::vector<Neighbour> before, now;
    do {
      const auto some = with_own(found, times * file_.effort_.refine);
      VIRIDIAN_TRY_VOID(offer_best(some, times, nearest));
      found = found.subspan(some.size());
      before = std::exchange(now, nearest.sorted());
      for (const Neighbour& each : now) nearest.offer(each.distance, each.offset);
    } while (!found.empty() && now != before);
    for (const Neighbour& each : now) result_.offer(each.distance, each.offset);
    return ok_status();
  }

  Status read_apart() {
    rows_.clear();
    for (const uint32_t row : file_.graph_.arrays().apart) add({row, true, true});
    return offer(result_);
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

  /// What was noted.
  Status offer(index::TopK& result) {
    for (std::span<const uint32_t> left = rows_; !left.empty();) {
      const auto some = left.first(std::min(kRowsAtOnce, left.size()));
      if (offered_ >= kRowsAtOnce) {
        VIRIDIAN_TRY_VOID(context_.check());
        offered_ = 0;
      }
      offered_ += some.size();
      VIRIDIAN_TRY_VOID(offer_some(some, result));
      left = left.subspan(some.size());
    }
    return ok_status();
  }

  Status offer_some(std::span<const uint32_t> rows, index::TopK& result) {
    exact_ += rows.size();
    vectors_.clear();
    norms_.clear();
    offsets_.clear();
    file_.file_.will_need(rows);
    // First where rows begin and end: their pages are looked up side by side, not one after the
    // other between the lines of the row before.
    const size_t bytes = one_.dim * sizeof(float);
    for (const uint32_t row : rows) {
      VIRIDIAN_TRY(const float* const vector, file_.file_.vector(row));
      simd::prefetch(vector, 1);
      simd::prefetch(vector + one_.dim - 1, 1);
      simd::prefetch(&file_.index_.norms()[row - file_.first_], 1);
      simd::prefetch(&file_.offsets_[row - file_.first_], 1);
      vectors_.push_back(vector);
    }
    for (const float* const vector : vectors_) simd::prefetch(vector, bytes);
    for (const uint32_t row : rows) {
      norms_.push_back(file_.index_.norms()[row - file_.first_]);
      offsets_.push_back(file_.offsets_[row - file_.first_]);
    }
    scanner_->gather(vectors_, norms_.data(), offsets_, {&result, 1});
    return ok_status();
  }

  const IndexedFile& file_;
  const Context& context_;
  const float* vector_;
  index::TopK& result_;
  Matrix one_;
  std::optional<index::FlatScanner> scanner_;
  std::unique_ptr<index::IndexSearch> search_;
  std::vector<uint64_t> counted_;
  std::vector<uint32_t> nodes_;  ///< whose finer records are read from the file
  std::vector<uint32_t> rows_;   ///< of the file
  std::vector<const float*> vectors_;
  std::vector<float> norms_;
  std::vector<Offset> offsets_;
  size_t offered_ = 0;  ///< rows, since the last look at the deadline
  Searched searched_;
  uint64_t compared_ = 0;  ///< codes
  uint64_t exact_ = 0;     ///< rows of which distances were computed
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
  const bool all_count = request.allowed == nullptr && file.rows().ended() == 0;
  if (!is_to_be_read() && (!all_count || is_beyond_calibration())) choose();
}

IndexedFile::IndexedFile(IndexedFile&&) noexcept = default;
IndexedFile::~IndexedFile() = default;

Status IndexedFile::search(const Context& context, const Matrix& queries, size_t first,
                           std::span<index::TopK> results, std::vector<size_t>& unanswered) const {
  for (size_t i = 0; i < results.size(); ++i) {
    const Stopwatch took;
    Query query(*this, context, queries.row(first + i), results[i]);
    if (!query.assign()) {
      unanswered.push_back(first + i);
      continue;
    }
    VIRIDIAN_TRY_VOID(query.run());
    if (context.trace() != nullptr) context.trace()->add(query.step(took));
  }
  return ok_status();
}

Result<std::optional<Searched>> IndexedFile::way_to(const Context& context, const float* query,
                                                    Offset offset) const {
  const SealedRows& rows = file_.rows();
  VIRIDIAN_TRY(const std::optional<uint32_t> row, rows.find(offset, rows.size(), request_.at));
  if (!row || *row < first_ || *row - first_ >= offsets_.size()) return std::optional<Searched>();
  index::TopK ignored(request_.k);
  Query one(*this, context, query, ignored);
  if (graph_.is_apart(*row - first_) || !one.assign()) return std::optional(Searched{});
  VIRIDIAN_TRY_VOID(one.run());
  return std::optional(one.searched());
}

bool IndexedFile::counts(uint32_t row) const {
  if (file_.rows().end(first_ + row) <= request_.at) return false;
  return request_.allowed == nullptr ||
         request_.allowed->contains(dense_ ? offsets_.front() + row : offsets_[row]);
}

bool IndexedFile::any_counts(const index::FoundRow& found) const {
  if (counts(found.row)) return true;
  if (!found.has_twins) return false;
  const auto twins = graph_.twins_of(found.row);
  return std::any_of(twins.begin(), twins.end(),
                     [&](const index::Twin& twin) { return counts(twin.row); });
}

SearchPlanner::Input IndexedFile::planner_input() const {
  const uint64_t ended = std::min<uint64_t>(file_.rows().ended(), offsets_.size());
  SearchPlanner::Input input{request_.recall, request_.k, offsets_.size()};
  input.breadth = request_.breadth;
  input.allowed = input.to_check = offsets_.size() - ended;
  if (request_.allowed == nullptr) {
    input.to_check = offsets_.size();
  } else if (!offsets_.empty()) {
    // Some of these may be in newer files, which is no matter for planning.
    input.to_check = request_.allowed->count(offsets_.front(), offsets_.back());
    input.allowed = std::min(input.allowed, input.to_check);
  }
  return input;
}

void IndexedFile::choose() {
  if (request_.allowed != nullptr && !offsets_.empty())
    dense_ = offsets_.back() - offsets_.front() + 1 == offsets_.size();
  planner_.emplace(graph_, planner_input());
  plan_ = is_beyond_calibration() ? planner_->exhaustive() : planner_->plan();
  plan_ = request_.plan.value_or(plan_);
}

PlanStep IndexedFile::expected() const {
  PlanStep step;
  const SearchPlanner::Input input = planner_input();
  const double cost = SearchPlanner(graph_, input).cost(plan_);
  const auto rows = static_cast<double>(std::max<uint64_t>(1, input.rows));
  step.on = name_in_plan(file_.file());
  if (file_.indexes().size() > 1) step.on += ", rows from " + std::to_string(first_) + " on";
  step.how = kPlans[static_cast<size_t>(plan_)];
  step.among = input.rows;
  step.estimated = input.allowed;
  step.share = static_cast<double>(input.allowed) / rows;
  if (std::isfinite(cost)) step.cost = cost / 1000;
  return step;
}

template <class Use>
Status IndexedFile::for_each_allowed(const Context& context, Use&& use) const {
  std::vector<uint32_t> live;
  Status outcome;
  const auto use_some = [&] {
    outcome = context.check();
    if (outcome.ok()) outcome = use(std::span<const uint32_t>(live));
    live.clear();
    return outcome.ok();
  };
  size_t looked_at = 0;
  const auto look_at = [&](uint32_t row) {  // whether to go on
    if (file_.rows().end(first_ + row) > request_.at) live.push_back(row);
    return ++looked_at % kRowsAtOnce != 0 || use_some();
  };
  if (offsets_.empty()) return ok_status();
  if (request_.allowed == nullptr) {
    for (uint32_t row = 0; row < offsets_.size(); ++row)
      if (!look_at(row)) return outcome;
    use_some();
    return outcome;
  }
  const Offset first = offsets_.front();
  size_t row = 0;
  request_.allowed->for_each([&](Offset offset) {
    if (offset < first) return true;
    if (offset > offsets_.back()) return false;
    if (dense_) return look_at(static_cast<uint32_t>(offset - first));
    // Doubling steps until the place is passed, since the next is likely to be near.
    size_t step = 1;
    while (row + step < offsets_.size() && offsets_[row + step] < offset) step *= 2;
    const auto begin = offsets_.begin() + static_cast<ptrdiff_t>(row);
    const size_t end = std::min(row + step + 1, offsets_.size());
    row = static_cast<size_t>(
        std::lower_bound(begin, offsets_.begin() + static_cast<ptrdiff_t>(end), offset) -
        offsets_.begin());
    return offsets_[row] != offset || look_at(static_cast<uint32_t>(row));
  });
  if (outcome.ok()) use_some();
  return outcome;
}

Result<const index::NodeSet*> IndexedFile::allowed(const Context& context) const {
  const std::lock_guard lock(allowed_->mutex);
  if (allowed_->nodes != nullptr) return allowed_->nodes.get();
  const index::IndexArrays& arrays = graph_.arrays();
  auto nodes = std::make_unique<index::NodeSet>(arrays.header.nodes);
  VIRIDIAN_TRY_VOID(for_each_allowed(context, [&](std::span<const uint32_t> rows) {
    for (const uint32_t row : rows)
      if (const uint32_t node = arrays.nodes_of[row]; node != index::IndexArrays::kNoNode)
        nodes->insert(node);
    return ok_status();
  }));
  allowed_->nodes = std::move(nodes);
  return allowed_->nodes.get();
}

}  // namespace viridian::segment
