#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "conformance/records.h"
#include "viridian/spi/api.h"

namespace viridian::conformance {

/// A running Api with nothing in it but the default tenant and database.
class ApiUnderTest {
 public:
  virtual ~ApiUnderTest() = default;
  virtual Api& api() = 0;
};

/// One implementation of Api, or one assembly behind it.
struct ApiFactory {
  std::string name;
  bool reset_allowed = false;
  std::function<Result<std::unique_ptr<ApiUnderTest>>()> make;
};
inline void PrintTo(const ApiFactory& factory, std::ostream* out) { *out << factory.name; }
/// For INSTANTIATE_TEST_SUITE_P.
inline std::string factory_name(const testing::TestParamInfo<ApiFactory>& info) {
  return info.param.name;
}

#define EXPECT_OK(...)                                                      \
  do {                                                                      \
    const auto viridian_result = (__VA_ARGS__);                             \
    EXPECT_TRUE(viridian_result.ok()) << viridian_result.error().message(); \
  } while (false)
/// The call fails with this code and a message that holds the text.
#define EXPECT_FAILS(code_, text_, ...)                                        \
  do {                                                                         \
    const auto viridian_result = (__VA_ARGS__);                                \
    ASSERT_FALSE(viridian_result.ok()) << "no error, but wanted: " << (text_); \
    EXPECT_EQ(code_name(viridian_result.error().code()), code_name(code_));    \
    EXPECT_THAT(viridian_result.error().message(), testing::HasSubstr(text_)); \
  } while (false)

/// The value, or a failed test and a default value.
template <class T>
T must(Result<T> result) {
  if (result.ok()) return *std::move(result);
  ADD_FAILURE() << result.error().message();
  return T();
}

/// The request that restores everything to where it was.
inline RestoreRequest all_of_snapshot(const std::string& name) {
  RestoreRequest request;
  request.snapshot = name;
  return request;
}

class ApiConformance : public testing::TestWithParam<ApiFactory> {
 protected:
  void SetUp() override {
    auto made = GetParam().make();
    ASSERT_TRUE(made.ok()) << made.error().message();
    under_test_ = *std::move(made);
  }

  Api& api() { return under_test_->api(); }

  CollectionRef make(const std::string& name = "docs", Space space = Space::l2) {
    CreateCollection request;
    request.name = name;
    if (space != Space::l2) {
      request.configuration.emplace().hnsw.emplace().space = space;
    }
    return {DatabasePath(), must(api().create_collection(context_, DatabasePath(), request)).id};
  }
  Collection stored(const CollectionRef& ref) {
    return must(api().get_collection_by_id(context_, ref));
  }

  Result<WriteResult> write(const CollectionRef& ref, Operation operation,
                            const std::vector<Row>& rows) {
    return api().write(context_, ref, batch_of(operation, rows));
  }
  void add(const CollectionRef& ref, const std::vector<Row>& rows) {
    EXPECT_OK(write(ref, Operation::add, rows));
  }
  void update(const CollectionRef& ref, const std::vector<Row>& rows) {
    EXPECT_OK(write(ref, Operation::update, rows));
  }
  void upsert(const CollectionRef& ref, const std::vector<Row>& rows) {
    EXPECT_OK(write(ref, Operation::upsert, rows));
  }
  uint64_t remove(const CollectionRef& ref, Selection selection,
                  std::optional<uint32_t> limit = {}) {
    return must(api().delete_records(context_, ref, delete_of(std::move(selection), limit)))
        .deleted;
  }

  uint64_t count(const CollectionRef& ref, ReadLevel level = ReadLevel::index_and_wal) {
    return must(api().count(context_, ref, level));
  }
  RecordColumns get(const CollectionRef& ref, Selection selection = {}) {
    return must(api().get(context_, ref, get_all(std::move(selection)))).records;
  }
  std::vector<std::string> ids(const CollectionRef& ref, Selection selection = {}) {
    GetRequest request;
    request.selection = std::move(selection);
    request.include = {};
    return strings(must(api().get(context_, ref, request)).records.ids);
  }
  /// The only record of that id.
  RecordColumns record(const CollectionRef& ref, const std::string& id) {
    RecordColumns found = get(ref, by_ids({id}));
    EXPECT_EQ(strings(found.ids), std::vector<std::string>{id});
    return found;
  }
  std::optional<Metadata> metadata(const CollectionRef& ref, const std::string& id) {
    const RecordColumns found = record(ref, id);
    return found.metadatas.empty() ? std::nullopt : found.metadatas[0];
  }
  std::optional<std::string> text(const CollectionRef& ref, const std::string& id) {
    const RecordColumns found = record(ref, id);
    if (found.documents.empty() || !found.documents.has(0)) return std::nullopt;
    return std::string(*found.documents[0]);
  }
  std::vector<float> vector(const CollectionRef& ref, const std::string& id) {
    const RecordColumns found = record(ref, id);
    return found.embeddings.rows() == 0 ? std::vector<float>() : row_of(found.embeddings, 0);
  }
  QueryResult query(const CollectionRef& ref, const QueryRequest& request) {
    return must(api().query(context_, ref, request));
  }
  /// The ids that one query vector finds.
  std::vector<std::string> nearest(const CollectionRef& ref, const std::vector<float>& vector,
                                   uint32_t n_results = 10, Selection selection = {}) {
    const QueryResult result = query(ref, query_of({vector}, n_results, std::move(selection)));
    return result.records.size() == 1 ? strings(result.records[0].ids)
                                      : std::vector<std::string>{"wrong number of lists"};
  }

  const Context context_;
  std::unique_ptr<ApiUnderTest> under_test_;
};

using Ids = std::vector<std::string>;

}  // namespace viridian::conformance
