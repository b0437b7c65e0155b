#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "viridian/spi/api.h"
#include "viridian/spi/leases.h"

namespace viridian::cluster {

/// The Api of the server at an address.
using MakePeer = std::function<Result<std::shared_ptr<viridian::Api>>(const std::string& url)>;

/// Servers over HTTP. A call to one that `leases` does not list any more is given up: what is
/// frozen keeps its connections. `timeout`: the longest that any call waits.
MakePeer peers_over_http(Leases& leases, std::chrono::milliseconds timeout);

/// The other servers, each made once, so that its connections are used again. Thread-safe.
class Peers {
 public:
  explicit Peers(MakePeer make) : make_(std::move(make)) {}

  ///   unavailable  it cannot be reached under this address; the message says why
  Result<std::shared_ptr<viridian::Api>> at(const std::string& url);
  /// Lets go of all.
  void clear();

 private:
  const MakePeer make_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<viridian::Api>> by_url_;  // guarded by mutex_
};

}  // namespace viridian::cluster
