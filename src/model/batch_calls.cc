// The verb of a batch that records a call of a model.
#include <algorithm>
#include <utility>

#include "model/batch_arguments.h"
#include "model/call_sums.h"
#include "model/core.h"

namespace bcstore::model {

namespace {

Status check_amount(std::string_view what, int64_t amount, int64_t most) {
  if (amount >= 0 && amount <= most) return Status();
  return Status(Code::invalid_argument,
                fmt::format("{}: {} is outside 0 to {}", what, amount, most));
}

Status check_currency(std::string_view currency) {
  const bool is_code = currency.size() == kCurrencyBytes &&
                       std::all_of(currency.begin(), currency.end(),
                                   [](char letter) { return letter >= 'A' && letter <= 'Z'; });
  if (is_code) return Status();
  return Status(Code::invalid_argument, "currency: must be three letters A to Z, as in ISO 4217");
}

Status check_amounts(const NewCall& c) {
  BCSTORE_TRY(check_amount("input_tokens", c.input_tokens, kMaxCallTokens));
  BCSTORE_TRY(check_amount("output_tokens", c.output_tokens, kMaxCallTokens));
  BCSTORE_TRY(check_amount("cached_tokens", c.cached_tokens, kMaxCallTokens));
  BCSTORE_TRY(check_amount("cost_micros", c.cost_micros, kMaxCallCostMicros));
  BCSTORE_TRY(check_amount("latency_us", c.latency_us, kMaxCallUs));
  return c.first_token_us ? check_amount("first_token_us", *c.first_token_us, c.latency_us)
                          : Status();
}

Status check_call(const NewCall& c) {
  BCSTORE_TRY(check_text("agent", c.agent, kMaxEventTypeBytes, Empty::refused));
  BCSTORE_TRY(check_text("model", c.model, kMaxModelBytes, Empty::refused));
  BCSTORE_TRY(check_enum("status", c.status));
  BCSTORE_TRY(check_currency(c.currency));
  BCSTORE_TRY(check_amounts(c));
  BCSTORE_TRY(check_optional_id("project id", c.project));
  BCSTORE_TRY(check_optional_id("session id", c.session));
  if (c.message_seq && (!c.session || *c.message_seq == 0)) {
    return Status(Code::invalid_argument, "message_seq: needs a session and is at least 1");
  }
  if (c.event && *c.event == 0) {
    return Status(Code::invalid_argument, "event: 0 is no event");
  }
  return c.hold ? check_id("hold", *c.hold) : Status();
}

CallFields fields_of(const NewCall& c) {
  auto ref = [](const auto& id) { return id ? std::optional<Uuid>(id->uuid()) : std::nullopt; };
  CallFields fields;
  fields.agent = c.agent;
  fields.model = c.model;
  fields.currency = c.currency;
  fields.status = c.status;
  fields.input_tokens = c.input_tokens;
  fields.output_tokens = c.output_tokens;
  fields.cached_tokens = c.cached_tokens;
  fields.latency_us = c.latency_us;
  fields.cost_micros = c.cost_micros;
  fields.first_token_us = c.first_token_us;
  fields.project = ref(c.project);
  fields.session = ref(c.session);
  fields.hold = c.hold;
  fields.message_seq = c.message_seq.value_or(0);
  fields.event = c.event.value_or(0);
  return fields;
}

}  // namespace

void BatchBody::record_call(const NewCall& c) {
  Op op;
  op.verb = Verb::record_call;
  Status checked = check_call(c);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(c.agent).text(c.model).text(c.currency);
    arguments.number(static_cast<uint64_t>(c.status));
    for (const int64_t amount :
         {c.input_tokens, c.output_tokens, c.cached_tokens, c.latency_us, c.cost_micros}) {
      arguments.number(static_cast<uint64_t>(amount));
    }
    arguments.number(c.first_token_us).id(c.project).id(c.session);
    arguments.number(c.message_seq).number(c.event).number(uint64_t{c.hold.has_value()});
    if (c.hold) arguments.id(*c.hold);
    op.id = rollup_hash(c.model, c.currency, salt_of(core_.get()));
    op.fact = encoder_.call(by(op), fields_of(c));
  }
  finish(std::move(op), arguments, std::move(checked));
}

}  // namespace bcstore::model
