#include "segment/search_plan.h"

#include <algorithm>
#include <limits>

#include "index/records.h"

namespace viridian::segment {
namespace {

/// Nanoseconds, for memory that is in no cache: a line of a record in a walk, and in a scan, which
/// knows what comes next; a line of a whole vector; a row that is looked up.
constexpr double kWalkLine = 22, kScanLine = 7.5, kVectorLine = 5, kLookup = 1.5;
/// What a walk or a scan takes apart from that.
constexpr double kBegin = 3000;
/// Of a walk for recall 0.95, until it comes near to the query.
constexpr double kWayThere = 0.25;
constexpr double kLineFloats = 16;
/// All that is above was fitted to 10 results. For more, what each row takes that is looked at
/// closely: estimated finely, fetched, computed and sorted in; and a line of its vector.
constexpr double kLook = 250, kLookLine = 20;
/// So many times as many as calibration asks for are looked at, in portions, after a walk and after
/// a scan.
constexpr double kWalkLooks = 2, kScanLooks = 4;
/// Breadth of a walk that only looks how many of those near to the query are allowed.
constexpr size_t kProbe = 16;
/// Of what looking at all would take, what may be lost on a walk that has to be followed by it.
constexpr double kLost = 0.5;
/// Rows whose share of allowed ones is taken for granted beside those that were found.
constexpr double kGranted = 8;

}  // namespace

SearchPlanner::SearchPlanner(const index::GraphIndex& index, const Input& input)
    : index_(index), input_(input), effort_(index.effort(input.recall, input.nearest)) {}

double SearchPlanner::share() const noexcept {
  const auto rows = static_cast<double>(std::max<uint64_t>(1, input_.rows));
  return std::clamp(static_cast<double>(input_.allowed) / rows, 1 / rows, 1.0);
}

/// The nearest allowed rows are among so many more of all.
size_t SearchPlanner::breadth_for(double share) const {
  const auto in_proportion = static_cast<size_t>(static_cast<double>(effort_.breadth) / share);
  const auto nearest = static_cast<size_t>(static_cast<double>(input_.nearest) / share);
  const size_t calibrated = index_.effort(input_.recall, nearest).breadth;
  const size_t enough = calibrated == 0 ? in_proportion : std::min(calibrated, in_proportion);
  return std::max({effort_.breadth, input_.breadth, enough});
}

double SearchPlanner::walk_cost(size_t breadth) const {
  const index::IndexHeader& header = index_.header();
  // No walk that was tried found enough, so nobody knows what one takes.
  if (header.distances == 0) return std::numeric_limits<double>::infinity();
  const double known = std::max<double>(1, header.levels[1].breadth[0]);
  const auto lines = static_cast<double>(index::RecordCoder(header.dim, header.bits).lines());
  const double part = kWayThere + (1 - kWayThere) * static_cast<double>(breadth) / known;
  return kBegin + header.distances * part * lines * kWalkLine;
}

double SearchPlanner::look_cost(double times) const {
  const double rows =
      times * std::max(0.0, static_cast<double>(effort_.exact) - index_.header().exact[0]);
  return std::min(rows, static_cast<double>(input_.allowed)) *
         (kLook + kLookLine * (1 + index_.header().dim / kLineFloats));
}

double SearchPlanner::scan_cost() const {
  const index::IndexHeader& header = index_.header();
  const auto lines = static_cast<double>(index::RecordCoder(header.dim, header.bits).lines());
  return kBegin + kLookup * static_cast<double>(input_.to_check) +
         kScanLine * lines * static_cast<double>(input_.allowed) +
         kVectorLine * (1 + header.dim / kLineFloats) * kScanLooks *
             static_cast<double>(effort_.exact) +
         look_cost(kScanLooks);
}

double SearchPlanner::read_cost() const {
  return kLookup * static_cast<double>(input_.to_check) +
         kVectorLine * (1 + index_.header().dim / kLineFloats) *
             static_cast<double>(input_.allowed);
}

SearchPlan SearchPlanner::exhaustive() const {
  return read_cost() <= scan_cost() ? SearchPlan::read : SearchPlan::scan;
}

double SearchPlanner::cost(SearchPlan plan) const {
  if (plan == SearchPlan::walk) return walk_cost(effort_.breadth) + look_cost(kWalkLooks);
  return plan == SearchPlan::scan ? scan_cost() : read_cost();
}

SearchPlan SearchPlanner::plan() const {
  // Too narrow a walk for most filters costs little, and finds out whether it is one that does.
  const bool may_pay = cost(SearchPlan::walk) <= exhaustive_cost();
  return may_pay && walk_cost(kProbe) <= kLost * exhaustive_cost() ? SearchPlan::walk
                                                                   : exhaustive();
}

size_t SearchPlanner::room() const {
  return 2 * std::min(breadth_for(share()), 2 * effort_.breadth);
}

size_t SearchPlanner::breadth(size_t found, size_t counted) const {
  const double near =
      (static_cast<double>(counted) + kGranted * share()) / (static_cast<double>(found) + kGranted);
  const size_t enough = breadth_for(near);
  const double cost = walk_cost(enough);
  const bool pays =
      cost <= kLost * exhaustive_cost() && cost + look_cost(kWalkLooks) <= exhaustive_cost();
  return pays || cost <= walk_cost(effort_.breadth) ? enough : 0;
}

}  // namespace viridian::segment
