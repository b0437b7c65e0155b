#include "log/history.h"

#include <fmt/core.h>

#include <algorithm>

namespace viridian::clickhouse {

uint64_t owner_of(const Extent& extent, SeqId number) {
  uint64_t epoch = 0;
  for (const Span& span : extent.spans)
    if (span.first <= number) epoch = span.epoch;
  return epoch;
}

uint64_t newest_epoch(const Extent& extent) {
  return extent.spans.empty() ? 0 : extent.spans.back().epoch;
}

Error epoch_over(const CollectionId& collection, uint64_t epoch, uint64_t newest) {
  return Error(Code::aborted, fmt::format("epoch {} of collection {} is over: epoch {} has begun",
                                          epoch, collection.to_string(), newest));
}

Error not_decided(const CollectionId& collection, uint64_t epoch) {
  return Error(Code::unavailable,
               fmt::format("epoch {} of collection {} is over, and whoever has the collection now "
                           "has not said yet which of its records count",
                           epoch, collection.to_string()));
}

// Trimming lets go of spans below the base only: the next span that is left and begins at the base
// may have others before it that began earlier. Beyond the base an epoch without a span is one that
// the next goes by: it is no matter that this one begins after `to`, where another epoch's rows
// are.
Status outcome_in(const Extent& extent, const CollectionId& collection, uint64_t epoch, SeqId to) {
  const uint64_t newest = newest_epoch(extent);
  if (newest == epoch) return not_decided(collection, epoch);
  const auto next =
      std::ranges::find_if(extent.spans, [&](const Span& span) { return span.epoch > epoch; });
  if (next == extent.spans.end()) {
    return Error(Code::aborted, fmt::format("the history of collection {} knows no epoch {}: it "
                                            "was forgotten meanwhile",
                                            collection.to_string(), epoch));
  }
  const auto own = std::ranges::find(extent.spans, epoch, &Span::epoch);
  const bool trimmed = next->first <= extent.base + 1;
  if (next->first <= to || (own == extent.spans.end() && !trimmed))
    return epoch_over(collection, epoch, newest);
  if (!trimmed) return ok_status();
  return Error(Code::unavailable,
               fmt::format("whether record {} of epoch {} of collection {} counts is not known any "
                           "more: the log was trimmed to number {}",
                           to, epoch, collection.to_string(), extent.base));
}

}  // namespace viridian::clickhouse
