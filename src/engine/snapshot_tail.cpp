#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <utility>

#include "base/crc32c.h"
#include "codec/batch_codec.h"
#include "engine/snapshot_store.h"

// A tail: the log's records after the sealed number, as a file (docs/file-formats.md).
namespace viridian::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

constexpr std::string_view kMagic = "VIRIDTAL";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kFrameHeaderBytes = 24;
/// What is read of the log at a time.
constexpr size_t kReadBytes = 8U << 20;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}
template <class T>
T get(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

uint32_t crc_of(std::string_view a, std::string_view b = {}) {
  return crc32c(crc32c(0, os::as_bytes(a)), os::as_bytes(b));
}

std::string file_header() {
  std::string header(kMagic);
  put(header, kVersion);
  put(header, crc_of(header));
  return header;
}

std::string frame_header(SeqId first_seq, std::string_view payload) {
  std::string header;
  put(header, uint64_t{first_seq});
  put(header, uint64_t{payload.size()});
  put(header, crc_of(header, payload));
  put(header, uint32_t{0});
  return header;
}

Error damaged(const std::string& path, uint64_t at, std::string_view what) {
  return Error(Code::data_loss, fmt::format("{} is damaged at byte {}: {}", path, at, what));
}

/// Writes a file front to back.
class TailWriter {
 public:
  explicit TailWriter(std::unique_ptr<os::File> file) : file_(std::move(file)) {}

  Status add(std::string_view bytes) {
    VIRIDIAN_TRY_VOID(file_->write_at(size_, os::as_bytes(bytes)));
    crc_ = crc32c(crc_, os::as_bytes(bytes));
    size_ += bytes.size();
    return ok_status();
  }
  Status add(const LogBatch& batch) {
    const std::string payload = codec::encode_batch(*batch.batch);
    VIRIDIAN_TRY_VOID(add(frame_header(batch.first_seq, payload)));
    return add(payload);
  }
  Status sync() { return file_->sync(); }
  uint64_t size() const { return size_; }
  uint32_t crc() const { return crc_; }

 private:
  std::unique_ptr<os::File> file_;
  uint64_t size_ = 0;
  uint32_t crc_ = 0;
};

/// Copies the records after `after` up to `last` into the file.
Status copy_log(const Context& context, Consumer& consumer, const CollectionId& collection,
                SeqId after, SeqId last, TailWriter& writer) {
  VIRIDIAN_TRY_VOID(writer.add(file_header()));
  while (after < last) {
    VIRIDIAN_TRY_VOID(context.check());
    VIRIDIAN_TRY(const auto batches, consumer.read(context, collection, after, kReadBytes));
    if (batches.empty()) {
      return Error(Code::not_found, fmt::format("the log of collection {} ends at {} instead of {}",
                                                collection.to_string(), after, last));
    }
    for (const LogBatch& batch : batches) {
      if (after == last) return ok_status();
      if (batch.first_seq != after + 1 || batch.last_seq() > last) {
        return Error(Code::internal,
                     fmt::format("the log of collection {} gave records {} to {} after {}",
                                 collection.to_string(), batch.first_seq, batch.last_seq(), after));
      }
      VIRIDIAN_TRY_VOID(writer.add(batch));
      after = batch.last_seq();
    }
  }
  return ok_status();
}

}  // namespace

Result<StoredFile> SnapshotStore::Draft::add_tail(const Context& context, Consumer& consumer,
                                                  const CollectionId& collection, SeqId after,
                                                  SeqId last) {
  os::Files& files = store_->files_;
  const std::string temporary = os::join(store_->directory_, "tails/new.tmp");
  VIRIDIAN_TRY_VOID(files.remove(temporary));
  VIRIDIAN_TRY(auto file, files.open(temporary, os::OpenMode::create));
  TailWriter writer(std::move(file));
  VIRIDIAN_TRY_VOID(copy_log(context, consumer, collection, after, last, writer));
  VIRIDIAN_TRY_VOID(writer.sync());
  // Named by its content: a collection that did not change has the same tail in every snapshot. One
  // that is there already is replaced by its like, which heals it where it was damaged.
  StoredFile stored{fmt::format("tails/{}-{}-{}-{:08x}.batches", collection.to_string(), after,
                                last, writer.crc()),
                    writer.size(), writer.crc()};
  VIRIDIAN_TRY_VOID(files.rename(temporary, store_->path_of(stored)));
  if (known_.emplace(stored.name, stored).second) added_.emplace(stored.name, stored.bytes);
  return stored;
}

Result<SnapshotStore::Tail> SnapshotStore::Tail::open(os::Files& files, const std::string& path,
                                                      uint64_t bytes) {
  VIRIDIAN_TRY(auto file, files.open(path, os::OpenMode::read));
  VIRIDIAN_TRY(const uint64_t size, file->size());
  if (size != bytes) {
    return damaged(path, std::min(size, bytes),
                   fmt::format("it has {} bytes instead of {}", size, bytes));
  }
  Tail tail(std::move(file), path, bytes);
  std::string header;
  VIRIDIAN_TRY_VOID(tail.read(kHeaderBytes, header));
  const std::string_view start = std::string_view(header).substr(0, kHeaderBytes - 4);
  if (!start.starts_with(kMagic) || get<uint32_t>(header, 12) != crc_of(start)) {
    return damaged(path, 0, "this is not the start of a tail");
  }
  if (const auto version = get<uint32_t>(header, 8); version != kVersion) {
    return Error(Code::failed_precondition,
                 fmt::format("{} has format version {}, and this program knows {}: use a newer one",
                             path, version, kVersion));
  }
  return tail;
}

Status SnapshotStore::Tail::read(uint64_t size, std::string& out) {
  if (size > bytes_ - at_) return damaged(path_, at_, "the file ends within a frame");
  out.resize(size);
  VIRIDIAN_TRY(const size_t got, file_->read_at(at_, std::as_writable_bytes(std::span(out))));
  if (got != size) return damaged(path_, at_ + got, "the file is too short");
  at_ += size;
  return ok_status();
}

Result<LogBatch> SnapshotStore::Tail::next() {
  LogBatch batch;
  if (at_ == bytes_) return batch;
  const uint64_t begin = at_;
  std::string header;
  VIRIDIAN_TRY_VOID(read(kFrameHeaderBytes, header));
  std::string payload;
  VIRIDIAN_TRY_VOID(read(get<uint64_t>(header, 8), payload));
  batch.first_seq = get<uint64_t>(header, 0);
  if (header != frame_header(batch.first_seq, payload)) {
    return damaged(path_, begin, "a checksum is wrong");
  }
  VIRIDIAN_TRY(RecordBatch records, codec::decode_batch(payload));
  batch.batch = std::make_shared<const RecordBatch>(std::move(records));
  return batch;
}

}  // namespace viridian::engine
