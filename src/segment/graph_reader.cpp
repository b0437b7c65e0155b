#include "segment/graph_reader.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/stopwatch.h"
#include "os/background_threads.h"
#include "viridian/spi/plan_trace.h"

namespace viridian::segment {
namespace {

/// Queries of one call that a thread takes at once.
constexpr size_t kQueriesAtOnce = 4;
/// Codes take the room of what was not searched for so long: they only save time, and an index that
/// makes room for them is read again from its file.
constexpr std::chrono::minutes kUnused{1};

/// A query whose answer is to be found once more, exactly. Keeps the files and heads that it is
/// found in, but no view of the collection.
struct Sample {
  os::BackgroundThreads thread{1};  // leaves the others to those who wait
  PartsVectorReader reader;
  Matrix vector;
  uint32_t k = 0;
  std::optional<OffsetSet> allowed;

  Sample(std::vector<PinnedVectors> parts, Space space, uint32_t dim, SeqId at)
      : reader(std::move(parts), space, dim, at, thread) {}
  Result<std::vector<Neighbour>> find(const Context& context) const {
    VIRIDIAN_TRY(auto found,
                 reader.search(context, {&vector, k, allowed ? &*allowed : nullptr, 1}));
    return std::move(found.front());
  }
};

void tell_loaded(PlanTrace& trace, size_t indexes, const Stopwatch& took) {
  PlanStep step{"load"};
  step.on = std::to_string(indexes) + " indexes";
  step.microseconds = took.microseconds();
  trace.add(std::move(step));
}

}  // namespace

GraphVectorReader::GraphVectorReader(std::vector<PinnedVectors> parts, Space space, uint32_t dim,
                                     SeqId at, Executor& executor,
                                     std::shared_ptr<IndexMemory> memory, RecallSampler* sampler)
    : PartsVectorReader(std::move(parts), space, dim, at, executor),
      memory_(std::move(memory)),
      sampler_(sampler) {}

Result<std::vector<std::vector<Neighbour>>> GraphVectorReader::search_by(
    const Context& context, const VectorQuery& query, std::optional<SearchPlan> by) const {
  VIRIDIAN_TRY_VOID(check(query));
  const Matrix& vectors = *query.vectors;
  const size_t queries = vectors.rows();
  if (queries == 0 || query.k == 0 || dim() == 0)
    return std::vector<std::vector<Neighbour>>(queries);
  VIRIDIAN_TRY(Plan plan, this->plan(context, query, by));
  const index::FlatScanner scanner(space(), dim(), vectors);
  VIRIDIAN_TRY(Results results, read(context, query, scanner, {plan.whole, plan.coded}));
  if (results.empty())
    for (size_t i = 0; i < queries; ++i) results.emplace_back(query.k);
  VIRIDIAN_TRY(const std::vector<size_t> unanswered, search_indexed(context, query, plan, results));
  auto answers = sorted(std::move(results));
  if (!unanswered.empty()) VIRIDIAN_TRY_VOID(answer_exactly(context, query, unanswered, answers));
  if (sampler_ != nullptr && !plan.indexed.empty())
    sampler_->note(answers, [&](size_t i) { return exact(query, i); });
  return answers;
}

Result<std::vector<size_t>> GraphVectorReader::search_indexed(const Context& context,
                                                              const VectorQuery& query,
                                                              const Plan& plan,
                                                              Results& results) const {
  std::vector<size_t> all;
  if (plan.indexed.empty()) return all;
  const size_t queries = results.size();
  const size_t groups = (queries + kQueriesAtOnce - 1) / kQueriesAtOnce;
  std::vector<Status> outcomes(groups);
  std::vector<std::vector<size_t>> unanswered(groups);
  const auto work = [&](size_t i) {
    const size_t first = i * kQueriesAtOnce;
    const std::span of_group =
        std::span(results).subspan(first, std::min(kQueriesAtOnce, queries - first));
    outcomes[i] = context.check();
    for (const IndexedFile& file : plan.indexed)
      if (outcomes[i].ok())
        outcomes[i] = file.search(context, *query.vectors, first, of_group, unanswered[i]);
  };
  if (groups == 1)
    work(0);
  else
    executor().parallel_for(groups, work);
  for (Status& outcome : outcomes) VIRIDIAN_TRY_VOID(std::move(outcome));
  for (const std::vector<size_t>& some : unanswered)
    all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Status GraphVectorReader::answer_exactly(const Context& context, const VectorQuery& query,
                                         std::span<const size_t> which,
                                         std::vector<std::vector<Neighbour>>& answers) const {
  Matrix vectors{dim(), {}};
  for (const size_t i : which) {
    const float* const vector = query.vectors->row(i);
    vectors.values.insert(vectors.values.end(), vector, vector + dim());
  }
  VectorQuery exactly = query;
  exactly.vectors = &vectors;
  exactly.recall = 1;
  VIRIDIAN_TRY(auto found, search_by(context, exactly, std::nullopt));
  for (size_t i = 0; i < which.size(); ++i) answers[which[i]] = std::move(found[i]);
  return ok_status();
}

Result<std::vector<std::vector<Neighbour>>> GraphVectorReader::search(
    const Context& context, const VectorQuery& query) const {
  return search_by(context, query, std::nullopt);
}

RecallSampler::Exact GraphVectorReader::exact(const VectorQuery& query, size_t i) const {
  auto sample = std::make_shared<Sample>(parts(), space(), dim(), at());
  const float* const vector = query.vectors->row(i);
  sample->vector = {dim(), {}};
  sample->vector.values.insert(sample->vector.values.end(), vector, vector + dim());
  sample->k = query.k;
  if (query.allowed != nullptr) sample->allowed = *query.allowed;
  return [sample](const Context& context) { return sample->find(context); };
}

Result<Searched> GraphVectorReader::way_to(const Context& context, const VectorQuery& query,
                                           Offset offset) const {
  VIRIDIAN_TRY_VOID(context.check());
  VIRIDIAN_TRY_VOID(check(query));
  VIRIDIAN_TRY(const Plan plan, this->plan(context, query, std::nullopt));
  for (const IndexedFile& file : plan.indexed) {
    VIRIDIAN_TRY(const auto searched, file.way_to(context, query.vectors->row(0), offset));
    if (searched) return *searched;
  }
  return Searched{};
}

Status GraphVectorReader::check_space(const VectorFile& file, const FileIndex& index) const {
  if (index.entry->index().graph().header().space == static_cast<uint32_t>(space()))
    return ok_status();
  return Error(Code::data_loss, "the index is damaged: it is of another space than its collection")
      .with(file.file().path());
}

Result<GraphVectorReader::Plan> GraphVectorReader::plan(const Context& context,
                                                        const VectorQuery& query,
                                                        std::optional<SearchPlan> by) const {
  Plan plan;
  std::vector<IndexMemory::Entry*> entries;
  std::vector<PinnedVectors> unindexed;
  for (const PinnedVectors& pinned : parts()) {
    if (pinned.file == nullptr)
      plan.coded.push_back(pinned);
    else if (!pinned.file->has_index())
      unindexed.push_back(pinned);
    else if (query.recall >= 1)
      plan.whole.push_back(pinned);
    else
      for (const FileIndex& index : pinned.file->indexes()) entries.push_back(index.entry.get());
  }
  if (!entries.empty()) {
    const Stopwatch took;
    VIRIDIAN_TRY(plan.pins, memory_->pin(context, entries));
    if (context.trace() != nullptr) tell_loaded(*context.trace(), entries.size(), took);
  }
  // Only now: whoever waits for indexes must not have pinned anything.
  for (const PinnedVectors& pinned : unindexed) {
    IndexMemory::Entry* const codes = pinned.file->codes_entry();
    const bool coded = codes != nullptr && memory_->pin_spare(context, *codes, kUnused, plan.pins);
    (coded ? plan.coded : plan.whole).push_back(pinned);
  }
  if (entries.empty()) return plan;
  for (const PinnedVectors& pinned : parts()) {
    if (pinned.file == nullptr || !pinned.file->has_index()) continue;
    std::vector<IndexedFile> searches;
    for (const FileIndex& index : pinned.file->indexes()) {
      VIRIDIAN_TRY_VOID(check_space(*pinned.file, index));
      searches.emplace_back(*pinned.file, index,
                            IndexedFile::Request{at(), query.k, query.allowed, query.recall,
                                                 std::min(query.breadth, index.place.rows), by});
    }
    if (std::any_of(searches.begin(), searches.end(),
                    [](const IndexedFile& search) { return search.is_to_be_read(); }))
      plan.whole.push_back(pinned);
    else
      for (IndexedFile& search : searches) plan.indexed.push_back(std::move(search));
  }
  return plan;
}

}  // namespace viridian::segment
