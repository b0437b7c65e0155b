#pragma once
/// What every log must do. Include this in one source file of a test program and instantiate:
///
///   INSTANTIATE_TEST_SUITE_P(Mem, LogConformance, testing::Values(mem_factory()), log_name);
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "conformance/random_batches.h"
#include "viridian/spi/log.h"

namespace viridian::conformance {

/// A log under test, with what keeps it alive.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;
  virtual Producer& producer() = 0;
  virtual Consumer& consumer() = 0;
  /// Closes the log and opens it again. False where nothing would outlast that.
  virtual bool reopen() = 0;
};

struct LogFactory {
  std::string name;
  std::function<std::unique_ptr<LogUnderTest>()> make;
};
inline std::string log_name(const testing::TestParamInfo<LogFactory>& info) {
  return info.param.name;
}

inline SharedBatch batch_of_ids(const std::vector<std::string>& ids) {
  RecordBatch batch;
  for (const std::string& id : ids) batch.ids.push_back(id);
  return std::make_shared<const RecordBatch>(std::move(batch));
}
inline SharedBatch shared_random_batch(std::mt19937_64& random, size_t rows_max) {
  return std::make_shared<const RecordBatch>(random_batch(random, rows_max));
}

class LogConformance : public testing::TestWithParam<LogFactory> {
 protected:
  static constexpr size_t kNoLimit = size_t{1} << 40;

  Producer& producer() { return log_->producer(); }
  Consumer& consumer() { return log_->consumer(); }

  SeqId append(const CollectionId& collection, SharedBatch batch) {
    const auto number = producer().append(Context(), collection, std::move(batch));
    EXPECT_TRUE(number.ok()) << number.error().message();
    return number.value_or(0);
  }
  std::vector<LogBatch> read(const CollectionId& collection, SeqId after, size_t limit = kNoLimit) {
    const auto batches = consumer().read(Context(), collection, after, limit);
    EXPECT_TRUE(batches.ok()) << batches.error().message();
    return batches.value_or(std::vector<LogBatch>());
  }
  /// Reads, trims and waits in turn until `done` holds and nothing is left; gives what it read.
  std::vector<LogBatch> follow(const CollectionId& collection, const std::atomic<bool>& done) {
    std::vector<LogBatch> followed;
    SeqId at = 0;
    while (true) {
      const bool finished = done;  // before the read, so that the last read sees everything
      const auto part = read(collection, at, 10'000);
      followed.insert(followed.end(), part.begin(), part.end());
      if (!part.empty())
        at = part.back().last_seq();
      else if (finished)
        return followed;
      if (at % 5 == 0) {
        EXPECT_TRUE(consumer().trim(Context(), collection, at).ok());
      }
      (void)consumer().wait(Context::with_timeout(std::chrono::milliseconds(5)), collection, at);
    }
  }
  SeqId last(const CollectionId& collection) {
    const auto number = consumer().last(Context(), collection);
    EXPECT_TRUE(number.ok()) << number.error().message();
    return number.value_or(0);
  }
  /// Appends random batches; returns what the log must give back.
  std::vector<LogBatch> fill(const CollectionId& collection, size_t batches) {
    std::vector<LogBatch> expected;
    for (size_t i = 0; i < batches; ++i) {
      const SharedBatch batch = shared_random_batch(random_, 5);
      expected.push_back({append(collection, batch) - batch->rows() + 1, batch});
    }
    return expected;
  }
  static void expect_equal(const std::vector<LogBatch>& found,
                           const std::vector<LogBatch>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].first_seq, expected[i].first_seq) << i;
      ASSERT_EQ(*found[i].batch, *expected[i].batch) << i;
    }
  }
  static std::vector<LogBatch> after(const std::vector<LogBatch>& batches, SeqId number) {
    std::vector<LogBatch> rest;
    for (const LogBatch& batch : batches)
      if (batch.last_seq() > number) rest.push_back(batch);
    return rest;
  }

  std::unique_ptr<LogUnderTest> log_ = GetParam().make();
  std::mt19937_64 random_{7};
  CollectionId a_ = Uuid::random();
  CollectionId b_ = Uuid::random();
};

TEST_P(LogConformance, NumbersAreDenseAndBatchesComeBackEqualInOrder) {
  const std::vector<LogBatch> expected = fill(a_, 50);
  SeqId next = 1;
  for (const LogBatch& batch : expected) {
    EXPECT_EQ(batch.first_seq, next);
    next = batch.last_seq() + 1;
  }
  EXPECT_EQ(last(a_), next - 1);
  expect_equal(read(a_, 0), expected);
}

// A segment resumes after the last number it holds: a record lost or repeated there would make
// search results wrong, and nothing would fail.
TEST_P(LogConformance, ReadingAfterAnyNumberNeitherLosesNorRepeats) {
  const std::vector<LogBatch> expected = fill(a_, 30);
  for (SeqId number = 0; number <= last(a_) + 2; ++number)
    expect_equal(read(a_, number), after(expected, number));
}

TEST_P(LogConformance, LimitedReadsGiveAtLeastOneBatchAndAddUpToAll) {
  const std::vector<LogBatch> expected = fill(a_, 40);
  for (const size_t limit : {0u, 1u, 500u, 5'000u}) {
    std::vector<LogBatch> all;
    SeqId at = 0;
    for (auto part = read(a_, at, limit); !part.empty(); part = read(a_, at, limit)) {
      if (limit <= 1) {
        EXPECT_EQ(part.size(), 1u);
      }
      all.insert(all.end(), part.begin(), part.end());
      at = part.back().last_seq();
    }
    expect_equal(all, expected);
  }
}

TEST_P(LogConformance, CollectionsDoNotKnowOfEachOther) {
  const auto of_a = fill(a_, 5);
  const auto of_b = fill(b_, 3);
  EXPECT_EQ(of_b.front().first_seq, 1u);
  expect_equal(read(a_, 0), of_a);
  expect_equal(read(b_, 0), of_b);
}

TEST_P(LogConformance, ACollectionThatNeverHadARecordIsEmpty) {
  EXPECT_EQ(last(a_), 0u);
  EXPECT_TRUE(read(a_, 0).empty());
  EXPECT_TRUE(consumer().trim(Context(), a_, 5).ok());
  EXPECT_TRUE(producer().drop(Context(), a_).ok());
  EXPECT_EQ(last(a_), 0u);
}

TEST_P(LogConformance, EmptyBatchIsRefusedAndLeavesNoTrace) {
  const auto refused = producer().append(Context(), a_, std::make_shared<RecordBatch>());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::invalid_argument);
  EXPECT_FALSE(producer().append(Context(), a_, nullptr).ok());
  EXPECT_EQ(last(a_), 0u);
  EXPECT_TRUE(read(a_, 0).empty());
}

TEST_P(LogConformance, PassedDeadlineIsAnErrorAndNothingIsWritten) {
  const Context late = Context::with_timeout(std::chrono::milliseconds(0));
  const auto refused = producer().append(late, a_, batch_of_ids({"x"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(last(a_), 0u);
  const auto waited = consumer().wait(late, a_, 0);
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().code(), Code::deadline_exceeded);
  Context gone;
  gone.cancel();
  EXPECT_EQ(consumer().wait(gone, a_, 0).error().code(), Code::cancelled);
  EXPECT_EQ(producer().append(gone, a_, batch_of_ids({"x"})).error().code(), Code::cancelled);
}

TEST_P(LogConformance, WaitReturnsOnceTheLogHasGrown) {
  append(a_, batch_of_ids({"1", "2"}));
  EXPECT_TRUE(consumer().wait(Context(), a_, 1).ok());
  std::thread writer([&] { append(a_, batch_of_ids({"3"})); });
  EXPECT_TRUE(consumer().wait(Context::with_timeout(std::chrono::minutes(1)), a_, 2).ok());
  EXPECT_EQ(last(a_), 3u);
  writer.join();
}

TEST_P(LogConformance, CancellingEndsAWait) {
  Context context;
  std::thread canceller([&] { context.cancel(); });
  EXPECT_EQ(consumer().wait(context, a_, 0).error().code(), Code::cancelled);
  canceller.join();
}

TEST_P(LogConformance, TrimKeepsWhatComesAfterAndNumbersGoOn) {
  const std::vector<LogBatch> expected = fill(a_, 60);
  const SeqId end = last(a_);
  for (const SeqId up_to : {SeqId{0}, SeqId{3}, end / 2, end - 1}) {
    ASSERT_TRUE(consumer().trim(Context(), a_, up_to).ok());
    EXPECT_EQ(last(a_), end);
    for (SeqId number = up_to; number <= end; ++number)
      expect_equal(read(a_, number), after(expected, number));
  }
}

TEST_P(LogConformance, TrimmedAwayRecordsAreOutOfRangeAndNumbersAreNeverGivenAgain) {
  fill(a_, 20);
  const SeqId end = last(a_);
  ASSERT_TRUE(consumer().trim(Context(), a_, end).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(last(a_), end);
    const auto gone = consumer().read(Context(), a_, 0, kNoLimit);
    ASSERT_FALSE(gone.ok());
    EXPECT_EQ(gone.error().code(), Code::out_of_range);
    EXPECT_TRUE(read(a_, end).empty());
    if (!log_->reopen()) break;
  }
  const SharedBatch next = batch_of_ids({"next"});
  EXPECT_EQ(append(a_, next), end + 1);
  expect_equal(read(a_, end), {{end + 1, next}});
}

TEST_P(LogConformance, LogMayBeginInTheMiddle) {
  ASSERT_TRUE(producer().start_after(Context(), a_, 41).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(last(a_), 41u);
    EXPECT_TRUE(read(a_, 41).empty());
    const auto before = consumer().read(Context(), a_, 40, kNoLimit);
    ASSERT_FALSE(before.ok());
    EXPECT_EQ(before.error().code(), Code::out_of_range);
    const auto again = producer().start_after(Context(), a_, 50);
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code(), Code::already_exists);
    if (!log_->reopen()) break;
  }
  EXPECT_TRUE(consumer().trim(Context(), a_, 41).ok());
  const SharedBatch next = batch_of_ids({"x", "y"});
  EXPECT_EQ(append(a_, next), 43u);
  expect_equal(read(a_, 41), {{42, next}});
  EXPECT_TRUE(consumer().wait(Context(), a_, 42).ok());
  append(b_, next);
  EXPECT_EQ(producer().start_after(Context(), b_, 7).error().code(), Code::already_exists);
  EXPECT_EQ(last(b_), 2u);
}

TEST_P(LogConformance, LogThatBeginsAfterNothingBeginsWithOne) {
  ASSERT_TRUE(producer().start_after(Context(), a_, 0).ok());
  EXPECT_EQ(last(a_), 0u);
  EXPECT_TRUE(read(a_, 0).empty());
  EXPECT_EQ(append(a_, batch_of_ids({"x"})), 1u);
}

TEST_P(LogConformance, RetainForgetsAllOthers) {
  const auto of_a = fill(a_, 5);
  fill(b_, 5);
  const CollectionId c = Uuid::random();
  fill(c, 2);
  const bool reopened = log_->reopen();
  ASSERT_TRUE(producer().retain(Context(), {a_, Uuid::random()}).ok());
  for (int round = 0; round < 2; ++round) {
    expect_equal(read(a_, 0), of_a);
    EXPECT_EQ(last(b_), 0u);
    EXPECT_EQ(last(c), 0u);
    if (!reopened) break;
    log_->reopen();
  }
  EXPECT_EQ(append(b_, batch_of_ids({"x"})), 1u);
}

TEST_P(LogConformance, DropForgetsOneCollection) {
  fill(a_, 5);
  const auto of_b = fill(b_, 5);
  ASSERT_TRUE(producer().drop(Context(), a_).ok());
  EXPECT_EQ(last(a_), 0u);
  EXPECT_TRUE(read(a_, 0).empty());
  expect_equal(read(b_, 0), of_b);
  EXPECT_EQ(append(a_, batch_of_ids({"again"})), 1u);
  ASSERT_TRUE(producer().drop(Context(), a_).ok());
  if (!log_->reopen()) return;
  EXPECT_EQ(last(a_), 0u);
  expect_equal(read(b_, 0), of_b);
}

// Every acknowledged batch is there once, under the numbers that its writer was told.
TEST_P(LogConformance, ConcurrentWritersFollowersAndTrimsLoseNothing) {
  const std::vector<CollectionId> collections = {a_, b_, Uuid::random()};
  struct Written {
    size_t collection;
    SeqId last;
    SharedBatch batch;
  };
  std::mutex mutex;
  std::vector<Written> written;
  std::atomic<bool> done = false;
  std::vector<std::vector<LogBatch>> followed(collections.size());
  std::vector<std::thread> followers;
  for (size_t c = 0; c < collections.size(); ++c) {
    followers.emplace_back([&, c] { followed[c] = follow(collections[c], done); });
  }
  std::vector<std::thread> writers;
  for (uint64_t t = 0; t < 8; ++t) {
    writers.emplace_back([&, t] {
      std::mt19937_64 random(t);
      for (int i = 0; i < 60; ++i) {
        const size_t c = random() % collections.size();
        const SharedBatch batch = shared_random_batch(random, 4);
        const SeqId number = append(collections[c], batch);
        const std::lock_guard lock(mutex);
        written.push_back({c, number, batch});
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& follower : followers) follower.join();

  for (size_t c = 0; c < collections.size(); ++c) {
    std::vector<LogBatch> expected;
    for (const Written& entry : written)
      if (entry.collection == c)
        expected.push_back({entry.last - entry.batch->rows() + 1, entry.batch});
    std::sort(expected.begin(), expected.end(),
              [](const LogBatch& x, const LogBatch& y) { return x.first_seq < y.first_seq; });
    expect_equal(followed[c], expected);
    SeqId next = 1;
    for (const LogBatch& batch : expected) {
      EXPECT_EQ(batch.first_seq, next);
      next = batch.last_seq() + 1;
    }
  }
}

// First use by many at once: the log is opened once, and nobody sees it half open.
TEST_P(LogConformance, ManyMayBeTheFirstToUseACollection) {
  const std::vector<LogBatch> expected = fill(a_, 10);
  if (!log_->reopen()) GTEST_SKIP() << "nothing outlasts this log";
  std::vector<std::thread> users;
  for (int i = 0; i < 8; ++i) {
    users.emplace_back([&] {
      EXPECT_EQ(last(a_), expected.back().last_seq());
      expect_equal(read(a_, 0), expected);
    });
  }
  for (std::thread& user : users) user.join();
}

TEST_P(LogConformance, ReopenedLogGivesTheSameAgainAndGoesOn) {
  std::vector<LogBatch> expected;
  for (int round = 0; round < 5; ++round) {
    const auto more = fill(a_, 10);
    expected.insert(expected.end(), more.begin(), more.end());
    if (!log_->reopen()) GTEST_SKIP() << "nothing outlasts this log";
    EXPECT_EQ(last(a_), expected.back().last_seq());
    expect_equal(read(a_, 0), expected);
  }
}

}  // namespace viridian::conformance
