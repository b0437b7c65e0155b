#pragma once
#include <vector>

#include "viridian/spi/sysdb.h"

namespace viridian::segment {

/// What segments need of the SysDb. Codes are the SysDb's. Thread-safe.
class Registry {
 public:
  virtual ~Registry() = default;
  virtual Result<Collection> get_collection(const Context&, const CollectionId&) = 0;
  virtual Result<std::vector<Segment>> list_segments(const Context&, const CollectionId&) = 0;
  virtual Status publish(const Context&, const CollectionId&,
                         const std::vector<SegmentChange>& changes) = 0;
  virtual Result<std::vector<CollectionId>> collections_with_garbage(const Context&,
                                                                     int64_t before) = 0;
  virtual Result<std::vector<CollectionId>> all_collections(const Context&) = 0;
};

/// The SysDb itself.
class SysDbRegistry : public Registry {
 public:
  explicit SysDbRegistry(SysDb& sysdb) : sysdb_(sysdb) {}

  Result<Collection> get_collection(const Context& context, const CollectionId& id) override {
    return sysdb_.get_collection(context, id);
  }
  Result<std::vector<Segment>> list_segments(const Context& context,
                                             const CollectionId& id) override {
    return sysdb_.list_segments(context, id);
  }
  Status publish(const Context& context, const CollectionId& id,
                 const std::vector<SegmentChange>& changes) override {
    return sysdb_.publish(context, id, changes);
  }
  Result<std::vector<CollectionId>> collections_with_garbage(const Context& context,
                                                             int64_t before) override {
    return sysdb_.collections_with_garbage(context, before);
  }
  Result<std::vector<CollectionId>> all_collections(const Context& context) override {
    return sysdb_.all_collections(context);
  }

 private:
  SysDb& sysdb_;
};

/// For caches: the SysDb says which collections there are, and never hears of a cache's own files.
/// Those are known to the one who made them, and worth nothing without it.
class CacheRegistry final : public SysDbRegistry {
 public:
  using SysDbRegistry::SysDbRegistry;

  Status publish(const Context&, const CollectionId&, const std::vector<SegmentChange>&) override {
    return ok_status();
  }
  Result<std::vector<CollectionId>> collections_with_garbage(const Context&, int64_t) override {
    return std::vector<CollectionId>();
  }
  Result<std::vector<CollectionId>> all_collections(const Context&) override {
    return std::vector<CollectionId>();
  }
};

}  // namespace viridian::segment
