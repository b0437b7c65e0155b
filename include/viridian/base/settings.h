#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace viridian {

/// Checked settings by key. Built by config::load, which refuses unknown keys and bad values, so
/// the getters take the table's word for it: asking for a key the table lacks, or with the wrong
/// type, is a programming error (assertion).
class Settings {
 public:
  void set(std::string key, std::string value) { values_[std::move(key)] = std::move(value); }
  const std::string& text(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  bool boolean(std::string_view key) const;
  /// Bytes, milliseconds and counts are integers in the table's unit.
  uint64_t unsigned_integer(std::string_view key) const;
  double share(std::string_view key) const;
  bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
  auto begin() const noexcept { return values_.begin(); }
  auto end() const noexcept { return values_.end(); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace viridian
