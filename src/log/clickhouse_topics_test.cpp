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
TEST(Topics, ReaderOfVoidRecordsBeginsAnew) {
  Topics topics;
  topics.learn(kId, {0, 30, {{1, 1}}}, now());
  topics.given(kId, 1, 1, 30);
  EXPECT_TRUE(topics.check_reader(kId, 30).ok());
  topics.learn(kId, {0, 24, {{1, 1}, {2, 25}}}, now());
  EXPECT_EQ(reader_code(topics, 30), Code::out_of_range);
  EXPECT_EQ(reader_code(topics, 25), Code::out_of_range);
  // Another one, that is slow, perhaps: it does not speak for the first.
  EXPECT_TRUE(topics.check_reader(kId, 24).ok());
  EXPECT_EQ(reader_code(topics, 30), Code::out_of_range);
  topics.forget_reader(kId);
  // From then on it reads what counts, and is left alone.
  topics.learn(kId, {0, 28, {{1, 1}, {2, 25}}}, now());
  topics.given(kId, 2, 25, 28);
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
  topics.learn(kId, {20, 30, {{1, 21}}}, now());
  EXPECT_TRUE(topics.check_reader(kId, 20).ok());
  topics.learn(kId, {25, 40, {{2, 26}}}, now());
  EXPECT_TRUE(topics.check_reader(kId, 30).ok());
}

// Whose number 20 it was is known no more: of this reader's epoch or of the next, which let go of
// it before the reader looked again.
TEST(Topics, ReaderAtABaseThatEndsAnotherEpochBeginsAnew) {
  Topics topics;
  topics.learn(kId, {0, 20, {{1, 1}}}, now());
  topics.given(kId, 1, 1, 20);
  topics.learn(kId, {20, 20, {{2, 21}}}, now());
  EXPECT_EQ(reader_code(topics, 20), Code::out_of_range);
  topics.forget_reader(kId);
  EXPECT_TRUE(topics.check_reader(kId, 20).ok());
}

// What is loaded anew may lie beyond all that came to nothing.
TEST(Topics, NextReaderBeginsWhereverItLikes) {
  Topics topics;
  for (const bool writes : {false, true}) {
    topics.learn(kId, {0, 30, {{1, 1}}}, now());
    topics.given(kId, 1, 1, 30);
    if (writes)
      topics.begun(kId, 3, {0, 24, {{1, 1}, {3, 25}}});
    else
      topics.learn(kId, {0, 40, {{1, 1}, {2, 25}}}, now());
    EXPECT_EQ(reader_code(topics, 40), Code::out_of_range);
    topics.forget_reader(kId);
    EXPECT_TRUE(topics.check_reader(kId, 40).ok());
    EXPECT_EQ(topics.known(kId).has_value(), writes);
  }
}

// Its writer's successor sealed less while the records were on their way here.
TEST(Topics, ReaderThatIsGivenRecordsWhichAreVoidByThenBeginsAnew) {
  Topics topics;
  topics.learn(kId, {0, 110, {{5, 1}}}, now());
  topics.begun(kId, 6, {0, 100, {{5, 1}, {6, 101}}});
  topics.given(kId, 5, 1, 110);
  EXPECT_EQ(reader_code(topics, 110), Code::out_of_range);
}

TEST(Topics, LastNumberOfAnEpochThatWasPassedByIsForgotten) {
  Topics topics;
  EXPECT_TRUE(topics.learn_last(kId, {5, 7}, now())) << "nobody reads it";
  EXPECT_FALSE(topics.known(kId));
  topics.learn(kId, {0, 100, {{5, 1}}}, now());
  EXPECT_TRUE(topics.learn_last(kId, {5, 110}, now()));
  EXPECT_EQ(topics.last_known(kId), 110u);
  EXPECT_FALSE(topics.learn_last(kId, {6, 100}, now()));
  topics.learn(kId, {0, 100, {{5, 1}, {6, 101}}}, now());
  EXPECT_EQ(topics.last_known(kId), 100u);
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
  EXPECT_FALSE(topics.writing(kId));
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
