// Records of calls and what they add up to.
#include "model/encode.h"

namespace bcstore::model {

using format::Kind;
using TextOffset = flatbuffers::Offset<flatbuffers::String>;

Draft Encoder::call(By by, const CallFields& f) {
  Who w = who(by);
  TextOffset agent = text(f.agent), model = text(f.model);
  auto ref = [](const std::optional<Uuid>& id) { return id ? to_fb(*id) : fb::Uuid(); };
  fb::Uuid project = ref(f.project), session = ref(f.session), hold = ref(f.hold);
  fb::Currency currency = currency_to_fb(f.currency);
  fb::CallBuilder b(fbb_);
  add_common(b, w);
  // Largest first: no padding between them.
  b.add_input_tokens(f.input_tokens);
  b.add_output_tokens(f.output_tokens);
  b.add_cached_tokens(f.cached_tokens);
  b.add_latency_us(f.latency_us);
  b.add_first_token_us(f.first_token_us.value_or(-1));
  b.add_cost_micros(f.cost_micros);
  b.add_message_seq(f.message_seq);
  b.add_event(f.event);
  if (f.project) b.add_project(&project);
  if (f.session) b.add_session(&session);
  if (f.hold) b.add_hold(&hold);
  b.add_agent(agent);
  b.add_model(model);
  b.add_currency(&currency);
  b.add_status(static_cast<uint8_t>(f.status));
  fbb_.Finish(b.Finish());
  return finish(Kind::call);
}

Draft Encoder::call_rollup(By by, std::string_view model_name, std::string_view currency_letters) {
  Who w = who(by);
  TextOffset model = text(model_name);
  fb::Currency currency = currency_to_fb(currency_letters);
  fb::CallRollupBuilder b(fbb_);
  add_common(b, w);
  always(b, [](auto& r) {
    r.add_calls(0);
    r.add_failed_calls(0);
    r.add_input_tokens(0);
    r.add_output_tokens(0);
    r.add_cached_tokens(0);
    r.add_cost_micros(0);
    r.add_total_latency_us(0);
    r.add_longest_latency_us(0);
  });
  b.add_model(model);
  b.add_currency(&currency);
  fbb_.Finish(b.Finish());
  return finish(Kind::call_rollup);
}

Draft Encoder::feed_cursor(By by, std::string_view name, uint64_t seq) {
  Who w = who(by);
  const auto text = this->text(name);
  fb::FeedCursorBuilder b(fbb_);
  add_common(b, w);
  b.add_name(text);
  always(b, [seq](auto& cursor) { cursor.add_seq(seq); });
  fbb_.Finish(b.Finish());
  return finish(Kind::feed_cursor);
}

Draft Encoder::feed_floor(By by, uint64_t through_seq) {
  Who w = who(by);
  fb::FeedFloorBuilder b(fbb_);
  add_common(b, w);
  always(b, [through_seq](auto& floor) { floor.add_through_seq(through_seq); });
  fbb_.Finish(b.Finish());
  return finish(Kind::feed_floor);
}

Draft Encoder::replica_keys(By by, uint32_t keys, uint64_t chain, std::string_view packed) {
  Who w = who(by);
  fb::ReplicaKeysBuilder b(fbb_);
  add_common(b, w);
  b.add_chain(chain);
  b.add_keys(keys);
  fbb_.Finish(b.Finish());
  return finish(Kind::replica_keys, packed);
}

Draft Encoder::replica_state(By by, ReplicaRole role, bool is_consistent,
                             std::string_view position) {
  Who w = who(by);
  fb::ReplicaStateBuilder b(fbb_);
  add_common(b, w);
  b.add_role(static_cast<uint8_t>(role));
  b.add_is_consistent(is_consistent);
  fbb_.Finish(b.Finish());
  return finish(Kind::replica_state, position);
}

}  // namespace bcstore::model
