// Who watches the watchman: a store that is sound, a ledger that is not.
#include <fmt/core.h>

#include <functional>
#include <string>

#include "crash/modes.h"
#include "crash/writer.h"

namespace bcstore::crash {
namespace {

class LedgerWitness : public Witness {
 public:
  explicit LedgerWitness(Ledger* ledger) : ledger_(ledger) {}
  void take(const Entry& entry) override { ledger_->take(entry); }

 private:
  Ledger* ledger_;
};

using Records = std::map<uint64_t, Record>;

// A record that a receipt came for and that has a step with this verb; null if there is none.
Record* find(Records& records, Verb verb) {
  for (auto& [id, record] : records) {
    if (record.state != Record::State::acked || record.ack.operations.empty()) continue;
    for (const Step& step : record.plan.steps) {
      if (step.verb == verb) return &record;
    }
  }
  return nullptr;
}

struct Fault {
  std::string what;
  uint64_t Verdict::*found_as;
  Verb verb;  // of a step of the record that is tampered with
  std::function<void(Records&, Record*)> plant;
};

const Fault kFaults[] = {
    {"a commit that is not there", &Verdict::lost, Verb::append_message,
     [](Records& records, Record* record) {
       Record invented = *record;
       invented.plan.id = ~uint64_t{0};
       invented.ack.plan = invented.plan.id;
       records[invented.plan.id] = invented;
     }},
    {"a message with another text", &Verdict::torn, Verb::append_message,
     [](Records&, Record* record) {
       for (Step& step : record->plan.steps) step.bytes += 40;
     }},
    {"a batch with one operation more", &Verdict::torn, Verb::append_message,
     [](Records&, Record* record) { record->plan.steps.push_back(record->plan.steps.back()); }},
    {"a commit that nobody made", &Verdict::torn, Verb::append_message,
     [](Records& records, Record* record) { records.erase(record->plan.id); }},
    {"a commit that was refused", &Verdict::violations, Verb::append_message,
     [](Records&, Record* record) { record->state = Record::State::refused; }},
    {"a commit that was gone", &Verdict::violations, Verb::append_message,
     [](Records&, Record* record) { record->state = Record::State::gone; }},
    {"another commit sequence", &Verdict::violations, Verb::append_message,
     [](Records&, Record* record) { ++record->ack.commit_seq; }},
    {"another owner sequence", &Verdict::violations, Verb::append_message,
     [](Records&, Record* record) { ++record->ack.owner_seq; }},
    {"another number", &Verdict::violations, Verb::append_message,
     [](Records&, Record* record) {
       for (Receipt::Operation& operation : record->ack.operations) ++operation.number;
     }},
    {"a section with another text", &Verdict::torn, Verb::add_sections,
     [](Records&, Record* record) {
       for (Step& step : record->plan.steps) step.bytes += 40;
     }},
    {"a section with another embedding", &Verdict::torn, Verb::add_sections,
     [](Records&, Record* record) {
       for (Step& step : record->plan.steps) step.fields ^= kSecond;
     }},
    {"an integration of another type", &Verdict::torn, Verb::add_integration,
     [](Records&, Record* record) {
       for (Step& step : record->plan.steps) step.choice = step.choice % 3 + 1;
     }},
    {"other secrets", &Verdict::violations, Verb::revise_integration,
     [](Records& records, Record*) {
       for (auto& [id, record] : records) {
         for (Step& step : record.plan.steps) {
           const bool secret =
               step.verb == Verb::add_integration || step.verb == Verb::revise_integration;
           if (secret) step.bytes += 40;
         }
       }
     }},
    {"a public record with another text", &Verdict::torn, Verb::put_public,
     [](Records&, Record* record) { record->plan.steps[0].bytes += 40; }},
};

}  // namespace

bool oracle_finds_planted(uint64_t seed) {
  Scratch scratch;
  Random random(seed);
  auto opened = Store::open(scratch.path() + "/store", random_options(random, 1));
  if (!opened.ok()) {
    fmt::print("  it does not open: {}\n", opened.status().to_string());
    return false;
  }
  Store store = *std::move(opened);
  Ledger ledger;
  LedgerWitness witness(&ledger);
  Catalogue catalogue;
  Writer(&store, &catalogue, &witness, {.seed = random.next(), .is_alone = true}).run(400);
  Tally tally;
  const Verdict sound = verify(store, After::kill, &ledger, &tally);
  if (!sound.clean()) print_details("the sound store", sound);
  bool good = sound.clean();
  const Records before = ledger.records();
  for (const Fault& fault : kFaults) {
    ledger.records() = before;
    Record* record = find(ledger.records(), fault.verb);
    if (record != nullptr) fault.plant(ledger.records(), record);
    Verdict verdict = verify(store, After::kill, &ledger, &tally);
    if (record != nullptr && verdict.*fault.found_as > 0) continue;
    fmt::print("  not found: {}\n", fault.what);
    good = false;
  }
  return good;
}

}  // namespace bcstore::crash
