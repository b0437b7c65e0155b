// Everything at once: writers, readers, seals, merges, compactions, closings and images, against a
// map per writer.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "conformance/records.h"
#include "conformance/segments_holder.h"

namespace viridian::conformance {
namespace {

constexpr int kWriters = 4;
constexpr int kReaders = 4;
constexpr int kIdsEach = 30;
constexpr int kBatches = 400;

/// What a writer wrote: its ids start with its number, and the last batch's number is every live
/// record's document and vector, since each batch replaces or removes all that it has.
class SegmentStress : public testing::Test {
 protected:
  SegmentStress() : holder_(SegmentsHolder::Kind::local) {
    holder_.options().seal_records = 100;
    holder_.options().seal_age = std::chrono::seconds(1);
    holder_.options().look_every = std::chrono::milliseconds(2);
    holder_.options().merge_bytes_per_second = uint64_t{1} << 30;
    holder_.options().purge_age = std::chrono::seconds(0);
    holder_.options().heads_bytes = 300'000;
    holder_.options().max_open = 2;
    EXPECT_TRUE(holder_.reopen().ok());
    for (int i = 0; i < 3; ++i) collections_.push_back(holder_.make_collection());
  }

  void write(int writer) {
    const CollectionId& id = collections_[static_cast<size_t>(writer) % collections_.size()];
    std::mt19937 random(static_cast<uint32_t>(writer));
    for (int batch = 1; batch <= kBatches; ++batch) {
      const bool remove = random() % 4 == 0;
      std::vector<Row> rows;
      for (int i = 0; i < kIdsEach; ++i) {
        const std::string name = std::to_string(writer) + "-" + std::to_string(i);
        if (remove)
          rows.push_back({name});
        else
          rows.push_back({name, {float(batch), 0}, {}, std::to_string(batch)});
      }
      ASSERT_TRUE(holder_.manager().admit(context_, id, 1000, 1).ok());
      const SeqId last =
          holder_.append(id, batch_of(remove ? Operation::remove : Operation::upsert, rows));
      ASSERT_TRUE(holder_.manager().hint(context_, id, last).ok());
      states_[static_cast<size_t>(writer)] = remove ? 0 : batch;
    }
  }

  /// A view shows each writer's batches whole.
  void check(const CollectionId& id, bool final) {
    const auto last = holder_.log().last(context_, id);
    const auto pinned = holder_.manager().pin(context_, id, *last);
    ASSERT_TRUE(pinned.ok()) << pinned.error().message();
    const ReadView& view = **pinned;
    const auto all = view.metadata().all(context_);
    ASSERT_TRUE(all.ok()) << all.error().message();
    const std::vector<Offset> offsets = all->slice(0, all->size());
    RecordColumns columns;
    ASSERT_TRUE(view.metadata().fetch(context_, offsets, {true, false, false}, columns).ok());
    ASSERT_TRUE(view.vectors().fetch(context_, offsets, columns.embeddings).ok());
    struct Seen {
      int records = 0;
      std::string document;
    };
    std::map<char, Seen> seen;
    for (size_t i = 0; i < columns.ids.size(); ++i) {
      Seen& writer = seen[columns.ids[i][0]];
      const std::string document(columns.documents[i].value_or("none"));
      if (writer.records++ == 0) writer.document = document;
      EXPECT_EQ(document, writer.document);
      EXPECT_EQ(columns.embeddings.row(i)[0], std::stof(document));
    }
    for (const auto& [writer, state] : seen) EXPECT_EQ(state.records, kIdsEach);
    if (!final) return;
    for (size_t writer = 0; writer < kWriters; ++writer) {
      if (collections_[writer % collections_.size()] != id) continue;
      const auto found = seen.find(static_cast<char>('0' + writer));
      EXPECT_EQ(found == seen.end() ? 0 : std::stoi(found->second.document), states_[writer]);
    }
  }

  void disturb(std::mt19937& random) {
    const CollectionId& id = collections_[random() % collections_.size()];
    switch (random() % 5) {
      case 0:
        EXPECT_TRUE(holder_.manager().seal(context_, id).ok());
        break;
      case 1:
        EXPECT_TRUE(holder_.manager().compact(context_, id).ok());
        break;
      case 2:
        EXPECT_TRUE(holder_.manager().close(context_, id).ok());
        break;
      default: {
        const auto image = holder_.manager().image(context_, id);
        ASSERT_TRUE(image.ok()) << image.error().message();
        std::this_thread::yield();
        for (const Segment& segment : image->segments)
          for (const SegmentFile& file : segment.files)
            EXPECT_TRUE(*holder_.files().exists(image->directory + "/" + file.name));
      }
    }
  }

  Context context_;
  SegmentsHolder holder_;
  std::vector<CollectionId> collections_;
  std::array<int, kWriters> states_{};
};

TEST_F(SegmentStress, NothingIsLostOrSeenInPart) {
  std::atomic<bool> done = false;
  std::vector<std::thread> writers, others;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { write(i); });
  for (int i = 0; i < kReaders; ++i)
    others.emplace_back([&, i] {
      for (size_t n = static_cast<size_t>(i); !done; ++n)
        check(collections_[n % collections_.size()], false);
    });
  for (uint32_t i = 0; i < 2; ++i)
    others.emplace_back([&, i] {
      std::mt19937 random(i);
      while (!done) disturb(random);
    });
  for (std::thread& thread : writers) thread.join();
  done = true;
  for (std::thread& thread : others) thread.join();
  for (const CollectionId& id : collections_) check(id, true);
  ASSERT_TRUE(holder_.reopen().ok());
  for (const CollectionId& id : collections_) {
    check(id, true);
    ASSERT_TRUE(holder_.manager().compact(context_, id).ok());
    check(id, true);
    EXPECT_LE(holder_.manager().stats(context_, id)->files, 2u);
    EXPECT_EQ(holder_.manager().stats(context_, id)->dead_rows, 0u);
  }
}

}  // namespace
}  // namespace viridian::conformance
