#include "segment/indexed_file.h"

#include <algorithm>
#include <utility>

namespace viridian::segment {
namespace {

constexpr size_t kRowsAtOnce = 1024;
/// So many times the rows that a walk estimates finely are kept by a scan, and looked at at once.
constexpr size_t kKept = 8, kScanRefine = 2;

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

  Status run() {
    if (!search_->assign(vector_)) return read_all();
    VIRIDIAN_TRY_VOID(read_apart());
    if (!file_.planner_) return take_found(search_->walk(file_.effort_.breadth));
    SearchPlan plan = file_.plan_;
    if (plan == SearchPlan::walk) {
      const Guide guide(file_, *search_);
      const auto found = search_->walk(guide, file_.planner_->room());
      if (!found.empty()) keep_counted(found);
      if (!found.empty() && counted_.size() >= file_.request_.k) {
        searched_ = {Searched::How::walked, found.size()};
        return offer_while_better(counted_, 1);
      }
      plan = file_.planner_->exhaustive();
    }
    if (plan == SearchPlan::read) return read_allowed();
    VIRIDIAN_TRY(const index::NodeSet* const allowed, file_.allowed());
    searched_ = {Searched::How::scanned};
    return offer_while_better(search_->scan(*allowed, kKept * file_.effort_.refine), kScanRefine);
  }

 private:
  Status take_found(std::span<const uint64_t> found) {
    searched_ = {Searched::How::walked, file_.effort_.breadth};
    if (!file_.graph_.apart_nodes().empty()) {
      keep_counted(found);
      found = counted_;
    }
    return offer_best(found, 1, result_);
  }

  /// Those of `found` that count, with those that no walk is sure to find, ascending.
  void keep_counted(std::span<const uint64_t> found) {
    search_->estimate(file_.graph_.apart_nodes(), apart_);
    // What is farther than all of a full list is not among the best of it.
    if (!file_.planner_ && found.size() >= file_.effort_.refine)
      std::erase_if(apart_, [&](uint64_t each) { return each > found.back(); });
    std::sort(apart_.begin(), apart_.end());
    counted_.clear();
    for (const uint64_t each : found)
      if (const index::FoundRow row = search_->row_of(each); !row.apart && file_.any_counts(row))
        counted_.push_back(each);
    const auto middle = static_cast<ptrdiff_t>(counted_.size());
    for (const uint64_t each : apart_)
      if (file_.any_counts(search_->row_of(each))) counted_.push_back(each);
    std::inplace_merge(counted_.begin(), counted_.begin() + middle, counted_.end());
  }

  Status read_allowed() {
    rows_.clear();
    VIRIDIAN_TRY_VOID(file_.for_each_allowed([&](uint32_t row) { rows_.push_back(row); }));
    return offer(result_);
  }

  /// Offers the best of what was found, so many times as many as a walk does.
  Status offer_best(std::span<const uint64_t> found, size_t times, index::TopK& result) {
    rows_.clear();
    const std::span<const uint64_t> refined = search_->refine(found, times * file_.effort_.refine);
    for (const uint64_t each : refined.first(std::min(times * file_.effort_.exact, refined.size())))
      add(search_->row_of(each));
    return offer(result);
  }

  /// The same of so much of it as has any of the nearest: far from the query rows lie closer
  /// together than estimates can tell, and calibration says nothing of them.
  Status offer_while_better(std::span<const uint64_t> found, size_t times) {
    index::TopK nearest(file_.request_.k);
    std::vector<Neighbour> before, now;
    do {
      const size_t some = std::min(times * file_.effort_.refine, found.size());
      VIRIDIAN_TRY_VOID(offer_best(found.first(some), times, nearest));
      found = found.subspan(some);
      before = std::exchange(now, nearest.sorted());
      for (const Neighbour& each : now) nearest.offer(each.distance, each.offset);
    } while (!found.empty() && now != before);
    for (const Neighbour& each : now) result_.offer(each.distance, each.offset);
    return ok_status();
  }

  Status read_apart() {
    rows_.clear();
    for (const uint32_t row : file_.graph_.apart_rows()) add({row, true, true});
    return offer(result_);
  }

  Status read_all() {
    for (uint32_t begin = 0; begin < file_.offsets_.size(); begin += kRowsAtOnce) {
      const size_t end = std::min<size_t>(file_.offsets_.size(), begin + kRowsAtOnce);
      rows_.clear();
      for (uint32_t row = begin; row < end; ++row)
        if (file_.counts(row)) rows_.push_back(row);
      VIRIDIAN_TRY_VOID(offer(result_));
    }
    return ok_status();
  }

  /// Notes those of the rows with one vector that count, at most as many as are asked for: among
  /// them the first go before.
  void add(const index::FoundRow& found) {
    if (file_.counts(found.row)) rows_.push_back(found.row);
    if (!found.has_twins) return;
    const size_t most = rows_.size() + file_.request_.k;
    for (const index::Twin& twin : file_.graph_.twins_of(found.row)) {
      if (rows_.size() == most) return;
      if (file_.counts(twin.row)) rows_.push_back(twin.row);
    }
  }

  Status offer(index::TopK& result) {
    vectors_.clear();
    norms_.clear();
    offsets_.clear();
    for (const uint32_t row : rows_) {
      VIRIDIAN_TRY(const VectorRun run, file_.file_.run(row, 1));
      for (size_t at = 0; at < one_.dim; at += 16) __builtin_prefetch(run.vectors + at);
      vectors_.push_back(run.vectors);
      norms_.push_back(*run.norms);
      offsets_.push_back(file_.offsets_[row]);
    }
    scanner_->gather(vectors_, norms_.data(), offsets_, {&result, 1});
    return ok_status();
  }

  const IndexedFile& file_;
  const float* vector_;
  index::TopK& result_;
  Matrix one_;
  std::optional<index::FlatScanner> scanner_;
  std::unique_ptr<index::IndexSearch> search_;
  std::vector<uint64_t> counted_, apart_;
  std::vector<uint32_t> rows_;
  std::vector<const float*> vectors_;
  std::vector<float> norms_;
  std::vector<Offset> offsets_;
  Searched searched_;
};

IndexedFile::IndexedFile(const VectorFile& file, const index::GraphIndex& graph,
                         const Request& request)
    : file_(file), graph_(graph), request_(request), allowed_(std::make_unique<Allowed>()) {}

IndexedFile::IndexedFile(IndexedFile&&) noexcept = default;
IndexedFile::~IndexedFile() = default;

Result<IndexedFile> IndexedFile::open(const VectorFile& file, const Request& request) {
  VIRIDIAN_TRY(const index::GraphIndex* const graph, file.graph());
  IndexedFile opened(file, *graph, request);
  VIRIDIAN_TRY(opened.offsets_, file.rows().offsets(0, file.rows().size()));
  // Where a good part of all is asked for, reading it all is as quick.
  constexpr uint32_t kPart = 16;
  if (request.recall < 1 && request.k < graph->header().nodes / kPart) {
    opened.effort_ = graph->effort(request.recall, request.k);
    if (opened.effort_.breadth != 0)
      opened.effort_.breadth = std::max<size_t>(opened.effort_.breadth, request.breadth);
  }
  if (opened.is_to_be_read() || (request.allowed == nullptr && file.rows().ended() == 0))
    return opened;
  opened.choose();
  if (request.plan) opened.plan_ = *request.plan;
  return opened;
}

Status IndexedFile::search(const Matrix& queries, size_t first,
                           std::span<index::TopK> results) const {
  for (size_t i = 0; i < results.size(); ++i) {
    Query query(*this, queries.row(first + i), results[i]);
    VIRIDIAN_TRY_VOID(query.run());
  }
  return ok_status();
}

Result<std::optional<Searched>> IndexedFile::way_to(const float* query, Offset offset) const {
  const SealedRows& rows = file_.rows();
  VIRIDIAN_TRY(const std::optional<uint32_t> row, rows.find(offset, rows.size(), request_.at));
  if (!row) return std::optional<Searched>();
  const std::span<const uint32_t> apart = graph_.arrays().apart;
  if (std::binary_search(apart.begin(), apart.end(), *row)) return std::optional(Searched{});
  index::TopK ignored(request_.k);
  Query one(*this, query, ignored);
  VIRIDIAN_TRY_VOID(one.run());
  return std::optional(one.searched());
}

bool IndexedFile::counts(uint32_t row) const {
  if (file_.rows().end(row) <= request_.at) return false;
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

void IndexedFile::choose() {
  SearchPlanner::Input input{request_.recall, request_.k, offsets_.size()};
  input.breadth = request_.breadth;
  input.allowed = input.to_check = offsets_.size() - file_.rows().ended();
  if (request_.allowed == nullptr) {
    input.to_check = offsets_.size();
  } else if (!offsets_.empty()) {
    dense_ = offsets_.back() - offsets_.front() + 1 == offsets_.size();
    // Some of these may be in newer files, which is no matter for planning.
    input.to_check = request_.allowed->count(offsets_.front(), offsets_.back());
    input.allowed = std::min(input.allowed, input.to_check);
  }
  planner_.emplace(graph_, input);
  plan_ = planner_->plan();
}

template <class Use>
Status IndexedFile::for_each_allowed(Use&& use) const {
  const std::span<const uint32_t> nodes_of = graph_.arrays().nodes_of;
  const auto use_live = [&](uint32_t row) {
    if (file_.rows().end(row) > request_.at && nodes_of[row] != index::IndexArrays::kNoNode)
      use(row);
  };
  if (request_.allowed == nullptr) {
    for (uint32_t row = 0; row < offsets_.size(); ++row) use_live(row);
    return ok_status();
  }
  if (offsets_.empty()) return ok_status();
  uint32_t row = 0;
  const Offset first = offsets_.front();
  Status status = ok_status();
  request_.allowed->for_each([&](Offset offset) {
    if (offset < first) return true;
    if (offset > offsets_.back()) return false;
    if (dense_) {
      use_live(static_cast<uint32_t>(offset - first));
      return true;
    }
    const auto found = file_.rows().lower_bound(offset, row);
    if (!found.ok()) {
      status = found.error();
      return false;
    }
    row = *found;
    if (row < offsets_.size() && offsets_[row] == offset) use_live(row);
    return true;
  });
  return status;
}

Result<const index::NodeSet*> IndexedFile::allowed() const {
  const std::lock_guard lock(allowed_->mutex);
  if (allowed_->nodes != nullptr) return allowed_->nodes.get();
  const index::IndexArrays& arrays = graph_.arrays();
  auto nodes = std::make_unique<index::NodeSet>(arrays.header.nodes);
  VIRIDIAN_TRY_VOID(for_each_allowed([&](uint32_t row) { nodes->insert(arrays.nodes_of[row]); }));
  allowed_->nodes = std::move(nodes);
  return allowed_->nodes.get();
}

}  // namespace viridian::segment
