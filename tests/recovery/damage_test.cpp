#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "recovery/rig.h"

// What can happen to whole files: gone, cut short, zeroed, swapped, of another collection.
namespace viridian::recovery_test {
namespace {

class Damage : public testing::Test {
 protected:
  std::string path() const { return place_.path() + "/data"; }

  void make(WorkloadOptions options = {}) { model_ = make_directory(path(), options); }

  /// Files whose name ends so, or that lie in a directory of that name; ascending.
  std::vector<std::string> files(const std::string& part) const {
    std::vector<std::string> found;
    for (const std::string& file : files_in(path()))
      if (file.ends_with(part) || file.starts_with(part)) found.push_back(file);
    return found;
  }
  std::string at(const std::string& file) const { return path() + "/" + file; }

  /// After a repair everything is as it was, but for the records that it says are lost.
  void expect_mended(bool nothing_lost) {
    const auto checked = tools_.check(path());
    ASSERT_TRUE(checked.ok()) << checked.error().message();
    ASSERT_FALSE(checked->clean());
    const auto repaired = tools_.repair(path());
    ASSERT_TRUE(repaired.ok()) << repaired.error().message();
    EXPECT_TRUE(repaired->after.clean()) << repaired->after.as_text();
    const auto read = read_all(path());
    ASSERT_TRUE(read.ok()) << read.error().message() << repaired->done.as_text();
    ASSERT_EQ(read->size(), model_.size()) << repaired->done.as_text();
    if (nothing_lost) {
      EXPECT_TRUE(*read == model_) << repaired->done.as_text();
      EXPECT_EQ(repaired->done.count(recovery::Severity::error), 0U) << repaired->done.as_text();
    } else {
      EXPECT_GT(repaired->done.count(recovery::Severity::error), 0U);
      expect_subset(*read, *repaired);
    }
    const Status written = write_everywhere(path());
    EXPECT_TRUE(written.ok()) << written.error().message();
    const auto last = tools_.check(path());
    ASSERT_TRUE(last.ok());
    EXPECT_TRUE(last->clean()) << last->as_text();
  }

  void expect_subset(const Database& read, const recovery::Repair& repaired) {
    const bool in_doubt = std::any_of(
        repaired.done.findings.begin(), repaired.done.findings.end(), [](const auto& finding) {
          return finding.affected.find("log record") != std::string::npos ||
                 finding.affected.find("undone") != std::string::npos;
        });
    if (in_doubt) return;
    const std::vector<std::string> lost = lost_ids(repaired);
    for (const auto& [name, contents] : model_)
      for (const auto& [id, record] : contents) {
        const auto found = read.at(name).find(id);
        const bool named = std::find(lost.begin(), lost.end(), id) != lost.end();
        if (found == read.at(name).end())
          EXPECT_TRUE(named) << id << " is gone and not named\n" << repaired.done.as_text();
        else
          EXPECT_EQ(found->second, record) << id;
      }
  }

  conformance::TemporaryDirectory place_;
  Tools tools_;
  Database model_;
};

TEST_F(Damage, AnUndamagedDirectoryIsCleanAndLeftAlone) {
  make({.snapshot = true});
  const std::vector<std::string> before = files_in(path());
  const auto repaired = tools_.repair(path());
  ASSERT_TRUE(repaired.ok()) << repaired.error().message();
  EXPECT_TRUE(repaired->before.clean()) << repaired->before.as_text();
  EXPECT_TRUE(repaired->set_aside.empty());
  EXPECT_EQ(files_in(path()), before);
  EXPECT_EQ(repaired->before.collections, 3U);
}

TEST_F(Damage, ADirectoryWithoutADatabaseIsNotFound) {
  std::filesystem::create_directory(path());
  const auto checked = tools_.check(path());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code(), Code::not_found);
}

TEST_F(Damage, RepairDoesNotWorkBesideAWriter) {
  make();
  std::filesystem::remove(at(files(".vec").front()));
  os::RealFiles real;
  const auto lock = real.lock(at("LOCK"), "a test");
  ASSERT_TRUE(lock.ok());
  const auto repaired = tools_.repair(path());
  ASSERT_FALSE(repaired.ok());
  EXPECT_EQ(repaired.error().code(), Code::failed_precondition);
}

TEST_F(Damage, AMissingMetadataFile) {
  make();
  std::filesystem::remove(at(files(".meta").front()));
  expect_mended(false);
}

TEST_F(Damage, AMissingVectorFile) {
  make();
  std::filesystem::remove(at(files(".vec").back()));
  expect_mended(false);
}

TEST_F(Damage, AMissingFileComesBackFromASnapshot) {
  make({.snapshot = true});
  for (const std::string& file : files("snapshots/files/")) {
    const std::string name = file.substr(file.rfind('/') + 1);
    for (const std::string& original : files("segments/"))
      if (original.ends_with(name)) std::filesystem::remove(at(original));
  }
  expect_mended(true);
}

TEST_F(Damage, ATruncatedMetadataFile) {
  make();
  const std::string file = at(files(".meta").front());
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  expect_mended(false);
}

TEST_F(Damage, SwappedFilesOfOneCollection) {
  make();
  const auto metadata = files(".meta");
  const auto one_collection = [&](const std::string& file) {
    return file.starts_with(metadata.front().substr(0, metadata.front().rfind('/')));
  };
  const auto found = files(".vec");
  const auto vector = std::find_if(found.begin(), found.end(), one_collection);
  ASSERT_NE(vector, found.end());
  std::filesystem::rename(at(metadata.front()), at("moved"));
  std::filesystem::rename(at(*vector), at(metadata.front()));
  std::filesystem::rename(at("moved"), at(*vector));
  expect_mended(true);
}

TEST_F(Damage, AFileOfAnotherCollection) {
  make();
  const auto metadata = files(".meta");
  ASSERT_NE(metadata.front().substr(0, 40), metadata.back().substr(0, 50));
  const std::string content = read_file(at(metadata.front()));
  std::filesystem::rename(at(metadata.front()), at(metadata.back() + ".kept"));
  write_file(at(metadata.front()), read_file(at(metadata.back())));
  // The right one lies under another name in the other collection's directory.
  std::filesystem::rename(at(metadata.back() + ".kept"),
                          at(metadata.back().substr(0, metadata.back().rfind('/')) + "/x.meta"));
  expect_mended(true);
}

TEST_F(Damage, WhatTheLogStillHoldsComesBackFromIt) {
  make({.seals = 0});
  // As after a crash between publishing the files and trimming the log.
  copy_directory(path() + "/log", place_.path() + "/log");
  std::vector<std::string> before = files("segments/");
  {
    const auto system = conformance::TestSystem::start(conformance::local_settings(path()));
    ASSERT_TRUE(system.ok());
    const auto collections = (*system)->api().list_collections(Context(), {}, {});
    ASSERT_TRUE(collections.ok());
    for (const Collection& collection : *collections)
      ASSERT_TRUE((*system)->api().flush(Context(), {{}, collection.id}).ok());
  }
  copy_directory(place_.path() + "/log", path() + "/log");
  int damaged = 0;
  for (const std::string& file : files("segments/")) {
    if (std::find(before.begin(), before.end(), file) != before.end()) continue;
    std::filesystem::resize_file(at(file), std::filesystem::file_size(at(file)) / 2);
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  expect_mended(true);
}

TEST_F(Damage, AMissingSysDb) {
  make();
  std::filesystem::remove(at("sysdb.sqlite3"));
  expect_mended(true);
}

TEST_F(Damage, AZeroedSysDb) {
  make();
  write_file(at("sysdb.sqlite3"), std::string(std::filesystem::file_size(at("sysdb.sqlite3")), 0));
  expect_mended(true);
}

TEST_F(Damage, AnOlderSysDb) {
  make({.seals = 1});
  const std::string older = read_file(at("sysdb.sqlite3"));
  std::filesystem::remove_all(path());
  // The same names, other collections: the older SysDb knows none of them.
  make({.seed = 2});
  write_file(at("sysdb.sqlite3"), older);
  EXPECT_FALSE(read_all(path()).ok());
  expect_mended(true);
}

TEST_F(Damage, AnOlderSysDbOfTheSameCollections) {
  make();
  const std::string older = read_file(at("sysdb.sqlite3"));
  ASSERT_TRUE(write_everywhere(path()).ok());
  const auto now = read_all(path());
  ASSERT_TRUE(now.ok()) << now.error().message();
  model_ = *now;
  write_file(at("sysdb.sqlite3"), older);
  EXPECT_FALSE(read_all(path()).ok());
  expect_mended(true);
}

TEST_F(Damage, AnEmptySysDbThatAStartWasTriedWith) {
  make();
  std::filesystem::resize_file(at("sysdb.sqlite3"), 0);
  EXPECT_FALSE(read_all(path()).ok());
  expect_mended(true);
}

TEST_F(Damage, AMissingCatalogue) {
  make();
  std::filesystem::remove_all(at("catalogue"));
  expect_mended(true);
}

TEST_F(Damage, AMissingFormat) {
  make();
  write_file(at("FORMAT"), "something else\n");
  expect_mended(true);
}

TEST_F(Damage, AMissingLog) {
  make({.leave_tail = false});
  std::filesystem::remove_all(std::filesystem::directory_iterator(at("log"))->path());
  expect_mended(false);
}

TEST_F(Damage, LostLogRecordsAreNamedAndWritingGoesOn) {
  make();
  const std::string file = files("log/").front();
  std::string content = read_file(at(file));
  // A batch that another one follows: its payload and its header. Marks hold no records.
  const auto batch_from = [&](size_t place) {
    while (place != std::string::npos && content.substr(place + 12, 4) == std::string(4, '\0'))
      place = content.find("VDLG", place + 4);
    return place;
  };
  const size_t first = batch_from(content.find("VDLG", 4));
  ASSERT_NE(first, std::string::npos);
  const size_t after = content.find("VDLG", first + 4);
  ASSERT_NE(after, std::string::npos);
  ASSERT_NE(batch_from(after), std::string::npos);
  std::fill(content.begin() + static_cast<ptrdiff_t>(first),
            content.begin() + static_cast<ptrdiff_t>(after), '\0');
  write_file(at(file), content);
  expect_mended(false);
}

TEST_F(Damage, ZeroedBlocksLoseTheirRowsOnly) {
  make({.collections = 1, .rounds = 8, .rows = 600, .dimension = 64, .leave_tail = false});
  for (const std::string& file : files(".vec")) {
    std::string content = read_file(at(file));
    if (content.size() < 400'000) continue;
    std::fill_n(content.begin() + 3 * 65536 + 100, 4096, '\0');
    write_file(at(file), content);
    expect_mended(false);
    return;
  }
  FAIL() << "no file is large enough";
}

TEST_F(Damage, WhatIsReplacedIsSetAside) {
  make();
  const std::string file = files(".meta").front();
  std::string content = read_file(at(file));
  content[70] = static_cast<char>(content[70] ^ 1);
  write_file(at(file), content);
  const auto repaired = tools_.repair(path());
  ASSERT_TRUE(repaired.ok()) << repaired.error().message();
  EXPECT_EQ(read_file(repaired->set_aside + "/" + file), content);
  EXPECT_FALSE(read_file(repaired->set_aside + "/report.txt").empty());
  EXPECT_FALSE(read_file(repaired->set_aside + "/report.json").empty());
}

}  // namespace
}  // namespace viridian::recovery_test
