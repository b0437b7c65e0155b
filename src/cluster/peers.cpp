#include "cluster/peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "http/api_client.h"
#include "http/url.h"

namespace viridian::cluster {
namespace {

/// Servers come and go, under new addresses perhaps; the connections to those that went are let go
/// of with the rest when there are more addresses than this.
constexpr size_t kPeersMax = 256;

bool lives(const Leases& leases, const std::string& id) {
  const std::vector<ServerInfo> servers = leases.servers();
  return std::any_of(servers.begin(), servers.end(),
                     [&](const ServerInfo& server) { return server.id == id; });
}

}  // namespace

MakePeer peers_over_http(Leases& leases, const Settings& settings) {
  return
      [&leases, settings](const Leases::Holder& server) -> Result<std::shared_ptr<viridian::Api>> {
        VIRIDIAN_TRY(http::ServerUrl address, http::parse_server_url(server.url));
        VIRIDIAN_TRY(http::ClientOptions options, http::client_options(settings, address));
        return std::make_shared<http::ApiClient>(
            std::move(address), std::move(options),
            http::ApiClient::Peer{server.server,
                                  [&leases, id = server.server] { return lives(leases, id); }});
      };
}

Result<std::shared_ptr<viridian::Api>> Peers::at(const Leases::Holder& server) {
  const std::lock_guard lock(mutex_);
  const std::pair key(server.server, server.url);
  if (const auto known = made_.find(key); known != made_.end()) return known->second;
  auto made = make_(server);
  if (!made.ok()) {
    return Error(Code::aborted, fmt::format("the server at \"{}\" cannot be reached: {}",
                                            server.url, made.error().message()));
  }
  if (made_.size() >= kPeersMax) made_.clear();
  made_.emplace(key, *made);
  return made;
}

void Peers::clear() {
  const std::lock_guard lock(mutex_);
  made_.clear();
}

}  // namespace viridian::cluster
