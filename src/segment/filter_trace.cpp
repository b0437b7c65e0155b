#include "segment/filter_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "codec/json_values.h"
#include "viridian/spi/plan_trace.h"

namespace viridian::segment {
namespace {

constexpr std::array<std::string_view, 4> kWays = {"", "lists", "trigrams", "rows"};
constexpr double kPerMicrosecond = 1000;
/// Conditions within conditions that are told of: an answer must not be nested deeper than JSON
/// may.
constexpr int kDeepest = 32;

bool is_tree(const Where& where) {
  return where.op == Where::Op::all || where.op == Where::Op::any;
}

/// The condition as a client writes it, or its beginning.
std::string text_of(const Where& where) {
  constexpr size_t kMost = 200;
  std::string text = codec::write_where(where);
  if (text.size() <= kMost) return text;
  size_t size = kMost;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size) + "...";
}

/// In which ways blocks were answered, and how many where there are several ways.
std::string ways_of(const ConditionWork& work) {
  const auto used = std::count_if(work.blocks.begin() + 1, work.blocks.end(),
                                  [](uint64_t blocks) { return blocks != 0; });
  std::string text;
  for (size_t way = 1; way < work.blocks.size(); ++way) {
    if (work.blocks[way] == 0) continue;
    if (!text.empty()) text += ", ";
    text += kWays[way];
    if (used > 1) text += fmt::format(" in {} blocks", work.blocks[way]);
  }
  return text;
}

void add_work(const ConditionWork& more, ConditionWork& work) {
  work.among += more.among;
  work.at_most += more.at_most;
  work.found += more.found;
  work.looked_at += more.looked_at;
  work.nanoseconds += more.nanoseconds;
  work.cost += more.cost;
  for (size_t way = 0; way < work.blocks.size(); ++way) work.blocks[way] += more.blocks[way];
}

PlanStep counted(std::string name, const ConditionWork& work) {
  PlanStep step{std::move(name)};
  step.among = work.among;
  step.actual = work.found;
  step.microseconds = work.nanoseconds / 1000;
  return step;
}

}  // namespace

std::unique_ptr<FilterTrace> FilterTrace::of(const Context& context, const Where& where,
                                             const Condition& filter) {
  if (context.trace() == nullptr) return nullptr;
  auto trace = std::make_unique<FilterTrace>();
  trace->add_node(where, filter);
  return trace;
}

size_t FilterTrace::add_node(const Where& where, const Condition& condition) {
  const size_t number = nodes_.size();
  nodes_.push_back({&where, {}, {}});
  numbers_.emplace(&condition, number);
  for (size_t i = 0; i < condition.children.size(); ++i) {
    const size_t child = add_node(where.children[i], condition.children[i]);
    nodes_[number].children.push_back(child);
  }
  return number;
}

void FilterTrace::add(const BlockWork& block) {
  ++blocks_;
  for (size_t i = 0; i < nodes_.size(); ++i) add_work(block.conditions()[i], nodes_[i].work);
  add_work(block.unindexed, unindexed_);
}

void FilterTrace::add_visible(uint64_t found, uint64_t visible, uint64_t nanoseconds) {
  visible_.among += found;
  visible_.found += visible;
  visible_.nanoseconds += nanoseconds;
}

PlanStep FilterTrace::step_of(const Node& node, int depth) const {
  const ConditionWork& work = node.work;
  const bool tree = is_tree(*node.where);
  const auto name = [&] { return node.where->op == Where::Op::all ? "all" : "any"; };
  PlanStep step = counted(tree ? name() : "condition", work);
  if (!tree || depth == kDeepest) step.on = text_of(*node.where);
  step.how = ways_of(work);
  step.estimated = work.at_most;
  step.cost = work.cost / kPerMicrosecond;
  if (!tree) step.looked_at = work.looked_at;
  if (depth == kDeepest) return step;
  for (const size_t child : node.children) step.steps.push_back(step_of(nodes_[child], depth + 1));
  // Each block has an order of its own: who is asked about more rows went before, mostly.
  std::stable_sort(step.steps.begin(), step.steps.end(),
                   [](const PlanStep& a, const PlanStep& b) { return a.among > b.among; });
  return step;
}

void FilterTrace::finish(PlanTrace& trace, uint64_t found, uint64_t blocks) const {
  PlanStep step{"filter", fmt::format("{} of {} blocks", blocks_, blocks)};
  const Node* root = &nodes_.front();
  step.estimated = root->work.at_most + unindexed_.among;
  step.cost = (root->work.cost + unindexed_.cost) / kPerMicrosecond;
  step.actual = found;
  step.microseconds = since_.microseconds();
  // All of one condition, or any of one, is that condition.
  while (is_tree(*root->where) && root->children.size() == 1) root = &nodes_[root->children[0]];
  if (blocks_ > unindexed_.blocks.back()) step.steps.push_back(step_of(*root, 1));
  if (unindexed_.blocks.back() != 0) {
    PlanStep unindexed = counted("unindexed", unindexed_);
    unindexed.on = fmt::format("{} blocks", unindexed_.blocks.back());
    unindexed.how = ways_of(unindexed_);
    unindexed.estimated = unindexed_.among;
    unindexed.looked_at = unindexed_.looked_at;
    unindexed.cost = unindexed_.cost / kPerMicrosecond;
    step.steps.push_back(std::move(unindexed));
  }
  step.steps.push_back(counted("visible", visible_));
  trace.add(std::move(step));
}

}  // namespace viridian::segment
