// W12: the cost of years. Twenty-four months of chat, loaded month by month; what was written for
// it, and whether the current month is served as fast with 24 months behind it as with none.
//
// Write amplification: all bytes that the process wrote (log, flushes, compactions) by the bytes of
// the texts handed over. It needs engines that live in this process.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>

#include "catalogue.h"
#include "chat_work.h"
#include "failure.h"
#include "layouts.h"
#include "years_data.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kLastMonth = kMonths - 1;
// The data must be a multiple of what memory holds, or nothing is ever compacted.
constexpr size_t kBudgetShare = 16;
constexpr size_t kBytesAMessage = 550;

// What this process handed to write(2) and its kin since it began.
uint64_t bytes_written() {
  std::ifstream io("/proc/self/io");
  std::string word;
  uint64_t bytes = 0;
  while (io >> word >> bytes) {
    if (word == "wchar:") return bytes;
  }
  throw Failure("W12: /proc/self/io does not tell what was written");
}

double ms_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

size_t budget_of(const Population& population) {
  const size_t data_bytes = population.messages() * kBytesAMessage;
  return std::max<size_t>(data_bytes / kBudgetShare, size_t{16} << 20);
}

struct Load {
  uint64_t text_bytes = 0;
  std::vector<double> amplification;  // of each month
  std::vector<double> appends_per_s;

  void add_month(uint64_t texts, uint64_t written, double append_rate) {
    appends_per_s.push_back(append_rate);
    text_bytes += texts;
    amplification.push_back(static_cast<double>(written) / static_cast<double>(texts));
  }
  double average(size_t first) const {
    double sum = 0;
    for (size_t i = first; i < amplification.size(); ++i) sum += amplification[i];
    return sum / static_cast<double>(amplification.size() - first);
  }
};

// Loads months and waits for each until its compactions have ended.
template <class Append>
Load load_months(Bench& bench, const std::string& directory, const Population& population,
                 uint32_t first, Append&& append) {
  Load load;
  for (uint32_t month = first; month < kMonths; ++month) {
    const uint64_t before = bytes_written();
    uint64_t texts = 0, messages = 0;
    const double ms = ms_of([&] {
      for_each_message_of_month(population, bench.texts(), month, [&](const Message& message) {
        texts += message.content.size();
        ++messages;
        append(message);
      });
    });
    bench.settle(directory);
    load.add_month(texts, bytes_written() - before, static_cast<double>(messages) * 1e3 / ms);
  }
  return load;
}

Row row_of(std::string variant, std::string_view engine, std::string unit, double value) {
  return {.workload = "W12",
          .variant = std::move(variant),
          .engine = std::string(engine),
          .unit = std::move(unit),
          .value = value};
}

void add_amplification(Bench& bench, const std::string& prefix, std::string_view engine,
                       const Load& load) {
  constexpr size_t kLate = kMonths - 6;
  for (uint32_t month = 0; month < load.amplification.size(); ++month) {
    bench.report().keep(row_of(fmt::format("{}write amplification, month {}", prefix, month + 1),
                               engine, "bytes/byte", load.amplification[month]));
    Row rate = row_of(fmt::format("{}append rate, month {}", prefix, month + 1), engine, "ops/s",
                      load.appends_per_s[month]);
    rate.ops_per_s = rate.value;
    bench.report().keep(std::move(rate));
  }
  bench.report().add(row_of(fmt::format("{}write amplification, 24 months", prefix), engine,
                            "bytes/byte", load.average(0)));
  Row late = row_of(fmt::format("{}write amplification, last six", prefix), engine, "bytes/byte",
                    load.average(kLate));
  if (engine == "bcstore") {
    late.ratio = Row::Ratio{.median = late.value,
                            .low = late.value,
                            .high = late.value,
                            .is_judged = !bench.settings().quick};
  }
  bench.report().add(std::move(late));
}

// Appends to sessions of the last month, with times that go on where the month ended.
class AppendNow : public Operation {
 public:
  AppendNow(std::unique_ptr<ChatWorker> worker, const Texts& texts, uint32_t users, int64_t* now_us,
            uint64_t seed)
      : worker_(std::move(worker)), texts_(texts), users_(users), now_us_(now_us), random_(seed) {}
  void run() override {
    Message message = draw_message(texts_, session_of(random_.below(users_), kLastMonth), random_);
    message.created_at_us = *now_us_ += 10;
    worker_->append_message(message);
  }

 private:
  std::unique_ptr<ChatWorker> worker_;
  const Texts& texts_;
  uint32_t users_;
  int64_t* now_us_;
  Random random_;
};

class ReadNow : public Operation {
 public:
  ReadNow(std::unique_ptr<ChatWorker> worker, uint32_t users, uint64_t seed)
      : worker_(std::move(worker)), users_(users), random_(seed) {}
  void run() override {
    const uint64_t rows = fold_.rows();
    worker_->last_messages(session_of(random_.below(users_), kLastMonth), kLastMessages, &fold_);
    if (fold_.rows() - rows != kLastMessages) throw Failure("W12: too few messages");
  }

 private:
  std::unique_ptr<ChatWorker> worker_;
  uint32_t users_;
  Random random_;
  Fold fold_;
};

// One engine with 24 months, and beside it another of the same with the last month alone.
void run_engine(Bench& bench, const EngineEntry& entry, const Population& population) {
  const std::string first_month = fmt::format("{}-first", entry.name);
  std::vector<std::unique_ptr<Stand>> stands;
  for (const bool all : {true, false}) {
    stands.push_back(std::make_unique<Stand>(bench.scratch(), entry, budget_of(population),
                                             population, all ? "" : first_month));
    Stand& stand = *stands.back();
    stand.engine().create();
    Load load;
    {
      const std::unique_ptr<ChatWorker> worker = stand.engine().chat_worker(Mode::relaxed);
      load = load_months(bench, stand.directory(), population, all ? 0 : kLastMonth,
                         [&](const Message& message) { worker->append_message(message); });
    }
    if (all) add_amplification(bench, "", entry.name, load);
  }
  std::vector<int64_t> now_us(2, kYearsBeginUs + kMonths * kMonthUs);
  std::vector<Contestant> readers, writers;
  for (size_t i = 0; i < stands.size(); ++i) {
    Stand* stand = stands[i].get();
    const std::string as = i == 0 ? "24 months" : "1 month";
    readers.push_back({.stand = stand,
                       .start =
                           [stand, &population](uint64_t seed) {
                             return std::make_unique<ReadNow>(
                                 stand->engine().chat_worker(Mode::relaxed), population.users,
                                 seed);
                           },
                       .as = as});
    writers.push_back({.stand = stand,
                       .start =
                           [stand, &bench, &population, now = &now_us[i]](uint64_t seed) {
                             return std::make_unique<AppendNow>(
                                 stand->engine().chat_worker(Mode::relaxed), bench.texts(),
                                 population.users, now, seed);
                           },
                       .as = as});
  }
  bench.measure({"W12", "last messages, hot", 1}, readers);
  bench.measure({"W12", "append, relaxed", 1}, writers);
}

void run_layout(Bench& bench, const LayoutEntry& entry, const Population& population) {
  const std::string name = "layout";
  const std::string directory = bench.scratch().fresh(name);
  const std::unique_ptr<Layout> layout = entry.make();
  layout->open(directory, budget_of(population), population);
  const Load load = load_months(bench, directory, population, 0,
                                [&](const Message& message) { layout->append(message); });
  add_amplification(bench, fmt::format("{}: ", entry.name), "floor", load);
  const auto add = [&](std::string_view what, std::string_view unit, double value) {
    bench.report().add(
        row_of(fmt::format("{}: {}", entry.name, what), "floor", std::string(unit), value));
  };
  // Every session of the last month, again and again: the first round fills the cache.
  const auto read_us = [&](uint32_t month) {
    Fold fold;
    double us = 0;
    for (int round = 0; round < 4; ++round) {
      us = ms_of([&] {
             for (uint32_t user = 0; user < population.users; ++user) {
               layout->last_messages(session_of(user, month), kLastMessages, &fold);
             }
           }) *
           1e3 / population.users;
    }
    return us;
  };
  add("last 50, newest month", "us", read_us(kLastMonth));
  const size_t families = layout->families();
  layout->close();
  add("open", "ms", ms_of([&] { layout->open(directory, budget_of(population), population); }));
  add("families", "", static_cast<double>(families));
  layout->close();
  bench.scratch().remove(name);
}

}  // namespace

void run_w12(Bench& bench) {
  const Population population = years_population(bench.settings().users);
  bench.report().note(fmt::format("W12: {} messages over {} months, memory budget {} MiB",
                                  population.messages(), kMonths, budget_of(population) >> 20));
  for (const EngineEntry* entry : bench.settings().engines) {
    if (entry->name == "bcstore" || entry->name == "floor") {
      run_engine(bench, *entry, population);
    }
  }
  const Population fewer = years_population(std::max(bench.settings().users / 2, 1u));
  for (const LayoutEntry& entry : all_layouts()) {
    if (entry.is_leveled || !bench.settings().quick) run_layout(bench, entry, fewer);
  }
}

void profile_w12(Bench&, const ProfileRequest&) {
  throw Refused("W12 has no hot loop of its own; profile W1 or W2");
}

}  // namespace bcstore::bench
