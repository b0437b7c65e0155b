#pragma once
#include <memory>
#include <utility>

#include "segment/collection_segments.h"

namespace viridian::segment {

/// What readers of a collection get.
class CollectionSegments::View final : public ReadView {
 public:
  /// `views` tells the collection how many of them there are.
  View(SeqId applied, std::shared_ptr<const MetadataReader> metadata,
       std::shared_ptr<const VectorReader> vectors, std::shared_ptr<const void> views)
      : applied_(applied),
        views_(std::move(views)),
        metadata_(std::move(metadata)),
        vectors_(std::move(vectors)) {}
  SeqId applied() const override { return applied_; }
  const MetadataReader& metadata() const override { return *metadata_; }
  const VectorReader& vectors() const override { return *vectors_; }

 private:
  SeqId applied_;
  std::shared_ptr<const void> views_;
  std::shared_ptr<const MetadataReader> metadata_;
  std::shared_ptr<const VectorReader> vectors_;
};

}  // namespace viridian::segment
