// stripe-replay: recorded deliveries, as a server would have got them.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/row.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

// Of a recorded time, so that it fits in microseconds.
constexpr uint64_t kMaxSeconds = 253'402'300'799;
// Refusals that are told one by one.
constexpr uint64_t kMaxTold = 20;

constexpr BillingOutcome kOutcomes[] = {BillingOutcome::applied, BillingOutcome::duplicate,
                                        BillingOutcome::stale, BillingOutcome::parked,
                                        BillingOutcome::ignored};

class Replay {
 public:
  Replay(const Store& store, std::ostream& err)
      : service_(store.service("replay of recorded deliveries")), err_(err) {}

  // `line` has the padding that a Row needs. Not ok when the store failed.
  Status take(uint64_t number, std::string_view line) {
    Row row;
    if (row.parse(line)) {
      const std::string_view payload = row.text("payload"), header = row.text("signature_header");
      const std::string_view secret = row.text("secret");
      const uint64_t seconds = row.number("timestamp", kMaxSeconds);
      const Time now{static_cast<int64_t>(seconds) * 1'000'000};
      if (row.ok()) return deliver(number, payload, header, secret, now);
    }
    refuse(number, row.reason());
    return Status();
  }

  void refuse(uint64_t number, std::string_view reason) {
    if (++refused_ <= kMaxTold) fmt::print(err_, "bcstore: line {}: {}\n", number, reason);
  }

  std::string json() const {
    JsonWriter json;
    json.begin_object();
    for (const BillingOutcome outcome : kOutcomes) {
      json.key(to_string(outcome)).number(count(outcome));
    }
    json.key("refused").number(refused_).end_object();
    return json.str() + "\n";
  }
  std::string text() const {
    std::string text;
    for (const BillingOutcome outcome : kOutcomes) {
      text += fmt::format("{:<12}{:>8}\n", to_string(outcome), count(outcome));
    }
    return text + fmt::format("{:<12}{:>8}\n", "refused", refused_);
  }

 private:
  uint64_t count(BillingOutcome outcome) const { return counts_[static_cast<size_t>(outcome)]; }

  Status deliver(uint64_t number, std::string_view payload, std::string_view header,
                 std::string_view secret, Time now) {
    const Result<BillingReceipt> receipt = service_.apply_stripe_webhook(
        payload, header, secret, now, kWebhookToleranceS, Durability::relaxed);
    if (receipt) {
      ++counts_[static_cast<size_t>(receipt->outcome)];
      return Status();
    }
    const Status status = receipt.status();
    switch (status.code()) {
      case Code::invalid_argument:
      case Code::not_found:
      case Code::erased:
      case Code::failed_precondition:
        refuse(number, status.message());
        return Status();
      default:
        return status;
    }
  }

  Service service_;
  std::ostream& err_;
  std::array<uint64_t, std::size(kOutcomes) + 1> counts_{};
  uint64_t refused_ = 0;
};

Status replay_forward(LineReader& lines, Replay& replay) {
  for (;;) {
    switch (lines.next()) {
      case LineReader::Got::line:
        if (Status s = replay.take(lines.number(), lines.line()); !s.ok()) return s;
        break;
      case LineReader::Got::too_long:
        replay.refuse(lines.number(), "the line is too long");
        break;
      case LineReader::Got::end:
      case LineReader::Got::failed:
        return lines.status();
    }
  }
}

// Holds the whole file.
Status replay_backward(LineReader& lines, Replay& replay) {
  struct Line {
    uint64_t number;
    std::string padded;
    size_t bytes;
  };
  std::vector<Line> all;
  for (LineReader::Got got = lines.next(); got != LineReader::Got::end; got = lines.next()) {
    if (got == LineReader::Got::failed) return lines.status();
    if (got == LineReader::Got::too_long) {
      replay.refuse(lines.number(), "the line is too long");
      continue;
    }
    std::string padded(lines.line());
    const size_t bytes = padded.size();
    padded.resize(bytes + kLinePaddingBytes);
    all.push_back({lines.number(), std::move(padded), bytes});
  }
  for (auto line = all.rbegin(); line != all.rend(); ++line) {
    Status s = replay.take(line->number, std::string_view(line->padded).substr(0, line->bytes));
    if (!s.ok()) return s;
  }
  return Status();
}

}  // namespace

int run_stripe_replay(const StripeReplayArgs& args, std::ostream& out, std::ostream& err) {
  Result<LineReader> lines = LineReader::open(args.file);
  if (!lines) return failed(lines.status(), err);
  Result<Store> store = Store::open(args.db, Options());
  if (!store) return failed(store.status(), err);
  tell_cuts(*store, err);
  {
    Replay replay(*store, err);
    Status status =
        args.in_reverse ? replay_backward(*lines, replay) : replay_forward(*lines, replay);
    if (!status.ok()) return failed(status, err);
    out << (args.json ? replay.json() : replay.text());
  }
  if (Status s = store->sync(); !s.ok()) return failed(s, err);
  if (Status s = store->close(); !s.ok()) return failed(s, err);
  return 0;
}

}  // namespace bcstore::cli
