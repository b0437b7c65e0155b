#include "segment/clickhouse_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "clickhouse/literal.h"
#include "viridian/spi/leases.h"

namespace viridian::clickhouse {
namespace {

using segment::OffsetRange;
using segment::Place;
using segment::Versions;

constexpr uint32_t kBuckets = 16;
constexpr size_t kIdsAtOnce = 500;
constexpr std::chrono::milliseconds kFirstPause{5};
constexpr std::chrono::milliseconds kLongestPause{200};

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

std::string Images::table() const { return client_.database() + ".records"; }

Status Images::check(const Place& place) const {
  if (place.shard < client_.shards()) return ok_status();
  return Error(Code::failed_precondition,
               fmt::format("collection {} is on shard {}, and clickhouse.url names only {}",
                           place.collection.to_string(), place.shard, client_.shards()));
}

uint32_t Images::copies(const Place& place) const {
  return place.shard < client_.shards() ? client_.replicas(place.shard) : 1;
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
  for (uint32_t replica = 0; replica < client_.replicas(shard); ++replica) {
    done = work(Node{shard, replica});
    if (done.ok() || done.error().code() != Code::unavailable) return done;
  }
  return done;
}

Status Images::write(const Context& context, const Place& place, segment::Images images) {
  VIRIDIAN_TRY_VOID(check(place));
  const Block block = to_block(place.collection, std::move(images));
  return on_some_replica(
      place.shard, [&](Node node) { return client_.insert(context, node, "records", block); });
}

Status Images::erase(const Context& context, uint32_t shard, const std::string& condition) {
  return on_some_replica(shard, [&](Node node) -> Status {
    const auto left = [&]() -> Result<uint64_t> {
      VIRIDIAN_TRY(
          const Block block,
          client_.select(context, node,
                         fmt::format("SELECT count() AS n FROM {} WHERE {}", table(), condition),
                         {{"n", Numbers()}}));
      if (block.rows() != 1) return Error(Code::data_loss, "ClickHouse gave no count of rows");
      return block.get<Numbers>(0).front();
    };
    VIRIDIAN_TRY(uint64_t rows, left());
    if (rows == 0) return ok_status();
    VIRIDIAN_TRY_VOID(client_.execute(
        context, node, fmt::format("ALTER TABLE {} DELETE WHERE {}", table(), condition)));
    for (auto wait = kFirstPause; rows > 0; wait = std::min(wait * 2, kLongestPause)) {
      VIRIDIAN_TRY_VOID(context.check());
      std::this_thread::sleep_for(wait);
      VIRIDIAN_TRY(rows, left());
    }
    return ok_status();
  });
}

// Versions that others replaced go first: as long as a removal is there, nothing that comes before
// it can be taken for a record.
Status Images::purge(const Context& context, const Place& place, SeqId at) {
  VIRIDIAN_TRY_VOID(check(place));
  const std::string all = whose_up_to(place.collection, at);
  VIRIDIAN_TRY_VOID(erase(context, place.shard,
                          fmt::format("{} AND (offset, seq) NOT IN (SELECT offset, max(seq) FROM "
                                      "{} WHERE {} GROUP BY offset)",
                                      all, table(), all)));
  return erase(context, place.shard, all + " AND deleted = 1");
}

Status Images::forget(const Context& context, const std::vector<CollectionId>& ids) {
  for (size_t begin = 0; begin < ids.size(); begin += kIdsAtOnce) {
    std::string list, buckets;
    for (size_t i = begin; i < std::min(ids.size(), begin + kIdsAtOnce); ++i) {
      list += (list.empty() ? "" : ", ") + literal(ids[i]);
      buckets += (buckets.empty() ? "" : ", ") + std::to_string(bucket_of(ids[i]));
    }
    for (uint32_t shard = 0; shard < client_.shards(); ++shard)
      VIRIDIAN_TRY_VOID(erase(
          context, shard, fmt::format("bucket IN ({}) AND collection_id IN ({})", buckets, list)));
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
