#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "os/test_files.h"
#include "property/segment_rig.h"

namespace viridian::conformance {
namespace {

/// Does a random next step of sealing and of merging, each at its own pace.
class Stepper {
 public:
  Stepper(SegmentRig& rig, Generator& generator) : rig_(rig), generator_(generator) {}

  void seal_step() {
    switch (seal_) {
      case 0:
        rig_.freeze();
        break;
      case 1:
        rig_.write_frozen();
        break;
      default:
        if (generator_.below(4) == 0) {  // the SysDb refused it
          rig_.metadata().discard();
          rig_.vectors().discard();
        } else {
          rig_.adopt();
        }
    }
    seal_ = (seal_ + 1) % 3;
  }

  void merge_step(bool vectors) {
    SegmentWriter& writer = rig_.writer(vectors);
    int& stage = merge_[vectors];
    switch (stage) {
      case 0: {
        const int count = static_cast<int>(writer.files().size());
        if (count == 0) return;
        const int first = generator_.below(count);
        const int some = 1 + generator_.below(count - first);
        writer.begin_merge({static_cast<size_t>(first), static_cast<size_t>(some)});
        break;
      }
      case 1:
        rig_.write_merged(vectors);
        break;
      default:
        if (generator_.below(4) == 0)
          writer.discard_merged();
        else
          rig_.adopt_merged(vectors);
    }
    stage = (stage + 1) % 3;
  }

  void reopen() {
    rig_.reopen();
    seal_ = merge_[0] = merge_[1] = 0;
  }

 private:
  SegmentRig& rig_;
  Generator& generator_;
  int seal_ = 0;
  std::array<int, 2> merge_ = {};
};

class SegmentMerge : public testing::TestWithParam<int> {};

// Sealing and merging of any ranges, in any order with writes and with each other, whether they
// succeed or are given up, with the process ending anywhere: every view answers for its moment.
TEST_P(SegmentMerge, ViewsAnswerAsAMapWould) {
  SegmentRig rig(static_cast<uint64_t>(GetParam() % 2));
  Generator generator(static_cast<uint64_t>(GetParam()));
  Stepper stepper(rig, generator);
  struct Pinned {
    std::shared_ptr<const ReadView> view;
    SegmentOracle oracle;
  };
  std::vector<Pinned> old_views;
  for (int step = 0; step < 250; ++step) {
    const int choice = generator.below(20);
    if (choice < 7) {
      rig.apply(generator.batch());
    } else if (choice < 12) {
      stepper.seal_step();
    } else if (choice < 17) {
      stepper.merge_step(generator.below(2) == 0);
    } else if (choice == 17) {
      if (generator.below(2) == 0) stepper.reopen();
    } else if (choice == 18) {
      if (generator.below(3) == 0) old_views.push_back({rig.view(), rig.oracle()});
    } else {
      Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
    }
    if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << "at step " << step;
  }
  for (const Pinned& pinned : old_views)
    Check(*pinned.view, pinned.oracle, Space::l2).everything(generator);
  stepper.reopen();
  rig.seal();
  rig.merge_everything();
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
  for (const bool vectors : {false, true}) {
    EXPECT_EQ(rig.writer(vectors).garbage().rows, 0u);
    ASSERT_EQ(rig.writer(vectors).files().size(), 1u);
    EXPECT_EQ(rig.writer(vectors).files()[0].rows, rig.oracle().records().size());
  }
  const Offset next = rig.metadata().next_offset();
  rig.reopen();
  EXPECT_EQ(rig.metadata().next_offset(), next);
  Check(*rig.view(), rig.oracle(), Space::l2).everything(generator);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SegmentMerge, testing::Range(0, 30));

class MergedFiles : public testing::Test {
 protected:
  static std::string key(int i) { return "key" + std::to_string(i); }
  static Row record(int i, const std::string& mark) {
    Row row;
    row.id = "id" + std::to_string(i);
    row.vector = {static_cast<float>(i), static_cast<float>(mark.size()), 2};
    row.document = "document-" + mark + std::to_string(i) + ".";
    row.uri = "uri-" + mark + std::to_string(i) + ".";
    row.metadata = Metadata{{"key", "value-" + mark + std::to_string(i) + "."}};
    return row;
  }
  void upsert(int begin, int end, const std::string& mark) {
    std::vector<Row> rows;
    for (int i = begin; i < end; ++i) rows.push_back(record(i, mark));
    rig_.apply(batch_of(Operation::upsert, rows));
  }
  void remove(int begin, int end) {
    std::vector<Row> rows;
    for (int i = begin; i < end; ++i) rows.push_back({"id" + std::to_string(i)});
    rig_.apply(batch_of(Operation::remove, rows));
  }
  std::string all_bytes() {
    std::string all;
    const auto names = rig_.files().list(rig_.directory());
    EXPECT_TRUE(names.ok());
    for (const std::string& name : *names) all += os::read_file(rig_.directory() + "/" + name);
    return all;
  }
  static bool contains(const std::string& bytes, const Row& row) {
    const std::string vector(reinterpret_cast<const char*>(row.vector.data()),
                             row.vector.size() * sizeof(float));
    for (const std::string& part :
         {*row.document, *row.uri, std::get<std::string>(*row.metadata->find("key")), vector})
      if (bytes.find(part) != std::string::npos) return true;
    return false;
  }
  /// Opens the files and compares all that they answer, if they answer, with the oracle.
  Status read_everything() {
    VIRIDIAN_TRY_VOID(rig_.open());
    const auto view = rig_.view();
    const Context context;
    VIRIDIAN_TRY(const OffsetSet all, view->metadata().all(context));
    const std::vector<Offset> offsets = all.slice(0, all.size());
    RecordColumns columns;
    VIRIDIAN_TRY_VOID(view->metadata().fetch(context, offsets, {true, true, true}, columns));
    VIRIDIAN_TRY_VOID(view->vectors().fetch(context, offsets, columns.embeddings));
    VIRIDIAN_TRY(const OffsetSet found, view->metadata().find(context, columns.ids));
    EXPECT_EQ(found.size(), all.size());
    Check(*view, rig_.oracle(), Space::l2).everything(generator_);
    return ok_status();
  }
  /// Merges whatever is due, as a manager would.
  int merge_due() {
    int merges = 0;
    for (const bool vectors : {false, true}) {
      while (const auto range = rig_.writer(vectors).merge_due()) {
        rig_.merge(vectors, *range);
        if (++merges > 100) {
          ADD_FAILURE() << "merging does not come to an end";
          return merges;
        }
      }
    }
    return merges;
  }

  Generator generator_{1};
  SegmentRig rig_{1};  // with an index in each merged file
};

TEST_F(MergedFiles, NothingOfWhatWasDeletedOrReplacedIsLeft) {
  upsert(0, 100, "first");
  rig_.seal();
  upsert(50, 60, "second");
  rig_.seal();
  remove(0, 20);
  remove(55, 58);
  rig_.seal();
  ASSERT_TRUE(contains(all_bytes(), record(3, "first")));
  rig_.merge_everything();
  const std::string bytes = all_bytes();
  for (int i = 0; i < 100; ++i) {
    const bool removed = i < 20 || (i >= 55 && i < 58);
    const bool replaced = i >= 50 && i < 60;
    EXPECT_EQ(contains(bytes, record(i, "first")), !removed && !replaced) << i;
    EXPECT_EQ(contains(bytes, record(i, "second")), replaced && !removed) << i;
  }
}

// The vector of a record whose document alone changed is not written again, and the other way.
TEST_F(MergedFiles, UnchangedRecordsAreNotWrittenAgain) {
  upsert(0, 100, "same");
  rig_.seal();
  const std::vector<SegmentFile> metadata = rig_.metadata().files();
  const std::vector<SegmentFile> vectors = rig_.vectors().files();
  for (int round = 0; round < 3; ++round) {
    upsert(0, 100, "same");
    EXPECT_EQ(rig_.metadata().head_rows(), 0u);
    EXPECT_EQ(rig_.vectors().head_rows(), 0u);
    rig_.seal();
    EXPECT_EQ(rig_.metadata().files(), metadata);
    EXPECT_EQ(rig_.vectors().files(), vectors);
  }
  upsert(0, 10, "else");
  EXPECT_EQ(rig_.metadata().head_rows(), 10u);
  EXPECT_EQ(rig_.vectors().head_rows(), 0u);
  Check(*rig_.view(), rig_.oracle(), Space::l2).everything(generator_);
}

TEST_F(MergedFiles, EqualNumbersOfAnotherTypeAreAChange) {
  const auto put = [&](MetadataValue value, float first) {
    Row row{"a", {first, 0, 0}};
    row.metadata = Metadata{{"n", std::move(value)}};
    rig_.apply(batch_of(Operation::upsert, {row}));
  };
  put(int64_t{1}, 0.0f);
  rig_.seal();
  put(1.0, 0.0f);
  EXPECT_EQ(rig_.metadata().head_rows(), 1u);
  put(true, -0.0f);
  EXPECT_EQ(rig_.metadata().head_rows(), 2u);
  EXPECT_EQ(rig_.vectors().head_rows(), 1u) << "minus zero is another value";
}

TEST_F(MergedFiles, NothingIsLeftOfACollectionWhoseRecordsAreAllGone) {
  upsert(0, 100, "x");
  rig_.seal();
  remove(0, 100);
  rig_.seal();
  rig_.merge_everything();
  EXPECT_EQ(rig_.metadata().files().size(), 1u);
  EXPECT_LT(rig_.file_bytes(), 2000u);
  rig_.reopen();
  EXPECT_EQ(rig_.metadata().next_offset(), 100u);
  EXPECT_EQ(rig_.vectors().dim(), 3u);
}

TEST_F(MergedFiles, FilesOfAnotherCollectionAreTakenOver) {
  upsert(0, 50, "x");
  rig_.seal();
  remove(0, 10);
  rig_.seal();
  rig_.change_collection();
  rig_.reopen();
  Check(*rig_.view(), rig_.oracle(), Space::l2).everything(generator_);
  rig_.merge_everything();
  for (const bool vectors : {false, true})
    EXPECT_EQ(rig_.writer(vectors).files()[0].origin, CollectionId());
  rig_.reopen();
  Check(*rig_.view(), rig_.oracle(), Space::l2).everything(generator_);
}

TEST_F(MergedFiles, DamageStopsAMergeAndIsNotCopied) {
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i) {
    rows.push_back(record(i, "x"));
    rows.back().document = noise(static_cast<uint64_t>(i), 1000);
  }
  rig_.apply(batch_of(Operation::add, rows));
  rig_.seal();
  upsert(50, 150, "y");
  rig_.seal();
  SegmentWriter& before = rig_.metadata();
  const std::string path = rig_.directory() + "/" + before.files()[0].name;
  std::string bytes = os::read_file(path);
  const size_t place = bytes.find(rows[20].document->substr(500, 100));
  ASSERT_NE(place, std::string::npos);
  bytes[place] ^= 1;
  os::write_file(path, bytes);
  rig_.reopen();
  SegmentWriter& writer = rig_.metadata();
  const auto names = *rig_.files().list(rig_.directory());
  writer.begin_merge({0, 2});
  Unthrottled throttle;
  const Status merged = writer.write_merged(Context(), throttle);
  ASSERT_FALSE(merged.ok());
  EXPECT_EQ(merged.error().code(), Code::data_loss);
  writer.discard_merged();
  EXPECT_EQ(*rig_.files().list(rig_.directory()), names);
}

// One bit anywhere in merged files: reported, or of no consequence. Never a wrong answer.
TEST_F(MergedFiles, FlippedBitIsReportedAndNeverAnswered) {
  upsert(0, 60, "x");
  rig_.seal();
  remove(0, 10);
  upsert(20, 30, "y");
  rig_.seal();
  rig_.merge_everything();
  remove(40, 45);
  rig_.seal();
  int reported = 0;
  const auto names = rig_.files().list(rig_.directory());
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    const std::string path = rig_.directory() + "/" + name;
    const std::string bytes = os::read_file(path);
    for (size_t at = static_cast<size_t>(generator_.below(5)); at < bytes.size();
         at += 1 + static_cast<size_t>(generator_.below(97))) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << generator_.below(8)));
      os::write_file(path, damaged);
      const Status answered = read_everything();
      if (!answered.ok()) {
        ++reported;
        EXPECT_EQ(answered.error().code(), Code::data_loss) << answered.error().message();
      }
      if (HasFailure()) FAIL() << path << " at " << at;
    }
    os::write_file(path, bytes);
  }
  EXPECT_GT(reported, 100);
  EXPECT_TRUE(read_everything().ok());
}

// What a manager does with several threads: one writes, one seals and merges, one reads.
TEST_F(MergedFiles, WritersAndReadersGoOnMeanwhile) {
  std::mutex applying;  // the collection's apply lock
  std::shared_ptr<const ReadView> shown = rig_.view();
  std::atomic<bool> done = false;
  std::atomic<int> rounds = 0;
  std::thread upkeep([&] {
    for (; !done; ++rounds) {
      {
        std::lock_guard lock(applying);
        rig_.freeze();
      }
      rig_.write_frozen();
      {
        std::lock_guard lock(applying);
        rig_.adopt();
      }
      for (const bool vectors : {false, true}) {
        {
          std::lock_guard lock(applying);
          const size_t count = rig_.writer(vectors).files().size();
          if (count == 0) continue;
          rig_.writer(vectors).begin_merge({0, count});
        }
        rig_.write_merged(vectors);
        std::lock_guard lock(applying);
        rig_.adopt_merged(vectors);
      }
    }
  });
  std::thread reader([&] {
    while (!done) {
      std::shared_ptr<const ReadView> view;
      {
        std::lock_guard lock(applying);
        view = shown;
      }
      const auto all = view->metadata().all(Context());
      ASSERT_TRUE(all.ok());
      EXPECT_EQ(all->size(), view->metadata().count());
      Matrix found;
      const Status fetched = view->vectors().fetch(Context(), all->slice(0, all->size()), found);
      EXPECT_TRUE(fetched.ok()) << fetched.error().message();
    }
  });
  for (int i = 0; i < 300 || (rounds < 10 && !HasFailure()); ++i) {
    std::lock_guard lock(applying);
    rig_.apply(generator_.batch());
    shown = rig_.view();
  }
  done = true;
  upkeep.join();
  reader.join();
  Check(*rig_.view(), rig_.oracle(), Space::l2).everything(generator_);
  rig_.reopen();
  Check(*rig_.view(), rig_.oracle(), Space::l2).everything(generator_);
}

// Ten turnovers of updates, removals and additions: never more than 1.3 times what is live, few
// files, and every byte written a few times.
TEST_F(MergedFiles, ChurnStaysWithinItsBounds) {
  const auto big = [&](int i, int round) {
    Row row = record(i, "round" + std::to_string(round) + "-");
    row.document = std::string(900, static_cast<char>('a' + round % 20)) + *row.document;
    row.vector[1] = static_cast<float>(round);
    return row;
  };
  constexpr int kRecords = 4000, kBatch = 250;
  uint64_t fresh = 0;
  uint64_t written = 0;
  std::set<std::string> seen;
  const auto count_new = [&] {
    for (const bool vectors : {false, true})
      for (const SegmentFile& file : rig_.writer(vectors).files())
        if (seen.insert(file.name).second) written += file.size_bytes;
  };
  size_t most_files = 0;
  for (int round = 0; round < 10; ++round) {
    for (int first = 0; first < kRecords; first += kBatch) {
      std::vector<Row> rows, gone;
      for (int i = 0; i < kBatch; ++i) {
        // In an order that is not that of the offsets.
        const int n = round == 0 ? first + i : (first + i) * 7 % kRecords;
        if (i % 10 == 0) gone.push_back({"id" + std::to_string(n)});
        rows.push_back(big(n, round));
      }
      if (round > 0) rig_.apply(batch_of(Operation::remove, gone));
      rig_.apply(batch_of(Operation::upsert, rows));
      rig_.seal();
      count_new();
      merge_due();
      count_new();
      for (const bool vectors : {false, true})
        most_files = std::max(most_files, rig_.writer(vectors).files().size());
      if (round > 0) {
        ASSERT_LT(rig_.file_bytes(), fresh * 13 / 10 + 2 * 65536) << round << " at " << first;
      }
    }
    if (round == 0) fresh = rig_.file_bytes();
  }
  const double amplification = static_cast<double>(written) / (10.0 * static_cast<double>(fresh));
  RecordProperty("amplification_percent", static_cast<int>(amplification * 100));
  std::printf("write amplification %.2f, at most %zu files\n", amplification, most_files);
  EXPECT_LE(most_files, 16u);
  EXPECT_LT(amplification, 12);
  rig_.reopen();
  EXPECT_EQ(rig_.view()->metadata().count(), static_cast<uint64_t>(kRecords));
}

}  // namespace
}  // namespace viridian::conformance
