#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace viridian {

/// One metadata value. monostate is JSON null: in an update or upsert it removes the key.
using MetadataValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<bool>,
                 std::vector<int64_t>, std::vector<double>, std::vector<std::string>>;

/// The alternatives of MetadataValue, in order: value.index() is its type.
enum class MetadataType : uint8_t {
  null = 0,
  boolean,
  integer,
  floating,
  string,
  booleans,
  integers,
  floatings,
  strings,
};
constexpr size_t kMetadataTypes = 9;
inline MetadataType type_of(const MetadataValue& value) {
  return static_cast<MetadataType>(value.index());
}

/// A record's or a collection's metadata: keys in ascending byte order, each once.
class Metadata {
 public:
  using Entry = std::pair<std::string, MetadataValue>;

  Metadata() = default;
  Metadata(std::initializer_list<Entry> entries);

  /// Sets or replaces a key.
  void set(std::string_view key, MetadataValue value);
  void erase(std::string_view key);
  /// The key's value, or null where the key is absent.
  const MetadataValue* find(std::string_view key) const;

  bool empty() const noexcept { return entries_.empty(); }
  size_t size() const noexcept { return entries_.size(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }
  friend bool operator==(const Metadata&, const Metadata&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace viridian
