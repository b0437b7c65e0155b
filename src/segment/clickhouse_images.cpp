#include "segment/clickhouse_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "clickhouse/erase.h"
#include "clickhouse/literal.h"
#include "viridian/spi/leases.h"

namespace viridian::clickhouse {
namespace {

using segment::OffsetRange;
using segment::Place;
using segment::Versions;

constexpr std::string_view kTable = "records";
constexpr uint32_t kBuckets = 16;
constexpr size_t kIdsAtOnce = 500;

using Bytes = std::vector<uint8_t>;
using Numbers = std::vector<uint64_t>;

uint32_t bucket_of(const CollectionId& id) { return slot_of(id) % kBuckets; }

std::string whose(const CollectionId& id) {
  return fmt::format("bucket = {} AND collection_id = {}", bucket_of(id), literal(id));
}
std::string whose_up_to(const CollectionId& id, SeqId at) {
  return fmt::format("{} AND seq <= {}", whose(id), at);
}

Shape version_shape() { return {{"offset", Numbers()}, {"seq", Numbers()}, {"deleted", Bytes()}}; }
Shape image_shape() {
  Shape shape = version_shape();
  shape.push_back({"flags", Bytes()});
  shape.push_back({"id", StringColumn()});
  shape.push_back({"vec", FloatArrays()});
  for (const char* name : {"meta", "doc", "uri"}) shape.push_back({name, StringColumn()});
  return shape;
}

void take_versions(Block& block, Versions& out) {
  out.offsets = std::move(block.get<Numbers>(0));
  out.seqs = std::move(block.get<Numbers>(1));
  out.deleted = std::move(block.get<Bytes>(2));
}

uint64_t vector_begin(const segment::Images& images, size_t row) {
  return row == 0 ? 0 : images.vector_ends[row - 1];
}

/// What a row takes in an insert, at most.
size_t row_bytes(const segment::Images& images, size_t row) {
  constexpr size_t kFixed = 1 + 16 + 8 + 8 + 1 + 1 + 5 * 8;
  return kFixed + (images.vector_ends[row] - vector_begin(images, row)) * sizeof(float) +
         images.ids[row].size() + images.metadata[row].size() + images.documents[row].size() +
         images.uris[row].size();
}

/// The row after the last one that goes into one insert with `begin`.
size_t end_of_insert(const segment::Images& images, size_t begin) {
  constexpr size_t kMostBytes = Client::kBlockBytes - 4096;  // beside the columns' names and types
  size_t end = begin + 1;
  for (size_t bytes = row_bytes(images, begin); end < images.rows(); ++end) {
    bytes += row_bytes(images, end);
    if (bytes > kMostBytes || end - begin == Client::kBlockRows) break;
  }
  return end;
}

segment::Images rows_of(const segment::Images& images, size_t begin, size_t end) {
  segment::Images part;
  const auto copy = [&](const auto& from, auto& to) {
    to.assign(from.begin() + static_cast<ptrdiff_t>(begin),
              from.begin() + static_cast<ptrdiff_t>(end));
  };
  copy(images.offsets, part.offsets);
  copy(images.seqs, part.seqs);
  copy(images.deleted, part.deleted);
  copy(images.flags, part.flags);
  const uint64_t first = vector_begin(images, begin);
  part.vectors.assign(images.vectors.begin() + static_cast<ptrdiff_t>(first),
                      images.vectors.begin() + static_cast<ptrdiff_t>(images.vector_ends[end - 1]));
  for (size_t row = begin; row < end; ++row) {
    part.vector_ends.push_back(images.vector_ends[row] - first);
    part.ids.push_back(images.ids[row]);
    part.metadata.push_back(images.metadata[row]);
    part.documents.push_back(images.documents[row]);
    part.uris.push_back(images.uris[row]);
  }
  return part;
}

Block to_block(const CollectionId& id, segment::Images images) {
  const size_t rows = images.rows();
  Block block;
  const auto add = [&](const char* name, Values values) {
    block.columns.push_back({name, std::move(values)});
  };
  add("bucket", Bytes(rows, static_cast<uint8_t>(bucket_of(id))));
  add("collection_id", std::vector<Uuid>(rows, id));
  add("offset", std::move(images.offsets));
  add("seq", std::move(images.seqs));
  add("deleted", std::move(images.deleted));
  add("flags", std::move(images.flags));
  add("id", std::move(images.ids));
  add("vec", FloatArrays{std::move(images.vector_ends), std::move(images.vectors)});
  add("meta", std::move(images.metadata));
  add("doc", std::move(images.documents));
  add("uri", std::move(images.uris));
  return block;
}

}  // namespace

std::string Images::table() const { return fmt::format("{}.{}", client_.database(), kTable); }

Status Images::check(const Place& place) const {
  if (place.shard < client_.shards()) return ok_status();
  return Error(Code::failed_precondition,
               fmt::format("collection {} is on shard {}, and clickhouse.url names only {}",
                           place.collection.to_string(), place.shard, client_.shards()));
}

uint32_t Images::copies(const Place& place) const {
  return place.shard < client_.shards() ? client_.replicas(place.shard) : 1;
}

uint32_t Images::copy_for(const Place& place, uint32_t attempt) const {
  const uint32_t all = copies(place);
  const uint32_t first = (slot_of(place.collection) + attempt) % all;
  // One that does not answer costs a long wait; but if the others lack something for good, it is to
  // be asked again.
  if (attempt >= 2 * all) return first;
  for (uint32_t i = 0; i < all; ++i) {
    const uint32_t copy = (first + i) % all;
    if (client_.trouble({place.shard, copy}).empty()) return copy;
  }
  return first;
}

uint32_t Images::safe_copies(const Place& place) const {
  return std::min(safe_copies_, copies(place));
}

Status Images::load(const Context& context, const Place& place, uint32_t copy, OffsetRange range,
                    SeqId at, const std::function<Status(segment::Images&)>& take) {
  VIRIDIAN_TRY_VOID(check(place));
  const std::string sql = fmt::format(
      "SELECT offset, seq, deleted, flags, id, vec, meta, doc, uri FROM {} WHERE {} AND "
      "offset >= {} AND offset < {}",
      table(), whose_up_to(place.collection, at), range.begin, range.end);
  return client_.stream(context, {place.shard, copy}, sql, image_shape(), [&](Block& block) {
    segment::Images images;
    take_versions(block, images);
    images.flags = std::move(block.get<Bytes>(3));
    images.ids = std::move(block.get<StringColumn>(4));
    images.vector_ends = std::move(block.get<FloatArrays>(5).ends);
    images.vectors = std::move(block.get<FloatArrays>(5).values);
    images.metadata = std::move(block.get<StringColumn>(6));
    images.documents = std::move(block.get<StringColumn>(7));
    images.uris = std::move(block.get<StringColumn>(8));
    return take(images);
  });
}

Status Images::versions(const Context& context, const Place& place, uint32_t copy, SeqId at,
                        const std::function<Status(Versions&)>& take) {
  VIRIDIAN_TRY_VOID(check(place));
  const std::string sql = fmt::format("SELECT offset, seq, deleted FROM {} WHERE {}", table(),
                                      whose_up_to(place.collection, at));
  return client_.stream(context, {place.shard, copy}, sql, version_shape(), [&](Block& block) {
    Versions versions;
    take_versions(block, versions);
    return take(versions);
  });
}

template <class Work>
Status Images::on_some_replica(uint32_t shard, Work&& work) {
  Status done = ok_status();
  for (const Node& node : client_.order(shard)) {
    done = work(node);
    if (done.ok() || done.error().code() != Code::unavailable) return done;
  }
  return done;
}

Status Images::write(const Context& context, const Place& place, segment::Images images) {
  VIRIDIAN_TRY_VOID(check(place));
  // A few large documents are more than one insert takes.
  for (size_t begin = 0; begin < images.rows();) {
    const size_t end = end_of_insert(images, begin);
    const bool all = end - begin == images.rows();
    const Block block =
        to_block(place.collection, all ? std::move(images) : rows_of(images, begin, end));
    VIRIDIAN_TRY_VOID(on_some_replica(
        place.shard, [&](Node node) { return client_.insert(context, node, kTable, block); }));
    if (all) break;
    begin = end;
  }
  return ok_status();
}

// Versions that others replaced go first: as long as a removal is there, nothing that comes before
// it can be taken for a record.
Status Images::purge(const Context& context, const Place& place, SeqId at) {
  VIRIDIAN_TRY_VOID(check(place));
  const std::string all = whose_up_to(place.collection, at);
  VIRIDIAN_TRY_VOID(erase_rows(context, client_, place.shard, kTable,
                               fmt::format("{} AND (offset, seq) NOT IN (SELECT offset, max(seq) "
                                           "FROM {} WHERE {} GROUP BY offset)",
                                           all, table(), all)));
  return erase_rows(context, client_, place.shard, kTable, all + " AND deleted = 1");
}

Status Images::forget(const Context& context, const std::vector<CollectionId>& ids) {
  for (size_t begin = 0; begin < ids.size(); begin += kIdsAtOnce) {
    const auto part = std::span(ids).subspan(begin, std::min(kIdsAtOnce, ids.size() - begin));
    std::vector<uint32_t> buckets;
    for (const CollectionId& id : part) buckets.push_back(bucket_of(id));
    const std::string condition = fmt::format("bucket IN ({}) AND collection_id IN ({})",
                                              fmt::join(buckets, ", "), literals(part));
    for (uint32_t shard = 0; shard < client_.shards(); ++shard)
      VIRIDIAN_TRY_VOID(erase_rows(context, client_, shard, kTable, condition));
  }
  return ok_status();
}

Result<std::vector<CollectionId>> Images::collections(const Context& context) {
  std::vector<CollectionId> ids;
  for (uint32_t shard = 0; shard < client_.shards(); ++shard) {
    VIRIDIAN_TRY_VOID(on_some_replica(shard, [&](Node node) {
      return client_.stream(context, node,
                            fmt::format("SELECT DISTINCT collection_id FROM {}", table()),
                            {{"collection_id", std::vector<Uuid>()}}, [&](Block& block) {
                              const auto& found = block.get<std::vector<Uuid>>(0);
                              ids.insert(ids.end(), found.begin(), found.end());
                              return ok_status();
                            });
    }));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace viridian::clickhouse
