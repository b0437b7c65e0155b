#include "clickhouse/block.h"

#include <type_traits>

#include "clickhouse/native.h"

namespace viridian::clickhouse {
namespace {

struct RowCount {
  template <class T>
  size_t operator()(const std::vector<T>& values) const {
    return values.size();
  }
  size_t operator()(const StringColumn& values) const { return values.size(); }
  size_t operator()(const FloatArrays& values) const { return values.ends.size(); }
  size_t operator()(const Times& values) const { return values.seconds.size(); }
};

struct Appender {
  const Values& more;
  template <class T>
  void operator()(std::vector<T>& values) const {
    const auto& added = std::get<std::vector<T>>(more);
    values.insert(values.end(), added.begin(), added.end());
  }
  void operator()(StringColumn& values) const {
    const auto& added = std::get<StringColumn>(more);
    for (size_t i = 0; i < added.size(); ++i) values.push_back(added[i]);
  }
  void operator()(FloatArrays& values) const {
    const auto& added = std::get<FloatArrays>(more);
    const uint64_t before = values.values.size();
    for (const uint64_t end : added.ends) values.ends.push_back(before + end);
    values.values.insert(values.values.end(), added.values.begin(), added.values.end());
  }
  void operator()(Times& values) const {
    const auto& added = std::get<Times>(more);
    values.seconds.insert(values.seconds.end(), added.seconds.begin(), added.seconds.end());
  }
};

}  // namespace

size_t rows_of(const Values& values) { return std::visit(RowCount(), values); }

Block empty_of(const Shape& shape) {
  Block block;
  for (const Column& column : shape) {
    block.columns.push_back(
        {column.name,
         std::visit([](const auto& like) { return Values(std::remove_cvref_t<decltype(like)>()); },
                    column.values)});
  }
  return block;
}

void append(Block& block, const Block& more) {
  for (size_t i = 0; i < block.columns.size(); ++i)
    std::visit(Appender{more.columns[i].values}, block.columns[i].values);
}

size_t Block::rows() const noexcept { return columns.empty() ? 0 : rows_of(columns[0].values); }

}  // namespace viridian::clickhouse
