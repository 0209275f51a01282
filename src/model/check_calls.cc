// Rules of calls of models, and of what they add up to.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/encode.h"
#include "model/keys.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

constexpr size_t kMonthAt = 17;
constexpr size_t kHashAt = kMonthAt + 4;

constexpr const char* kHasCalls = "a rollup has its calls";
constexpr const char* kIsSum = "a rollup is the sum of its calls";

bool is_currency(const fb::Currency* currency) {
  const std::string_view letters = text_of(currency);
  return letters.size() == kCurrencyBytes &&
         std::all_of(letters.begin(), letters.end(),
                     [](char letter) { return letter >= 'A' && letter <= 'Z'; });
}

// Of a call and of a rollup.
template <class Table>
void check_names(CheckWalk& walk, const CheckedRecord& record, const Table& table) {
  if (text_of(table.model()).empty()) walk.violation(record, "a model has a name", "it is empty");
  if (!is_currency(table.currency())) {
    walk.violation(record, "a currency has three letters", "it has others");
  }
}

void check_amounts(CheckWalk& walk, const CheckedRecord& record, const fb::Call& call) {
  const struct {
    std::string_view name;
    int64_t amount, least, most;
  } amounts[] = {
      {"input_tokens", call.input_tokens(), 0, kMaxCallTokens},
      {"output_tokens", call.output_tokens(), 0, kMaxCallTokens},
      {"cached_tokens", call.cached_tokens(), 0, kMaxCallTokens},
      {"cost_micros", call.cost_micros(), 0, kMaxCallCostMicros},
      {"latency_us", call.latency_us(), 0, kMaxCallUs},
      {"first_token_us", call.first_token_us(), -1, call.latency_us()},
  };
  for (const auto& one : amounts) {
    if (one.amount >= one.least && one.amount <= one.most) continue;
    walk.violation(record, "amounts of a call are within their limits",
                   fmt::format("{} is {}", one.name, one.amount));
  }
}

std::string shown(const CallSums& s) {
  return fmt::format("{} calls, {} failed, {}/{}/{} tokens, {} micros, {} us, longest {}", s.calls,
                     s.failed_calls, s.input_tokens, s.output_tokens, s.cached_tokens,
                     s.cost_micros, s.total_latency_us, s.longest_latency_us);
}

}  // namespace

Status check_call(CheckWalk& walk, const CheckedRecord& record) {
  const auto& call = record.table<fb::Call>();
  const uint64_t id = ~format::key_u64(record.key(), kMonthAt + 4);
  if (id >> 16 != call.commit_seq()) {
    walk.violation(record, "id is of its commit",
                   fmt::format("{} of commit {}", id, call.commit_seq()));
  }
  if (to_string(static_cast<CallStatus>(call.status())) == "unknown") {
    walk.unknown(record, "status", call.status());
  }
  if (text_of(call.agent()).empty()) walk.violation(record, "a call has its agent", "it is empty");
  check_names(walk, record, call);
  check_amounts(walk, record, call);
  if (Status s = expect_project(walk, record, call.project()); !s.ok()) return s;
  if (Status s = expect_session(walk, record, call.session(), call.message_seq()); !s.ok()) {
    return s;
  }
  if (call.event() == 0) return Status();
  CheckRead event("");
  if (Status s = walk.read_in_month(record.owner(), kEvents, call.event(), &event); !s.ok()) {
    return s;
  }
  if (event.absent()) missing_reference(walk, record, "event", Uuid(), call.event());
  return Status();
}

// What it adds up to is asked where its calls are met. Here: that there are any, and its key.
Status check_call_rollup(CheckWalk& walk, const CheckedRecord& record) {
  const auto& rollup = record.table<fb::CallRollup>();
  check_names(walk, record, rollup);
  if (walk.salt() &&
      record.uuid_at(kHashAt) !=
          rollup_hash(text_of(rollup.model()), text_of(rollup.currency()), *walk.salt())) {
    walk.violation(record, "the key is of model and currency", "it is another's");
  }
  const uint32_t month = format::key_u32(record.key(), kMonthAt);
  CheckRead newest("");
  if (Status s = walk.read_first(Key(record.owner(), Kind::call).not_u32(month), &newest);
      !s.ok()) {
    return s;
  }
  if (newest.absent()) {
    walk.violation(record, kHasCalls, fmt::format("there is none in {}", month));
  }
  return Status();
}

Status CheckUsage::visit(CheckWalk& walk, const CheckedRecord& record) {
  const bool is_call = record.kind() == Kind::call;
  if (!is_call && month_.empty()) return Status();
  const std::string_view month = record.key().substr(0, kHashAt);
  if (!is_call || month != month_) {
    if (Status s = close(walk); !s.ok()) return s;
  }
  if (!is_call) return Status();
  month_.assign(month);
  add(walk, record);
  return Status();
}

// Newest first.
void CheckUsage::add(CheckWalk& walk, const CheckedRecord& record) {
  is_whole_ = is_whole_ && record.verified() && walk.salt().has_value();
  if (!is_whole_) return;
  const auto& call = record.table<fb::Call>();
  const Uuid hash = rollup_hash(text_of(call.model()), text_of(call.currency()), *walk.salt());
  Sum& sum = by_hash_[hash];
  sum.first_us = call.created_at();
  if (sum.last_commit == 0) sum.last_commit = call.commit_seq();
  if (const char* full = sum.sums.add(sums_of(call))) {
    walk.violation(record, "sums of calls fit", fmt::format("{} passes an int64", full));
    is_whole_ = false;
  }
}

Status CheckUsage::close(CheckWalk& walk) {
  if (month_.empty()) return Status();
  const std::string month = std::exchange(month_, {});
  std::map<Uuid, Sum> expected = std::exchange(by_hash_, {});
  // Without one of the calls nothing can be said of their sums; that it is damaged is told.
  if (!std::exchange(is_whole_, true)) return Status();
  const Key prefix =
      Key(format::key_owner(month), Kind::call_rollup).u32(~format::key_u32(month, kMonthAt));
  if (expected.size() > kMaxCallModels) {
    walk.violation("call_rollup", prefix, "a month has a bounded number of models",
                   fmt::format("it has {}", expected.size()));
  }
  CheckRead rollup("");
  for (std::string from = prefix.str();; from = rollup.key + '\0') {
    if (Status s = walk.read_first(prefix, from, &rollup); !s.ok()) return s;
    if (rollup.absent()) break;
    if (rollup.key < from) return Status();  // they can not be read, which is told
    const auto known = expected.find(format::key_uuid(rollup.key, kHashAt));
    if (known == expected.end()) {
      walk.violation("call_rollup", rollup.key, kHasCalls, "no call is of its model and currency");
      continue;
    }
    const Sum sum = known->second;
    expected.erase(known);
    if (!rollup.found()) continue;
    const auto& table = rollup.record.table<fb::CallRollup>();
    const CallSums sums = sums_of(table);
    if (sums != sum.sums || table.created_at() != sum.first_us ||
        table.commit_seq() != sum.last_commit) {
      walk.violation(rollup.record, kIsSum,
                     fmt::format("{} from {} to commit {}, and should be {} from {} to commit {}",
                                 shown(sums), table.created_at(), table.commit_seq(),
                                 shown(sum.sums), sum.first_us, sum.last_commit));
    }
  }
  for (const auto& [hash, sum] : expected) {
    walk.violation("call_rollup", Key(prefix).append(hash), "calls have their rollup",
                   shown(sum.sums));
  }
  return Status();
}

}  // namespace bcstore::model
