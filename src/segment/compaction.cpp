#include "segment/compaction.h"

#include <algorithm>
#include <thread>

#include "obs/log.h"
#include "segment/image_codec.h"

namespace viridian::segment {
namespace {

constexpr size_t kFirstFetchRows = 32;
constexpr size_t kMostFetchRows = 1024;
constexpr size_t kWriteRows = 50'000;
constexpr size_t kWriteBytes = size_t{24} << 20;
constexpr int kLooks = 6;
/// A copy that is behind by more than so many looks lacks something for good.
constexpr int kLooksBeforeMending = 3;
constexpr std::chrono::milliseconds kFirstPause{10};
/// Replaced versions, and news of removals, that are left alone in any case.
constexpr uint64_t kGarbageRows = 10'000;

Context fresh(const Context& context) { return context.with_freshness({}); }

size_t bytes_of(const Images& images) {
  return images.vectors.size() * sizeof(float) + images.ids.bytes().size() +
         images.metadata.bytes().size() + images.documents.bytes().size() +
         images.uris.bytes().size() + images.rows() * 64;
}

}  // namespace

struct Compaction::Job {
  const Context& context;
  const Place place;
  CollectionSegments::Moment moment;
  std::vector<Origin::Change> changes;
};

/// The newest versions of all records, removed ones too, ascending by offset.
struct Compaction::Stored {
  std::vector<Origin::Change> newest;
  uint64_t rows = 0;  ///< that are not removed
  uint64_t checksum = 0;
  uint64_t garbage = 0;  ///< versions beside these rows
};

Status Compaction::refresh(const Context& context, CollectionSegments& collection) {
  VIRIDIAN_TRY(const auto segments, peers_.sysdb.list_segments(fresh(context), collection.id()));
  VIRIDIAN_TRY(const Base base, base_of(segments));
  collection.origin()->advance(base);
  return ok_status();
}

// A process that followed a writer which had lost its lease may have applied records that are void,
// or void from the moment on in which its own first record is written.
Status Compaction::check_applied(const Context& context, const CollectionSegments& collection,
                                 SeqId applied) {
  if (applied == 0) return ok_status();
  const CollectionId& id = collection.id();
  VIRIDIAN_TRY(const SeqId last, peers_.consumer.settle(fresh(context), id));
  // In this order: what the log knows of it goes after it is discarded.
  if (last >= applied && peers_.consumer.counts(id, applied) && !collection.discarded())
    return ok_status();
  return Error(Code::out_of_range,
               "records of collection " + id.to_string() + " that were applied turned out void");
}

Status Compaction::run(const Context& context, CollectionSegments& collection, bool purge) {
  Origin& origin = *collection.origin();
  VIRIDIAN_TRY(const Serial::Hold hold, origin.compacting().acquire(context));
  const CollectionId& id = collection.id();
  VIRIDIAN_TRY(const uint64_t epoch, peers_.leases.epoch(context, id));
  // First, since applying goes on: what is checked is what images are made of.
  VIRIDIAN_TRY(CollectionSegments::Moment moment, collection.moment(context));
  const SeqId target = moment.base.sealed;
  VIRIDIAN_TRY_VOID(check_applied(context, collection, target));
  VIRIDIAN_TRY(const auto segments, peers_.sysdb.list_segments(fresh(context), id));
  if (segments.empty()) return Error(Code::not_found, "there is no collection " + id.to_string());
  VIRIDIAN_TRY(Base base, base_of(segments));
  if (base.sealed > target)
    return Error(Code::out_of_range, "there are images of later records than were applied");
  // Whoever takes the lease from now on builds on what was applied here.
  VIRIDIAN_TRY_VOID(peers_.leases.confirm(context, id, epoch));
  bool garbage = false;
  if (base.sealed < target) {
    Job job{context, origin.place(), std::move(moment), origin.changes(base.sealed, target)};
    VIRIDIAN_TRY_VOID(write(job, job.changes));
    VIRIDIAN_TRY(base, make_base(job, garbage));
    VIRIDIAN_TRY_VOID(peers_.sysdb.publish(context, id, changes_for(base, segments)));
  }
  origin.advance(base);
  if (base.sealed != 0) VIRIDIAN_TRY_VOID(peers_.consumer.trim(context, id, base.sealed));
  if (!purge && !garbage) return ok_status();
  VIRIDIAN_TRY_VOID(peers_.store.purge(context, origin.place(), base.sealed));
  return purge ? peers_.consumer.erase(context, id, base.sealed) : ok_status();
}

Status Compaction::write(const Job& job, std::span<const Origin::Change> changes) {
  Images images;
  std::vector<Offset> offsets;
  std::vector<SeqId> seqs;
  size_t fetch_rows = kFirstFetchRows;
  const auto fetch = [&]() -> Status {
    const size_t before = bytes_of(images);
    VIRIDIAN_TRY_VOID(append_images(job.context, *job.moment.view, offsets, seqs, images));
    // As many at once as will not go far beyond what one insert is to take.
    const size_t row_bytes = (bytes_of(images) - before) / std::max<size_t>(1, offsets.size());
    fetch_rows = std::clamp(kWriteBytes / 2 / (row_bytes + 1), size_t{1}, kMostFetchRows);
    offsets.clear();
    seqs.clear();
    return ok_status();
  };
  const auto flush = [&]() -> Status {
    if (images.rows() == 0) return ok_status();
    return peers_.store.write(job.context, job.place, std::exchange(images, {}));
  };
  for (const Origin::Change& change : changes) {
    if (change.removed) {
      append_deletion(change.offset, change.seq, images);
    } else {
      offsets.push_back(change.offset);
      seqs.push_back(change.seq);
      if (offsets.size() >= fetch_rows) VIRIDIAN_TRY_VOID(fetch());
    }
    if (images.rows() >= kWriteRows || bytes_of(images) >= kWriteBytes) VIRIDIAN_TRY_VOID(flush());
  }
  VIRIDIAN_TRY_VOID(fetch());
  return flush();
}

Result<Compaction::Stored> Compaction::read_back(const Job& job, uint32_t copy) {
  Stored stored;
  std::vector<Origin::Change>& all = stored.newest;
  VIRIDIAN_TRY_VOID(peers_.store.versions(
      job.context, job.place, copy, job.moment.base.sealed, [&](Versions& versions) {
        for (size_t i = 0; i < versions.offsets.size(); ++i)
          all.push_back({versions.offsets[i], versions.seqs[i], versions.deleted[i] != 0});
        return job.context.check();
      }));
  const size_t versions = all.size();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.seq > b.seq;
  });
  const auto same = [](const auto& a, const auto& b) { return a.offset == b.offset; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  for (const Origin::Change& each : all) {
    if (each.removed) continue;
    ++stored.rows;
    stored.checksum += version_hash(each.offset, each.seq);
  }
  stored.garbage = versions - stored.rows;
  return stored;
}

/// What would have to be written for the stored versions to be those of the moment. With the
/// numbers that the versions have, as far as they are known: what is only late may come after all,
/// and must then be nothing new.
Result<std::vector<Origin::Change>> Compaction::differences(const Job& job, const Stored& stored) {
  VIRIDIAN_TRY(const OffsetSet live, job.moment.view->metadata().all(job.context));
  const SeqId target = job.moment.base.sealed;
  std::vector<Origin::Change> missing;
  auto change = job.changes.begin();
  auto found = stored.newest.begin();
  const auto wanted_at = [&](Offset offset) {
    while (change != job.changes.end() && change->offset < offset) ++change;
    return change != job.changes.end() && change->offset == offset ? change->seq : SeqId{0};
  };
  const auto must_end = [&] {  // what does not live
    if (!found->removed) {
      const SeqId wanted = wanted_at(found->offset);
      missing.push_back({found->offset, found->seq < wanted ? wanted : target, true});
    }
    ++found;
  };
  const auto look = [&](Offset offset) {
    while (found != stored.newest.end() && found->offset < offset) must_end();
    const SeqId wanted = wanted_at(offset);
    const bool there = found != stored.newest.end() && found->offset == offset;
    const SeqId stored_seq = there ? found->seq : 0;
    if (stored_seq < wanted)
      missing.push_back({offset, wanted, false});
    else if (!there || found->removed)
      missing.push_back({offset, target, false});
    if (there) ++found;
    return true;
  };
  live.for_each(look);
  while (found != stored.newest.end()) must_end();
  return missing;
}

/// Versions that were written to mend a copy are from now on wanted on each: where they come late,
/// they would change what was read back before.
void Compaction::want(Job& job, std::span<const Origin::Change> mended) {
  std::vector<Origin::Change>& all = job.changes;
  all.insert(all.end(), mended.begin(), mended.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.seq > b.seq;
  });
  const auto same = [](const auto& a, const auto& b) { return a.offset == b.offset; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
}

Result<Compaction::Stored> Compaction::verify(Job& job, uint32_t copy) {
  std::chrono::milliseconds pause = kFirstPause;
  for (int look = 1;; ++look) {
    VIRIDIAN_TRY(Stored stored, read_back(job, copy));
    VIRIDIAN_TRY(const auto missing, differences(job, stored));
    if (missing.empty()) return stored;
    if (look == kLooks)
      return Error(Code::unavailable,
                   "images of collection " + job.place.collection.to_string() +
                       " were written, but " + std::to_string(missing.size()) +
                       " records are not there as they should be; it is tried again");
    if (look == kLooksBeforeMending) {
      // Not only late: images were lost, or a writer that had lost its lease long ago woke up.
      obs::log(obs::Level::warn, "segment", "images that are missing or too many are mended",
               {{"collection", job.place.collection.to_string()}, {"records", missing.size()}});
      VIRIDIAN_TRY_VOID(write(job, missing));
      want(job, missing);
      continue;
    }
    std::this_thread::sleep_for(pause);
    pause *= 4;
    VIRIDIAN_TRY_VOID(job.context.check());
  }
}

Result<Base> Compaction::make_base(Job& job, bool& garbage) {
  Base base = job.moment.base;
  const uint32_t copies = std::max(1u, peers_.store.copies(job.place));
  const uint32_t wanted = std::clamp(peers_.store.safe_copies(job.place), 1u, copies);
  // What is seen must be one state: mending on a later copy changes those before it.
  constexpr int kRounds = 3;
  Error error(Code::unavailable, "the copies of the images of collection " +
                                     job.place.collection.to_string() +
                                     " differ; it is tried again");
  for (int round = 0; round < kRounds; ++round) {
    uint32_t alike = 0;
    for (uint32_t copy = 0; copy < copies && alike < wanted; ++copy) {
      const auto stored = verify(job, copy);
      if (!stored.ok()) {
        // One that is away can be done without, as long as there are enough others.
        if (stored.error().code() != Code::unavailable) return stored.error();
        error = stored.error();
        continue;
      }
      if (alike > 0 && stored->checksum != base.checksum) break;
      ++alike;
      base.rows = stored->rows;
      base.checksum = stored->checksum;
      garbage = stored->garbage > std::max(stored->rows, kGarbageRows);
    }
    if (alike == wanted) return base;
    VIRIDIAN_TRY_VOID(job.context.check());
  }
  return error;
}

}  // namespace viridian::segment
