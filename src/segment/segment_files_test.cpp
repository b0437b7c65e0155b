#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

#include "base/crc32c.h"
#include "conformance/records.h"
#include "conformance/segments_holder.h"
#include "os/test_files.h"
#include "segment/sealed_file.h"

namespace viridian::conformance {
namespace {

using os::read_file;
using os::write_file;

class SegmentFiles : public testing::Test {
 protected:
  SegmentFiles() : holder_(SegmentsHolder::Kind::local), id_(holder_.make_collection()) {}

  void write(Operation operation, const std::vector<Row>& rows) {
    holder_.append(id_, batch_of(operation, rows));
  }
  Status seal() { return holder_.manager().seal(context_, id_); }

  /// A collection whose state is spread over two files, the second of which ends rows of the
  /// first, and the log.
  void fill() {
    std::vector<Row> rows;
    for (int i = 0; i < 50; ++i)
      rows.push_back({"id" + std::to_string(i),
                      {static_cast<float>(i), 1},
                      Metadata{{"n", int64_t{i}}},
                      "document " + std::to_string(i)});
    write(Operation::add, rows);
    ASSERT_TRUE(seal().ok());
    write(Operation::remove, {{"id3"}, {"id4"}});
    write(Operation::update, {{"id5", {-5, 1}, {}, "changed"}, {"id6", {}, {}, "changed"}});
    ASSERT_TRUE(seal().ok());
    write(Operation::upsert, {{"id7", {-7, 1}}, {"new", {-8, 1}}});
  }

  struct Answers {
    std::vector<std::string> ids;
    std::vector<float> vectors;
    std::vector<std::optional<std::string>> documents;
    std::vector<Neighbour> nearest;
    uint64_t matches = 0;
    friend bool operator==(const Answers&, const Answers&) = default;
  };
  /// All that fill() stored, through every kind of read.
  Result<Answers> read_everything() {
    VIRIDIAN_TRY(const SeqId last, holder_.log().last(context_, id_));
    VIRIDIAN_TRY(const auto view, holder_.manager().pin(context_, id_, last));
    VIRIDIAN_TRY(const OffsetSet all, view->metadata().all(context_));
    const std::vector<Offset> offsets = all.slice(0, all.size());
    RecordColumns columns;
    VIRIDIAN_TRY_VOID(view->metadata().fetch(context_, offsets, {true, true, true}, columns));
    VIRIDIAN_TRY_VOID(view->vectors().fetch(context_, offsets, columns.embeddings));
    VIRIDIAN_TRY(const OffsetSet found, view->metadata().find(context_, columns.ids));
    VIRIDIAN_TRY(const OffsetSet matches,
                 view->metadata().filter(context_, contains_text("document")));
    Matrix query{2, {0, 0}};
    VIRIDIAN_TRY(const auto nearest, view->vectors().search(context_, {&query, 60, nullptr}));
    Answers answers;
    answers.ids = strings(columns.ids);
    answers.vectors.assign(columns.embeddings.values.begin(), columns.embeddings.values.end());
    for (size_t i = 0; i < columns.documents.size(); ++i) {
      const auto text = columns.documents[i];
      answers.documents.push_back(text ? std::optional<std::string>(*text) : std::nullopt);
    }
    answers.nearest = nearest[0];
    answers.matches = matches.size();
    if (found.size() != answers.ids.size()) return Error(Code::internal, "ids were not found");
    return answers;
  }
  Answers expect_everything() {
    auto answers = read_everything();
    EXPECT_TRUE(answers.ok()) << answers.error().message();
    return answers.ok() ? *answers : Answers();
  }

  std::vector<std::string> file_paths() {
    const auto names = holder_.files().list(holder_.directory(id_));
    std::vector<std::string> paths;
    if (names.ok())
      for (const std::string& name : *names) paths.push_back(holder_.directory(id_) + "/" + name);
    return paths;
  }

  Context context_;
  SegmentsHolder holder_;
  CollectionId id_;
};

TEST_F(SegmentFiles, WhatWasSealedAndTrimmedIsThereAfterReopening) {
  fill();
  const Answers before = expect_everything();
  EXPECT_EQ(before.ids.size(), 49u);
  const auto trimmed = holder_.log().read(context_, id_, 0, 1);
  ASSERT_FALSE(trimmed.ok()) << "the log still has what is sealed";
  ASSERT_TRUE(holder_.reopen().ok());
  EXPECT_EQ(expect_everything(), before);
  const auto stats = holder_.manager().stats(context_, id_);
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->records, 49u);
  EXPECT_EQ(stats->files, 4u);
  EXPECT_EQ(stats->sealed + 2, stats->applied);
}

// New records would get numbers that the files hold already: acknowledged, and never applied.
TEST_F(SegmentFiles, LogThatEndsBeforeTheFilesIsRefused) {
  fill();
  ASSERT_TRUE(holder_.log().drop(context_, id_).ok());
  ASSERT_TRUE(holder_.reopen().ok());
  const auto stats = holder_.manager().stats(context_, id_);
  ASSERT_FALSE(stats.ok());
  EXPECT_EQ(stats.error().code(), Code::data_loss) << stats.error().message();
}

TEST_F(SegmentFiles, OffsetOfARemovedRecordIsNotGivenAgainAfterReopening) {
  write(Operation::add, {{"a", {1}}, {"b", {1}}});
  write(Operation::remove, {{"b"}});
  ASSERT_TRUE(seal().ok());
  ASSERT_TRUE(holder_.reopen().ok());
  write(Operation::add, {{"c", {1}}});
  const auto view = holder_.pin(id_);
  const auto found = view->metadata().find(context_, ids_of({"c"}));
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->contains(2));
}

TEST_F(SegmentFiles, SealsByItselfWhenTheHeadIsLarge) {
  holder_.options().seal_records = 10;
  ASSERT_TRUE(holder_.reopen().ok());
  std::vector<Row> rows;
  for (int i = 0; i < 10; ++i) rows.push_back({std::to_string(i), {1}});
  const SeqId last = holder_.append(id_, batch_of(Operation::add, rows));
  EXPECT_TRUE(holder_.manager().hint(context_, id_, last).ok());
  while (holder_.manager().stats(context_, id_)->sealed < last) std::this_thread::yield();
  EXPECT_EQ(file_paths().size(), 2u);
}

TEST_F(SegmentFiles, FilesThatNobodyNamesAreRemoved) {
  fill();
  const std::vector<std::string> named = file_paths();
  write_file(holder_.directory(id_) + "/orphan.meta", "x");
  write_file(named[0] + ".tmp", "x");
  const CollectionId unknown = Uuid::random();
  ASSERT_TRUE(holder_.files().make_directories(holder_.directory(unknown)).ok());
  write_file(holder_.directory(unknown) + "/orphan.vec", "x");
  ASSERT_TRUE(holder_.reopen().ok());
  expect_everything();
  EXPECT_EQ(file_paths(), named);
  EXPECT_FALSE(*holder_.files().exists(holder_.directory(unknown)));
}

TEST_F(SegmentFiles, DroppedCollectionsFilesGoAtOnceAndItsViewsStay) {
  fill();
  const Answers before = expect_everything();
  auto view = holder_.pin(id_);
  ASSERT_TRUE(holder_.sysdb().delete_collection(context_, id_).ok());
  ASSERT_TRUE(holder_.manager().drop(context_, id_).ok());
  EXPECT_FALSE(*holder_.files().exists(holder_.directory(id_)));
  const auto all = view->metadata().all(context_);
  ASSERT_TRUE(all.ok());
  RecordColumns columns;
  const Status read =
      view->metadata().fetch(context_, all->slice(0, all->size()), {true, true, true}, columns);
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(strings(columns.ids), before.ids);
}

// One bit anywhere: the damage is reported, or the bit did not matter (padding is checksummed as
// well, so it matters almost everywhere). Never a crash, never a wrong answer.
TEST_F(SegmentFiles, FlippedBitIsReportedAndNeverAnswered) {
  fill();
  const Answers right = expect_everything();
  const CollectionId other = holder_.make_collection();
  holder_.append(other, batch_of(Operation::add, {{"x", {1}}}));
  std::mt19937 random(1);
  int reported = 0;
  for (const std::string& path : file_paths()) {
    const std::string bytes = read_file(path);
    for (size_t at = random() % 7; at < bytes.size(); at += 1 + random() % 97) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
      write_file(path, damaged);
      ASSERT_TRUE(holder_.reopen().ok());
      const auto answers = read_everything();
      if (answers.ok()) {
        EXPECT_EQ(*answers, right) << path << " at " << at;
      } else {
        ++reported;
        EXPECT_EQ(answers.error().code(), Code::data_loss) << answers.error().message();
        EXPECT_NE(answers.error().message().find(path), std::string::npos)
            << answers.error().message();
      }
      EXPECT_NE(holder_.pin(other), nullptr);
    }
    write_file(path, bytes);
  }
  EXPECT_GT(reported, 100);
  ASSERT_TRUE(holder_.reopen().ok());
  EXPECT_EQ(expect_everything(), right);
}

// Blocks are verified one by one, when they are read: what lies in the others is still there.
TEST_F(SegmentFiles, DamagedBlockTakesOnlyItsOwnRowsWithIt) {
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i)
    rows.push_back(
        {std::to_string(i), {1}, {}, conformance::noise(static_cast<uint64_t>(i), 10'000)});
  write(Operation::add, rows);
  ASSERT_TRUE(seal().ok());
  for (const std::string& path : file_paths()) {
    if (!path.ends_with(".meta")) continue;
    std::string bytes = read_file(path);
    ASSERT_GT(bytes.size(), 10 * segment::SealedFile::kBlockBytes);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_file(path, bytes);
  }
  ASSERT_TRUE(holder_.reopen().ok());
  const auto view = holder_.pin(id_);
  int readable = 0, damaged = 0;
  for (Offset offset = 0; offset < 100; ++offset) {
    RecordColumns columns;
    const Status fetched =
        view->metadata().fetch(context_, std::span(&offset, 1), {true, false, false}, columns);
    (fetched.ok() ? readable : damaged) += 1;
    if (fetched.ok()) {
      EXPECT_EQ(columns.documents[0], rows[offset].document);
    }
  }
  EXPECT_GT(readable, 85);
  EXPECT_GT(damaged, 5);
  EXPECT_FALSE(view->metadata().filter(context_, contains_text("zz")).ok());
}

TEST_F(SegmentFiles, ShortenedOrMissingFileIsReported) {
  fill();
  for (const std::string& path : file_paths()) {
    const std::string bytes = read_file(path);
    for (const size_t size : {bytes.size() - 1, bytes.size() / 2, size_t{10}, size_t{0}}) {
      write_file(path, bytes.substr(0, size));
      ASSERT_TRUE(holder_.reopen().ok());
      const auto answers = read_everything();
      ASSERT_FALSE(answers.ok());
      EXPECT_EQ(answers.error().code(), Code::data_loss) << answers.error().message();
    }
    ASSERT_TRUE(holder_.files().remove(path).ok());
    ASSERT_TRUE(holder_.reopen().ok());
    const auto answers = read_everything();
    ASSERT_FALSE(answers.ok());
    EXPECT_EQ(answers.error().code(), Code::data_loss);
    write_file(path, bytes);
  }
}

TEST_F(SegmentFiles, NewerFormatVersionIsRefusedByNumber) {
  fill();
  const std::string path = file_paths()[0];
  std::string bytes = read_file(path);
  constexpr uint32_t kNewer = segment::SealedFile::kVersion + 1;
  bytes[8] = static_cast<char>(kNewer);
  const uint32_t crc = crc32c(0, os::as_bytes(bytes).first(60));
  std::memcpy(bytes.data() + 60, &crc, sizeof crc);
  write_file(path, bytes);
  ASSERT_TRUE(holder_.reopen().ok());
  const auto answers = read_everything();
  ASSERT_FALSE(answers.ok());
  EXPECT_EQ(answers.error().code(), Code::failed_precondition);
  EXPECT_NE(answers.error().message().find("version " + std::to_string(kNewer)), std::string::npos);
}

// Whatever call fails while sealing, once or from then on as in a crash: nothing is lost, before
// and after reopening, and a later seal succeeds.
TEST_F(SegmentFiles, FailedSealLosesNothing) {
  for (const bool crash : {false, true}) {
    bool struck = true;
    for (uint64_t nth = 1; struck; ++nth) {
      id_ = holder_.make_collection();
      fill();
      const Answers right = expect_everything();
      holder_.files().fail({os::FileCalls::all, nth, Code::resource_exhausted, crash, 3});
      const Status sealed = seal();
      struck = holder_.files().struck();
      EXPECT_EQ(sealed.ok(), !struck) << nth;
      EXPECT_EQ(expect_everything(), right) << nth;
      holder_.files().clear();
      if (nth % 2 == 0) {
        ASSERT_TRUE(holder_.reopen().ok());
        EXPECT_EQ(expect_everything(), right) << nth;
      }
      const Status again = seal();
      EXPECT_TRUE(again.ok()) << again.error().message();
      EXPECT_EQ(expect_everything(), right) << nth;
      ASSERT_TRUE(holder_.reopen().ok());
      EXPECT_EQ(expect_everything(), right) << nth;
      EXPECT_LE(file_paths().size(), 6u);
      ASSERT_LT(nth, 200u);
    }
  }
}

// Batches that arrive between freezing and the swap end rows of the file being written.
TEST_F(SegmentFiles, WritesWhileSealingAreNeitherLostNorUndone) {
  for (int round = 0; round < 5; ++round) {
    fill();
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(seal().ok());
    });
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        write(Operation::upsert, {{"id" + std::to_string(i), {float(round), float(i)}}});
        write(Operation::remove, {{"id" + std::to_string((i * 7) % 50)}});
        EXPECT_NE(holder_.pin(id_), nullptr);
      }
    });
    for (std::thread& thread : threads) thread.join();
    const Answers before = expect_everything();
    ASSERT_TRUE(holder_.reopen().ok());
    EXPECT_EQ(expect_everything(), before);
  }
}

}  // namespace
}  // namespace viridian::conformance
