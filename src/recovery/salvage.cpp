#include "recovery/salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "codec/json.h"
#include "codec/json_values.h"

namespace viridian::recovery {
namespace {

struct Place {
  uint32_t file = 0, row = 0;
};

/// The newest version of each offset in one half, and which offsets surely have ended.
struct Half {
  std::unordered_map<Offset, Place> live;
  std::unordered_set<Offset> dead;
};

template <class AnyContents>
Half follow(const std::vector<AnyContents>& files, std::vector<std::string>& doubts) {
  Half half;
  for (uint32_t i = 0; i < files.size(); ++i) {
    const AnyContents& file = files[i];
    if (!file.ended_complete || (file.rows == 0 && !file.file->layout()))
      doubts.push_back(
          fmt::format("{}: part of its list of ended records cannot be read", file.file->path()));
    const bool all_known =
        std::find(file.offsets.begin(), file.offsets.end(), kUnknown) == file.offsets.end();
    for (const Offset offset : file.ended) {
      half.live.erase(offset);
      // A newer version may be in this file, in a row whose offset cannot be read.
      if (all_known) half.dead.insert(offset);
    }
    for (uint32_t row = 0; row < file.rows; ++row) {
      if (file.offsets[row] == kUnknown) continue;
      half.live[file.offsets[row]] = {i, row};
      half.dead.erase(file.offsets[row]);
    }
  }
  return half;
}

class Salvager {
 public:
  Salvager(const SalvageInput& input, const std::function<void(const LostRecord&)>& lose)
      : input_(input), lose_(lose) {}

  Salvage run() {
    out_.doubts = input_.missing;
    metadata_ = follow(input_.metadata, out_.doubts);
    vectors_ = follow(input_.vectors, out_.doubts);
    find_dimension();
    find_keys();
    for (const auto& [offset, place] : metadata_.live) take(offset, place);
    for (const auto& [offset, place] : vectors_.live) lose_vector_alone(offset, place);
    lose_rows_without_offset();
    std::sort(out_.records.begin(), out_.records.end(),
              [](const auto& a, const auto& b) { return a.offset < b.offset; });
    drop_older_of_same_id();
    find_next_offset();
    return std::move(out_);
  }

 private:
  void find_dimension() {
    out_.dim = input_.dimension.value_or(0);
    for (const VectorContents& file : input_.vectors)
      if (out_.dim == 0) out_.dim = file.dim;
  }

  void find_keys() {
    // Numbers never change, so the longest list serves all rows.
    for (const MetadataContents& file : input_.metadata)
      if (file.keys && file.keys->size() >= out_.keys.size()) out_.keys = *file.keys;
  }

  void find_next_offset() {
    for (const MetadataContents& file : input_.metadata) {
      if (file.info) out_.next_offset = std::max(out_.next_offset, file.info->next_offset);
      see_offsets(file);
    }
    for (const VectorContents& file : input_.vectors) see_offsets(file);
  }
  void see_offsets(const Contents& file) {
    for (const Offset offset : file.offsets)
      if (offset != kUnknown) out_.next_offset = std::max(out_.next_offset, offset + 1);
  }

  bool usable(const std::optional<StoredRow>& row) const {
    if (!row || !row->whole()) return false;
    for (uint32_t entry = 0; entry < (*row)->entries(); ++entry)
      if ((*row)->key(entry) >= out_.keys.size()) return false;
    return true;
  }

  std::optional<std::span<const float>> usable_vector(Place place) const {
    const VectorContents& file = input_.vectors[place.file];
    return file.dim == out_.dim ? file.vector(place.row) : std::nullopt;
  }

  /// The id of an offset, from whatever version of it can be read.
  std::string find_id(Offset offset) const {
    for (const MetadataContents& file : input_.metadata) {
      const auto at = std::find(file.offsets.begin(), file.offsets.end(), offset);
      if (at == file.offsets.end()) continue;
      if (const auto row = file.row(static_cast<uint64_t>(at - file.offsets.begin())))
        return id_of(**row);
    }
    return {};
  }

  void take(Offset offset, Place place) {
    if (vectors_.dead.contains(offset)) return;
    LostRecord lost;
    lost.offset = offset;
    lost.row = input_.metadata[place.file].row(place.row);
    const bool has_row = usable(lost.row);
    const auto other = vectors_.live.find(offset);
    if (other != vectors_.live.end()) lost.vector = usable_vector(other->second);
    if (has_row && lost.vector) {
      out_.records.push_back(
          {offset, place.file, place.row, other->second.file, other->second.row});
      return;
    }
    lost.id = lost.row ? id_of(**lost.row) : find_id(offset);
    lost.why = has_row ? "its vector cannot be read"
                       : (lost.vector ? "its documents and metadata cannot be read"
                                      : "neither half of it can be read");
    lose_(lost);
  }

  void lose_vector_alone(Offset offset, Place place) {
    if (metadata_.live.contains(offset) || metadata_.dead.contains(offset)) return;
    LostRecord lost;
    lost.offset = offset;
    lost.vector = usable_vector(place);
    lost.id = find_id(offset);
    lost.why = "its documents and metadata are gone";
    lose_(lost);
  }

  void lose_rows_without_offset() {
    for (const MetadataContents& file : input_.metadata)
      for (uint64_t i = 0; i < file.rows; ++i) {
        if (file.offsets[i] != kUnknown) continue;
        LostRecord lost;
        lost.row = file.row(i);
        if (!lost.row) continue;
        lost.id = id_of(**lost.row);
        lost.why = "which vector it has cannot be told, nor whether it was still there";
        lose_(lost);
      }
    for (const VectorContents& file : input_.vectors)
      for (uint64_t i = 0; i < file.rows; ++i) {
        if (file.offsets[i] != kUnknown) continue;
        LostRecord lost;
        lost.vector = file.vector(i);
        lost.why = "which record this vector was of cannot be told";
        if (lost.vector) lose_(lost);
      }
  }

  /// Where a removal is lost, a record that was added again under its id would be there twice: the
  /// newer one counts.
  void drop_older_of_same_id() {
    struct Entry {
      uint64_t hash;
      size_t record;
    };
    std::vector<Entry> entries;
    const auto row_of = [&](size_t i) {
      const SalvagedRecord& record = out_.records[i];
      return *input_.metadata[record.metadata_file].row(record.metadata_row);
    };
    for (size_t i = 0; i < out_.records.size(); ++i)
      entries.push_back({segment::RowId(id_of(*row_of(i))).hash(), i});
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return a.hash != b.hash ? a.hash < b.hash : a.record < b.record;
    });
    std::vector<bool> older(out_.records.size());
    for (size_t i = 0; i < entries.size(); ++i)
      for (size_t j = i + 1; j < entries.size() && entries[j].hash == entries[i].hash; ++j)
        if (id_of(*row_of(entries[i].record)) == id_of(*row_of(entries[j].record)))
          older[entries[i].record] = true;
    size_t kept = 0;
    for (size_t i = 0; i < older.size(); ++i)
      if (!older[i]) out_.records[kept++] = out_.records[i];
    out_.records.resize(kept);
  }

  const SalvageInput& input_;
  const std::function<void(const LostRecord&)>& lose_;
  Half metadata_, vectors_;
  Salvage out_;
};

}  // namespace

Salvage salvage(const SalvageInput& input, const std::function<void(const LostRecord&)>& lose) {
  return Salvager(input, lose).run();
}

std::shared_ptr<segment::KeyDictionary> dictionary_of(const std::vector<std::string>& keys) {
  auto dictionary = std::make_shared<segment::KeyDictionary>();
  for (const std::string& key : keys) dictionary->add(key);
  return dictionary;
}

std::string to_json_line(const LostRecord& record, const segment::KeyDictionary& keys) {
  json::Writer writer;
  writer.begin_object();
  if (!record.id.empty()) {
    writer.key("id");
    writer.string(record.id);
  }
  if (record.vector) {
    writer.key("embedding");
    writer.begin_array();
    for (const float value : *record.vector) writer.floating(value);
    writer.end_array();
  }
  if (record.row) {
    if (const auto document = (*record.row)->document()) {
      writer.key("document");
      writer.string(*document);
    }
    if (const auto uri = (*record.row)->uri()) {
      writer.key("uri");
      writer.string(*uri);
    }
    if (const auto metadata = (*record.row)->metadata(keys)) {
      writer.key("metadata");
      writer.raw(codec::write_metadata(*metadata));
    }
  }
  if (record.offset != kUnknown) {
    writer.key("offset");
    writer.unsigned_integer(record.offset);
  }
  writer.key("lost_because");
  writer.string(record.why);
  writer.end_object();
  return std::move(writer).take() + "\n";
}

}  // namespace viridian::recovery
