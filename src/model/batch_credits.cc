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

void BatchBody::consume_credit(const CreditSpend& spend) {
  Op op;
  op.verb = Verb::consume_credit;
  op.number = static_cast<uint64_t>(spend.amount);
  if (spend.expected_remaining) op.expected = static_cast<uint64_t>(*spend.expected_remaining);
  Status checked = check_amount("amount", spend.amount, 1);
  if (checked.ok()) {
    checked = check_optional("reason", spend.reason, kMaxReasonBytes, Empty::allowed);
  }
  if (checked.ok() && spend.expected_remaining) {
    checked = check_amount("expected_remaining", *spend.expected_remaining, 0);
  }
  if (checked.ok() && actor_.kind == ActorKind::agent) {
    checked = Status(Code::failed_precondition, "an agent's handle can not spend credits");
  }
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
