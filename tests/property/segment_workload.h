#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "conformance/records.h"
#include "conformance/segment_oracle.h"

/// Random records and filters, and the comparison of a view with the oracle.
namespace viridian::conformance {

inline constexpr uint32_t kDim = 3;
inline constexpr int kIds = 40;

class Generator {
 public:
  /// `ids`: how many different ones there are.
  explicit Generator(uint64_t seed, int ids = kIds) : random_(seed), ids_(ids) {}
  int below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  std::string id() {
    const int n = below(ids_);
    if (n % 3 != 0) return "id" + std::to_string(n);
    Uuid uuid;
    uuid.bytes[2] = static_cast<uint8_t>(n / 256);
    uuid.bytes[3] = static_cast<uint8_t>(n);
    return uuid.to_string();
  }
  std::string key() { return std::string("k") + static_cast<char>('a' + below(6)); }
  /// Of its keys; of documents, too.
  Schema switches() {
    const auto some = [&] { return below(3) != 0; };
    Schema schema;
    schema.defaults.full_text = some();
    schema.defaults.string_inverted = some();
    for (char key = 'a'; key < 'a' + 6; ++key) {
      ValueTypes& types = schema.keys[std::string("k") + key];
      types.string_inverted = some();
      types.int_inverted = some();
      types.float_inverted = some();
      types.bool_inverted = some();
    }
    return schema;
  }
  std::string text() {
    static const char* const kWords[] = {"", "a", "ab", "abc", "bcd", "wörd", "cab ab", "zz\nab",
                                         // Of the same sequences of three, though other texts.
                                         "abcab", "bcabc"};
    if (below(6) != 0) return kWords[below(10)];
    // About as long as what indexes keep of a text, and alike so far.
    return std::string(62, 'p') + std::string(static_cast<size_t>(below(4)), 'q') +
           kWords[below(4)];
  }
  int64_t integer() {
    static constexpr int64_t kEdges[] = {(int64_t{1} << 53) + 1,
                                         int64_t{1} << 53,
                                         std::numeric_limits<int64_t>::max(),
                                         std::numeric_limits<int64_t>::min(),
                                         0,
                                         -1};
    return below(3) == 0 ? kEdges[below(6)] : below(4) - 1;
  }
  double floating() {
    static constexpr double kEdges[] = {0x1p53, 0x1p63, -0x1p63, 1.5, -0.5, 0.0, -0.0, 1e300};
    return below(2) == 0 ? kEdges[below(8)] : below(4) - 1;
  }
  MetadataValue scalar() {
    switch (below(4)) {
      case 0:
        return below(2) == 0;
      case 1:
        return integer();
      case 2:
        return floating();
      default:
        return text();
    }
  }
  template <class T, class F>
  std::vector<T> array(F&& make) {
    std::vector<T> values;
    for (int n = below(4); n > 0; --n) values.push_back(make());
    return values;
  }
  MetadataValue value() {
    switch (below(8)) {
      case 0:
        return array<bool>([&] { return below(2) == 0; });
      case 1:
        return array<int64_t>([&] { return integer(); });
      case 2:
        return array<double>([&] { return floating(); });
      case 3:
        return array<std::string>([&] { return text(); });
      default:
        return scalar();
    }
  }
  std::vector<float> vector() {
    std::vector<float> values;
    for (uint32_t i = 0; i < kDim; ++i) values.push_back(static_cast<float>(below(9) - 4) / 2);
    return values;
  }

  Row row(Operation operation) {
    Row row;
    row.id = id();
    if (operation == Operation::remove) return row;
    if (operation != Operation::update || below(2) == 0) row.vector = vector();
    if (below(2) == 0) row.document = text();
    if (below(3) == 0) row.uri = text();
    if (below(4) == 0) return row;
    Metadata metadata;
    for (int n = below(4); n > 0; --n) {
      if (operation != Operation::add && below(4) == 0)
        metadata.set(key(), std::monostate());
      else
        metadata.set(key(), value());
    }
    row.metadata = metadata;
    return row;
  }
  RecordBatch batch(int most = 12) {
    const auto operation = static_cast<Operation>(below(4));
    std::vector<Row> rows;
    for (int n = 1 + below(operation == Operation::remove ? most / 2 : most); n > 0; --n)
      rows.push_back(row(operation));
    return batch_of(operation, rows);
  }

  Where where(int depth) {
    const int choice = depth == 0 ? 2 + below(8) : below(10);
    if (choice < 2) {
      std::vector<Where> children;
      for (int n = below(4); n > 0; --n) children.push_back(where(depth - 1));
      return group(choice == 0 ? Where::Op::all : Where::Op::any, std::move(children));
    }
    if (choice == 2) {
      static constexpr Where::Op kOps[] = {
          Where::Op::document_contains, Where::Op::document_not_contains,
          Where::Op::document_matches, Where::Op::document_not_matches};
      return document(kOps[below(4)], text());
    }
    static constexpr Where::Op kOps[] = {
        Where::Op::eq, Where::Op::ne,  Where::Op::gt,       Where::Op::gte,
        Where::Op::lt, Where::Op::lte, Where::Op::contains, Where::Op::not_contains,
        Where::Op::in, Where::Op::nin};
    const Where::Op op = kOps[below(10)];
    std::vector<MetadataValue> operands = {scalar()};
    if (op == Where::Op::in || op == Where::Op::nin)
      for (int n = below(3); n > 0; --n) operands.push_back(scalar());
    const int special = below(8);
    if (special == 0)
      return viridian::conformance::where(op, std::string(Where::kDocumentKey), operands);
    if (special == 1)
      return viridian::conformance::where(op, std::string(Where::kUriKey), operands);
    return viridian::conformance::where(op, key(), operands);
  }

 private:
  std::mt19937_64 random_;
  int ids_;
};

/// Checks that a view answers as the oracle does.
class Check {
 public:
  Check(const ReadView& view, const SegmentOracle& oracle, Space space)
      : view_(view), oracle_(oracle), space_(space) {}

  void everything(Generator& generator) {
    const auto all = view_.metadata().all(context_);
    ASSERT_TRUE(all.ok()) << all.error().message();
    EXPECT_EQ(view_.metadata().count(), oracle_.records().size());
    EXPECT_EQ(ids_of(*all), oracle_.ids([](const OracleRecord&) { return true; }));
    columns(*all);
    find(generator);
    for (int i = 0; i < 12; ++i) filter(generator.where(3));
    for (int i = 0; i < 3; ++i) search(generator, nullptr);
    const auto some = view_.metadata().filter(context_, generator.where(1));
    ASSERT_TRUE(some.ok());
    search(generator, &*some);
  }

 private:
  std::vector<std::string> ids_of(const OffsetSet& offsets) {
    RecordColumns columns;
    const std::vector<Offset> list = offsets.slice(0, offsets.size());
    const Status fetched = view_.metadata().fetch(context_, list, {}, columns);
    EXPECT_TRUE(fetched.ok()) << fetched.error().message();
    return strings(columns.ids);
  }

  void columns(const OffsetSet& all) {
    RecordColumns got;
    const std::vector<Offset> list = all.slice(0, all.size());
    ASSERT_TRUE(view_.metadata().fetch(context_, list, {true, true, true}, got).ok());
    const Status fetched = view_.vectors().fetch(context_, list, got.embeddings);
    ASSERT_TRUE(fetched.ok()) << fetched.error().message();
    ASSERT_EQ(got.ids.size(), list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      const OracleRecord& want = oracle_.records().at(std::string(got.ids[i]));
      EXPECT_EQ(got.documents[i], want.document) << got.ids[i];
      EXPECT_EQ(got.uris[i], want.uri) << got.ids[i];
      EXPECT_EQ(got.metadatas[i].value_or(Metadata()), want.metadata) << got.ids[i];
      const float* vector = got.embeddings.row(i);
      EXPECT_EQ(std::vector<float>(vector, vector + kDim), want.vector) << got.ids[i];
    }
  }

  void find(Generator& generator) {
    StringColumn wanted;
    std::map<std::string, bool> asked;
    for (int i = 0; i < 10; ++i) asked[generator.id()] = true;
    for (const auto& [id, yes] : asked) wanted.push_back(id);
    const auto found = view_.metadata().find(context_, wanted);
    ASSERT_TRUE(found.ok()) << found.error().message();
    std::vector<std::string> want;
    for (const auto& [id, yes] : asked)
      if (oracle_.records().contains(id)) want.push_back(id);
    std::vector<std::string> got = ids_of(*found);
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, want);
  }

  void filter(const Where& where) {
    const auto got = view_.metadata().filter(context_, where);
    ASSERT_TRUE(got.ok()) << got.error().message();
    EXPECT_EQ(ids_of(*got),
              oracle_.ids([&](const OracleRecord& record) { return oracle_holds(where, record); }));
  }

  void search(Generator& generator, const OffsetSet* allowed) {
    const std::vector<float> vector = generator.vector();
    Matrix queries;
    queries.dim = kDim;
    queries.values.assign(vector.begin(), vector.end());
    const uint32_t k = 1 + static_cast<uint32_t>(generator.below(8));
    const auto got = view_.vectors().search(context_, {&queries, k, allowed});
    ASSERT_TRUE(got.ok()) << got.error().message();
    const auto all = view_.metadata().all(context_);
    ASSERT_TRUE(all.ok());
    std::vector<Neighbour> want;
    all->for_each([&](Offset offset) {
      if (allowed != nullptr && !allowed->contains(offset)) return true;
      RecordColumns columns;
      EXPECT_TRUE(view_.metadata().fetch(context_, std::span(&offset, 1), {}, columns).ok());
      const OracleRecord& record = oracle_.records().at(std::string(columns.ids[0]));
      want.push_back(
          {offset, static_cast<float>(oracle_distance(space_, vector.data(), record.vector))});
      return true;
    });
    std::sort(want.begin(), want.end(), [](const Neighbour& a, const Neighbour& b) {
      return a.distance != b.distance ? a.distance < b.distance : a.offset < b.offset;
    });
    if (want.size() > k) want.resize(k);
    ASSERT_EQ((*got)[0].size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR((*got)[0][i].distance, want[i].distance, 1e-5);
      // Small halves: exact in l2 and ip, so that order and ties must agree as well.
      if (space_ != Space::cosine) {
        EXPECT_EQ((*got)[0][i].offset, want[i].offset);
      }
    }
  }

  const ReadView& view_;
  const SegmentOracle& oracle_;
  Space space_;
  Context context_;
};

}  // namespace viridian::conformance
