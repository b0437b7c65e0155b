#include "segment/block_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "inverted/order.h"
#include "segment/filter.h"

namespace viridian::segment {
namespace {

using inverted::Column;
using inverted::kTextPrefix;
using inverted::ordered;
using inverted::ValueRange;
using postings::Row;
using postings::RowBits;
using postings::RowSet;
using Op = Where::Op;

// Nanoseconds, about: of docs/performance.md's machine.
constexpr double kSliceCost = 40;   ///< beginning to read lists
constexpr double kEntryCost = 1.3;  ///< a list's entry
/// Documents that are looked at even if they may be left in doubt.
constexpr uint32_t kLookedAtOnce = 32;
constexpr double kBitmapCost = 600;  ///< a bitmap of a block
constexpr double kPackedCost = 600;  ///< looking at a compressed row that is not beside others
constexpr double kWholeCost = 1200;  ///< and at its document

/// A number of a column as a row has it.
RowValue row_value(MetadataType type, uint64_t order) {
  if (type == MetadataType::integer || type == MetadataType::integers)
    return {MetadataType::integer, std::bit_cast<uint64_t>(inverted::integer_of(order)), {}};
  if (type == MetadataType::floating || type == MetadataType::floatings)
    return {MetadataType::floating, std::bit_cast<uint64_t>(inverted::floating_of(order)), {}};
  return {MetadataType::boolean, order, {}};
}

bool is_nan(const MetadataValue& value) {
  const double* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

/// What a document that holds the text is to have.
std::optional<std::string_view> text_of(const Condition& condition) {
  const bool whole = condition.op == Op::eq && condition.field == Condition::Field::document;
  if (!whole && condition.op != Op::document_contains) return std::nullopt;
  const std::string* text = std::get_if<std::string>(condition.operand);
  if (text == nullptr || text->empty()) return std::nullopt;
  return *text;
}

}  // namespace

/// Finds the values that a condition is about.
class BlockPlan::Finder {
 public:
  Finder(const Condition& condition, const inverted::Columns& columns, std::vector<Slice>& slices)
      : condition_(condition), columns_(columns), slices_(slices) {}

  Status find() {
    if (!condition_.key) return ok_status();
    if (condition_.op == Op::in) return find_members();
    const MetadataValue& operand = *condition_.operand;
    const bool array = condition_.op == Op::contains;
    const auto in = [&](MetadataType scalar, MetadataType elements) {
      return find_compared(array ? elements : scalar);
    };
    switch (type_of(operand)) {
      case MetadataType::boolean:
        return in(MetadataType::boolean, MetadataType::booleans);
      case MetadataType::string:
        return in(MetadataType::string, MetadataType::strings);
      case MetadataType::integer:
        if (array) return find_compared(MetadataType::integers);
        break;
      default:
        if (array) return find_compared(MetadataType::floatings);
        break;
    }
    VIRIDIAN_TRY_VOID(find_compared(MetadataType::integer));
    return find_compared(MetadataType::floating);
  }

 private:
  void add(const Column& column, ValueRange range, bool certain = true) {
    if (range.empty()) return;
    // Neighbours among the values are one slice.
    if (!slices_.empty() && slices_.back().certain && certain &&
        slices_.back().column.type() == column.type() && slices_.back().range.last == range.first)
      slices_.back().range.last = range.last;
    else
      slices_.push_back({column, range, certain});
  }

  /// Of values before `lower`, up to before `upper` (they equal the operand), and the rest.
  ValueRange asked_for(uint32_t lower, uint32_t upper, uint32_t values) const {
    switch (condition_.op) {
      case Op::gt:
        return {upper, values};
      case Op::gte:
        return {lower, values};
      case Op::lt:
        return {0, lower};
      case Op::lte:
        return {0, upper};
      default:
        return {lower, upper};
    }
  }

  Status find_compared(MetadataType type) {
    VIRIDIAN_TRY(const std::optional<Column> column, columns_.find(*condition_.key, type));
    const MetadataValue& operand = *condition_.operand;
    if (!column || is_nan(operand)) return ok_status();
    if (column->is_text()) return find_text(*column, std::get<std::string>(operand));
    const auto order = [&](uint64_t value) { return compare(row_value(type, value), operand); };
    VIRIDIAN_TRY(const uint32_t lower,
                 column->partition_point([&](uint64_t value) { return order(value) < 0; }));
    VIRIDIAN_TRY(const uint32_t upper,
                 column->partition_point([&](uint64_t value) { return order(value) <= 0; }));
    add(*column, asked_for(lower, upper, column->values()));
    return ok_status();
  }

  Status find_text(const Column& column, std::string_view operand) {
    const std::string_view kept = operand.substr(0, kTextPrefix);
    VIRIDIAN_TRY(const uint32_t lower,
                 column.partition_point([&](std::string_view text) { return text < kept; }));
    uint32_t upper = lower;
    if (lower < column.values()) {
      VIRIDIAN_TRY(const std::string_view text, column.text(lower));
      if (text == kept) ++upper;
    }
    if (kept.size() < kTextPrefix) {
      add(column, asked_for(lower, upper, column.values()));
      return ok_status();
    }
    // What begins as the operand does may be less than it, equal or greater.
    add(column, {lower, upper}, false);
    if (condition_.op == Op::gt || condition_.op == Op::gte) add(column, {upper, column.values()});
    if (condition_.op == Op::lt || condition_.op == Op::lte) add(column, {0, lower});
    return ok_status();
  }

  Status find_order(const Column& column, uint64_t order) {
    VIRIDIAN_TRY(const uint32_t at,
                 column.partition_point([&](uint64_t value) { return value < order; }));
    if (at == column.values()) return ok_status();
    VIRIDIAN_TRY(const uint64_t found, column.number(at));
    if (found == order) add(column, {at, at + 1});
    return ok_status();
  }

  /// The values that are members: where there are fewer of them than members.
  Status find_values(const Column& column) {
    for (uint32_t i = 0; i < column.values(); ++i) {
      RowValue value;
      if (column.is_text()) {
        VIRIDIAN_TRY(const std::string_view text, column.text(i));
        if (text.size() == kTextPrefix) {
          add(column, {i, i + 1}, false);
          continue;
        }
        value = {MetadataType::string, 0, text};
      } else {
        VIRIDIAN_TRY(const uint64_t number, column.number(i));
        value = row_value(column.type(), number);
      }
      if (condition_.members.has(value)) add(column, {i, i + 1});
    }
    return ok_status();
  }

  Status find_members() {
    const Members& members = condition_.members;
    const size_t count = members.integers.size() + members.floats.size() + members.strings.size();
    const auto find = [&](MetadataType type) -> Result<std::optional<Column>> {
      VIRIDIAN_TRY(const std::optional<Column> column, columns_.find(*condition_.key, type));
      if (!column || column->values() >= count) return column;
      VIRIDIAN_TRY_VOID(find_values(*column));
      return std::nullopt;
    };
    VIRIDIAN_TRY(const auto booleans, find(MetadataType::boolean));
    VIRIDIAN_TRY(const auto integers, find(MetadataType::integer));
    VIRIDIAN_TRY(const auto floatings, find(MetadataType::floating));
    VIRIDIAN_TRY(const auto texts, find(MetadataType::string));
    if (booleans && members.has_false) VIRIDIAN_TRY_VOID(find_order(*booleans, 0));
    if (booleans && members.has_true) VIRIDIAN_TRY_VOID(find_order(*booleans, 1));
    for (const int64_t member : members.integers) {
      if (integers) VIRIDIAN_TRY_VOID(find_order(*integers, ordered(member)));
      const auto rounded = static_cast<double>(member);
      if (floatings && compare_numbers(member, rounded) == 0)
        VIRIDIAN_TRY_VOID(find_order(*floatings, ordered(rounded)));
    }
    if (floatings)
      for (const double member : members.floats)
        VIRIDIAN_TRY_VOID(find_order(*floatings, ordered(member)));
    if (texts)
      for (const std::string_view member : members.strings)
        VIRIDIAN_TRY_VOID(find_text(*texts, member));
    return ok_status();
  }

  const Condition& condition_;
  const inverted::Columns& columns_;
  std::vector<Slice>& slices_;
};

Result<BlockIndex> BlockIndex::open(const RowBlock& block) {
  VIRIDIAN_TRY(inverted::Columns columns, inverted::Columns::open(block.columns));
  BlockIndex index{std::move(columns), std::nullopt, block.packed_rows != nullptr};
  if (block.trigrams) {
    VIRIDIAN_TRY(index.trigrams, text::TrigramIndex::open(block.trigrams));
  }
  if (index.columns.rows() != block.rows ||
      (index.trigrams && index.trigrams->rows() != block.rows))
    return block.columns->damaged(0, "its index is of another number of rows");
  return index;
}

BlockPlan::BlockPlan(const Condition& condition, const BlockIndex& index)
    : condition_(&condition), rows_(index.columns.rows()), row_cost_(kRowCost) {
  if (index.packed) row_cost_ = condition.needs == RowPart::whole ? kWholeCost : kPackedCost;
}

Result<BlockPlan> BlockPlan::make(const Condition& condition, const BlockIndex& index) {
  BlockPlan plan(condition, index);
  if (plan.is_tree()) {
    VIRIDIAN_TRY_VOID(plan.plan_children(index));
  } else if (condition.field == Condition::Field::metadata && condition.op <= Op::contains &&
             condition.indexed) {
    VIRIDIAN_TRY_VOID(plan.plan_slices(index));
  } else {
    plan.indexed_ = false;
    plan.at_most_ = plan.rows_;
    plan.cost_ = plan.rows_ * plan.row_cost_;
    if (index.trigrams) VIRIDIAN_TRY_VOID(plan.plan_text(*index.trigrams));
  }
  return plan;
}

bool BlockPlan::is_tree() const noexcept {
  return condition_->op == Op::all || condition_->op == Op::any;
}

Status BlockPlan::plan_children(const BlockIndex& index) {
  for (const Condition& child : condition_->children) {
    VIRIDIAN_TRY(BlockPlan plan, make(child, index));
    children_.push_back(std::move(plan));
  }
  if (condition_->op == Op::any) {
    uint64_t sum = 0;
    for (const BlockPlan& child : children_) {
      sum += child.at_most_;
      cost_ += child.cost_;
    }
    at_most_ = static_cast<uint32_t>(std::min<uint64_t>(sum, rows_));
    return ok_status();
  }
  std::stable_sort(children_.begin(), children_.end(), [](const BlockPlan& a, const BlockPlan& b) {
    return std::pair(a.at_most_, a.cost_) < std::pair(b.at_most_, b.cost_);
  });
  at_most_ = rows_;
  for (const BlockPlan& child : children_) {
    cost_ += std::min(child.cost_, at_most_ * row_cost_);
    at_most_ = std::min(at_most_, child.at_most_);
  }
  return ok_status();
}

Status BlockPlan::plan_slices(const BlockIndex& index) {
  VIRIDIAN_TRY_VOID(Finder(*condition_, index.columns, slices_).find());
  uint64_t certain = 0, uncertain = 0;
  for (const Slice& slice : slices_) {
    VIRIDIAN_TRY(const uint32_t count, slice.column.count(slice.range));
    (slice.certain ? certain : uncertain) += count;
  }
  const uint64_t found = std::min<uint64_t>(certain + uncertain, rows_);
  at_most_ = static_cast<uint32_t>(condition_->negated ? rows_ - std::min<uint64_t>(certain, rows_)
                                                       : found);
  cost_ = static_cast<double>(slices_.size()) * kSliceCost +
          static_cast<double>(certain + uncertain) * kEntryCost +
          static_cast<double>(uncertain) * row_cost_;
  if (slices_.size() > 1 || found > RowSet::kMostListed || condition_->negated)
    cost_ += kBitmapCost;
  return ok_status();
}

Status BlockPlan::plan_text(const text::TrigramIndex& trigrams) {
  uint32_t found = rows_;
  if (const auto text = text_of(*condition_)) {
    VIRIDIAN_TRY(found, trigrams.at_most(*text));
  } else if (!condition_->prefilter || condition_->prefilter->lets_all_pass()) {
    return ok_status();
  }
  trigrams_ = &trigrams;
  indexed_ = true;
  // A short text's rows are known; a longer one's are to be looked at, of which few are left.
  constexpr double kLeft = 0.25;
  at_most_ = condition_->negated ? rows_ : found;
  cost_ = kBitmapCost + found * (kEntryCost + kLeft * row_cost_);
  return ok_status();
}

Result<RowSet> BlockPlan::run_text(const Run& run, const RowSet* among) const {
  const auto candidates = [&] {
    if (const auto text = text_of(*condition_)) return trigrams_->containing(*text, among);
    return condition_->prefilter->candidates(*trigrams_, among);
  };
  VIRIDIAN_TRY(text::Candidates found, candidates());
  // Of one that is to be equal, the text is only a part.
  if (found.exact && condition_->op == Op::document_contains) return std::move(found.rows);
  if (run.doubtful == nullptr || found.rows.size() <= kLookedAtOnce)
    return holding(run, std::move(found.rows));
  *run.doubtful = true;
  // Of what is not to have the text, nothing is left out.
  if (condition_->negated) return RowSet();
  return std::move(found.rows);
}

Result<RowSet> BlockPlan::holding(const Run& run, RowSet among) const {
  VIRIDIAN_TRY(RowSet selected, look_at(run, among));
  if (!condition_->negated) return selected;
  among.subtract(selected);
  return among;
}

BlockPlan::Way BlockPlan::way(const RowSet* among) const noexcept {
  if (is_tree()) return Way::tree;
  if (!indexed_ || (among != nullptr && among->size() * row_cost_ < cost_)) return Way::rows;
  return trigrams_ != nullptr ? Way::trigrams : Way::lists;
}

Result<RowSet> BlockPlan::run(const Run& run, const RowSet* among) const {
  if (among != nullptr && among->empty()) return RowSet();
  const Way way = this->way(among);
  if (run.work == nullptr) return answer(run, way, among);
  const Stopwatch took;
  VIRIDIAN_TRY(RowSet found, answer(run, way, among));
  ConditionWork& work = run.work->of(*condition_);
  work.among += among != nullptr ? among->size() : rows_;
  work.found += found.size();
  work.nanoseconds += took.nanoseconds();
  ++work.blocks[static_cast<size_t>(way)];
  return found;
}

Result<RowSet> BlockPlan::answer(const Run& run, Way way, const RowSet* among) const {
  if (way == Way::tree) return run_tree(run, among);
  if (way == Way::rows)
    return among != nullptr ? look_at(run, *among) : look_at(run, RowSet::first(rows_));
  VIRIDIAN_TRY(RowSet found, way == Way::trigrams ? run_text(run, among) : run_slices(run));
  if (condition_->negated) found.complement(rows_);
  if (among != nullptr) found.intersect(*among);
  return found;
}

void BlockPlan::expect(BlockWork& work) const {
  ConditionWork& own = work.of(*condition_);
  own.at_most += at_most_;
  own.cost += cost_;
  for (const BlockPlan& child : children_) child.expect(work);
}

Result<RowSet> BlockPlan::run_tree(const Run& run, const RowSet* among) const {
  if (condition_->op == Op::any) {
    RowSet found;
    for (const BlockPlan& child : children_) {
      VIRIDIAN_TRY(const RowSet more, child.run(run, among));
      found.unite(more);
    }
    return found;
  }
  RowSet left = RowSet::first(rows_);
  if (among != nullptr) left.intersect(*among);
  bool whole = among == nullptr;
  for (const BlockPlan& child : children_) {
    VIRIDIAN_TRY(left, child.run(run, whole ? nullptr : &left));
    whole = false;
  }
  return left;
}

Result<RowSet> BlockPlan::run_slices(const Run& run) const {
  if (slices_.size() == 1 && slices_[0].certain) return slices_[0].column.rows(slices_[0].range);
  if (slices_.empty()) return RowSet();
  auto bits = std::make_unique<RowBits>();
  RowSet doubtful;
  for (const Slice& slice : slices_) {
    if (slice.certain) {
      VIRIDIAN_TRY_VOID(slice.column.add_rows(slice.range, *bits));
    } else {
      VIRIDIAN_TRY(const RowSet more, slice.column.rows(slice.range));
      doubtful.unite(more);
    }
  }
  RowSet found = RowSet::of(std::move(bits));
  VIRIDIAN_TRY(const RowSet certain, holding(run, std::move(doubtful)));
  found.unite(certain);
  return found;
}

Result<RowSet> BlockPlan::look_at(const Run& run, const RowSet& among) const {
  Status status = ok_status();
  std::vector<Row> selected;
  const RowPart part = condition_->needs;
  if (run.work != nullptr) run.work->of(*condition_).looked_at += among.size();
  among.for_each([&](Row row) {
    if (!status.ok()) return;
    const Result<RowView> view = run.rows(row, part);
    if (!view.ok())
      status = view.error();
    else if (condition_->selects(*view))
      selected.push_back(row);
  });
  VIRIDIAN_TRY_VOID(status);
  return RowSet::of(std::move(selected));
}

}  // namespace viridian::segment
