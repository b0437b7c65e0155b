#include "viridian/spi/segment_types.h"

namespace viridian {
namespace {

Error unknown_type(const SegmentEnvironment& environment, std::string_view scope) {
  return Error(Code::failed_precondition,
               "collection " + environment.definition.collection.to_string() + " has a " +
                   std::string(scope) + " segment of type '" + environment.definition.type +
                   "', which this program does not know; use the version that wrote it, or a newer "
                   "one");
}

}  // namespace

Result<std::unique_ptr<MetadataSegment>> SegmentTypes::open_metadata(
    const Context& context, const SegmentEnvironment& environment) const {
  const auto found = metadata_.find(environment.definition.type);
  if (found == metadata_.end()) return unknown_type(environment, "metadata");
  return found->second(context, environment);
}

Result<std::unique_ptr<VectorSegment>> SegmentTypes::open_vector(
    const Context& context, const SegmentEnvironment& environment) const {
  const auto found = vector_.find(environment.definition.type);
  if (found == vector_.end()) return unknown_type(environment, "vector");
  return found->second(context, environment);
}

}  // namespace viridian
