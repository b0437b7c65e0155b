#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "viridian/spi/sysdb.h"

namespace viridian::conformance {

/// A test double around any SysDb, whose publish() can fail: before it did anything, or after.
/// Thread-safe.
class FaultySysDb final : public SysDb {
 public:
  enum class Fault { none, before, after };
  explicit FaultySysDb(SysDb& inner) : inner_(inner) {}

  /// From now on publish() fails like this, with `unavailable`.
  void fail_publish(Fault fault) { fault_ = fault; }
  uint64_t published() const { return published_; }

  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    const Fault fault = fault_;
    const Error failure(Code::unavailable, "the test lets publish() fail");
    if (fault == Fault::before) return failure;
    VIRIDIAN_TRY_VOID(inner_.publish(context, id, changes));
    ++published_;
    return fault == Fault::after ? Status(failure) : ok_status();
  }

  Status create_tenant(const Context& c, const std::string& name) override {
    return inner_.create_tenant(c, name);
  }
  Result<Tenant> get_tenant(const Context& c, const std::string& name) override {
    return inner_.get_tenant(c, name);
  }
  Status set_tenant_resource_name(const Context& c, const std::string& name,
                                  const std::string& resource_name) override {
    return inner_.set_tenant_resource_name(c, name, resource_name);
  }
  Result<Database> create_database(const Context& c, const DatabasePath& path) override {
    return inner_.create_database(c, path);
  }
  Result<Database> get_database(const Context& c, const DatabasePath& path) override {
    return inner_.get_database(c, path);
  }
  Result<std::vector<Database>> list_databases(const Context& c, const std::string& tenant,
                                               const Page& page) override {
    return inner_.list_databases(c, tenant, page);
  }
  Result<std::vector<CollectionId>> delete_database(const Context& c,
                                                    const DatabasePath& path) override {
    return inner_.delete_database(c, path);
  }
  Status create_collection(const Context& c, const Collection& collection,
                           const std::vector<Segment>& segments) override {
    return inner_.create_collection(c, collection, segments);
  }
  Result<Collection> get_collection(const Context& c, const DatabasePath& path,
                                    const std::string& name) override {
    return inner_.get_collection(c, path, name);
  }
  Result<Collection> get_collection(const Context& c, const CollectionId& id) override {
    return inner_.get_collection(c, id);
  }
  Result<std::vector<Collection>> list_collections(const Context& c, const DatabasePath& path,
                                                   const Page& page) override {
    return inner_.list_collections(c, path, page);
  }
  Result<uint64_t> count_collections(const Context& c, const DatabasePath& path) override {
    return inner_.count_collections(c, path);
  }
  Result<Collection> update_collection(const Context& c, const CollectionId& id,
                                       const CollectionChange& change) override {
    return inner_.update_collection(c, id, change);
  }
  Status delete_collection(const Context& c, const CollectionId& id) override {
    return inner_.delete_collection(c, id);
  }
  Result<std::vector<Segment>> list_segments(const Context& c, const CollectionId& id) override {
    return inner_.list_segments(c, id);
  }
  Result<std::vector<CollectionId>> collections_with_garbage(const Context& c,
                                                             int64_t before) override {
    return inner_.collections_with_garbage(c, before);
  }
  Result<std::vector<CollectionId>> all_collections(const Context& c) override {
    return inner_.all_collections(c);
  }
  Status reset(const Context& c) override { return inner_.reset(c); }

 private:
  SysDb& inner_;
  std::atomic<Fault> fault_ = Fault::none;
  std::atomic<uint64_t> published_ = 0;
};

}  // namespace viridian::conformance
