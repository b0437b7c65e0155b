#include <utility>

#include "codec/api_json.h"
#include "http/endpoints.h"

namespace viridian::http::endpoints {
namespace {

Result<Response> maintain(const Services& services, const Call& call,
                          Status (Api::*work)(const Context&, const CollectionRef&)) {
  VIRIDIAN_TRY(const CollectionRef ref, collection_ref(call));
  VIRIDIAN_TRY_VOID((services.api.*work)(call.context, ref));
  return json("{}");
}

}  // namespace

Result<Response> flush(const Services& services, const Call& call) {
  return maintain(services, call, &Api::flush);
}

Result<Response> compact(const Services& services, const Call& call) {
  return maintain(services, call, &Api::compact);
}

Result<Response> close_collection(const Services& services, const Call& call) {
  return maintain(services, call, &Api::close_collection);
}

Result<Response> create_snapshot(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::string name, codec::read_name(call.request.body));
  VIRIDIAN_TRY(const SnapshotInfo info, services.api.create_snapshot(call.context, name));
  return json(codec::write_snapshot(info));
}

Result<Response> list_snapshots(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::vector<SnapshotInfo> list, services.api.list_snapshots(call.context));
  return json(codec::write_snapshots(list));
}

Result<Response> verify_snapshot(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const SnapshotInfo info,
               services.api.verify_snapshot(call.context, call.parameter("snapshot")));
  return json(codec::write_snapshot(info));
}

Result<Response> restore_snapshot(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const RestoreRequest request,
               codec::read_restore(call.request.body, call.parameter("snapshot")));
  VIRIDIAN_TRY(const std::vector<Collection> restored,
               services.api.restore_snapshot(call.context, request));
  return json(codec::write_collections(restored));
}

Result<Response> delete_snapshot(const Services& services, const Call& call) {
  VIRIDIAN_TRY_VOID(services.api.delete_snapshot(call.context, call.parameter("snapshot")));
  return json("{}");
}

Result<Response> list_servers(const Services& services, const Call& call) {
  VIRIDIAN_TRY(const std::vector<ServerInfo> list, services.api.servers(call.context));
  return json(codec::write_servers(list));
}

}  // namespace viridian::http::endpoints
