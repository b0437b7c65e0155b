#include "obs/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <thread>
#include <vector>

namespace viridian::obs {
namespace {

struct Exposition {
  std::map<std::string, std::string> types;
  std::map<std::string, std::string> helps;
  std::map<std::string, std::string> samples;  // by name and labels, as written
};

// A reader of the format that knows its escapes, so that a broken one shows.
Exposition parse(const std::string& text) {
  Exposition out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, rest;
    if (line.starts_with("# ")) {
      words >> hash >> keyword >> name;
      std::getline(words >> std::ws, rest);
      auto& into = keyword == "TYPE" ? out.types : out.helps;
      EXPECT_TRUE(into.emplace(name, rest).second) << "twice: " << line;
      continue;
    }
    bool quoted = false;
    size_t end = 0;
    for (; end < line.size() && (quoted || line[end] != ' '); ++end) {
      if (quoted && line[end] == '\\') {
        ++end;
      } else if (line[end] == '"') {
        quoted = !quoted;
      }
    }
    EXPECT_LT(end, line.size()) << line;
    EXPECT_TRUE(out.samples.emplace(line.substr(0, end), line.substr(end + 1)).second) << line;
  }
  return out;
}

TEST(Metrics, ExpositionHoldsEveryMetricOnce) {
  Metrics metrics;
  metrics.counter("viridian_http_requests_total", "Requests.", {{"code", "200"}}).inc(41);
  metrics.counter("viridian_http_requests_total", "Requests.", {{"code", "200"}}).inc();
  metrics.counter("viridian_http_requests_total", "Requests.", {{"code", "404"}});
  Gauge& gauge = metrics.gauge("viridian_http_connections", "Open\nconnections.");
  gauge.set(5);
  gauge.add(-1.5);
  const Exposition seen = parse(metrics.expose());
  EXPECT_EQ(seen.types.at("viridian_http_requests_total"), "counter");
  EXPECT_EQ(seen.types.at("viridian_http_connections"), "gauge");
  EXPECT_EQ(seen.helps.at("viridian_http_connections"), "Open\\nconnections.");
  EXPECT_EQ(seen.samples.size(), 3U);
  EXPECT_EQ(seen.samples.at(R"(viridian_http_requests_total{code="200"})"), "42");
  EXPECT_EQ(seen.samples.at(R"(viridian_http_requests_total{code="404"})"), "0");
  EXPECT_EQ(seen.samples.at("viridian_http_connections"), "3.5");
}

TEST(Metrics, HistogramRangesAreCumulativeAndIncludeTheirBound) {
  Metrics metrics;
  Histogram& histogram = metrics.histogram("h", "Seconds.", {{"op", "get"}}, {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.observe(value);
  const Exposition seen = parse(metrics.expose());
  EXPECT_EQ(seen.types.at("h"), "histogram");
  EXPECT_EQ(seen.samples.at(R"(h_bucket{op="get",le="0.1"})"), "2");
  EXPECT_EQ(seen.samples.at(R"(h_bucket{op="get",le="1"})"), "3");
  EXPECT_EQ(seen.samples.at(R"(h_bucket{op="get",le="+Inf"})"), "4");
  EXPECT_EQ(seen.samples.at(R"(h_count{op="get"})"), "4");
  EXPECT_DOUBLE_EQ(std::stod(seen.samples.at(R"(h_sum{op="get"})")), 7.65);
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.counter("c", "", {{"path", "a\"b\\c\nd e"}}).inc();
  EXPECT_EQ(parse(metrics.expose()).samples.at(R"(c{path="a\"b\\c\nd e"})"), "1");
}

TEST(Metrics, ReferencesStayValidAndNoIncrementIsLost) {
  Metrics metrics;
  Counter& counter = metrics.counter("c", "");
  Histogram& histogram = metrics.histogram("h", "", {}, {1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        counter.inc();
        histogram.observe(1);
        if (i % 500 == 0) metrics.counter("c" + std::to_string(t * 10000 + i), "");
      }
      EXPECT_FALSE(metrics.expose().empty());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 8000U);
  EXPECT_EQ(histogram.count(0), 8000U);
  EXPECT_EQ(histogram.sum(), 8000.0);
}

TEST(MetricsDeathTest, OneNameForTwoKindsIsRefused) {
  Metrics metrics;
  metrics.counter("c", "");
  EXPECT_DEATH(metrics.gauge("c", ""), "");
}

}  // namespace
}  // namespace viridian::obs
