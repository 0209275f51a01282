// Loss of power: writers over a PowerCutFileSystem, cut at an operation that is chosen uniformly
// among those of a whole run of the same work.
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "crash/modes.h"
#include "crash/power_cut_fs.h"
#include "crash/writer.h"

namespace bcstore::crash {
namespace {

constexpr uint64_t kCutsPerScript = 4;  // cuts that share a dry run
constexpr uint64_t kMaxCutsInRecovery = 3;
constexpr uint64_t kOverlapPercent = 20;  // cuts sought where two logs hold unsynced bytes

struct Totals {
  uint64_t acked = 0;
  uint64_t durable_answers = 0;  // each held against the state of the logs
  uint64_t log_syncs = 0;
  uint64_t operations = 0;
  uint64_t in_recovery = 0;
  uint64_t retried = 0;
  Tally tally;
  PowerCutFileSystem::Loss loss;
};

// Enters acknowledgements in the ledger, and holds each durable one against the logs at the moment
// when it comes: a sync must have covered it by then.
class PowerWitness : public Witness {
 public:
  PowerWitness(PowerCutFileSystem* fs, Ledger* ledger) : fs_(fs), ledger_(ledger) {}

  void take(const Entry& entry) override { ledger_->take(entry); }
  void durable_answer(const Plan& plan, bool alone) override {
    if (!fs_->powered()) return;
    const std::lock_guard<std::mutex> guard(mutex_);
    ++durable_answers_;
    if (alone && !fs_->logs_are_synced()) {
      verdict_.add(&verdict_.uncovered, "a durable answer came with bytes of a log not synced");
    }
    for (const std::string& mark : own_marks(plan)) {
      if (!fs_->unsynced_log_holds(mark)) continue;
      verdict_.add(&verdict_.uncovered, "a durable answer came before " + mark + "was synced");
    }
  }
  uint64_t sync_begins() override { return ledger_->acked_count(); }
  void sync_ended(uint64_t begun) override { ledger_->make_safe(begun); }
  void durable_up_to(uint64_t commit_seq) override { ledger_->make_safe_up_to(commit_seq); }
  bool may_fail() const override { return !fs_->powered(); }

  const Verdict& verdict() const { return verdict_; }
  uint64_t durable_answers() const { return durable_answers_; }

 private:
  // Beginnings of texts that stand in this commit's records and in no later one's.
  static std::vector<std::string> own_marks(const Plan& plan) {
    std::vector<std::string> marks;
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const bool message = plan.steps[i].verb == Verb::append_message;
      const bool event = plan.steps[i].verb == Verb::append_event;
      if (!message && !event) continue;
      const Texts texts = texts_of(plan, i);
      const std::string& text = message ? texts.main : texts.name;
      marks.push_back(text.substr(0, text.find(' ') + 1));
    }
    return marks;
  }

  PowerCutFileSystem* fs_;
  Ledger* ledger_;
  std::mutex mutex_;
  Verdict verdict_;
  uint64_t durable_answers_ = 0;
};

// One simulated disk with its ledger.
class Patient {
 public:
  Patient(const RunOptions& options, uint64_t script)
      : script_(script),
        garbled_tails_(options.garbled_tails),
        fs_(std::make_shared<PowerCutFileSystem>(default_file_system(), scratch_.path())),
        witness_(fs_.get(), &ledger_) {
    if (options.plant) fs_->lie({.log_sync = true, .directory_sync = false});
  }
  PowerCutFileSystem& fs() { return *fs_; }
  const std::string& path() const { return scratch_.path(); }
  void keep() { scratch_.keep(); }
  const Verdict& verdict() const { return verdict_; }

  // The whole of the work: one or two openings of the store, one to three threads.
  void work() {
    Random random(script_);
    const uint64_t openings = random.between(1, 2);
    for (uint64_t opening = 0; opening < openings && fs_->powered(); ++opening) {
      work_once(random, opening + 1, random.between(8, 45));
    }
  }

  // The power goes, at the latest now; when it is back the store is opened, perhaps through more
  // losses, and everything is looked at. `recovery` is how many operations an opening takes.
  void lose_power_and_look(Random& random, uint64_t* recovery, Totals* totals) {
    lose_power(random, totals);
    for (uint64_t i = 0; i < kMaxCutsInRecovery && random.percent(35); ++i) {
      fs_->cut_at(fs_->operations() + random.between(1, *recovery + 2));
      ++totals->in_recovery;
      {
        auto opened = open(random);
        if (!opened.ok() && fs_->powered()) return;  // open() has noted it
      }
      lose_power(random, totals);
    }
    const uint64_t before = fs_->operations();
    std::optional<Store> store = opened(random);
    if (!store) return;
    *recovery = fs_->operations() - before;
    look(&*store, random, totals);
    close(&*store);
    store.reset();
    // It takes new work, and keeps it.
    work_once(random, kAfter, random.between(3, 15));
    store = opened(random);
    if (!store) return;
    look(&*store, random, totals);
    close(&*store);
  }

  // What a run without a loss has to leave behind.
  void look_without_loss(Totals* totals) {
    Random random(script_);
    std::optional<Store> store = opened(random);
    if (!store) return;
    look(&*store, random, totals);
    close(&*store);
  }

  void add_to(Totals* totals) {
    verdict_.merge(witness_.verdict());
    if (!verdict_.clean()) verdict_.details.push_back("the losses: " + story_);
    totals->acked += ledger_.acked_count();
    totals->durable_answers += witness_.durable_answers();
    totals->log_syncs += fs_->log_syncs();
    totals->operations += fs_->operations();
  }

 private:
  static constexpr uint64_t kAfter = 9;  // the opening after the loss, in plan numbers

  std::string store_path() const { return scratch_.path() + "/store"; }
  void violation(std::string detail) { verdict_.add(&verdict_.violations, std::move(detail)); }

  Result<Store> open(Random& random) {
    Options options = random_options(random, 1);
    options.file_system = fs_;
    auto opened = Store::open(store_path(), options);
    if (!opened.ok() && fs_->powered()) {
      violation("it does not open: " + opened.status().to_string());
    }
    return opened;
  }

  std::optional<Store> opened(Random& random) {
    auto opened = open(random);
    return opened.ok() ? std::optional<Store>(*std::move(opened)) : std::nullopt;
  }

  void close(Store* store) {
    const Status closed = store->close();
    if (!closed.ok() && fs_->powered()) violation("it does not close: " + closed.to_string());
  }

  void work_once(Random& random, uint64_t opening, size_t plans) {
    const size_t count = random.percent(50) ? 1 : random.between(2, 3);
    fs_->set_sync_us(count > 1 ? 40 : 0);
    const Mood mood{.durable_percent = static_cast<uint32_t>(random.below(4) * 30 + 5),
                    .key_percent = 30,
                    .large_percent = random.percent(30) ? 15u : 3u,
                    .compact_permille = random.percent(30) ? 60u : 6u};
    const bool in_order = random.percent(70);
    std::vector<WriterSetting> settings;
    for (size_t i = 0; i < count; ++i) {
      settings.push_back({.seed = random.next(),
                          .first_plan = opening << 32 | i << 24 | 1,
                          .is_alone = count == 1,
                          .mood = mood});
    }
    auto opened = open(random);
    if (!opened.ok()) return;
    Store store = *std::move(opened);
    Catalogue catalogue;
    if (Status loaded = catalogue.load(store, ledger_.owners()); !loaded.ok()) {
      if (fs_->powered()) violation("it cannot be read: " + loaded.to_string());
      return;
    }
    std::vector<std::thread> threads;
    for (size_t i = 1; i < count; ++i) {
      threads.emplace_back(
          [&, i] { Writer(&store, &catalogue, &witness_, settings[i]).run(plans); });
    }
    Writer(&store, &catalogue, &witness_, settings[0]).run(plans);
    for (std::thread& thread : threads) thread.join();
    if (in_order) close(&store);
  }

  void lose_power(Random& random, Totals* totals) {
    auto loss = fs_->restore(random, garbled_tails_);
    if (!loss.ok()) {
      violation("the simulated disk failed: " + loss.status().to_string());
      return;
    }
    story_ += "[" + loss->story + "] ";
    totals->loss.bytes_lost += loss->bytes_lost;
    totals->loss.torn_files += loss->torn_files;
    totals->loss.garbled_files += loss->garbled_files;
    totals->loss.holed_files += loss->holed_files;
    totals->loss.laid_out_files += loss->laid_out_files;
    totals->loss.entries_undone += loss->entries_undone;
  }

  // Verifies, retries what carries a key, and verifies again.
  void look(Store* store, Random& random, Totals* totals) {
    std::vector<uint64_t> candidates;
    for (const auto& [id, record] : ledger_.records()) {
      if (record.plan.key.empty() || record.state == Record::State::gone) continue;
      const bool in_doubt = record.state == Record::State::pending || !record.is_safe;
      if (in_doubt || random.percent(5)) candidates.push_back(id);
    }
    verdict_.merge(verify(*store, After::power_cut, &ledger_, &totals->tally));
    uint64_t retried = 0;
    verdict_.merge(retry(*store, candidates, &ledger_, &retried));
    totals->retried += retried;
    if (retried == 0) return;
    verdict_.merge(verify(*store, After::power_cut, &ledger_, &totals->tally));
  }

  uint64_t script_;
  bool garbled_tails_;
  Scratch scratch_;
  Ledger ledger_;
  std::shared_ptr<PowerCutFileSystem> fs_;
  PowerWitness witness_;
  Verdict verdict_;
  std::string story_;  // of the losses, for people
};

class PowerMode {
 public:
  explicit PowerMode(const RunOptions& options) : options_(options) {}

  Verdict run() {
    for (uint64_t round = 1; round <= options_.rounds; ++round) {
      if (options_.only != 0 && round != options_.only) continue;
      cut(round);
      if (options_.plant && all_.lost > 0 && all_.uncovered > 0) break;
    }
    print();
    return all_;
  }

 private:
  void cut(uint64_t round) {
    const uint64_t group = (round - 1) / kCutsPerScript;
    const uint64_t script = Random::derive(options_.seed, group * 2);
    if (group != group_) {
      group_ = group;
      Patient dry(options_, script);
      dry.work();
      operations_ = dry.fs().operations();
      overlaps_ = dry.fs().overlaps();
      dry.look_without_loss(&totals_);
      dry.add_to(&totals_);
      finish(&dry, fmt::format("dry run of cut {}", round));
    }
    Random random(Random::derive(options_.seed, round * 2 + 1));
    Patient patient(options_, script);
    const uint64_t at = random.between(1, operations_);
    if (overlaps_ > 0 && random.percent(kOverlapPercent)) {
      patient.fs().cut_at_overlap(random.between(1, overlaps_));
      ++at_overlap_;
    } else {
      patient.fs().cut_at(at);
    }
    patient.work();
    patient.lose_power_and_look(random, &recovery_, &totals_);
    patient.add_to(&totals_);
    finish(&patient, fmt::format("cut {} at operation {} of {}", round, at, operations_));
    ++cuts_;
  }

  void finish(Patient* patient, const std::string& what) {
    all_.merge(patient->verdict());
    if (patient->verdict().clean()) return;
    print_details(what, patient->verdict());
    if (!options_.keep) return;
    patient->keep();
    fmt::print("  kept: {}\n", patient->path());
  }

  void print() const {
    const Totals& t = totals_;
    fmt::print("{} operations; {} acknowledged, {} durable answers covered by {} log syncs\n",
               t.operations, t.acked, t.durable_answers, t.log_syncs);
    fmt::print(
        "taken: {} bytes, {} torn tails ({} garbled, {} with holes), {} entries; {} files end "
        "in zeros that were laid out\n",
        t.loss.bytes_lost, t.loss.torn_files, t.loss.garbled_files, t.loss.holed_files,
        t.loss.entries_undone, t.loss.laid_out_files);
    fmt::print("{} cuts in recovery, {} sought where two logs were unsynced\n", t.in_recovery,
               at_overlap_);
    fmt::print("in flight: {} landed, {} did not; {} relaxed rolled back; {} retried\n",
               t.tally.landed, t.tally.vanished, t.tally.rolled_back, t.retried);
    fmt::print("power cuts {}: lost {}, torn {}, uncovered {}, violations {}\n", cuts_, all_.lost,
               all_.torn, all_.uncovered, all_.violations);
  }

  RunOptions options_;
  Totals totals_;
  Verdict all_;
  uint64_t cuts_ = 0;
  uint64_t group_ = ~uint64_t{0};
  uint64_t operations_ = 0;
  uint64_t overlaps_ = 0;
  uint64_t at_overlap_ = 0;
  uint64_t recovery_ = 20;
};

}  // namespace

Verdict run_power_cuts(const RunOptions& options) { return PowerMode(options).run(); }

}  // namespace bcstore::crash
