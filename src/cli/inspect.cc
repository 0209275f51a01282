// check, stats and doc show.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "cli/display.h"
#include "cli/json_out.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

void write_listed(JsonWriter& json, const CheckReport& report) {
  json.key("listed").begin_array();
  for (const Violation& violation : report.listed) {
    json.begin_object().key("table").text(violation.table).key("key").text(violation.key);
    json.key("rule").text(violation.rule).key("detail").text(violation.detail).end_object();
  }
  json.end_array();
}

std::string check_json(const CheckReport& report) {
  JsonWriter json;
  json.begin_object().key("violations").number(report.violations);
  json.key("checked").begin_object();
  for (const auto& [table, records] : report.checked) json.key(table).number(records);
  json.end_object();
  if (!report.listed.empty()) write_listed(json, report);
  json.end_object();
  return json.str() + "\n";
}

void print_check(const CheckReport& report, std::ostream& out) {
  for (const auto& [table, records] : report.checked) {
    fmt::print(out, "{:<24}{:>14}\n", table, grouped(records));
  }
  fmt::print(out, "\n{} violations\n", grouped(report.violations));
  for (const Violation& violation : report.listed) {
    fmt::print(out, "  {} {}: {} ({})\n", violation.table, violation.key, violation.rule,
               violation.detail);
  }
  uint64_t unlisted = report.violations - report.listed.size();
  if (unlisted > 0) fmt::print(out, "  ... and {} more\n", grouped(unlisted));
}

std::string stats_json(const StoreStats& stats) {
  JsonWriter json;
  json.begin_object().key("families").begin_array();
  for (const StoreStats::FamilyBytes& family : stats.families) {
    json.begin_object().key("name").text(family.name);
    json.key("keys_estimate").number(family.keys_estimate);
    json.key("sst_bytes").number(family.sst_bytes);
    json.key("memtable_bytes").number(family.memtable_bytes).end_object();
  }
  json.end_array().key("wal_bytes").number(stats.wal_bytes);
  json.key("disk_bytes").number(stats.disk_bytes);
  json.key("block_cache_bytes").number(stats.block_cache_bytes);
  json.key("head_cache_bytes").number(stats.head_cache_bytes);
  json.key("revision_cache_bytes").number(stats.revision_cache_bytes);
  json.key("message_cache_bytes").number(stats.message_cache_bytes);
  json.key("row_cache_bytes").number(stats.row_cache_bytes);
  json.key("search_cache_bytes").number(stats.search_cache_bytes);
  json.key("standby_groups").number(stats.standby_groups);
  json.key("last_commit_seq").number(stats.last_commit_seq);
  json.key("durable_commit_seq").number(stats.durable_commit_seq);
  json.key("commits").number(stats.commits).key("groups").number(stats.groups);
  json.key("syncs").number(stats.syncs).key("snapshots").number(stats.snapshots);
  json.key("oldest_snapshot_age_us").number(stats.oldest_snapshot_age_us);
  json.key("live_children").number(stats.live_children).end_object();
  return json.str() + "\n";
}

void print_stats(const StoreStats& stats, std::ostream& out) {
  fmt::print(out, "{:<16}{:>14}{:>14}{:>14}\n", "family", "keys, about", "on disk", "in memory");
  for (const StoreStats::FamilyBytes& family : stats.families) {
    fmt::print(out, "{:<16}{:>14}{:>14}{:>14}\n", family.name, grouped(family.keys_estimate),
               human_bytes(family.sst_bytes), human_bytes(family.memtable_bytes));
  }
  fmt::print(out, "\n{:<24}{}\n{:<24}{}\n", "on disk in all", human_bytes(stats.disk_bytes),
             "of that, the log", human_bytes(stats.wal_bytes));
  fmt::print(out, "{:<24}{}\n{:<24}{}\n", "last commit", grouped(stats.last_commit_seq),
             "durable up to", grouped(stats.durable_commit_seq));
}

}  // namespace

int failed(const Status& status, std::ostream& err) {
  fmt::print(err, "bcstore: {}\n", status.to_string());
  return 1;
}

void tell_cuts(const Store& store, std::ostream& err) {
  const OpenReport report = store.open_report();
  if (report.cuts.empty()) return;
  fmt::print(err, "bcstore: after a loss of power:");
  for (const OpenReport::Cut& cut : report.cuts) {
    fmt::print(err, " cut {} bytes off {} at offset {}: {};", cut.bytes, cut.file, cut.offset,
               to_string(cut.reason));
  }
  fmt::print(err, " the last commit is {}\n", store.stats().last_commit_seq);
}

Result<Store> open_existing(const std::string& db, std::ostream& err) {
  Options options;
  options.create_if_missing = false;
  Result<Store> store = Store::open(db, options);
  if (!store) {
    failed(store.status(), err);
  } else {
    tell_cuts(*store, err);
  }
  return store;
}

int run_check(const CheckArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  Result<CheckReport> report = store->check({.files = args.is_deep});
  if (!report) return failed(report.status(), err);
  if (args.json) {
    out << check_json(*report);
  } else {
    print_check(*report, out);
  }
  return report->violations > 0 ? 1 : 0;
}

int run_stats(const StatsArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  StoreStats stats = store->stats();
  if (args.json) {
    out << stats_json(stats);
  } else {
    print_stats(stats, out);
  }
  return 0;
}

int run_compact(const CompactArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  const uint64_t before = store->stats().disk_bytes;
  if (Status s = store->compact(); !s.ok()) return failed(s, err);
  if (Status s = store->close(); !s.ok()) return failed(s, err);
  // What a closed store keeps is seen when it is opened again: old files are gone by then.
  store = open_existing(args.db, err);
  if (!store) return 1;
  fmt::print(out, "{} bytes before, {} after\n", grouped(before),
             grouped(store->stats().disk_bytes));
  return 0;
}

int run_hash(const HashArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  Result<Uuid> hash = store->logical_hash(args.scope);
  if (!hash) return failed(hash.status(), err);
  for (const uint8_t byte : hash->bytes) out << fmt::format("{:02x}", byte);
  out << '\n';
  return 0;
}

int run_doc_show(const DocShowArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  Tenant tenant = store->tenant(args.user);
  Result<Revision> revision =
      args.rev ? tenant.revision(args.document, *args.rev) : tenant.newest_revision(args.document);
  if (!revision) return failed(revision.status(), err);
  Result<std::string_view> content = revision->content();
  if (!content) return failed(content.status(), err);
  out.write(content->data(), static_cast<std::streamsize>(content->size()));
  return 0;
}

}  // namespace bcstore::cli
