#include "model/filter_size.h"

namespace viridian {
namespace {

void add(const Where& where, FilterSize& size) {
  ++size.conditions;
  size.operands += where.operands.size();
  if (where.op == Where::Op::document_matches || where.op == Where::Op::document_not_matches)
    ++size.patterns;
  for (const Where& child : where.children) add(child, size);
}

}  // namespace

FilterSize size_of(const Where& where) {
  FilterSize size;
  add(where, size);
  return size;
}

}  // namespace viridian
