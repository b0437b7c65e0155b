#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "recovery/rig.h"

// Single flipped bits in random files of a closed directory. `flip_test FLIPS SEED` runs longer.
namespace viridian::recovery_test {
namespace {

int flips = 120;
uint32_t seed = 20;

std::string name_of(const std::string& file, uint64_t bit) {
  return file + ", byte " + std::to_string(bit / 8) + ", bit " + std::to_string(bit % 8);
}

class Flips : public testing::TestWithParam<bool> {
 protected:
  void flip(const std::string& path, const std::string& file, uint64_t bit) {
    std::string content = read_file(path + "/" + file);
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << (bit % 8)));
    write_file(path + "/" + file, content);
  }

  /// Opening and reading: the right data, or an error.
  void expect_never_wrong(const std::string& original, const Database& model,
                          const std::string& file, uint64_t bit) {
    const std::string copy = place_.path() + "/read";
    copy_directory(original, copy);
    flip(copy, file, bit);
    Database partly;
    const auto read = read_all(copy, &partly);
    if (read.ok()) {
      EXPECT_EQ(*read, model);
      return;
    }
    EXPECT_FALSE(read.error().message().empty());
    for (const auto& [name, contents] : partly) EXPECT_EQ(contents, model.at(name));
  }

  void expect_found_and_mended(const std::string& original, const Database& model,
                               const std::string& file, uint64_t bit) {
    const std::string copy = place_.path() + "/mend";
    copy_directory(original, copy);
    flip(copy, file, bit);
    const auto checked = tools_.check(copy);
    // What looks like a newer version is refused; nothing of it can be told from a flipped bit.
    if (!checked.ok()) {
      EXPECT_EQ(checked.error().code(), Code::failed_precondition) << checked.error().message();
      ++refused_;
      return;
    }
    ASSERT_FALSE(checked->clean());
    if (file.starts_with("snapshots/")) return;  // found; there is nothing to take it from
    const auto repaired = tools_.repair(copy);
    ASSERT_TRUE(repaired.ok()) << repaired.error().message();
    EXPECT_TRUE(repaired->after.clean()) << repaired->after.as_text();
    const auto read = read_all(copy);
    ASSERT_TRUE(read.ok()) << read.error().message() << "\n" << repaired->done.as_text();
    EXPECT_TRUE(*read == model) << repaired->done.as_text();
  }

  conformance::TemporaryDirectory place_;
  Tools tools_;
  int refused_ = 0;
};

TEST_P(Flips, AreFoundNeverReadAndMended) {
  const std::string original = place_.path() + "/original";
  WorkloadOptions options;
  options.seed = seed;
  options.snapshot = GetParam();
  const Database model = make_directory(original, options);
  ASSERT_EQ(model.size(), 3U);
  const auto checked = tools_.check(original);
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  ASSERT_TRUE(checked->clean()) << checked->as_text();
  const std::vector<std::string> files = files_in(original);
  std::mt19937_64 random(seed);
  for (int i = 0; i < flips && !HasFailure(); ++i) {
    const std::string& file = files[random() % files.size()];
    const uint64_t bit = random() % (std::filesystem::file_size(original + "/" + file) * 8);
    SCOPED_TRACE(name_of(file, bit));
    expect_never_wrong(original, model, file, bit);
    expect_found_and_mended(original, model, file, bit);
  }
  EXPECT_LE(refused_, 1 + flips / 20);
}
INSTANTIATE_TEST_SUITE_P(Directories, Flips, testing::Values(false, true),
                         [](const auto& each) { return each.param ? "Snapshot" : "Alone"; });

}  // namespace
}  // namespace viridian::recovery_test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1) viridian::recovery_test::flips = std::atoi(argv[1]);
  if (argc > 2) viridian::recovery_test::seed = static_cast<uint32_t>(std::atoi(argv[2]));
  return RUN_ALL_TESTS();
}
