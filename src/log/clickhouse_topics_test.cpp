#include "log/clickhouse_topics.h"

#include <gtest/gtest.h>

namespace viridian::clickhouse {
namespace {

using std::chrono::milliseconds;

const CollectionId kId = Uuid::random();

Code reader_code(Topics& topics, SeqId after) {
  const Status status = topics.check_reader(kId, after);
  return status.ok() ? Code::internal : status.error().code();
}

Topics::Clock::time_point now() { return Topics::Clock::now(); }

TEST(Topics, NumbersBelongToTheEpochWhoseSpanTheyAreIn) {
  const Extent extent{0, 20, {{2, 1}, {5, 8}, {9, 13}}};
  EXPECT_EQ(owner_of(extent, 1), 2u);
  EXPECT_EQ(owner_of(extent, 7), 2u);
  EXPECT_EQ(owner_of(extent, 8), 5u);
  EXPECT_EQ(owner_of(extent, 12), 5u);
  EXPECT_EQ(owner_of(extent, 13), 9u);
}

// Readers of a server that lost its lease may have seen more than its successor sealed.
TEST(Topics, ReaderOfVoidRecordsBeginsAnewAtOrBeforeTheLastOneThatCounts) {
  Topics topics;
  topics.learn(kId, {0, 30, {{1, 1}}}, now());
  topics.given(kId, 1, 1, 30);
  EXPECT_TRUE(topics.check_reader(kId, 30).ok());
  topics.learn(kId, {0, 24, {{1, 1}, {2, 25}}}, now());
  EXPECT_EQ(reader_code(topics, 30), Code::out_of_range);
  EXPECT_EQ(reader_code(topics, 25), Code::out_of_range);
  EXPECT_TRUE(topics.check_reader(kId, 24).ok());
  // From there on it reads what counts, and is left alone.
  topics.given(kId, 2, 25, 28);
  EXPECT_TRUE(topics.check_reader(kId, 28).ok());
  topics.learn(kId, {0, 28, {{1, 1}, {2, 25}}}, now());
  EXPECT_TRUE(topics.check_reader(kId, 28).ok());
}

TEST(Topics, ReaderOfAnEpochThatWasPassedByBeginsAnew) {
  Topics topics;
  topics.learn(kId, {0, 30, {{1, 1}, {2, 21}}}, now());
  topics.given(kId, 1, 1, 20);
  topics.given(kId, 2, 21, 30);
  topics.learn(kId, {0, 26, {{1, 1}, {3, 27}}}, now());
  EXPECT_EQ(reader_code(topics, 21), Code::out_of_range);
  EXPECT_TRUE(topics.check_reader(kId, 20).ok());
}

TEST(Topics, TrimmedRecordsAreNotVoid) {
  Topics topics;
  topics.learn(kId, {0, 30, {{1, 1}}}, now());
  topics.given(kId, 1, 1, 20);
  topics.learn(kId, {20, 30, {{2, 21}}}, now());
  EXPECT_TRUE(topics.check_reader(kId, 20).ok());
}

TEST(Topics, OfThisProcessesOwnEpochOnlyWhatItCommittedIsKnown) {
  Topics topics;
  topics.begun(kId, 4, {0, 10, {{4, 11}}});
  EXPECT_EQ(topics.learn(kId, {0, 15, {{4, 11}}}, now()).last, 10u);
  topics.committed(kId, 4, 13);
  EXPECT_EQ(topics.learn(kId, {0, 15, {{4, 11}}}, now()).last, 13u);
  topics.committed(kId, 3, 99);  // of an epoch that is over
  EXPECT_EQ(topics.writing(kId)->committed, 13u);
  // Another process has taken it over, and says what counts.
  EXPECT_EQ(topics.learn(kId, {0, 15, {{4, 11}, {5, 16}}}, now()).last, 15u);
}

TEST(Topics, AnswersThatWereOvertakenChangeNothing) {
  Topics topics;
  topics.learn(kId, {0, 30, {{1, 1}, {2, 21}}}, now());
  EXPECT_EQ(topics.learn(kId, {0, 25, {{1, 1}, {2, 21}}}, now()).last, 30u);
  EXPECT_EQ(topics.learn(kId, {0, 40, {{1, 1}}}, now()).last, 30u);
}

TEST(Topics, LastNumbersAreAsOldAsTheirQuestions) {
  Topics topics;
  const auto before = now();
  EXPECT_FALSE(topics.last_since(kId, before));
  topics.learn(kId, {0, 5, {{1, 1}}}, before + milliseconds(10));
  EXPECT_EQ(topics.last_since(kId, before), 5u);
  EXPECT_EQ(topics.last_since(kId, before + milliseconds(10)), 5u);
  EXPECT_FALSE(topics.last_since(kId, before + milliseconds(11)));
}

}  // namespace
}  // namespace viridian::clickhouse
