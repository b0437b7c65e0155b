#include "obs/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace viridian::obs {
namespace {

bool is_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out.append("\\n");
    } else if (c == '\\' || (quotes && c == '"')) {
      out.push_back('\\');
      out.push_back(c);
    } else {
      out.push_back(c);
    }
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// name{a="b",le="c"} value
void append_sample(std::string& out, std::string_view name, const Metrics::Labels& labels,
                   std::string_view bound, std::string_view value) {
  out.append(name);
  if (!labels.empty() || !bound.empty()) {
    std::string_view before = "{";
    for (const auto& [label, text] : labels) {
      out.append(before).append(label).append("=\"");
      append_escaped(out, text, true);
      out.push_back('"');
      before = ",";
    }
    if (!bound.empty()) out.append(before).append("le=\"").append(bound).append("\"");
    out.push_back('}');
  }
  out.append(" ").append(value).append("\n");
}

void append_histogram(std::string& out, const std::string& name, const Metrics::Labels& labels,
                      const Histogram& histogram) {
  uint64_t total = 0;
  const std::vector<double>& bounds = histogram.bounds();
  for (size_t i = 0; i <= bounds.size(); ++i) {
    total += histogram.count(i);
    const std::string bound = i < bounds.size() ? number(bounds[i]) : "+Inf";
    append_sample(out, name + "_bucket", labels, bound, std::to_string(total));
  }
  append_sample(out, name + "_sum", labels, "", number(histogram.sum()));
  append_sample(out, name + "_count", labels, "", std::to_string(total));
}

template <class Children, class Make>
auto& find_or_make(Children& children, Metrics::Labels labels, Make make) {
  for (const auto& [label, text] : labels) VIRIDIAN_ASSERT(is_name(label));
  auto& child = children[std::move(labels)];
  if (child == nullptr) child = make();
  return *child;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  VIRIDIAN_ASSERT(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::observe(double value) noexcept {
  const auto range = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<size_t>(range - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Result<std::unique_ptr<Metrics>> Metrics::create(System&) { return std::make_unique<Metrics>(); }

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, "counter").counters, std::move(labels),
                      [] { return std::make_unique<Counter>(); });
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, "gauge").gauges, std::move(labels),
                      [] { return std::make_unique<Gauge>(); });
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, Labels labels,
                              std::vector<double> bounds) {
  const std::lock_guard lock(mutex_);
  return find_or_make(family(name, help, "histogram").histograms, std::move(labels),
                      [&] { return std::make_unique<Histogram>(std::move(bounds)); });
}

Metrics::Family& Metrics::family(std::string_view name, std::string_view help,
                                 std::string_view type) {
  VIRIDIAN_ASSERT(is_name(name));
  Family& family = families_.try_emplace(std::string(name)).first->second;
  if (family.type.empty()) {
    family.type = type;
    family.help = help;
  }
  VIRIDIAN_ASSERT(family.type == type);
  return family;
}

std::string Metrics::expose() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) expose_family(out, name, family);
  return out;
}

void Metrics::expose_family(std::string& out, const std::string& name, const Family& family) {
  out.append("# HELP ").append(name).append(" ");
  append_escaped(out, family.help, false);
  fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name, family.type);
  for (const auto& [labels, counter] : family.counters) {
    append_sample(out, name, labels, "", std::to_string(counter->value()));
  }
  for (const auto& [labels, gauge] : family.gauges) {
    append_sample(out, name, labels, "", number(gauge->value()));
  }
  for (const auto& [labels, histogram] : family.histograms) {
    append_histogram(out, name, labels, *histogram);
  }
}

}  // namespace viridian::obs
