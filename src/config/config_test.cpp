#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config/keys.h"
#include "config/load.h"
#include "config/reference.h"
#include "os/temporary_directory.h"

namespace viridian::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ConfigTest : public testing::Test {
 protected:
  Sources with_file(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    Sources sources;
    sources.file = path_;
    return sources;
  }
  static Sources with_variable(const std::string& name, const std::string& value) {
    Sources sources;
    sources.environment[name] = value;
    return sources;
  }
  static Sources with_flag(const std::string& key, const std::string& value) {
    Sources sources;
    sources.flags[key] = value;
    return sources;
  }
  static std::string refusal(const Sources& sources) {
    const auto loaded = load(sources);
    EXPECT_FALSE(loaded.ok());
    if (loaded.ok()) return "";
    EXPECT_EQ(loaded.error().code(), Code::invalid_argument);
    return loaded.error().message();
  }

  os::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/viridian.toml";
};

TEST(ConfigKeys, TableIsSound) {
  std::set<std::string> names;
  std::set<std::string> variables;
  for (const Key& key : keys()) {
    EXPECT_TRUE(names.insert(std::string(key.name)).second) << key.name;
    EXPECT_TRUE(variables.insert(variable_of(key.name)).second) << key.name;
    EXPECT_LE(key.min, key.max) << key.name;
    EXPECT_THAT(std::string(key.description), testing::EndsWith(".")) << key.name;
    const auto normal = normalise(key, key.default_value);
    ASSERT_TRUE(normal.ok()) << normal.error().message();
    EXPECT_EQ(*normal, key.default_value);
  }
}

TEST(ConfigKeys, DefaultsCoverTheWholeTable) {
  const Settings settings = defaults();
  for (const Key& key : keys()) EXPECT_EQ(settings.text(key.name), key.default_value);
  EXPECT_EQ(settings.integer("server.port"), 8000);
  EXPECT_EQ(settings.text("producer"), "local::Log");
  EXPECT_FALSE(settings.boolean("allow_reset"));
}

TEST(ConfigKeys, SizesAndTimesTakeUnits) {
  const Key& bytes = *find_key("segment.seal_bytes");
  EXPECT_EQ(*normalise(bytes, "64MiB"), "67108864");
  EXPECT_EQ(*normalise(bytes, "64 MiB"), "67108864");
  EXPECT_EQ(*normalise(bytes, "5000B"), "5000");
  EXPECT_EQ(*normalise(bytes, "3GB"), "3000000000");
  EXPECT_EQ(*normalise(bytes, "1TiB"), "1099511627776");
  for (const char* bad : {"", "MiB", "64mib", "64M", "6.4MiB", "64MiBs", "64  MiB", "-1", "0x10",
                          "9223372036854775808", "9223372036854775807TiB", "2TiB", "10", " 5000"})
    EXPECT_FALSE(normalise(bytes, bad).ok()) << bad;
  const Key& time = *find_key("client.timeout_ms");
  EXPECT_EQ(*normalise(time, "90s"), "90000");
  EXPECT_EQ(*normalise(time, "2min"), "120000");
  EXPECT_FALSE(normalise(time, "1MiB").ok());
  EXPECT_FALSE(normalise(*find_key("server.port"), "8s").ok());
}

TEST(ConfigKeys, SharesAreAboveZeroAndAtMostOne) {
  const Key& share = *find_key("vectors.recall");
  EXPECT_EQ(*normalise(share, "0.950"), "0.95");
  EXPECT_EQ(*normalise(share, "1"), "1");
  EXPECT_EQ(*normalise(share, "1e-3"), "0.001");
  for (const char* bad : {"", "0", "-0.5", "1.01", "95%", " 0.5", "0.5 ", "nan", "inf", "0x1p-1",
                          "1e-999", ".", "half"})
    EXPECT_FALSE(normalise(share, bad).ok()) << bad;
}

TEST(ConfigKeys, NearestKeyIsTheOneMeant) {
  EXPECT_EQ(nearest_key("server.prot"), "server.port");
  EXPECT_EQ(nearest_key("server_max_body_byte"), "server.max_body_bytes");
  EXPECT_EQ(nearest_key("sysbd"), "sysdb");
  EXPECT_FALSE(nearest_key("").empty());
  EXPECT_FALSE(nearest_key(std::string(1'000'000, 'x')).empty());
}

TEST_F(ConfigTest, WithoutSourcesEverythingIsDefault) {
  const auto loaded = load({});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->settings.integer("server.port"), 8000);
  EXPECT_EQ(loaded->origins.size(), keys().size());
  for (const auto& [key, origin] : loaded->origins) EXPECT_EQ(origin, "default");
}

TEST_F(ConfigTest, LaterSourcesWin) {
  Sources sources = with_file(
      "path = 'from file'\nsegment.seal_bytes = '1MiB'\nallow_reset = true\n"
      "[server]\nport = 1\nhost = 'file'\nthreads = 7\n");
  sources.environment = {{"VIRIDIAN_SERVER_PORT", "2"},
                         {"VIRIDIAN_SERVER_HOST", "env"},
                         {"HOME", "/"},
                         {"VIRIDIANX", "ignored"}};
  sources.flags = {{"server.port", "3"}};
  const auto loaded = load(sources);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  const Settings& settings = loaded->settings;
  EXPECT_EQ(settings.integer("server.port"), 3);
  EXPECT_EQ(settings.text("server.host"), "env");
  EXPECT_EQ(settings.integer("server.threads"), 7);
  EXPECT_EQ(settings.integer("segment.seal_bytes"), 1 << 20);
  EXPECT_TRUE(settings.boolean("allow_reset"));
  EXPECT_EQ(settings.text("path"), "from file");
  EXPECT_EQ(loaded->origins.at("server.port"), "flag --server.port");
  EXPECT_EQ(loaded->origins.at("server.host"), "environment VIRIDIAN_SERVER_HOST");
  EXPECT_EQ(loaded->origins.at("server.threads"), "file " + path_);
  EXPECT_EQ(loaded->origins.at("log.level"), "default");
}

TEST_F(ConfigTest, SharesComeFromEverySource) {
  const auto from_file = load(with_file("[vectors]\nrecall = 0.9\n"));
  ASSERT_TRUE(from_file.ok()) << from_file.error().message();
  EXPECT_EQ(from_file->settings.share("vectors.recall"), 0.9);
  const auto whole = load(with_file("vectors.recall = 1\n"));
  ASSERT_TRUE(whole.ok()) << whole.error().message();
  EXPECT_EQ(whole->settings.share("vectors.recall"), 1);
  const auto variable = load(with_variable("VIRIDIAN_VECTORS_RECALL", "0.5"));
  ASSERT_TRUE(variable.ok()) << variable.error().message();
  EXPECT_EQ(variable->settings.share("vectors.recall"), 0.5);
  EXPECT_EQ(load({})->settings.share("vectors.recall"), 0.99);
  EXPECT_THAT(refusal(with_file("vectors.recall = 1.5\n")),
              HasSubstr("it takes a number above 0 and at most 1"));
  EXPECT_THAT(refusal(with_flag("vectors.recall", "all")), HasSubstr("above 0 and at most 1"));
}

TEST_F(ConfigTest, SyntaxErrorNamesTheLine) {
  EXPECT_THAT(refusal(with_file("path = 'x'\n[server\nport = 1\n")), StartsWith(path_ + ":2: "));
  EXPECT_THAT(refusal(with_file("path = 'x'\npath = 'y'\n")), StartsWith(path_ + ":2: "));
  EXPECT_THAT(refusal(with_file(std::string("a\0b", 3))), StartsWith(path_ + ":1: "));
}

TEST_F(ConfigTest, UnknownKeyNamesTheNearest) {
  EXPECT_EQ(refusal(with_file("\n[server]\n\nprot = 1\n")),
            path_ + ":4: there is no setting server.prot; the nearest is server.port");
  EXPECT_THAT(refusal(with_file("[sevrer]\n")), HasSubstr("sevrer"));
  EXPECT_THAT(refusal(with_file("[path]\nx = 1\n")), HasSubstr("path"));
  EXPECT_EQ(refusal(with_variable("VIRIDIAN_SERVER_PROT", "1")),
            "environment VIRIDIAN_SERVER_PROT: there is no setting server_prot; the nearest is "
            "VIRIDIAN_SERVER_PORT");
  EXPECT_EQ(refusal(with_flag("server.prot", "1")),
            "flag --server.prot: there is no setting server.prot; the nearest is --server.port");
}

TEST_F(ConfigTest, BadValueNamesSourceKeyAndWhatIsAllowed) {
  const std::string tail =
      "\"70000\" is not a value for server.port; it takes an integer from 0 to 65535";
  EXPECT_EQ(refusal(with_file("server.port = 70000\n")), path_ + ":1: " + tail);
  EXPECT_EQ(refusal(with_variable("VIRIDIAN_SERVER_PORT", "70000")),
            "environment VIRIDIAN_SERVER_PORT: " + tail);
  EXPECT_EQ(refusal(with_flag("server.port", "70000")), "flag --server.port: " + tail);
  EXPECT_THAT(refusal(with_flag("migrations", "aply")), HasSubstr("apply, validate, none"));
  EXPECT_THAT(refusal(with_flag("migrations", "apply|validate")), HasSubstr("validate"));
  EXPECT_THAT(refusal(with_flag("allow_reset", "yes")), HasSubstr("true or false"));
}

TEST_F(ConfigTest, ValueOfAnotherTomlTypeIsRefused) {
  for (const char* text :
       {"server.port = 8e3", "server.port = true", "server.port = [1]", "path = 5",
        "allow_reset = 1", "path = 2020-01-01", "log.level = ['info']", "vectors.recall = true"})
    EXPECT_THAT(refusal(with_file(text)), HasSubstr("takes")) << text;
}

TEST_F(ConfigTest, MissingFileIsNotFound) {
  Sources sources;
  sources.file = directory_.path() + "/absent.toml";
  const auto loaded = load(sources);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code(), Code::not_found);
  EXPECT_THAT(loaded.error().message(), HasSubstr("absent.toml"));
  sources.file = directory_.path();
  EXPECT_FALSE(load(sources).ok());
}

TEST_F(ConfigTest, EmptyFileChangesNothing) {
  const auto loaded = load(with_file(""));
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->origins.at("path"), "default");
}

TEST(ConfigReference, CommittedPageIsUpToDate) {
  std::ifstream file(std::string(VIRIDIAN_SOURCE_DIR) + "/docs/configuration.md");
  std::ostringstream page;
  page << file.rdbuf();
  EXPECT_TRUE(page.str() == reference_markdown())
      << "run: configuration_page > docs/configuration.md";
}

}  // namespace
}  // namespace viridian::config
