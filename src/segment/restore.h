#pragma once
#include <vector>

#include "segment/environment.h"
#include "viridian/spi/segments.h"

namespace viridian::segment {

/// See SegmentManager::restore.
Result<std::vector<Segment>> restore_image(const Context& context, const Environment& environment,
                                           const CollectionId& target, const SegmentImage& image);

}  // namespace viridian::segment
