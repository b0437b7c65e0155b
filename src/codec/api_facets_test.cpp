#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "codec/api_json.h"

namespace viridian::codec {
namespace {

template <class T>
std::string outcome(const Result<T>& result) {
  if (result.ok()) return "ok";
  return std::string(code_name(result.error().code())) + ": " + result.error().message();
}

const std::string kShape =
    "unprocessable: Failed to deserialize the JSON body into the target type: ";
const std::string kInvalid = "invalid_argument: Validation error: ";

TEST(OrderBy, IsAKeyOrAListOfThem) {
  const auto read = [](const std::string& order_by) {
    return read_get(R"({"order_by":)" + order_by + "}");
  };
  EXPECT_TRUE(read_get("{}")->order_by.empty());
  EXPECT_TRUE(read("null")->order_by.empty());
  EXPECT_EQ(read(R"("date")")->order_by, (std::vector<SortKey>{{"date", false}}));
  EXPECT_EQ(
      read(R"(["a",{"key":"b"},{"key":"c","direction":"desc"},
                     {"direction":"asc","key":"d"},{"key":"e","direction":null}])")
          ->order_by,
      (std::vector<SortKey>{{"a", false}, {"b", false}, {"c", true}, {"d", false}, {"e", false}}));
  EXPECT_EQ(outcome(read("[]")), kInvalid + "order_by: it names no key");
  EXPECT_EQ(outcome(read(R"([{"key":"a","direction":"down"}])")),
            kInvalid + "order_by[0].direction: unknown direction `down`, expected `asc` or `desc`");
  EXPECT_EQ(outcome(read("5")),
            kShape + "order_by: invalid type: integer `5`, expected a key or an array");
  EXPECT_EQ(outcome(read(R"([["a"]])")),
            kShape + "order_by[0]: invalid type: sequence, expected an object");
  EXPECT_EQ(outcome(read(R"([{"direction":"asc"}])")), kShape + "order_by[0]: missing field `key`");
  EXPECT_EQ(outcome(read(R"([{"key":"a","desc":true}])")),
            kShape + "order_by[0]: unknown field `desc`, expected one of `key`, `direction`");
}

TEST(OrderBy, TravelsWithTheCursor) {
  GetRequest request;
  request.order_by = {{"a \"b\"", true}, {"c", false}};
  request.cursor = "xyz";
  const auto back = read_get(write_get(request));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->order_by, request.order_by);
  EXPECT_EQ(back->cursor, request.cursor);
  EXPECT_EQ(read_get(R"({"cursor":""})")->cursor, "");
  EXPECT_EQ(read_get(R"({"cursor":null})")->cursor, std::nullopt);
  EXPECT_EQ(outcome(read_get(R"({"cursor":1})")),
            kShape + "cursor: invalid type: integer `1`, expected a string");
  EXPECT_EQ(write_get(GetRequest()), R"({"offset":0,"include":["documents","metadatas"]})");
}

TEST(NextCursor, IsThereWhereItWasAskedFor) {
  const std::string without =
      R"({"ids":[],"embeddings":null,"documents":null,"uris":null,"metadatas":null,"include":[])";
  GetResult result{{}, {}, {}};
  EXPECT_EQ(write_get_result(result), without + "}");
  EXPECT_EQ(read_get_result(write_get_result(result))->next_cursor, std::nullopt);
  result.next_cursor = "";
  EXPECT_EQ(write_get_result(result), without + R"(,"next_cursor":null})");
  EXPECT_EQ(read_get_result(write_get_result(result))->next_cursor, "");
  result.next_cursor = "abc";
  EXPECT_EQ(write_get_result(result), without + R"(,"next_cursor":"abc"})");
  EXPECT_EQ(read_get_result(write_get_result(result))->next_cursor, "abc");
}

TEST(Facets, RequestsTakeWhatTheirFieldsAllow) {
  const auto least = read_facets(R"({"keys":["a"]})");
  ASSERT_TRUE(least.ok()) << outcome(least);
  EXPECT_EQ(least->keys, std::vector<std::string>{"a"});
  EXPECT_EQ(least->limit, 10U);
  const auto full = read_facets(
      R"({"keys":["a","b"],"limit":3,"ids":["x"],"where":{"a":1},"where_document":{"$contains":"y"}})");
  ASSERT_TRUE(full.ok()) << outcome(full);
  const auto back = read_facets(write_facets(*full));
  ASSERT_TRUE(back.ok()) << outcome(back);
  EXPECT_EQ(back->keys, full->keys);
  EXPECT_EQ(back->limit, 3U);
  EXPECT_EQ(back->selection.ids, full->selection.ids);
  EXPECT_EQ(back->selection.where, full->selection.where);
  EXPECT_EQ(back->selection.where_document, full->selection.where_document);
  EXPECT_EQ(read_extents(write_extents({full->selection, {"k"}}))->selection.where,
            full->selection.where);
  EXPECT_EQ(read_count_request(write_count_request(full->selection))->ids, full->selection.ids);
  EXPECT_EQ(outcome(read_facets("{}")), kShape + "missing field `keys`");
  EXPECT_EQ(outcome(read_facets(R"({"keys":"a"})")),
            kShape + "keys: invalid type: string \"a\", expected an array");
  EXPECT_EQ(outcome(read_extents(R"({"keys":["a"],"limit":1})")),
            kShape +
                "unknown field `limit`, expected one of `keys`, `ids`, `where`, "
                "`where_document`");
  EXPECT_EQ(outcome(read_count_request(R"({"limit":1})")),
            kShape + "unknown field `limit`, expected one of `ids`, `where`, `where_document`");
}

TEST(Facets, ResultsComeBackAsTheyWere) {
  const FacetsResult facets{
      {{"a", {{{int64_t{5}, 7}, {1.0, 2}, {true, 1}, {std::string("x"), 1}}, 9, 20, 3}},
       {"b \"c\"", {}}}};
  EXPECT_EQ(write_facets_result(facets),
            R"({"facets":{"a":{"values":[{"value":5,"count":7},{"value":1.0,"count":2},)"
            R"({"value":true,"count":1},{"value":"x","count":1}],"distinct":9,"records":20,)"
            R"("others":3},"b \"c\"":{"values":[],"distinct":0,"records":0,"others":0}}})");
  const auto facets_back = read_facets_result(write_facets_result(facets));
  ASSERT_TRUE(facets_back.ok()) << outcome(facets_back);
  EXPECT_EQ(facets_back->facets, facets.facets);
  const ExtentsResult extents{{{"a", {0.5, std::string("x"), 3}}, {"b", {}}}};
  EXPECT_EQ(write_extents_result(extents), R"({"extents":{"a":{"min":0.5,"max":"x","records":3},)"
                                           R"("b":{"min":null,"max":null,"records":0}}})");
  const auto extents_back = read_extents_result(write_extents_result(extents));
  ASSERT_TRUE(extents_back.ok()) << outcome(extents_back);
  EXPECT_EQ(extents_back->extents, extents.extents);
  EXPECT_FALSE(read_facets_result(R"({"facets":[]})").ok());
  EXPECT_FALSE(read_extents_result(R"({"extents":{"a":{"min":1,"max":2}}})").ok());
}

}  // namespace
}  // namespace viridian::codec
