#include "cli/load.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include "bcstore/bcstore.h"
#include "cli/loader.h"
#include "cli/report.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

// The directory that holds the store: there is room, and it is no memory disk.
std::string spill_directory(const std::string& db) {
  std::filesystem::path path(db);
  if (!path.has_filename()) path = path.parent_path();
  return path.has_parent_path() ? path.parent_path().string() : ".";
}

Status load_into(Store& store, const std::string& spill_directory, Report& report,
                 uint64_t* bytes_on_disk) {
  {
    Loader loader(store, spill_directory, report);
    Status status = loader.run();
    if (!status.ok()) report.fail(status.to_string());
  }
  report.finish();
  if (Status status = store.sync(); !status.ok()) return status;
  *bytes_on_disk = store.stats().disk_bytes;
  return store.close();
}

}  // namespace

int run_load(const LoadArgs& args, std::ostream& out, std::ostream& err) {
  const auto started = std::chrono::steady_clock::now();
  Result<InputFiles> files = find_input(args.directory, args.tables);
  if (!files) return failed(files.status(), err);
  Options options;
  options.allow_system_and_tool_roles = args.allow_system_roles;
  Result<Store> store = Store::open(args.db, options);
  if (!store) return failed(store.status(), err);
  tell_cuts(*store, err);
  Report report(*std::move(files), err, args.with_progress, args.is_strict);
  LoadTotals totals;
  Status status = load_into(*store, spill_directory(args.db), report, &totals.bytes_on_disk);
  if (!status.ok()) report.fail(status.to_string());
  totals.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  out << (args.json ? summary_json(report, totals) : summary_text(report, totals));
  return report.has_failed() || report.must_stop() ? 1 : 0;
}

}  // namespace bcstore::cli
