#include "log/postgres_history.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <thread>

#include "conformance/mem_history.h"
#include "conformance/postgres_server.h"

namespace viridian {
namespace {

using clickhouse::Extent;
using clickhouse::Span;
using Commit = clickhouse::History::Commit;
using Last = clickhouse::History::Last;

class PostgresHistory : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_POSTGRES();
    pool_ = PostgresServer::pool(PostgresServer::shared()->new_database());
    history_ = std::make_unique<postgres::History>(*pool_);
  }
  Status commit(const Commit& one) { return history_->commit(ctx_, std::span(&one, 1)).front(); }

  Context ctx_;
  const CollectionId id_ = Uuid::random();
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<postgres::History> history_;
};

TEST_F(PostgresHistory, OnlyTheEpochThatBeganLastMovesTheNumber) {
  EXPECT_EQ(history_->begin(ctx_, id_, 3)->spans, (std::vector<Span>{{3, 1}}));
  EXPECT_TRUE(commit({id_, 3, 0, 5}).ok());
  EXPECT_TRUE(commit({id_, 3, 0, 5}).ok()) << "asked for again";
  const auto begun = history_->begin(ctx_, id_, 4);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->last, 5u);
  EXPECT_EQ(begun->spans, (std::vector<Span>{{3, 1}, {4, 6}}));
  EXPECT_EQ(commit({id_, 3, 5, 6}).error().code(), Code::aborted);
  EXPECT_EQ(history_->begin(ctx_, id_, 3).error().code(), Code::aborted);
  EXPECT_EQ(history_->begin(ctx_, id_, 7)->spans, (std::vector<Span>{{3, 1}, {7, 6}}))
      << "nothing came of epoch 4";
  EXPECT_EQ(commit({id_, 7, 6, 7}).error().code(), Code::internal) << "a gap";
  EXPECT_EQ(commit({Uuid::random(), 7, 0, 1}).error().code(), Code::aborted);
  EXPECT_EQ(history_->extent(ctx_, id_)->last, 5u);
}

TEST_F(PostgresHistory, CommitsOfOneCallHaveOneOutcomeEach) {
  const CollectionId other = Uuid::random();
  const CollectionId lost = Uuid::random();
  ASSERT_TRUE(history_->begin(ctx_, id_, 1).ok());
  ASSERT_TRUE(history_->begin(ctx_, other, 1).ok());
  ASSERT_TRUE(history_->begin(ctx_, lost, 2).ok());
  // The first one's answer was lost, say.
  ASSERT_TRUE(commit({id_, 1, 0, 2}).ok());
  const std::vector<Commit> all = {{id_, 1, 0, 2},  {other, 1, 0, 9}, {id_, 1, 2, 4},
                                   {lost, 1, 0, 1}, {id_, 1, 4, 7},   {other, 1, 20, 21}};
  const auto outcomes = history_->commit(ctx_, all);
  ASSERT_EQ(outcomes.size(), all.size());
  for (const size_t good : {0u, 1u, 2u, 4u}) EXPECT_TRUE(outcomes[good].ok()) << good;
  EXPECT_EQ(outcomes[3].error().code(), Code::aborted);
  EXPECT_EQ(outcomes[5].error().code(), Code::internal);
  EXPECT_EQ(*history_->lasts(ctx_, std::vector{other, Uuid(), id_, id_}),
            (std::vector<Last>{{1, 9}, {0, 0}, {1, 7}, {1, 7}}));
  EXPECT_TRUE(history_->commit(ctx_, {}).empty());
  EXPECT_TRUE(history_->lasts(ctx_, {})->empty());
}

// The answer may be lost, and the epoch be over before it is asked for again.
TEST_F(PostgresHistory, WhatWasCommittedIsToldAlsoOnceItsEpochIsOver) {
  const auto code = [&](const Commit& one) {
    const Status outcome = commit(one);
    return outcome.ok() ? std::nullopt : std::optional(outcome.error().code());
  };
  ASSERT_TRUE(history_->begin(ctx_, id_, 5).ok());
  ASSERT_TRUE(commit({id_, 5, 0, 10}).ok());
  ASSERT_TRUE(history_->begin(ctx_, id_, 6).ok());
  EXPECT_EQ(code({id_, 5, 0, 10}), std::nullopt);
  EXPECT_EQ(code({id_, 5, 10, 12}), Code::aborted);
  const std::vector<Commit> both = {{id_, 5, 5, 10}, {id_, 5, 10, 12}};
  const auto outcomes = history_->commit(ctx_, both);
  EXPECT_TRUE(outcomes[0].ok());
  EXPECT_EQ(outcomes[1].error().code(), Code::aborted);
  ASSERT_TRUE(commit({id_, 6, 10, 15}).ok());
  ASSERT_TRUE(history_->begin(ctx_, id_, 7).ok());
  EXPECT_EQ(code({id_, 5, 0, 10}), std::nullopt);
  EXPECT_EQ(code({id_, 6, 10, 15}), std::nullopt);
  ASSERT_TRUE(history_->trim(ctx_, id_, 12).ok());
  EXPECT_EQ(code({id_, 5, 0, 10}), Code::unavailable) << "nobody knows any more";
  EXPECT_EQ(code({id_, 5, 10, 12}), Code::aborted);
  EXPECT_EQ(code({id_, 6, 10, 15}), std::nullopt);
}

/// Does the same to both, as one server or another would.
TEST_F(PostgresHistory, AnswersAsTheOneInMemory) {
  std::mt19937 random(7);
  const auto number = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
  conformance::MemHistory oracle;
  const std::vector<CollectionId> ids = {Uuid::random(), Uuid::random(), Uuid::random()};
  std::vector<Commit> asked;
  for (int i = 0; i < 1500 && !HasFailure(); ++i) {
    const CollectionId id = ids[number(3)];
    const Extent known = *oracle.extent(ctx_, id);
    const uint64_t newest = known.spans.empty() ? 0 : known.spans.back().epoch;
    const auto same = [](const auto& got, const auto& expected) {
      EXPECT_EQ(got.ok(), expected.ok());
      if (got.ok() || expected.ok()) return;
      EXPECT_EQ(got.error().code(), expected.error().code());
    };
    switch (number(8)) {
      case 0: {
        const uint64_t epoch = newest + number(3);
        same(history_->begin(ctx_, id, epoch), oracle.begin(ctx_, id, epoch));
        break;
      }
      case 1: {
        const SeqId up_to = number(2) == 0 ? known.last : number(20);
        same(history_->trim(ctx_, id, up_to), oracle.trim(ctx_, id, up_to));
        break;
      }
      case 2:
        if (number(10) == 0) {
          same(history_->forget(ctx_, ids), oracle.forget(ctx_, ids));
          asked.clear();  // epochs begin anew
        }
        same(history_->start_after(ctx_, id, 5, 100), oracle.start_after(ctx_, id, 5, 100));
        break;
      default: {
        if (newest == 0) break;  // the double makes an entry where nothing had begun
        Commit one{id, newest - number(2), known.last, known.last + 1 + number(3)};
        if (!asked.empty() && number(3) == 0) one = asked[random() % asked.size()];
        if (oracle.extent(ctx_, one.collection)->spans.empty()) break;
        asked.push_back(one);
        same(commit(one), oracle.commit(ctx_, std::span(&one, 1)).front());
      }
    }
    // Which spans without a record are kept is not said.
    const Extent got = *history_->extent(ctx_, id);
    const Extent expected = *oracle.extent(ctx_, id);
    EXPECT_EQ(got.base, expected.base);
    EXPECT_EQ(got.last, expected.last);
    const auto owner = [](const Extent& extent, SeqId seq) {
      uint64_t epoch = 0;
      for (const Span& span : extent.spans)
        if (span.first <= seq) epoch = span.epoch;
      return epoch;
    };
    for (SeqId seq = got.base + 1; seq <= got.last + 1; ++seq)
      EXPECT_EQ(owner(got, seq), owner(expected, seq)) << seq;
  }
}

// Servers take a collection from each other while the database is killed: whatever was acknowledged
// stays, and every acknowledged range is followed by the next.
TEST_F(PostgresHistory, AcknowledgedCommitsSurviveKillsAndTakeOvers) {
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> next_epoch = 0;
  std::mutex mutex;
  std::vector<Commit> acknowledged;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&] {
      while (!stop) {
        const uint64_t epoch = ++next_epoch;
        const auto begun = history_->begin(ctx_, id_, epoch);
        if (!begun.ok()) continue;
        SeqId last = begun->last;
        for (int n = 0; n < 40 && !stop; ++n) {
          const Commit one{id_, epoch, last, last + 3};
          Status done = commit(one);
          while (!done.ok() && done.error().code() == Code::unavailable && !stop)
            done = commit(one);
          if (!done.ok()) break;
          last = one.to;
          const std::lock_guard lock(mutex);
          acknowledged.push_back(one);
        }
      }
    });
  }
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return acknowledged.size();
  };
  for (int kills = 0; kills < 3; ++kills) {
    for (const size_t from = count(); count() < from + 60;) std::this_thread::yield();
    PostgresServer::shared()->kill();
    PostgresServer::shared()->start();
  }
  for (const size_t from = count(); count() < from + 30;) std::this_thread::yield();
  stop = true;
  writers.clear();
  const auto extent = history_->extent(ctx_, id_);
  ASSERT_TRUE(extent.ok());
  std::sort(acknowledged.begin(), acknowledged.end(),
            [](const Commit& a, const Commit& b) { return a.to < b.to; });
  for (size_t i = 0; i < acknowledged.size(); ++i) {
    EXPECT_LE(acknowledged[i].to, extent->last);
    EXPECT_GE(acknowledged[i].from, i == 0 ? 0 : acknowledged[i - 1].to);
    // The numbers are those of the epoch that was told so.
    uint64_t owner = 0;
    for (const Span& span : extent->spans)
      if (span.first <= acknowledged[i].to) owner = span.epoch;
    EXPECT_EQ(owner, acknowledged[i].epoch);
  }
}

}  // namespace
}  // namespace viridian
