// Records that are odd but allowed, or refused: none may keep later writes from any collection, nor
// the system from starting again. What is in the log is applied for ever.
#include <cmath>
#include <limits>

#include "conformance/api_fixture.h"
#include "engine/test_system.h"

namespace viridian::conformance {
namespace {

std::vector<std::string> odd_texts() {
  return {std::string("\0", 1),
          std::string("a\0b", 3),
          "\n",
          " ",
          "\xf0\x9f\x98\x80",
          "\xff\xfe not utf-8",
          std::string(5000, 'x'),
          "'; drop table records; --",
          "%s%n{}",
          "../../etc/passwd",
          "00000000-0000-0000-0000-000000000000",
          "chroma:document",
          "#document",
          "$and"};
}

std::vector<MetadataValue> odd_values() {
  std::vector<MetadataValue> values{std::monostate(),
                                    true,
                                    std::numeric_limits<int64_t>::min(),
                                    1e308,
                                    -0.0,
                                    5e-324,
                                    std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN(),
                                    "",
                                    std::vector<bool>(),
                                    std::vector<int64_t>(),
                                    std::vector<double>(),
                                    std::vector<std::string>(),
                                    std::vector<std::string>{"", std::string("\0", 1)},
                                    std::vector<int64_t>(10000, 7)};
  for (const std::string& text : odd_texts()) values.emplace_back(text);
  return values;
}

class ApiPoison : public testing::Test {
 protected:
  void SetUp() override {
    system_ = must(make_local_api(directory_.path()));
    ASSERT_TRUE(system_);
    docs_ = make("docs");
    other_ = make("other");
  }
  CollectionRef make(const std::string& name) {
    CreateCollection request;
    request.name = name;
    return {DatabasePath(),
            must(system_->api().create_collection(context_, DatabasePath(), request)).id};
  }

  /// Tries the record with every operation, and then a plain write to both collections.
  void try_record(const Row& row) {
    for (const Operation operation : {Operation::add, Operation::update, Operation::upsert}) {
      const auto wrote = system_->api().write(context_, docs_, batch_of(operation, {row}));
      if (!wrote.ok()) {
        EXPECT_TRUE(wrote.error().code() == Code::invalid_argument ||
                    wrote.error().code() == Code::unprocessable)
            << wrote.error().message();
      }
    }
    expect_working();
  }
  void expect_working() {
    for (const CollectionRef& ref : {docs_, other_}) {
      EXPECT_OK(system_->api().write(
          context_, ref, batch_of(Operation::upsert, {{.id = "plain", .vector = {1, 2}}})));
      EXPECT_EQ(
          must(system_->api().get(context_, ref, get_all(by_ids({"plain"})))).records.ids.size(),
          1U);
      EXPECT_OK(system_->api().query(context_, ref, query_of({{1, 2}}, 1000)));
    }
  }

  const Context context_;
  TemporaryDirectory directory_;
  std::unique_ptr<TestSystem> system_;
  CollectionRef docs_;
  CollectionRef other_;
};

TEST_F(ApiPoison, OddRecordsNeverKeepLaterWritesOut) {
  for (const std::string& text : odd_texts()) {
    try_record({.id = text, .vector = {1, 2}, .document = text, .uri = text});
    try_record({.id = "key", .vector = {1, 2}, .metadata = Metadata{{text, 1_i}}});
  }
  for (const std::string key : {"k", "chroma:document", "chroma:uri", "chroma:foo", "#k", "$k"}) {
    for (const MetadataValue& value : odd_values()) {
      try_record({.id = "value", .vector = {1, 2}, .metadata = Metadata{{key, value}}});
      if (HasFailure()) FAIL() << "at key " << key << ", type " << value.index();
    }
  }
  const float most = std::numeric_limits<float>::max();
  for (const std::vector<float>& vector :
       {std::vector<float>{most, -most}, {0, -0.0F}, {1e-45F, 0}, {NAN, 1}, {1}, {1, 2, 3}}) {
    try_record({.id = "vector", .vector = vector});
  }
  const RecordColumns before = must(system_->api().get(context_, docs_, get_all())).records;
  ASSERT_TRUE(system_->reopen().ok());
  EXPECT_EQ(must(system_->api().get(context_, docs_, get_all())).records, before);
  expect_working();
}

}  // namespace
}  // namespace viridian::conformance
