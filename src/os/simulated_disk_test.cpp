#include "os/simulated_disk.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "os/real_files.h"
#include "os/temporary_directory.h"

namespace viridian::os {
namespace {

constexpr Survival kNothing{};
constexpr Survival kEverything{.percent = 100};

Survival some(uint64_t seed) { return {.percent = 50, .seed = seed}; }

std::optional<std::string> content(const DiskState& disk, std::string_view path) {
  const InodeNumber inode = disk.find(path);
  if (inode == kNoInode) return std::nullopt;
  return std::string(as_text(disk.bytes(inode)));
}

class SimulatedDiskTest : public ::testing::Test {
 protected:
  std::unique_ptr<File> make(const std::string& path, std::string_view text) {
    auto file = disk_.open(path, OpenMode::open_create).value();
    EXPECT_TRUE(file->write_at(0, as_bytes(text)).ok());
    return file;
  }
  /// After everything done so far.
  DiskState cut(const Survival& survival) {
    PowerCut power(disk_);
    power.advance_to(disk_.operations());
    return power.image(survival);
  }

  SimulatedDisk disk_;
};

TEST_F(SimulatedDiskTest, WhatIsSyncedWithItsNameSurvives) {
  const auto file = make("/a", "text");
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  EXPECT_EQ(content(cut(kNothing), "/a"), "text");
}

TEST_F(SimulatedDiskTest, SyncingAFileDoesNotKeepItsName) {
  const auto file = make("/a", "text");
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(content(cut(kNothing), "/a"), std::nullopt);
  EXPECT_EQ(content(cut(kEverything), "/a"), "text");
}

TEST_F(SimulatedDiskTest, SyncingADirectoryDoesNotKeepItsFilesBytes) {
  const auto file = make("/a", "text");
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  EXPECT_EQ(content(cut(kNothing), "/a"), "");
  EXPECT_EQ(content(cut(kEverything), "/a"), "text");
}

TEST_F(SimulatedDiskTest, ARenameSurvivesAsAWholeAndShowsAFileThatWasNotSynced) {
  const auto before = make("/a", "old");
  ASSERT_TRUE(before->sync().ok());
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  const auto after = make("/a.new", "new");
  ASSERT_TRUE(disk_.rename("/a.new", "/a").ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const DiskState left = cut(some(seed));
    seen.insert(content(left, "/a").value_or("gone"));
    EXPECT_FALSE(content(left, "/a.new") && content(left, "/a") == "new");
  }
  EXPECT_TRUE(seen.contains("old"));
  EXPECT_TRUE(seen.contains("new"));
  EXPECT_TRUE(seen.contains(""));
  EXPECT_FALSE(seen.contains("gone"));
}

TEST_F(SimulatedDiskTest, SectorsAndSizeSurviveByThemselves) {
  const auto file = make("/a", std::string(2048, 'a'));
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  ASSERT_TRUE(file->write_at(0, as_bytes(std::string(4096, 'b'))).ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const std::string left = content(cut(some(seed)), "/a").value();
    ASSERT_TRUE(left.size() == 2048 || left.size() == 4096);
    std::string shape;
    for (size_t at = 0; at < left.size(); at += 512) {
      ASSERT_EQ(left.substr(at, 512), std::string(512, left[at]));
      shape += left[at] == '\0' ? '0' : left[at];
    }
    seen.insert(shape);
  }
  EXPECT_TRUE(seen.contains("abab"));
  EXPECT_TRUE(seen.contains("bbbb"));
  EXPECT_GT(seen.size(), 100U);
}

TEST_F(SimulatedDiskTest, WhatIsCutOffIsCutOffWhole) {
  const auto file = make("/a", std::string(4096, 'a'));
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  ASSERT_TRUE(file->truncate(0).ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) seen.insert(content(cut(some(seed)), "/a").value());
  EXPECT_EQ(seen, (std::set<std::string>{"", std::string(4096, 'a')}));
  ASSERT_TRUE(file->write_at(4000, as_bytes("b")).ok());
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::string left = content(cut(some(seed)), "/a").value();
    EXPECT_FALSE(left.size() == 4001 && left[0] == 'a') << "came back";
  }
}

TEST_F(SimulatedDiskTest, AGrownFileMayHoldGarbageWhereItsBytesDidNotSurvive) {
  const auto file = make("/a", "");
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  ASSERT_TRUE(file->write_at(0, as_bytes(std::string(512, 'b'))).ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed)
    seen.insert(
        content(cut({.percent = 50, .seed = seed, .granule = 512, .garbage = true}), "/a").value());
  EXPECT_TRUE(seen.contains(""));
  EXPECT_TRUE(seen.contains(std::string(512, 'b')));
  EXPECT_GT(seen.size(), 3U);
}

TEST_F(SimulatedDiskTest, NamesOfADirectorySurviveOneWithoutTheOther) {
  make("/a", "1");
  make("/b", "2");
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    std::string names;
    const DiskState left = cut(some(seed));
    for (const auto& [name, inode] : left.names(kRootInode)) names += name;
    seen.insert(names);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "a", "b", "ab"}));
}

TEST_F(SimulatedDiskTest, ChangesOfOneNameSurviveInTheirOrder) {
  make("/a", "first");
  ASSERT_TRUE(disk_.remove("/a").ok());
  make("/a", "second");
  const InodeNumber first = 2;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const DiskState left = cut({.percent = 90, .seed = seed});
    // The name may mean either file, or nothing; all of them are moments that there were.
    EXPECT_LE(left.names(kRootInode).size(), 1U);
    EXPECT_LE(left.next_inode(), first + 1);
  }
}

TEST_F(SimulatedDiskTest, AFailedSyncLosesWhatItShowsAndTheNextOneSucceeds) {
  const auto file = make("/a", std::string(512, 'a'));
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  std::set<char> left;
  for (int i = 0; i < 20; ++i) {
    const char fresh = static_cast<char>('b' + i);
    ASSERT_TRUE(file->write_at(0, as_bytes(std::string(512, fresh))).ok());
    disk_.fail_sync(1);
    EXPECT_FALSE(file->sync().ok());
    EXPECT_TRUE(disk_.sync_failed());
    EXPECT_EQ(disk_.map("/a").value()->bytes()[0], static_cast<std::byte>(fresh));
    EXPECT_TRUE(file->sync().ok());
    left.insert((*content(cut(kEverything), "/a"))[0] == fresh ? 'n' : 'o');
  }
  EXPECT_EQ(left, (std::set<char>{'n', 'o'}));
}

TEST_F(SimulatedDiskTest, WritesBeyondTheCapacityPutWhatFits) {
  const auto file = make("/a", "12345");
  disk_.set_capacity(8);
  const Status full = file->write_at(5, as_bytes("67890"));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), Code::resource_exhausted);
  EXPECT_EQ(as_text(disk_.map("/a").value()->bytes()), "12345678");
  EXPECT_TRUE(file->write_at(0, as_bytes("abcdefgh")).ok()) << "overwriting takes no space";
  EXPECT_EQ(file->reserve(100).error().code(), Code::resource_exhausted);
  ASSERT_TRUE(disk_.remove("/a").ok());
  make("/b", "12345678");
}

TEST_F(SimulatedDiskTest, WritingToAMappedFileIsAnError) {
  const auto file = make("/a", "text");
  auto mapping = disk_.map("/a").value();
  EXPECT_EQ(file->write_at(0, as_bytes("x")).error().code(), Code::internal);
  mapping.reset();
  EXPECT_TRUE(file->write_at(0, as_bytes("x")).ok());
}

TEST_F(SimulatedDiskTest, AMappingOutlivesTheFilesName) {
  make("/a", "text");
  const auto mapping = disk_.map("/a").value();
  ASSERT_TRUE(disk_.remove("/a").ok());
  EXPECT_EQ(as_text(mapping->bytes()), "text");
}

TEST_F(SimulatedDiskTest, ALockIsHeldOnceAndDiesWithTheDisk) {
  auto lock = disk_.lock("/LOCK", "me").value();
  EXPECT_EQ(disk_.lock("/LOCK", "you").error().code(), Code::failed_precondition);
  SimulatedDisk after(cut(kEverything));
  EXPECT_TRUE(after.lock("/LOCK", "you").ok());
  lock.reset();
  EXPECT_TRUE(disk_.lock("/LOCK", "you").ok());
}

TEST_F(SimulatedDiskTest, LinksAreNamesOfOneFile) {
  const auto file = make("/a", "text");
  ASSERT_TRUE(disk_.link("/a", "/b").ok());
  ASSERT_TRUE(disk_.sync_directory("/").ok());
  ASSERT_TRUE(file->sync().ok());
  ASSERT_TRUE(disk_.remove("/a").ok());
  EXPECT_EQ(content(cut(kNothing), "/a"), "text");
  EXPECT_EQ(content(cut(kEverything), "/a"), std::nullopt);
  EXPECT_EQ(content(cut(kEverything), "/b"), "text");
}

/// A random call, described with its outcome.
std::string random_call(Files& files, const std::string& root, Dice& dice) {
  const auto path = [&] {
    std::string at = root;
    for (uint64_t depth = 1 + dice.below(2); depth > 0; --depth)
      at += "/" + std::string(1, static_cast<char>('a' + dice.below(3)));
    return at;
  };
  const std::string a = path(), b = path();
  const auto outcome = [](const auto& result) {
    return result.ok() ? std::string("ok") : std::string(code_name(result.error().code()));
  };
  switch (dice.below(9)) {
    case 0:
      return "mkdir " + outcome(files.make_directories(a));
    case 1:
      return "remove_all " + outcome(files.remove_all(a));
    case 2:
      return "link " + outcome(files.link(a, b));
    case 3: {
      const auto names = files.list(a);
      std::string all = outcome(names);
      if (names.ok())
        for (const std::string& name : *names) all += " " + name;
      return "list " + all;
    }
    case 4: {
      const auto mapped = files.map(a);
      return "map " + (mapped.ok() ? std::string(as_text((*mapped)->bytes())) : outcome(mapped));
    }
    case 5:
      return "exists " + std::to_string(files.exists(a).value_or(false));
    case 6: {
      auto file = files.open(a, OpenMode::write);
      if (!file.ok()) return "truncate " + outcome(file);
      return "truncate " + outcome((*file)->truncate(dice.below(20)));
    }
    default: {
      auto file = files.open(a, dice.percent(50) ? OpenMode::create : OpenMode::open_create);
      if (!file.ok()) return "write " + outcome(file);
      return "write " + outcome((*file)->write_at(dice.below(10), as_bytes("text")));
    }
  }
}

TEST(SimulatedDiskProperty, AnswersAsTheOperatingSystemDoes) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const TemporaryDirectory directory;
    RealFiles real;
    SimulatedDisk disk;
    ASSERT_TRUE(disk.make_directories(directory.path()).ok());
    Dice one(seed), other(seed);
    for (int i = 0; i < 300; ++i)
      ASSERT_EQ(random_call(real, directory.path(), one),
                random_call(disk, directory.path(), other))
          << "seed " << seed << " call " << i;
  }
}

TEST(SimulatedDiskProperty, EverythingSurvivingIsWhatProgramsSaw) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedDisk disk;
    Dice dice(seed);
    for (int i = 0; i < 300; ++i) random_call(disk, "/r", dice);
    PowerCut power(disk);
    power.advance_to(disk.operations());
    SimulatedDisk replayed(power.image(kEverything));
    for (const char* path : {"/r", "/r/a", "/r/b", "/r/c"}) {
      const auto expected = disk.list(path), found = replayed.list(path);
      ASSERT_EQ(expected.ok(), found.ok());
      if (expected.ok()) {
        EXPECT_EQ(*expected, *found);
      }
    }
  }
}

}  // namespace
}  // namespace viridian::os
