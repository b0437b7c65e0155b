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

bool lives(const Leases& leases, const std::string& url) {
  const std::vector<ServerInfo> servers = leases.servers();
  return std::any_of(servers.begin(), servers.end(),
                     [&](const ServerInfo& server) { return server.url == url; });
}

}  // namespace

MakePeer peers_over_http(Leases& leases, std::chrono::milliseconds timeout) {
  return [&leases, timeout](const std::string& url) -> Result<std::shared_ptr<viridian::Api>> {
    VIRIDIAN_TRY(http::ServerUrl address, http::parse_server_url(url));
    return std::make_shared<http::ApiClient>(std::move(address), timeout,
                                             [&leases, url] { return lives(leases, url); });
  };
}

Result<std::shared_ptr<viridian::Api>> Peers::at(const std::string& url) {
  const std::lock_guard lock(mutex_);
  if (const auto known = by_url_.find(url); known != by_url_.end()) return known->second;
  auto made = make_(url);
  if (!made.ok()) {
    return Error(Code::unavailable, fmt::format("the server at \"{}\" cannot be reached: {}", url,
                                                made.error().message()));
  }
  if (by_url_.size() >= kPeersMax) by_url_.clear();
  by_url_.emplace(url, *made);
  return made;
}

void Peers::clear() {
  const std::lock_guard lock(mutex_);
  by_url_.clear();
}

}  // namespace viridian::cluster
