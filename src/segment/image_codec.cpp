#include "segment/image_codec.h"

#include <cstring>
#include <type_traits>

namespace viridian::segment {
namespace {

// A value is its type (one byte) and what belongs to it; numbers lie as in memory, little-endian.
// A string is its size (4 bytes) and its bytes; an array its number of elements (4 bytes) and
// these. Metadata are entries one after the other: key (a string), value.

template <class T>
void put(std::string& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}
void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

struct PutValue {
  std::string& out;
  void operator()(std::monostate) const {}
  void operator()(bool value) const { put(out, static_cast<uint8_t>(value)); }
  void operator()(int64_t value) const { put(out, value); }
  void operator()(double value) const { put(out, value); }
  void operator()(const std::string& value) const { put_text(out, value); }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    put(out, static_cast<uint32_t>(values.size()));
    for (const auto& value : values) (*this)(static_cast<const T&>(value));
  }
};

/// Takes bytes from the front; once they do not suffice, everything is wrong.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : bytes_(bytes) {}

  bool done() const noexcept { return bytes_.empty() || wrong_; }
  bool wrong() const noexcept { return wrong_; }

  template <class T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      wrong_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view take_text() {
    const auto size = take<uint32_t>();
    if (bytes_.size() < size) wrong_ = true;
    if (wrong_) return {};
    const std::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }
  template <class T>
  T take_element() {
    if constexpr (std::is_same_v<T, std::string>)
      return std::string(take_text());
    else if constexpr (std::is_same_v<T, bool>)
      return take<uint8_t>() != 0;
    else
      return take<T>();
  }
  template <class T>
  std::vector<T> take_array() {
    const auto size = take<uint32_t>();
    std::vector<T> values;
    // The count is not believed: reading ends with the bytes.
    for (uint32_t i = 0; i < size && !wrong_; ++i) values.push_back(take_element<T>());
    return values;
  }

  MetadataValue take_value() {
    switch (static_cast<MetadataType>(take<uint8_t>())) {
      case MetadataType::boolean:
        return take_element<bool>();
      case MetadataType::integer:
        return take_element<int64_t>();
      case MetadataType::floating:
        return take_element<double>();
      case MetadataType::string:
        return take_element<std::string>();
      case MetadataType::booleans:
        return take_array<bool>();
      case MetadataType::integers:
        return take_array<int64_t>();
      case MetadataType::floatings:
        return take_array<double>();
      case MetadataType::strings:
        return take_array<std::string>();
      case MetadataType::null:
        break;
    }
    wrong_ = true;  // a record holds no nulls
    return {};
  }

 private:
  std::string_view bytes_;
  bool wrong_ = false;
};

Error bad_image(std::string_view what) {
  return Error(Code::data_loss, "an image of a record is damaged: " + std::string(what));
}

std::span<const float> vector_of(const Images& images, size_t row) {
  const uint64_t begin = row == 0 ? 0 : images.vector_ends[row - 1];
  return std::span(images.vectors).subspan(begin, images.vector_ends[row] - begin);
}

void append_row(const RecordColumns& columns, size_t row, Images& out) {
  uint8_t flags = Images::kHasVector;
  std::string metadata;
  if (columns.metadatas[row]) {
    flags |= Images::kHasMetadata;
    metadata = encode_metadata(*columns.metadatas[row]);
  }
  if (columns.documents.has(row)) flags |= Images::kHasDocument;
  if (columns.uris.has(row)) flags |= Images::kHasUri;
  out.flags.push_back(flags);
  out.ids.push_back(columns.ids[row]);
  out.metadata.push_back(metadata);
  out.documents.push_back(columns.documents.values()[row]);
  out.uris.push_back(columns.uris.values()[row]);
  const float* vector = columns.embeddings.row(row);
  out.vectors.insert(out.vectors.end(), vector, vector + columns.embeddings.dim);
  out.vector_ends.push_back(out.vectors.size());
}

}  // namespace

std::string encode_metadata(const Metadata& metadata) {
  std::string out;
  for (const auto& [key, value] : metadata) {
    put_text(out, key);
    put(out, static_cast<uint8_t>(type_of(value)));
    std::visit(PutValue{out}, value);
  }
  return out;
}

Status decode_metadata(std::string_view bytes, uint32_t row, MetadataColumnsBuilder& out) {
  Taker taker(bytes);
  std::string_view last;
  while (!taker.done()) {
    const std::string_view key = taker.take_text();
    MetadataValue value = taker.take_value();
    if (taker.wrong() || (last.data() != nullptr && key <= last)) return bad_image("its metadata");
    last = key;
    out.set(row, key, std::move(value));
  }
  return ok_status();
}

Status append_images(const Context& context, const ReadView& view, std::span<const Offset> offsets,
                     std::span<const SeqId> seqs, Images& out) {
  RecordColumns columns;
  VIRIDIAN_TRY_VOID(view.metadata().fetch(context, offsets, {true, true, true}, columns));
  VIRIDIAN_TRY_VOID(view.vectors().fetch(context, offsets, columns.embeddings));
  out.offsets.insert(out.offsets.end(), offsets.begin(), offsets.end());
  out.seqs.insert(out.seqs.end(), seqs.begin(), seqs.end());
  out.deleted.resize(out.offsets.size());
  for (size_t row = 0; row < offsets.size(); ++row) append_row(columns, row, out);
  return ok_status();
}

void append_deletion(Offset offset, SeqId seq, Images& out) {
  out.offsets.push_back(offset);
  out.seqs.push_back(seq);
  out.deleted.push_back(1);
  out.flags.push_back(0);
  for (StringColumn* column : {&out.ids, &out.metadata, &out.documents, &out.uris})
    column->push_back({});
  out.vector_ends.push_back(out.vectors.size());
}

Result<RecordBatch> to_batch(const std::vector<Images>& blocks, std::span<const ImageRow> rows) {
  RecordBatch batch;
  MetadataColumnsBuilder metadata;
  bool documents = false;
  bool uris = false;
  for (const ImageRow& at : rows) {
    documents |= (blocks[at.block].flags[at.row] & Images::kHasDocument) != 0;
    uris |= (blocks[at.block].flags[at.row] & Images::kHasUri) != 0;
  }
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const Images& block = blocks[rows[i].block];
    const size_t row = rows[i].row;
    const std::span<const float> vector = vector_of(block, row);
    if (i == 0) {
      batch.embeddings.dim = static_cast<uint32_t>(vector.size());
      batch.embeddings.values.reserve(vector.size() * rows.size());
    }
    if (vector.empty() || vector.size() != batch.embeddings.dim) return bad_image("its vector");
    batch.embeddings.values.insert(batch.embeddings.values.end(), vector.begin(), vector.end());
    batch.ids.push_back(block.ids[row]);
    const auto optional = [&](const StringColumn& column, uint8_t flag) {
      return (block.flags[row] & flag) != 0 ? std::optional(column[row]) : std::nullopt;
    };
    if (documents) batch.documents.push_back(optional(block.documents, Images::kHasDocument));
    if (uris) batch.uris.push_back(optional(block.uris, Images::kHasUri));
    VIRIDIAN_TRY_VOID(decode_metadata(block.metadata[row], i, metadata));
  }
  batch.metadata = metadata.finish();
  return batch;
}

}  // namespace viridian::segment
