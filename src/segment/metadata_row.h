#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segment/key_dictionary.h"
#include "viridian/base/uuid.h"
#include "viridian/model/metadata.h"
#include "viridian/model/record_batch.h"

namespace viridian::segment {

/// A record id as rows keep it: 16 bytes where it is a canonical UUID, else its text.
class RowId {
 public:
  explicit RowId(std::string_view text) : uuid_(Uuid::parse_canonical(text)), text_(text) {}
  bool is_uuid() const noexcept { return uuid_.has_value(); }
  std::string_view bytes() const noexcept;
  uint64_t hash() const noexcept;

 private:
  std::optional<Uuid> uuid_;
  std::string_view text_;
};

/// One metadata value inside a row.
struct RowValue {
  MetadataType type = MetadataType::null;
  uint64_t scalar = 0;     ///< bool, int64 or the bits of a double
  std::string_view bytes;  ///< string: its text; arrays: their elements (docs/file-formats.md)
};
MetadataValue to_metadata_value(const RowValue& value);

/// Calls f(element) for the elements of a `strings` value until f returns false.
template <class F>
void for_each_string(std::string_view bytes, F&& f) {
  while (bytes.size() >= sizeof(uint32_t)) {
    uint32_t size = 0;
    bytes.copy(reinterpret_cast<char*>(&size), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (size > bytes.size()) return;
    if (!f(bytes.substr(0, size))) return;
    bytes.remove_prefix(size);
  }
}

/// A record without its vector, as encoded bytes that lie elsewhere. No member reads outside them,
/// whatever they hold.
class RowView {
 public:
  /// Null where the bytes are not a row.
  static std::optional<RowView> parse(std::span<const std::byte> bytes);

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  bool has_id(const RowId& id) const;
  void append_id(StringColumn& out) const;
  std::string_view id_bytes() const noexcept { return id_; }
  bool id_is_uuid() const noexcept;
  bool has_document() const noexcept;
  /// Null where it has none; where it lies apart, until it is put_back().
  std::optional<std::string_view> document() const;
  bool document_is_apart() const noexcept;
  /// The text of a document that lies apart; it must live as long as the row is read.
  void put_back(std::string_view document);
  /// The row's bytes but for the document, which is said to lie apart where there is one.
  void append_without_document(std::string& out) const;
  std::optional<std::string_view> uri() const;
  uint32_t entries() const noexcept { return entries_; }
  uint32_t key(uint32_t entry) const;
  RowValue value(uint32_t entry) const;
  std::optional<RowValue> find(uint32_t key) const;
  /// Null where the record has no metadata at all; keys that `keys` lacks are left out.
  std::optional<Metadata> metadata(const KeyDictionary& keys) const;

 private:
  std::span<const std::byte> bytes_;
  uint32_t flags_ = 0;
  uint32_t entries_ = 0;
  std::string_view id_, uri_, document_, heap_;
};

/// Puts a row together. What it is given must live until write().
class RowBuilder {
 public:
  void start(const RowId& id);
  void start(const RowView& previous);
  void set_document(std::string_view text);
  void set_uri(std::string_view text);
  /// Value i of the column, under the key's number. Null removes the key.
  void set(uint32_t key, const MetadataColumn& column, size_t i);
  uint64_t size() const;
  /// Writes size() bytes.
  void write(std::byte* out) const;
  /// Whether the row, which has its document, has all that write() would write, and no more.
  bool equals(const RowView& row) const;

 private:
  struct Entry {
    uint32_t key;
    MetadataType type;
    uint64_t scalar;
    const char* outside;  ///< null: the bytes are in scratch_
    size_t scratch_offset;
    size_t size;
  };
  uint64_t heap_size() const;
  std::string_view bytes_of(const Entry& entry) const;

  uint32_t flags_ = 0;
  std::string id_;
  std::string_view uri_, document_;
  std::vector<Entry> entries_;  ///< ascending by key
  std::string scratch_;
};

}  // namespace viridian::segment
