#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/records.h"
#include "conformance/segments_holder.h"
#include "os/real_files.h"

namespace viridian::conformance {

/// One collection of a local manager, and what it left where.
class SegmentUpkeep : public testing::Test {
 protected:
  SegmentUpkeep() : holder_(SegmentsHolder::Kind::local), id_(holder_.make_collection()) {}

  SeqId write(Operation operation, const std::vector<Row>& rows) {
    return holder_.append(id_, batch_of(operation, rows));
  }
  /// Records "0" to "count - 1" with documents that say `text`.
  SeqId write_many(int count, const std::string& text, Operation operation = Operation::upsert) {
    std::vector<Row> rows;
    for (int i = 0; i < count; ++i)
      rows.push_back({std::to_string(i), {float(i), 1}, Metadata{{"t", text}}, text});
    return write(operation, rows);
  }
  viridian::SegmentManager& manager() { return holder_.manager(); }
  Status seal() { return manager().seal(context_, id_); }

  static std::vector<std::string> documents(const ReadView& view) {
    const Context context;
    const auto all = view.metadata().all(context);
    EXPECT_TRUE(all.ok());
    RecordColumns columns;
    const std::vector<Offset> offsets = all->slice(0, all->size());
    EXPECT_TRUE(view.metadata().fetch(context, offsets, {true, false, false}, columns).ok());
    EXPECT_TRUE(view.vectors().fetch(context, offsets, columns.embeddings).ok());
    std::vector<std::string> found;
    for (size_t i = 0; i < columns.ids.size(); ++i)
      found.push_back(std::string(columns.ids[i]) + "=" +
                      std::string(columns.documents[i].value_or("-")));
    std::sort(found.begin(), found.end());
    return found;
  }
  std::vector<std::string> documents() {
    const auto view = holder_.pin(id_);
    return view ? documents(*view) : std::vector<std::string>();
  }
  SegmentStats stats() {
    const auto stats = manager().stats(context_, id_);
    EXPECT_TRUE(stats.ok());
    return stats.ok() ? *stats : SegmentStats();
  }
  std::vector<std::string> file_names() {
    const auto names = holder_.files().list(holder_.directory(id_));
    return names.ok() ? *names : std::vector<std::string>();
  }
  bool on_disk(const std::string& text) {
    os::RealFiles files;
    for (const std::string& name : file_names()) {
      const auto file = files.map(holder_.directory(id_) + "/" + name);
      if (!file.ok()) continue;  // removed meanwhile
      if (os::as_text((*file)->bytes()).find(text) != std::string_view::npos) return true;
    }
    return false;
  }
  /// Names that the SysDb has.
  std::vector<std::string> named() {
    std::vector<std::string> names;
    const auto segments = holder_.sysdb().list_segments(context_, id_);
    for (const Segment& segment : *segments)
      for (const SegmentFile& file : segment.files) names.push_back(file.name);
    std::sort(names.begin(), names.end());
    return names;
  }
  bool garbage_is_dated() {
    const auto ids =
        holder_.sysdb().collections_with_garbage(context_, std::numeric_limits<int64_t>::max());
    return ids.ok() && std::find(ids->begin(), ids->end(), id_) != ids->end();
  }
  /// As after an append through the engine.
  void hint(SeqId last) { EXPECT_TRUE(manager().hint(context_, id_, last).ok()); }
  static void wait_until(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  Context context_;
  SegmentsHolder holder_;
  CollectionId id_;
};

}  // namespace viridian::conformance
