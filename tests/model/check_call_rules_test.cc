// A fault against each rule of check_store on calls and what they add up to.
#include "damaged.h"
#include "model/call_sums.h"

namespace bcstore::model {
namespace {

using Plant = std::function<void(Damaged&)>;

Key call_key(const Damaged& s, uint32_t month = 202508) {
  return s.of(Kind::call).not_u32(month).not_u64(s.rich.call);
}
Plant call(std::function<bool(fb::Call*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::Call>(call_key(s), change); };
}
Key rollup_key(const Damaged& s, std::string_view model = fixture::kRichModel,
               uint32_t month = 202508) {
  return s.of(Kind::call_rollup).u32(month).append(rollup_hash(model, "USD", s.salt));
}
Plant rollup(std::function<bool(fb::CallRollup*)> change) {
  return [=](Damaged& s) { s.rewrite<fb::CallRollup>(rollup_key(s), change); };
}
bool spell(flatbuffers::String* text, char first) {
  text->Mutate(0, first);
  return true;
}

constexpr const char* kAmounts = "amounts of a call are within their limits";
constexpr const char* kRefers = "what a call refers to exists";
constexpr const char* kSum = "a rollup is the sum of its calls";
constexpr const char* kHas = "a rollup has its calls";

}  // namespace

TEST_CASE("check: calls") {
  check_faults({
      {"call", "id is of its commit", call([](auto* c) { return c->mutate_commit_seq(1); })},
      {"call", "enumerators are known", call([](auto* c) { return c->mutate_status(9); })},
      {"call", "a currency has three letters", call([](auto* c) {
         c->mutable_currency()->mutable_letters()->Mutate(0, 'u');
         return true;
       })},
      {"call", kAmounts, call([](auto* c) { return c->mutate_input_tokens(-1); })},
      {"call", kAmounts, call([](auto* c) { return c->mutate_output_tokens(kMaxCallTokens + 1); })},
      {"call", kAmounts, call([](auto* c) { return c->mutate_cached_tokens(-1); })},
      {"call", kAmounts, call([](auto* c) { return c->mutate_cost_micros(-1); })},
      {"call", kAmounts, call([](auto* c) { return c->mutate_latency_us(kMaxCallUs + 1); })},
      {"call", kAmounts,
       call([](auto* c) { return c->mutate_first_token_us(c->latency_us() + 1); })},
      {"call", kAmounts, call([](auto* c) { return c->mutate_first_token_us(-2); })},
      {"call", kRefers, call([](auto* c) { return c->mutate_message_seq(99); })},
      {"call", kRefers, call([](auto* c) { return c->mutate_event(c->event() + 1); })},
      {"call", kRefers, call([](auto* c) {
         c->mutable_project()->mutable_bytes()->Mutate(3, 0x77);
         return true;
       })},
      {"call", kRefers, call([](auto* c) {
         c->mutable_session()->mutable_bytes()->Mutate(3, 0x77);
         return true;
       })},
      {"call", "month is the running maximum of created_at",
       [](Damaged& s) { s.copy(call_key(s), call_key(s, 202507)); }},
      {"call", "ids rise", [](Damaged& s) { s.copy(call_key(s), call_key(s, 202510)); }},
      {"call", "effective_at is the running maximum of created_at",
       call([](auto* c) { return c->mutate_effective_at(c->effective_at() + 1); })},
      {"commit_body", "what a commit wrote exists", [](Damaged& s) { s.erase(call_key(s)); }},
  });
}

TEST_CASE("check: the months of calls") {
  check_faults({
      {"call_month", "index entry names its record",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::call_month).not_u64(s.rich.call + 1), {Uuid(), 202508, 0});
       }},
      {"call_month", "months rise",
       [](Damaged& s) {
         s.put_reference(s.of(Kind::call_month).not_u64(s.rich.call), {Uuid(), 202508, 0});
       }},
      {"call_month", "record has its index entry",
       [](Damaged& s) { s.erase(s.of(Kind::call_month).not_u64(s.first_call)); }},
  });
}

TEST_CASE("check: rollups of calls") {
  check_faults({
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_calls(2); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_failed_calls(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_input_tokens(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_output_tokens(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_cached_tokens(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_cost_micros(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_total_latency_us(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_longest_latency_us(1); })},
      {"call_rollup", kSum, rollup([](auto* r) { return r->mutate_commit_seq(1); })},
      {"call_rollup", kSum,
       rollup([](auto* r) { return r->mutate_created_at(1) && r->mutate_effective_at(1); })},
      {"call_rollup", kSum,
       [](Damaged& s) {
         s.rewrite<fb::CallRollup>(rollup_key(s, fixture::kRichModel, 202509),
                                   [](auto* r) { return r->mutate_calls(r->calls() - 1); });
       }},
      // A call that is not what was added up.
      {"call_rollup", kSum, call([](auto* c) { return c->mutate_cost_micros(12'346); })},
      {"call_rollup", kSum, call([](auto* c) { return c->mutate_status(2); })},
      {"call_rollup", "effective_at of a record alone is created_at",
       rollup([](auto* r) { return r->mutate_effective_at(1); })},
      {"call_rollup", "a currency has three letters", rollup([](auto* r) {
         r->mutable_currency()->mutable_letters()->Mutate(2, '3');
         return true;
       })},
      {"call_rollup", "the key is of model and currency",
       rollup([](auto* r) { return spell(r->mutable_model(), 'T'); })},
      {"call_rollup", "calls have their rollup", [](Damaged& s) { s.erase(rollup_key(s)); }},
      {"call_rollup", "calls have their rollup",
       call([](auto* c) { return spell(c->mutable_model(), 'T'); })},
      {"call_rollup", kHas, call([](auto* c) { return spell(c->mutable_model(), 'T'); })},
      {"call_rollup", kHas, [](Damaged& s) { s.copy(rollup_key(s), rollup_key(s, "nobody's")); }},
      {"call_rollup", kHas,
       [](Damaged& s) { s.copy(rollup_key(s), rollup_key(s, fixture::kRichModel, 202301)); }},
  });
}

}  // namespace bcstore::model
