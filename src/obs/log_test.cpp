#include "obs/log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace viridian::obs {
namespace {

class LogTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines_;
  Logger::Clock::time_point now_ = Logger::Clock::time_point(std::chrono::milliseconds(1500));
  Logger logger_{[this](std::string_view line) { lines_.emplace_back(line); },
                 [this] { return now_; }};
};

TEST_F(LogTest, TextLineHasTimeLevelModuleMessageAndFields) {
  logger_.configure(Level::info, LogFormat::text);
  logger_.log(Level::warn, "segment", "open failed",
              {{"id", "a1"}, {"error", "no \"such\"\nfile"}, {"tries", 3}, {"empty", ""}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0],
            "1970-01-01T00:00:01.500Z warn  segment: open failed id=a1 "
            "error=\"no \\\"such\\\"\\nfile\" tries=3 empty=\"\"\n");
}

TEST_F(LogTest, JsonLineIsOneJsonObject) {
  logger_.configure(Level::debug, LogFormat::json);
  const std::string control = "tab\t, escape \x1b[1m, quote \", newline\n";
  logger_.log(Level::debug, "http", "request",
              {{"path", control}, {"status", 200}, {"ms", 1.25}, {"ok", true}, {"x", NAN}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].find('\n'), lines_[0].size() - 1);
  const nlohmann::json line = nlohmann::json::parse(lines_[0]);
  EXPECT_EQ(line["level"], "debug");
  EXPECT_EQ(line["module"], "http");
  EXPECT_EQ(line["message"], "request");
  EXPECT_EQ(line["path"], control);
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["ms"], 1.25);
  EXPECT_EQ(line["ok"], true);
  EXPECT_EQ(line["x"], "nan");
}

TEST_F(LogTest, WhatIsBelowTheLevelIsNotWritten) {
  logger_.configure(Level::warn, LogFormat::text);
  EXPECT_FALSE(logger_.enabled(Level::info));
  logger_.log(Level::info, "m", "quiet", {});
  logger_.log(Level::error, "m", "loud", {});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_NE(lines_[0].find("loud"), std::string::npos);
}

// A loop that fails a million times a second must not fill the disk with its log.
TEST_F(LogTest, RepeatedMessageIsLimitedAndTheRestCounted) {
  logger_.configure(Level::info, LogFormat::text);
  for (int i = 0; i < 100; ++i) logger_.log(Level::info, "m", "again", {{"i", i}});
  logger_.log(Level::info, "m", "other", {});
  EXPECT_EQ(lines_.size(), Logger::kLinesPerSecond + 1);
  now_ += std::chrono::seconds(1);
  logger_.log(Level::info, "m", "again", {});
  logger_.log(Level::info, "m", "again", {});
  ASSERT_EQ(lines_.size(), Logger::kLinesPerSecond + 3);
  EXPECT_NE(lines_[Logger::kLinesPerSecond + 1].find("withheld=80"), std::string::npos);
  EXPECT_EQ(lines_.back().find("withheld"), std::string::npos);
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  logger_.configure(Level::info, LogFormat::json);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        logger_.log(Level::info, "thread " + std::to_string(t), "line", {{"i", i}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(lines_.size(), 40U);
  for (const std::string& line : lines_) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST(Log, WordsOfTheSettingsAreKnown) {
  EXPECT_EQ(parse_level("error"), Level::error);
  EXPECT_EQ(parse_level("loud"), std::nullopt);
  EXPECT_EQ(parse_format("json"), LogFormat::json);
  EXPECT_EQ(parse_format("xml"), std::nullopt);
}

}  // namespace
}  // namespace viridian::obs
