#include "segment/materialise.h"

#include <unordered_map>

#include "segment/batch_columns.h"

namespace viridian::segment {
namespace {

/// A batch of this size cannot make a row that is too large: row headers fit in the difference.
constexpr uint64_t kMaxBatchBytes = BatchColumns::kMaxRowBytes / 2;

class Materialiser {
 public:
  Materialiser(const LogBatch& logged, MetadataSegment& metadata, uint32_t dim)
      : logged_(logged),
        batch_(*logged.batch),
        metadata_(metadata),
        fits_(dim == 0 || batch_.embeddings.rows() == 0 || batch_.embeddings.dim == dim),
        next_offset_(metadata.next_offset()) {
    seen_.reserve(batch_.rows());
  }

  Result<Materialised> run() {
    const uint64_t vector_bytes = batch_.embeddings.values.size() * sizeof(float);
    if (batch_.size_bytes() - vector_bytes > kMaxBatchBytes) {
      result_.refused = batch_.rows();
      return std::move(result_);
    }
    result_.changes.reserve(batch_.rows());
    for (uint32_t row = 0; row < batch_.rows(); ++row) VIRIDIAN_TRY_VOID(resolve(row));
    return std::move(result_);
  }

 private:
  Status resolve(uint32_t row) {
    const auto [seen, first] = seen_.try_emplace(batch_.ids[row]);
    std::optional<Offset>& offset = seen->second;
    if (first) {
      VIRIDIAN_TRY(offset, metadata_.find(batch_.ids[row]));
    }
    const Operation operation = batch_.operation;
    const bool inserts = operation == Operation::add || operation == Operation::upsert;
    if (operation == Operation::remove) {
      if (offset) push(RowChange::Kind::remove, row, *offset);
      offset.reset();
    } else if (offset) {
      if (operation == Operation::add) return ok_status();
      if (batch_.embedding(row) != nullptr && !fits_)
        ++result_.refused;
      else
        push(RowChange::Kind::update, row, *offset);
    } else if (inserts) {
      if (batch_.embedding(row) == nullptr || !fits_) {
        ++result_.refused;
        return ok_status();
      }
      offset = next_offset_++;
      push(RowChange::Kind::insert, row, *offset);
    }
    return ok_status();
  }

  void push(RowChange::Kind kind, uint32_t row, Offset offset) {
    result_.changes.push_back({kind, row, offset, logged_.first_seq + row});
  }

  const LogBatch& logged_;
  const RecordBatch& batch_;
  MetadataSegment& metadata_;
  const bool fits_;
  Offset next_offset_;
  std::unordered_map<std::string_view, std::optional<Offset>> seen_;  ///< ids of this batch
  Materialised result_;
};

}  // namespace

Result<Materialised> materialise(const LogBatch& logged, MetadataSegment& metadata, uint32_t dim) {
  return Materialiser(logged, metadata, dim).run();
}

}  // namespace viridian::segment
