#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clickhouse/client.h"
#include "clickhouse/literal.h"
#include "log/clickhouse_rows.h"
#include "log/history.h"
#include "viridian/spi/leases.h"

namespace viridian::clickhouse {

/// What one would build without this folder's care: the last number is the greatest one stored, and
/// nobody asks who stored it.
class NaiveHistory final : public History {
 public:
  explicit NaiveHistory(Client& client) : client_(client) {}
  Result<Extent> begin(const Context& context, const CollectionId& id, uint64_t) override {
    return extent(context, id);
  }
  std::vector<Status> commit(const Context&, std::span<const Commit> commits) override {
    return std::vector<Status>(commits.size());
  }
  Result<Extent> extent(const Context& context, const CollectionId& id) override {
    const std::string sql = "SELECT max(seq) AS m FROM " + log_table(client_) +
                            " WHERE collection_id = " + literals(std::span(&id, 1));
    VIRIDIAN_TRY(const Block block,
                 client_.select(context, {}, sql, {{"m", std::vector<uint64_t>()}}));
    return Extent{0, block.get<std::vector<uint64_t>>(0).front(), {{1, 1}}};
  }
  Result<std::vector<Last>> lasts(const Context&, std::span<const CollectionId>) override {
    return Error(Code::unimplemented, "not needed");
  }
  Status start_after(const Context&, const CollectionId&, uint64_t, SeqId) override { return {}; }
  Status trim(const Context&, const CollectionId&, SeqId) override { return {}; }
  Status forget(const Context&, std::span<const CollectionId>) override { return {}; }

 private:
  Client& client_;
};

/// Leases that are the same, whoever has them.
class NaiveLeases final : public viridian::Leases {
 public:
  Result<Holder> holder(const Context&, const CollectionId&) override { return Holder{}; }
  Result<uint64_t> epoch(const Context&, const CollectionId&) override { return 1U; }
  Status confirm(const Context&, const CollectionId&, uint64_t) override { return {}; }
  bool certain(const CollectionId&, uint64_t) const noexcept override { return false; }
  std::vector<ServerInfo> servers() const override { return {}; }
  Status renew(const Context&, const CollectionId&, uint64_t) override { return {}; }
  Status take(const Context&, uint32_t) override { return {}; }
};

}  // namespace viridian::clickhouse
