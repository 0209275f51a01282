#include "crash/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "crash/reference.h"

namespace bcstore::crash {
namespace {

constexpr size_t kDetails = 12;

std::string describe(uint64_t plan) { return "plan " + plan_name(plan); }

std::string at(uint64_t commit_seq) { return " at commit " + std::to_string(commit_seq); }

// Enough of two long texts to see where they part.
std::string difference(const std::string& expected, const std::string& found) {
  const auto parting =
      std::mismatch(expected.begin(), expected.end(), found.begin(), found.end()).first;
  const size_t from = static_cast<size_t>(std::max<int64_t>(0, parting - expected.begin() - 40));
  const auto part = [&](const std::string& text) {
    const std::string_view shown = std::string_view(text).substr(std::min(from, text.size()), 100);
    return fmt::format("\"{}\" of {} bytes", shown, text.size());
  };
  return fmt::format("expected {}, found {}", part(expected), part(found));
}

std::string describe(const Row& row) {
  return std::string(to_string(row.table)) + " " + to_string(row.object) + " number " +
         std::to_string(row.number);
}

// What a new user's commit leaves: the audit of the service, and the opening of the ledger.
bool is_sign_up(const Commit& commit) {
  const auto has = [&](Table table) {
    return std::any_of(commit.rows.begin(), commit.rows.end(),
                       [&](const Row& row) { return row.table == table; });
  };
  return commit.rows.size() == 2 && has(Table::audit) && has(Table::credit_entry);
}

class Verifier {
 public:
  Verifier(const Store& store, After after, Ledger* ledger, Tally* tally)
      : store_(store), after_(after), ledger_(ledger), tally_(tally) {}

  Verdict run() {
    for (std::string& text : ledger_->take_broken()) violation(std::move(text));
    const Status read = read_image(store_, ledger_->owners(), ledger_->integrations(), &found_);
    if (!read.ok()) {
      violation("the store cannot be read: " + read.to_string());
      return verdict_;
    }
    name_commits();
    judge_records();
    compare();
    check();
    return verdict_;
  }

 private:
  void violation(std::string detail) { verdict_.add(&verdict_.violations, std::move(detail)); }
  void torn(std::string detail) { verdict_.add(&verdict_.torn, std::move(detail)); }
  void lost(std::string detail) { verdict_.add(&verdict_.lost, std::move(detail)); }

  // Which plan is each commit?
  void name_commits() {
    std::map<UserId, uint64_t> creations;
    for (const auto& [id, record] : ledger_->records()) {
      const bool creation =
          record.plan.steps.size() == 1 && record.plan.steps[0].verb == Verb::create_user;
      if (creation) creations[record.plan.owner] = id;
    }
    for (auto& [seq, commit] : found_.commits) {
      const std::set<uint64_t> names(commit.named.begin(), commit.named.end());
      uint64_t plan = 0;
      if (names.size() == 1) {
        plan = *names.begin();
      } else if (names.empty() && is_sign_up(commit) && creations.contains(commit.owner)) {
        plan = creations[commit.owner];
      }
      if (plan == 0 || !ledger_->records().contains(plan)) {
        torn("the " + std::to_string(commit.rows.size()) + " rows" + at(seq) + " name " +
             std::to_string(names.size()) +
             " plans, of which the ledger knows none; the first is " + describe(commit.rows[0]));
        continue;
      }
      plans_[seq] = plan;
      if (!seqs_.emplace(plan, seq).second) {
        violation(describe(plan) + " took effect twice:" + at(seqs_[plan]) + " and" + at(seq));
      }
    }
  }

  void judge_records() {
    const uint64_t newest = found_.commits.empty() ? 0 : found_.commits.rbegin()->first;
    for (auto& [id, record] : ledger_->records()) {
      const auto it = seqs_.find(id);
      const bool is_there = it != seqs_.end();
      switch (record.state) {
        case Record::State::pending:
          ++(is_there ? tally_->landed : tally_->vanished);
          record.state = is_there ? Record::State::acked : Record::State::gone;
          if (is_there) record.ack = {.plan = id, .commit_seq = it->second};
          break;
        case Record::State::acked:
          judge_acked(id, &record, is_there ? it->second : 0, newest);
          break;
        case Record::State::refused:
          if (is_there) violation(describe(id) + " was refused, and is there" + at(it->second));
          break;
        case Record::State::gone:
          if (is_there) violation(describe(id) + " was gone, and came back" + at(it->second));
          break;
      }
      // What is on the disk now stays there.
      if (record.state == Record::State::acked) record.is_safe = true;
    }
  }

  void judge_acked(uint64_t id, Record* record, uint64_t seq, uint64_t newest) {
    const uint64_t told = record->ack.commit_seq;
    if (seq != 0) {
      if (told == 0) record->ack.commit_seq = seq;
      if (told != 0 && told != seq) {
        violation(describe(id) + " was acknowledged" + at(told) + " and lies" + at(seq));
      }
      return;
    }
    const std::string what = describe(id) + ", acknowledged " +
                             (record->plan.is_durable ? "durable" : "relaxed") + at(told) + ",";
    if (after_ == After::kill || record->is_safe) {
      lost(what + " is not there");
    } else if (told != 0 && told <= newest) {
      lost(what + " is not there, and" + at(newest) + " is");
    } else {
      ++tally_->rolled_back;
    }
    record->state = Record::State::gone;
  }

  void compare() {
    Reference reference;
    std::map<uint64_t, std::vector<uint64_t>> numbers;
    for (const auto& [seq, plan] : plans_) {
      std::string impossible;
      numbers[seq] = reference.apply(ledger_->records()[plan].plan, seq, &impossible);
      if (!impossible.empty()) torn(describe(plan) + at(seq) + ": " + impossible);
    }
    Image expected = reference.take();
    int64_t last_us = 0;
    std::map<UserId, uint64_t> owner_seqs;
    for (const auto& [seq, plan] : plans_) {
      Commit& commit = found_.commits[seq];
      compare_rows(plan, seq, numbers[seq], &expected.commits[seq], &commit);
      for (int64_t created_us : commit.created_us) {
        if (created_us < last_us) violation("time goes back" + at(seq));
        last_us = std::max(last_us, created_us);
      }
      const Ack& ack = ledger_->records()[plan].ack;
      const uint64_t owner_seq = ++owner_seqs[commit.owner];
      if (ack.owner_seq != 0 && ack.owner_seq != owner_seq) {
        violation(describe(plan) + at(seq) + " was told owner sequence " +
                  std::to_string(ack.owner_seq) + " and is number " + std::to_string(owner_seq));
      }
    }
    compare_heads(expected);
  }

  void compare_rows(uint64_t plan, uint64_t seq, const std::vector<uint64_t>& numbers,
                    Commit* expected, Commit* found) {
    const std::string what = describe(plan) + at(seq);
    const auto order = [](const Row& a, const Row& b) {
      return std::tie(a.table, a.object, a.number) < std::tie(b.table, b.object, b.number);
    };
    std::sort(expected->rows.begin(), expected->rows.end(), order);
    std::sort(found->rows.begin(), found->rows.end(), order);
    if (expected->owner != found->owner) violation(what + " lies under another owner");
    if (expected->rows.size() != found->rows.size()) {
      torn(what + " wrote " + std::to_string(expected->rows.size()) + " rows, " +
           std::to_string(found->rows.size()) + " are there");
      return;
    }
    std::vector<uint64_t> given = numbers;
    for (size_t i = 0; i < expected->rows.size(); ++i) {
      const Row& want = expected->rows[i];
      const Row& have = found->rows[i];
      const bool is_event = want.table == Table::event;
      if (is_event && have.table == Table::event) {
        given[want.step] = have.number;
        if (have.number >> 16 != seq) violation(what + ": " + describe(have) + " is misnumbered");
      }
      if (want.table != have.table || want.object != have.object ||
          (!is_event && want.number != have.number)) {
        torn(what + ": expected " + describe(want) + ", found " + describe(have));
      } else if (want.body != have.body) {
        torn(what + ": " + describe(have) + ": " + difference(want.body, have.body));
      }
    }
    compare_receipt(plan, what, given);
  }

  void compare_receipt(uint64_t id, const std::string& what, const std::vector<uint64_t>& numbers) {
    const Record& record = ledger_->records()[id];
    if (record.ack.operations.empty()) return;
    if (record.ack.operations.size() != record.plan.steps.size()) {
      violation(what + ": the receipt has another number of operations");
      return;
    }
    for (size_t i = 0; i < numbers.size(); ++i) {
      const Receipt::Operation& told = record.ack.operations[i];
      if (told.id != record.plan.steps[i].object) {
        violation(fmt::format("{}: operation {} (verb {}) was told id {}, and wrote to {}", what, i,
                              static_cast<int>(record.plan.steps[i].verb), to_string(told.id),
                              to_string(record.plan.steps[i].object)));
      }
      if (numbers[i] != 0 && told.number != numbers[i]) {
        violation(what + ": operation " + std::to_string(i) + " was told number " +
                  std::to_string(told.number) + " and is " + std::to_string(numbers[i]));
      }
    }
  }

  void compare_heads(const Image& expected) {
    for (const auto& [object, body] : expected.heads) {
      const auto it = found_.heads.find(object);
      const std::string what =
          std::string(to_string(object.first)) + " " + to_string(object.second);
      if (it == found_.heads.end()) {
        violation(what + " is in no list");
      } else if (it->second != body) {
        violation("head of " + what + ": " + difference(body, it->second));
      }
    }
    for (const auto& [object, body] : found_.heads) {
      if (expected.heads.contains(object)) continue;
      violation(std::string(to_string(object.first)) + " " + to_string(object.second) +
                " was made by no commit");
    }
    for (const auto& [owner, seq] : found_.owner_seqs) {
      const auto it = expected.owner_seqs.find(owner);
      const uint64_t commits = it == expected.owner_seqs.end() ? 0 : it->second;
      if (seq != commits) {
        violation("owner " + to_string(owner) + " is at sequence " + std::to_string(seq) +
                  " after " + std::to_string(commits) + " commits");
      }
    }
  }

  void check() {
    auto report = store_.check();
    if (!report.ok()) {
      violation("check() cannot look: " + report.status().to_string());
      return;
    }
    verdict_.violations += report->violations;
    for (const Violation& found : report->listed) {
      if (verdict_.details.size() >= kDetails) return;
      verdict_.details.push_back("check: " + found.table + " " + found.key + ": " + found.rule +
                                 ": " + found.detail);
    }
  }

  const Store& store_;
  After after_;
  Ledger* ledger_;
  Tally* tally_;
  Verdict verdict_;
  Image found_;
  std::map<uint64_t, uint64_t> plans_;  // by commit
  std::map<uint64_t, uint64_t> seqs_;   // by plan
};

// The answer of a retry, entered into the record. Says what is wrong with it, if anything.
std::string enter_retry(const Plan& again, const Result<Receipt>& receipt, Record* record) {
  const bool was_there = record->state == Record::State::acked;
  const std::string what = "retry of " + describe(again.id);
  if (!receipt.ok()) {
    if (was_there) return what + ", which is there: " + receipt.status().to_string();
    const Code code = receipt.code();
    const bool may_refuse = code == Code::conflict || code == Code::already_exists ||
                            code == Code::failed_precondition || code == Code::not_found ||
                            code == Code::out_of_credits;  // others have spent them meanwhile
    if (may_refuse) record->state = Record::State::refused;
    return may_refuse ? std::string() : what + ": " + receipt.status().to_string();
  }
  if (receipt->replayed != was_there) {
    return what + (was_there ? " was not replayed" : ", which is not there, was replayed");
  }
  const Ack ack = ack_of(again.id, *receipt);
  if (was_there) {
    if (ack.commit_seq != record->ack.commit_seq) return what + " names another commit";
    record->ack = ack;
    return {};
  }
  record->plan = again;
  record->state = Record::State::acked;
  record->ack = ack;
  record->is_safe = again.is_durable;
  return {};
}

}  // namespace

void Verdict::add(uint64_t* count, std::string detail) {
  ++*count;
  if (details.size() < kDetails) details.push_back(std::move(detail));
}

void Verdict::merge(const Verdict& other) {
  lost += other.lost;
  torn += other.torn;
  uncovered += other.uncovered;
  violations += other.violations;
  for (const std::string& detail : other.details) {
    if (details.size() < kDetails) details.push_back(detail);
  }
}

Verdict verify(const Store& store, After after, Ledger* ledger, Tally* tally) {
  return Verifier(store, after, ledger, tally).run();
}

Verdict retry(const Store& store, const std::vector<uint64_t>& candidates, Ledger* ledger,
              uint64_t* retried) {
  Verdict verdict;
  for (uint64_t id : candidates) {
    Record& record = ledger->records()[id];
    if (record.plan.key.empty() || record.state == Record::State::refused) continue;
    Plan again = record.plan;
    const Tenant tenant = actor_of(again, store);
    WriteBatch batch = tenant.batch();
    add_steps(&again, &batch);
    const std::string wrong =
        enter_retry(again, tenant.commit(batch, commit_options(again)), &record);
    if (!wrong.empty()) verdict.add(&verdict.violations, wrong);
    ++*retried;
  }
  return verdict;
}

}  // namespace bcstore::crash
