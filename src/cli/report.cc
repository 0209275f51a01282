#include "cli/report.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "cli/display.h"
#include "cli/json_out.h"

namespace bcstore::cli {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr size_t kBarColumns = 30;
constexpr size_t kReasonColumns = 500;

}  // namespace

void Progress::show(Table table, std::string_view phase, uint64_t done, uint64_t total,
                    uint64_t rows) {
  if (!is_on_) return;
  auto now = std::chrono::steady_clock::now();
  bool is_other = table != table_ || phase != phase_;
  if (is_drawn_ && !is_other && now - drawn_at_ < kRedrawEvery) return;
  table_ = table;
  phase_ = phase;
  drawn_at_ = now;
  is_drawn_ = true;
  double part =
      total == 0 ? 1.0 : static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  auto full = static_cast<size_t>(part * static_cast<double>(kBarColumns));
  fmt::print(out_, "\r{:<18}  {:<7}  [{:-<{}}] {:3.0f}%  {} rows\x1b[K", stem(table), phase,
             std::string(full, '#'), kBarColumns, part * 100, grouped(rows));
  out_.flush();
}

void Progress::clear() {
  if (!is_drawn_) return;
  is_drawn_ = false;
  out_ << "\r\x1b[K";
  out_.flush();
}

std::string Report::file_name(Table table) const {
  return std::filesystem::path(files_.path(table)).filename().string();
}

void Report::refuse(Table table, uint64_t line, std::string_view reason) {
  ++count(table).refused;
  if (++refusals_ > kMaxPrintedRefusals) return;
  progress_.clear();
  fmt::print(err_, "{}:{}: {}\n", file_name(table), line, one_line(reason, kReasonColumns));
}

void Report::damaged_file(Table table, const Status& status) {
  fail(fmt::format("{}: {}; the rows before that were read", files_.path(table), status.message()));
}

void Report::fail(std::string_view what) {
  has_failed_ = true;
  progress_.clear();
  fmt::print(err_, "bcstore: {}\n", what);
}

void Report::finish() {
  progress_.clear();
  if (refusals_ > kMaxPrintedRefusals) {
    fmt::print(err_, "... and {} more\n", grouped(refusals_ - kMaxPrintedRefusals));
  }
  if (must_stop()) {
    fmt::print(err_,
               "bcstore: the load was ended here (--strict); what was written before stays\n");
  }
}

std::string summary_json(const Report& report, const LoadTotals& totals) {
  JsonWriter json;
  json.begin_object().key("tables").begin_object();
  for (size_t i = 0; i < kTables; ++i) {
    if (!report.files().has(table_at(i))) continue;
    const TableCount& count = report.count(table_at(i));
    json.key(stem(table_at(i))).begin_object();
    json.key("read").number(count.read).key("written").number(count.written);
    json.key("present").number(count.present).key("refused").number(count.refused).end_object();
  }
  json.end_object().key("derived_versions").number(report.derived_versions);
  json.key("skipped_files").begin_array();
  for (const std::string& name : report.files().skipped) json.text(name);
  json.end_array().key("seconds").seconds(totals.seconds);
  json.key("bytes_on_disk").number(totals.bytes_on_disk).end_object();
  return json.str() + "\n";
}

std::string summary_text(const Report& report, const LoadTotals& totals) {
  std::string text = fmt::format("{:<20}{:>12}{:>12}{:>12}{:>12}\n", "table", "read", "written",
                                 "present", "refused");
  auto out = std::back_inserter(text);
  for (size_t i = 0; i < kTables; ++i) {
    if (!report.files().has(table_at(i))) continue;
    const TableCount& count = report.count(table_at(i));
    fmt::format_to(out, "{:<20}{:>12}{:>12}{:>12}{:>12}\n", stem(table_at(i)), grouped(count.read),
                   grouped(count.written), grouped(count.present), grouped(count.refused));
  }
  if (report.derived_versions > 0) {
    fmt::format_to(out, "\n{} of the projects came without a row for version 1: it was derived.\n",
                   grouped(report.derived_versions));
  }
  if (!report.files().skipped.empty()) {
    fmt::format_to(out, "\nNot read: {}\n", fmt::join(report.files().skipped, ", "));
  }
  fmt::format_to(out, "\n{:.2f} s, {} on disk\n", totals.seconds,
                 human_bytes(totals.bytes_on_disk));
  return text;
}

}  // namespace bcstore::cli
