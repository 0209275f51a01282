// The verbs of a batch on credits.
#include <utility>

#include "model/batch_arguments.h"
#include "model/credits.h"

namespace bcstore::model {

namespace {

Status check_amount(std::string_view what, int64_t amount, int64_t least) {
  if (amount >= least && amount <= kMaxCredits) return Status();
  return Status(Code::invalid_argument,
                fmt::format("{}: {} is not between {} and {}", what, amount, least, kMaxCredits));
}

Status check_reset(const std::optional<Time>& at) {
  if (!at) return Status();
  BCSTORE_TRY(check_time("resets_at", *at));
  if (is_midnight(*at)) return Status();
  return Status(Code::invalid_argument,
                fmt::format("resets_at: {} is not midnight UTC", to_string(*at)));
}

std::optional<int64_t> us_of(const std::optional<Time>& time) {
  return time ? std::optional<int64_t>(time->us) : std::nullopt;
}

}  // namespace

namespace {

Status check_spender(const Actor& actor) {
  if (actor.kind != ActorKind::agent) return Status();
  return Status(Code::failed_precondition, "an agent's handle can not spend credits");
}

Status check_spending(const Actor& actor, int32_t amount, const OptionalText& reason,
                      const std::optional<int32_t>& expected) {
  BCSTORE_TRY(check_amount("amount", amount, 1));
  BCSTORE_TRY(check_optional("reason", reason, kMaxReasonBytes, Empty::allowed));
  if (expected) BCSTORE_TRY(check_amount("expected_remaining", *expected, 0));
  return check_spender(actor);
}

}  // namespace

void BatchBody::consume_credit(const CreditSpend& spend) {
  Op op;
  op.verb = Verb::consume_credit;
  op.number = static_cast<uint64_t>(spend.amount);
  if (spend.expected_remaining) op.expected = static_cast<uint64_t>(*spend.expected_remaining);
  Status checked = check_spending(actor_, spend.amount, spend.reason, spend.expected_remaining);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.number(op.number).text(spend.reason).number(op.expected);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::consume, spend.amount, spend.reason);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::grant_credits(const CreditGrant& grant) {
  Op op;
  op.verb = Verb::grant_credits;
  op.number = static_cast<uint64_t>(grant.amount);
  Status checked = check_amount("amount", grant.amount, 1);
  if (checked.ok()) {
    checked = check_optional("reason", grant.reason, kMaxReasonBytes, Empty::allowed);
  }
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.number(op.number).text(grant.reason);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::grant, grant.amount, grant.reason);
  }
  finish(std::move(op), arguments, std::move(checked));
}

Uuid BatchBody::reserve_credits(const NewHold& hold) {
  Op op;
  op.verb = Verb::reserve_credits;
  op.number = static_cast<uint64_t>(hold.amount);
  if (hold.expected_remaining) op.expected = static_cast<uint64_t>(*hold.expected_remaining);
  op.id = mint(hold.id ? std::optional<Uuid>(hold.id->uuid()) : std::nullopt);
  op.edit = std::make_unique<Edit>();
  op.edit->amount = hold.ttl_us;
  Status checked = check_spending(actor_, hold.amount, hold.reason, hold.expected_remaining);
  if (checked.ok()) checked = check_optional_id("hold id", hold.id);
  if (checked.ok() && (hold.ttl_us < 1 || hold.ttl_us > kMaxHoldTtlUs)) {
    checked = Status(Code::invalid_argument,
                     fmt::format("ttl_us: {} is not between 1 and {}", hold.ttl_us, kMaxHoldTtlUs));
  }
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.number(op.number).number(static_cast<uint64_t>(hold.ttl_us)).text(hold.reason);
    arguments.number(op.expected).id(op.id);
    op.head = encoder_.credit_hold(by(op), hold.amount, hold.reason);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::hold, hold.amount, hold.reason, op.id);
  }
  const Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

void BatchBody::limit_rate(std::string_view limit, uint32_t cost) {
  Op op;
  op.verb = Verb::limit_rate;
  op.number = cost;
  Status checked = check_text("limit", limit, kMaxPolicyNameBytes - 1, Empty::refused);
  if (checked.ok() && cost == 0) {
    checked = Status(Code::invalid_argument, "cost: it is 0");
  }
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(limit).number(op.number);
    op.edit = std::make_unique<Edit>();
    op.edit->name = std::string(limit);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::capture_credits(CreditHoldId hold, const HoldCapture& capture) {
  Op op;
  op.verb = Verb::capture_credits;
  op.parent = hold.uuid();
  op.number = static_cast<uint64_t>(capture.amount);
  op.flag = capture.allow_overage;
  Status checked = check_id("hold id", op.parent);
  if (checked.ok()) checked = check_spending(actor_, capture.amount, capture.reason, std::nullopt);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).number(op.number).number(uint64_t{op.flag}).text(capture.reason);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::capture, capture.amount,
                                    capture.reason, op.parent);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::void_hold(CreditHoldId hold, OptionalText reason) {
  Op op;
  op.verb = Verb::void_hold;
  op.parent = hold.uuid();
  Status checked = check_id("hold id", op.parent);
  if (checked.ok()) checked = check_optional("reason", reason, kMaxReasonBytes, Empty::allowed);
  if (checked.ok()) checked = check_spender(actor_);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).text(reason);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::voided, 0, reason, op.parent);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::adjust_credits(const CreditAdjustment& adjustment) {
  Op op;
  op.verb = Verb::adjust_credits;
  op.edit = std::make_unique<Edit>();
  op.edit->amount = adjustment.amount;
  Status checked;
  if (adjustment.amount == 0 || adjustment.amount < -kMaxCredits) {
    checked = Status(Code::invalid_argument, fmt::format("amount: {} is 0, or less than {}",
                                                         adjustment.amount, -int64_t{kMaxCredits}));
  } else {
    checked = check_optional("reason", adjustment.reason, kMaxReasonBytes, Empty::allowed);
  }
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.number(static_cast<uint64_t>(op.edit->amount)).text(adjustment.reason);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::adjust, adjustment.amount,
                                    adjustment.reason);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::set_credit_plan(const CreditPlan& plan) {
  Op op;
  op.verb = Verb::set_credit_plan;
  op.number = static_cast<uint64_t>(plan.allowance);
  op.flag = plan.refill;
  op.edit = std::make_unique<Edit>();
  op.edit->reset_at = plan.resets_at;
  Status checked = check_amount("allowance", plan.allowance, 0);
  if (checked.ok()) checked = check_reset(plan.resets_at);
  if (checked.ok()) {
    checked = check_optional("reason", plan.reason, kMaxReasonBytes, Empty::allowed);
  }
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.number(op.number).number(us_of(plan.resets_at)).number(uint64_t{plan.refill});
    arguments.text(plan.reason);
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::plan, 0, plan.reason);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::set_unlimited(bool is_unlimited) {
  Op op;
  op.verb = Verb::set_unlimited;
  op.flag = is_unlimited;
  Arguments arguments(*this, op.verb);
  arguments.number(uint64_t{is_unlimited});
  op.fact = encoder_.credit_entry(by(op), CreditEntryKind::unlimited, 0, std::nullopt);
  finish(std::move(op), arguments, Status());
}

void BatchBody::import_credits(const ImportedCredits& credits, std::unique_ptr<Origin> origin) {
  Op op;
  op.verb = Verb::import_credits;
  op.origin = std::move(origin);
  op.identity = "credits";  // of this owner
  op.number_given = credits.remaining.has_value();
  op.number = static_cast<uint64_t>(credits.remaining.value_or(0));
  op.edit = std::make_unique<Edit>();
  op.edit->reset_at = credits.resets_at;
  Status checked = check_amount("remaining", credits.remaining.value_or(0), 0);
  if (checked.ok()) checked = check_reset(credits.resets_at);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    op.fact = encoder_.credit_entry(by(op), CreditEntryKind::import, 0, std::nullopt);
  }
  finish(std::move(op), arguments, std::move(checked));
}

}  // namespace bcstore::model
