#include "log/clickhouse_metadata.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace viridian::clickhouse {
namespace {

Error wrong(std::string_view what) {
  return Error(Code::data_loss, fmt::format("these are not the bytes of metadata: {}", what));
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

/// Appends value i of a column.
struct ValueWriter {
  std::string& out;
  size_t i;

  void operator()(std::monostate) const {}
  void operator()(const StringColumn& values) const { put_text(out, values[i]); }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    put(out, values[i]);
  }
  template <class T>
  void operator()(const std::vector<std::vector<T>>& values) const {
    put(out, static_cast<uint32_t>(values[i].size()));
    for (const auto& element : values[i]) {
      if constexpr (std::is_same_v<T, std::string>)
        put_text(out, element);
      else
        put(out, static_cast<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>(element));
    }
  }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const noexcept { return rest_.empty(); }
  size_t left() const noexcept { return rest_.size(); }

  template <class T>
  Result<T> number() {
    if (rest_.size() < sizeof(T)) return wrong("they end too early");
    T value;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  Result<std::string_view> text() {
    VIRIDIAN_TRY(const auto size, number<uint32_t>());
    if (size > rest_.size()) return wrong("a text is longer than they are");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  template <class T>
  Result<T> element() {
    if constexpr (std::is_same_v<T, std::string>) {
      VIRIDIAN_TRY(const std::string_view found, text());
      return std::string(found);
    } else if constexpr (std::is_same_v<T, bool>) {
      VIRIDIAN_TRY(const auto found, number<uint8_t>());
      if (found > 1) return wrong("a truth value is neither");
      return found == 1;
    } else {
      return number<T>();
    }
  }
  template <class T>
  Result<MetadataValue> value() {
    VIRIDIAN_TRY(T found, element<T>());
    return MetadataValue(std::move(found));
  }
  template <class T>
  Result<MetadataValue> array() {
    VIRIDIAN_TRY(const auto size, number<uint32_t>());
    if (size > rest_.size()) return wrong("an array is longer than they are");
    std::vector<T> values;
    values.reserve(size);
    for (uint32_t i = 0; i < size; ++i) {
      VIRIDIAN_TRY(T found, element<T>());
      values.push_back(std::move(found));
    }
    return MetadataValue(std::move(values));
  }

 private:
  std::string_view rest_;
};

Result<MetadataValue> read_value(Reader& in, uint8_t type) {
  switch (static_cast<MetadataType>(type)) {
    case MetadataType::null:
      return MetadataValue();
    case MetadataType::boolean:
      return in.value<bool>();
    case MetadataType::integer:
      return in.value<int64_t>();
    case MetadataType::floating:
      return in.value<double>();
    case MetadataType::string:
      return in.value<std::string>();
    case MetadataType::booleans:
      return in.array<bool>();
    case MetadataType::integers:
      return in.array<int64_t>();
    case MetadataType::floatings:
      return in.array<double>();
    case MetadataType::strings:
      return in.array<std::string>();
  }
  return wrong(fmt::format("a value of type {}", type));
}

}  // namespace

std::vector<std::string> encode_metadata(const RecordBatch& batch) {
  std::vector<std::string> rows(batch.rows());
  for (const MetadataColumn& column : batch.metadata) {
    for (size_t i = 0; i < column.rows.size(); ++i) {
      std::string& out = rows[column.rows[i]];
      put_text(out, column.key);
      put(out, static_cast<uint8_t>(column.type));
      std::visit(ValueWriter{out, i}, column.values);
    }
  }
  return rows;
}

Status decode_metadata(std::string_view bytes, uint32_t row, MetadataColumnsBuilder& builder) {
  Reader in(bytes);
  std::string_view before;
  for (bool first = true; !in.at_end(); first = false) {
    VIRIDIAN_TRY(const std::string_view key, in.text());
    if (!first && key <= before) return wrong("the keys do not ascend");
    before = key;
    VIRIDIAN_TRY(const auto type, in.number<uint8_t>());
    VIRIDIAN_TRY(MetadataValue value, read_value(in, type));
    builder.set(row, key, std::move(value));
  }
  return ok_status();
}

}  // namespace viridian::clickhouse
