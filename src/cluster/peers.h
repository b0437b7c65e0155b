#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "viridian/base/settings.h"
#include "viridian/spi/api.h"
#include "viridian/spi/leases.h"

namespace viridian::cluster {

/// The Api of a server. Two of its errors say what became of a call, and all others are what that
/// server decided:
///   aborted    the call did not happen: nobody was reached, or whoever was has not acted
///   cancelled  no answer came: it may have happened, or may yet
using MakePeer =
    std::function<Result<std::shared_ptr<viridian::Api>>(const Leases::Holder& server)>;

/// Servers over HTTP. A call to one that `leases` does not list any more is given up: what is
/// frozen keeps its connections. The settings client.* say how they are asked.
MakePeer peers_over_http(Leases& leases, const Settings& settings);

/// The other servers, each made once, so that its connections are used again. Thread-safe.
class Peers {
 public:
  explicit Peers(MakePeer make) : make_(std::move(make)) {}

  ///   aborted  it cannot be reached under its address; the message says why
  Result<std::shared_ptr<viridian::Api>> at(const Leases::Holder& server);
  /// Lets go of all.
  void clear();

 private:
  const MakePeer make_;
  std::mutex mutex_;
  /// By id and address: after one server another may have the address. Guarded by mutex_.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<viridian::Api>> made_;
};

}  // namespace viridian::cluster
