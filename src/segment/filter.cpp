#include "segment/filter.h"

#include <algorithm>

#include "segment/condition.h"

namespace viridian::segment {
namespace {

using Op = Where::Op;

bool is_scalar(const MetadataValue& value) {
  return type_of(value) >= MetadataType::boolean && type_of(value) <= MetadataType::string;
}

struct Compiler {
  const KeyDictionary& keys;
  const IndexChoice& choice;
  size_t regex_memory;  ///< of each expression

  Result<Condition> compile(const Where& where, size_t depth) const {
    if (depth > Filter::kMaxDepth)
      return Error(Code::invalid_argument, "the filter is nested more than " +
                                               std::to_string(Filter::kMaxDepth) + " levels deep");
    Condition condition;
    switch (where.op) {
      case Op::ne:
        condition.op = Op::eq;
        break;
      case Op::nin:
        condition.op = Op::in;
        break;
      case Op::not_contains:
        condition.op = Op::contains;
        break;
      case Op::document_not_contains:
        condition.op = Op::document_contains;
        break;
      case Op::document_not_matches:
        condition.op = Op::document_matches;
        break;
      default:
        condition.op = where.op;
    }
    condition.negated = condition.op != where.op;
    if (condition.op == Op::all || condition.op == Op::any) {
      for (const Where& child : where.children) {
        VIRIDIAN_TRY(Condition compiled, compile(child, depth + 1));
        if (compiled.needs == RowPart::whole) condition.needs = RowPart::whole;
        condition.children.push_back(std::move(compiled));
      }
      return condition;
    }
    VIRIDIAN_TRY_VOID(set_operands(where, condition));
    if (where.key == Where::kDocumentKey)
      condition.field = Condition::Field::document;
    else if (where.key == Where::kUriKey)
      condition.field = Condition::Field::uri;
    else
      condition.key = keys.find(where.key);
    const bool text = condition.op == Op::document_contains || condition.op == Op::document_matches;
    if (text || condition.field == Condition::Field::document) condition.needs = RowPart::whole;
    condition.indexed = std::ranges::all_of(where.operands, [&](const MetadataValue& operand) {
      return choice.values(where.key, type_of(operand));
    });
    return condition;
  }

  Status set_operands(const Where& where, Condition& condition) const {
    const bool list = condition.op == Op::in;
    const bool text = condition.op == Op::document_contains || condition.op == Op::document_matches;
    const bool fits = (list ? !where.operands.empty() : where.operands.size() == 1) &&
                      std::all_of(where.operands.begin(), where.operands.end(), is_scalar);
    if (!fits || (text && type_of(where.operands[0]) != MetadataType::string))
      return Error(Code::invalid_argument,
                   "a condition of the filter has operands that its operator does not take");
    condition.operand = &where.operands[0];
    if (list) {
      for (const MetadataValue& operand : where.operands) condition.members.add(operand);
      condition.members.sort();
    }
    if (condition.op == Op::document_matches) {
      const auto& pattern = std::get<std::string>(where.operands[0]);
      VIRIDIAN_TRY(Regex regex, Regex::compile(pattern, regex_memory));
      condition.regex = std::move(regex);
      condition.prefilter.emplace(pattern, regex_memory);
    }
    return ok_status();
  }
};

}  // namespace

Filter::Filter(std::unique_ptr<const Condition> root, const FilterSize& size)
    : root_(std::move(root)), size_(size) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

Result<Filter> Filter::compile(const Where& where, const KeyDictionary& keys,
                               const IndexChoice& choice) {
  const FilterSize size = size_of(where);
  if (size.conditions > kMaxConditions)
    return Error(Code::invalid_argument, "the filter has " + std::to_string(size.conditions) +
                                             " conditions, more than " +
                                             std::to_string(kMaxConditions));
  const Compiler compiler{keys, choice, Regex::memory_of_each(size.patterns)};
  VIRIDIAN_TRY(Condition root, compiler.compile(where, 1));
  return Filter(std::make_unique<const Condition>(std::move(root)), size);
}

bool Filter::matches(const RowView& row) const { return root_->selects(row); }

}  // namespace viridian::segment
