#include "recovery/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "codec/json.h"

namespace viridian::recovery {
namespace {

constexpr size_t kShownPerFile = 20;
constexpr size_t kShownRecords = 10;

void append_finding(std::string& out, const Finding& finding) {
  out += fmt::format("{}: ", severity_name(finding.severity));
  if (!finding.file.empty()) out += finding.file;
  if (finding.offset) out += fmt::format(" at {}", *finding.offset);
  if (!finding.file.empty()) out += ": ";
  out += finding.what;
  if (!finding.affected.empty()) out += fmt::format("; affects {}", finding.affected);
  out += '\n';
  for (size_t i = 0; i < std::min(kShownRecords, finding.records.size()); ++i)
    out += fmt::format("    {}\n", finding.records[i]);
  if (finding.records.size() > kShownRecords)
    out += fmt::format("    and {} more\n", finding.records.size() - kShownRecords);
  if (!finding.remedy.empty()) out += fmt::format("  {}\n", finding.remedy);
}

void write_finding(json::Writer& writer, const Finding& finding) {
  writer.begin_object();
  writer.key("severity");
  writer.string(severity_name(finding.severity));
  writer.key("file");
  writer.string(finding.file);
  if (finding.offset) {
    writer.key("offset");
    writer.unsigned_integer(*finding.offset);
  }
  if (finding.collection) {
    writer.key("collection");
    writer.string(finding.collection->to_string());
  }
  writer.key("what");
  writer.string(finding.what);
  writer.key("affected");
  writer.string(finding.affected);
  writer.key("records");
  writer.begin_array();
  for (const std::string& id : finding.records) writer.string(id);
  writer.end_array();
  writer.key("remedy");
  writer.string(finding.remedy);
  writer.end_object();
}

}  // namespace

std::string_view severity_name(Severity severity) noexcept {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      break;
  }
  return "error";
}

uint64_t Report::count(Severity severity) const noexcept {
  return static_cast<uint64_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.severity == severity; }));
}

bool Report::clean() const noexcept { return findings.size() == count(Severity::note); }

std::string Report::as_text() const {
  std::string out;
  std::map<std::string_view, size_t> shown;
  for (const Finding& finding : findings)
    if (++shown[finding.file] <= kShownPerFile) append_finding(out, finding);
  for (const auto& [file, findings_of_file] : shown)
    if (findings_of_file > kShownPerFile)
      out += fmt::format("{}: {} more findings of this file are in the JSON report\n", file,
                         findings_of_file - kShownPerFile);
  out += fmt::format(
      "{} collections, {} sealed records, {} files, {} bytes: {} errors, {} warnings, {} notes\n",
      collections, records, files, bytes, count(Severity::error), count(Severity::warning),
      count(Severity::note));
  return out;
}

std::string Report::as_json() const {
  json::Writer writer;
  writer.begin_object();
  writer.key("version");
  writer.unsigned_integer(1);
  writer.key("clean");
  writer.boolean(clean());
  const std::pair<const char*, uint64_t> numbers[] = {{"collections", collections},
                                                      {"records", records},
                                                      {"files", files},
                                                      {"bytes", bytes},
                                                      {"errors", count(Severity::error)},
                                                      {"warnings", count(Severity::warning)}};
  for (const auto& [name, number] : numbers) {
    writer.key(name);
    writer.unsigned_integer(number);
  }
  writer.key("findings");
  writer.begin_array();
  for (const Finding& finding : findings) write_finding(writer, finding);
  writer.end_array();
  writer.end_object();
  return std::move(writer).take();
}

void SharedReport::add(Finding finding) {
  const std::lock_guard lock(mutex_);
  report_.findings.push_back(std::move(finding));
}

void SharedReport::add_file(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  ++report_.files;
  report_.bytes += bytes;
}

void SharedReport::add_records(uint64_t records) {
  const std::lock_guard lock(mutex_);
  report_.records += records;
}

void SharedReport::add_collection() {
  const std::lock_guard lock(mutex_);
  ++report_.collections;
}

void SharedReport::merge(Report other) {
  const std::lock_guard lock(mutex_);
  std::move(other.findings.begin(), other.findings.end(), std::back_inserter(report_.findings));
  report_.collections += other.collections;
  report_.files += other.files;
  report_.bytes += other.bytes;
  report_.records += other.records;
}

Report SharedReport::take() {
  const std::lock_guard lock(mutex_);
  Report report = std::move(report_);
  report_ = {};
  std::stable_sort(report.findings.begin(), report.findings.end(),
                   [](const Finding& a, const Finding& b) {
                     return std::tie(a.file, a.offset) < std::tie(b.file, b.offset);
                   });
  return report;
}

Report SharedReport::progress() const {
  const std::lock_guard lock(mutex_);
  Report numbers;
  numbers.collections = report_.collections;
  numbers.files = report_.files;
  numbers.bytes = report_.bytes;
  numbers.records = report_.records;
  return numbers;
}

}  // namespace viridian::recovery
