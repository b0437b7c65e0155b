#include "segment/metadata_row.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/hash.h"

namespace viridian::segment {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are stored as they lie in memory");

struct Header {
  uint32_t flags, entries, id_size, uri_size, document_size, heap_size;
};
struct StoredEntry {
  uint32_t key, type;
  uint64_t payload;  ///< the scalar, or heap offset (low half) and size (high half)
};
static_assert(sizeof(Header) == 24 && sizeof(StoredEntry) == 16);

constexpr uint32_t kUuidId = 1, kHasUri = 2, kHasDocument = 4, kDocumentApart = 8;

bool in_heap(MetadataType type) { return type >= MetadataType::string; }

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

StoredEntry load_entry(std::span<const std::byte> bytes, uint32_t entry) {
  StoredEntry stored;
  std::memcpy(&stored, bytes.data() + sizeof(Header) + entry * sizeof stored, sizeof stored);
  return stored;
}

template <class T>
std::vector<T> load_array(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class T>
void append_raw(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Appends the elements of an array value of the column to `out`.
void append_elements(const MetadataColumn& column, size_t i, std::string& out) {
  switch (column.type) {
    case MetadataType::booleans:
      for (const bool element : std::get<std::vector<std::vector<bool>>>(column.values)[i])
        out.push_back(element ? 1 : 0);
      break;
    case MetadataType::integers:
      for (const int64_t element : std::get<std::vector<std::vector<int64_t>>>(column.values)[i])
        append_raw(out, element);
      break;
    case MetadataType::floatings:
      for (const double element : std::get<std::vector<std::vector<double>>>(column.values)[i])
        append_raw(out, element);
      break;
    default:
      for (const std::string& element :
           std::get<std::vector<std::vector<std::string>>>(column.values)[i]) {
        append_raw(out, static_cast<uint32_t>(element.size()));
        out.append(element);
      }
  }
}

uint64_t scalar_of(const MetadataColumn& column, size_t i) {
  switch (column.type) {
    case MetadataType::boolean:
      return std::get<std::vector<uint8_t>>(column.values)[i] != 0;
    case MetadataType::integer:
      return std::bit_cast<uint64_t>(std::get<std::vector<int64_t>>(column.values)[i]);
    case MetadataType::floating:
      return std::bit_cast<uint64_t>(std::get<std::vector<double>>(column.values)[i]);
    default:
      return 0;
  }
}

}  // namespace

std::string_view RowId::bytes() const noexcept {
  if (!uuid_) return text_;
  return {reinterpret_cast<const char*>(uuid_->bytes.data()), uuid_->bytes.size()};
}

uint64_t RowId::hash() const noexcept { return hash64(bytes()); }

MetadataValue to_metadata_value(const RowValue& value) {
  switch (value.type) {
    case MetadataType::null:
      return std::monostate();
    case MetadataType::boolean:
      return value.scalar != 0;
    case MetadataType::integer:
      return std::bit_cast<int64_t>(value.scalar);
    case MetadataType::floating:
      return std::bit_cast<double>(value.scalar);
    case MetadataType::string:
      return std::string(value.bytes);
    case MetadataType::booleans: {
      std::vector<bool> elements;
      for (const char element : value.bytes) elements.push_back(element != 0);
      return elements;
    }
    case MetadataType::integers:
      return load_array<int64_t>(value.bytes);
    case MetadataType::floatings:
      return load_array<double>(value.bytes);
    case MetadataType::strings:
      break;
  }
  std::vector<std::string> elements;
  for_each_string(value.bytes, [&](std::string_view element) {
    elements.emplace_back(element);
    return true;
  });
  return elements;
}

std::optional<RowView> RowView::parse(std::span<const std::byte> bytes) {
  Header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const uint64_t entries_size = uint64_t{header.entries} * sizeof(StoredEntry);
  const uint64_t size = sizeof header + entries_size + header.id_size + header.uri_size +
                        header.document_size + header.heap_size;
  const bool uuid = (header.flags & kUuidId) != 0;
  if (size > bytes.size() || (uuid && header.id_size != sizeof(Uuid))) return std::nullopt;
  RowView row;
  row.bytes_ = bytes.first(size);
  row.flags_ = header.flags;
  row.entries_ = header.entries;
  const char* at = reinterpret_cast<const char*>(bytes.data()) + sizeof header + entries_size;
  const auto take = [&at](uint32_t part) {
    const std::string_view text(at, part);
    at += part;
    return text;
  };
  row.id_ = take(header.id_size);
  row.uri_ = take(header.uri_size);
  row.document_ = take(header.document_size);
  row.heap_ = take(header.heap_size);
  return row;
}

bool RowView::id_is_uuid() const noexcept { return (flags_ & kUuidId) != 0; }

bool RowView::has_id(const RowId& id) const {
  return id_is_uuid() == id.is_uuid() && id_ == id.bytes();
}

void RowView::append_id(StringColumn& out) const {
  if (!id_is_uuid()) return out.push_back(id_);
  Uuid id;
  std::memcpy(id.bytes.data(), id_.data(), id.bytes.size());
  out.push_back(id.to_string());
}

bool RowView::has_document() const noexcept { return (flags_ & kHasDocument) != 0; }

bool RowView::document_is_apart() const noexcept { return (flags_ & kDocumentApart) != 0; }

std::optional<std::string_view> RowView::document() const {
  if (!has_document() || document_is_apart()) return std::nullopt;
  return document_;
}

void RowView::put_back(std::string_view document) {
  flags_ &= ~kDocumentApart;
  document_ = document;
}

void RowView::append_without_document(std::string& out) const {
  Header header;
  std::memcpy(&header, bytes_.data(), sizeof header);
  const std::string_view bytes(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
  const size_t rest = bytes.size() - header.document_size - header.heap_size;
  if (has_document()) header.flags |= kDocumentApart;
  header.document_size = 0;
  append_raw(out, header);
  out += bytes.substr(sizeof header, rest - sizeof header);
  out += heap_;
}

std::optional<std::string_view> RowView::uri() const {
  if ((flags_ & kHasUri) == 0) return std::nullopt;
  return uri_;
}

uint32_t RowView::key(uint32_t entry) const { return load_entry(bytes_, entry).key; }

RowValue RowView::value(uint32_t entry) const {
  const StoredEntry stored = load_entry(bytes_, entry);
  RowValue value;
  if (stored.type >= kMetadataTypes) return value;
  value.type = static_cast<MetadataType>(stored.type);
  if (!in_heap(value.type)) {
    value.scalar = stored.payload;
    return value;
  }
  const uint64_t offset = stored.payload & 0xffffffff, size = stored.payload >> 32;
  if (offset <= heap_.size() && size <= heap_.size() - offset)
    value.bytes = heap_.substr(offset, size);
  return value;
}

std::optional<RowValue> RowView::find(uint32_t wanted) const {
  uint32_t low = 0, high = entries_;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (key(middle) < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == entries_ || key(low) != wanted) return std::nullopt;
  return value(low);
}

std::optional<Metadata> RowView::metadata(const KeyDictionary& keys) const {
  if (entries_ == 0) return std::nullopt;
  const uint32_t known = keys.size();
  Metadata metadata;
  for (uint32_t i = 0; i < entries_; ++i)
    if (key(i) < known) metadata.set(keys.name(key(i)), to_metadata_value(value(i)));
  return metadata;
}

void RowBuilder::start(const RowId& id) {
  flags_ = id.is_uuid() ? kUuidId : 0;
  id_ = id.bytes();
  uri_ = document_ = {};
  entries_.clear();
  scratch_.clear();
}

void RowBuilder::start(const RowView& previous) {
  flags_ = previous.id_is_uuid() ? kUuidId : 0;
  id_ = previous.id_bytes();
  uri_ = document_ = {};
  entries_.clear();
  scratch_.clear();
  if (const auto text = previous.uri()) set_uri(*text);
  if (const auto text = previous.document()) set_document(*text);
  for (uint32_t i = 0; i < previous.entries(); ++i) {
    const RowValue value = previous.value(i);
    entries_.push_back(
        {previous.key(i), value.type, value.scalar, value.bytes.data(), 0, value.bytes.size()});
  }
}

void RowBuilder::set_document(std::string_view text) {
  flags_ |= kHasDocument;
  document_ = text;
}

void RowBuilder::set_uri(std::string_view text) {
  flags_ |= kHasUri;
  uri_ = text;
}

void RowBuilder::set(uint32_t key, const MetadataColumn& column, size_t i) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key,
                                   [](const Entry& entry, uint32_t k) { return entry.key < k; });
  const bool present = at != entries_.end() && at->key == key;
  Entry entry{key, column.type, scalar_of(column, i), nullptr, scratch_.size(), 0};
  if (column.type == MetadataType::string) {
    const std::string_view text = std::get<StringColumn>(column.values)[i];
    entry.outside = text.data();
    entry.size = text.size();
  } else if (in_heap(column.type)) {
    append_elements(column, i, scratch_);
    entry.size = scratch_.size() - entry.scratch_offset;
  }
  if (column.type == MetadataType::null) {
    if (present) entries_.erase(at);
  } else if (present) {
    *at = entry;
  } else {
    entries_.insert(at, entry);
  }
}

uint64_t RowBuilder::heap_size() const {
  uint64_t size = 0;
  for (const Entry& entry : entries_) size += entry.size;
  return size;
}

uint64_t RowBuilder::size() const {
  return sizeof(Header) + entries_.size() * sizeof(StoredEntry) + id_.size() + uri_.size() +
         document_.size() + heap_size();
}

std::string_view RowBuilder::bytes_of(const Entry& entry) const {
  return {entry.outside ? entry.outside : scratch_.data() + entry.scratch_offset, entry.size};
}

bool RowBuilder::equals(const RowView& row) const {
  const auto is = [](const std::optional<std::string_view>& there, bool here,
                     std::string_view text) {
    return there.has_value() == here && (!here || *there == text);
  };
  if (row.id_is_uuid() != ((flags_ & kUuidId) != 0) || row.id_bytes() != id_ ||
      !is(row.uri(), (flags_ & kHasUri) != 0, uri_) ||
      !is(row.document(), (flags_ & kHasDocument) != 0, document_) ||
      row.entries() != entries_.size())
    return false;
  for (uint32_t i = 0; i < row.entries(); ++i) {
    const Entry& entry = entries_[i];
    const RowValue value = row.value(i);
    if (row.key(i) != entry.key || value.type != entry.type) return false;
    if (in_heap(entry.type) ? value.bytes != bytes_of(entry) : value.scalar != entry.scalar)
      return false;
  }
  return true;
}

void RowBuilder::write(std::byte* out) const {
  const auto put = [&out](const void* from, size_t size) {
    if (size != 0) std::memcpy(out, from, size);
    out += size;
  };
  const Header header{flags_,
                      static_cast<uint32_t>(entries_.size()),
                      static_cast<uint32_t>(id_.size()),
                      static_cast<uint32_t>(uri_.size()),
                      static_cast<uint32_t>(document_.size()),
                      static_cast<uint32_t>(heap_size())};
  put(&header, sizeof header);
  uint64_t heap = 0;
  for (const Entry& entry : entries_) {
    StoredEntry stored{entry.key, static_cast<uint32_t>(entry.type), entry.scalar};
    if (in_heap(entry.type)) stored.payload = heap | uint64_t{entry.size} << 32;
    put(&stored, sizeof stored);
    heap += entry.size;
  }
  put(id_.data(), id_.size());
  put(uri_.data(), uri_.size());
  put(document_.data(), document_.size());
  for (const Entry& entry : entries_) put(bytes_of(entry).data(), entry.size);
}

}  // namespace viridian::segment
