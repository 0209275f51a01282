#include "model/billing_fields.h"

#include <algorithm>
#include <cstring>

namespace bcstore::model {

using billing::EventOrder;
using format::Kind;

namespace {

using MarkOffset = flatbuffers::Offset<fb::EventMark>;
using TextOffset = flatbuffers::Offset<flatbuffers::String>;

TextOffset text_in(flatbuffers::FlatBufferBuilder& fbb, std::string_view text) {
  return text.empty() ? TextOffset() : fbb.CreateString(text.data(), text.size());
}

MarkOffset mark_in(flatbuffers::FlatBufferBuilder& fbb, const EventOrder& order) {
  const TextOffset id = text_in(fbb, order.event_id);
  const fb::Uuid hash = to_fb(order.payload_hash);
  return fb::CreateEventMark(fbb, order.created.us, static_cast<uint8_t>(order.stage), id, &hash);
}

// Of a register, or of an order alone; nothing for none.
const EventOrder& order_in(const EventOrder& order) { return order; }
template <class Register>
const EventOrder& order_in(const Register& entry) {
  return entry.order;
}
template <class Register>
MarkOffset mark_in(flatbuffers::FlatBufferBuilder& fbb, const std::optional<Register>& entry) {
  return entry ? mark_in(fbb, order_in(*entry)) : MarkOffset();
}

EventOrder order_of(const fb::EventMark* mark) {
  if (mark == nullptr) return {};
  return {Time{mark->created()}, static_cast<EventOrder::Stage>(mark->stage()),
          std::string(text_of(mark->event_id())), from_fb(mark->payload_hash())};
}
std::optional<EventOrder> maybe_order(const fb::EventMark* mark) {
  return mark == nullptr ? std::nullopt : std::optional(order_of(mark));
}

std::string text_in(const flatbuffers::String* text) { return std::string(text_of(text)); }

std::optional<Time> maybe_time(bool has, int64_t us) {
  return has ? std::optional(Time{us}) : std::nullopt;
}

void append(std::string* out, const Uuid& id) {
  out->append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

Uuid uuid_at(std::string_view bytes) {
  Uuid id;
  std::memcpy(id.bytes.data(), bytes.data(), id.bytes.size());
  return id;
}

}  // namespace

void SubscriptionFields::show(const billing::CustomerRecord& customer) {
  status = billing::status_of(record, &customer);
  period_end = billing::period_end_of(record);
}

bool read_list(std::string_view tail, std::vector<KnownSubscription>* subscriptions) {
  subscriptions->clear();
  if (tail.size() % KnownSubscription::kBytes != 0) return false;
  for (; !tail.empty(); tail.remove_prefix(KnownSubscription::kBytes)) {
    const auto status = static_cast<SubscriptionStatus>(tail[16]);
    subscriptions->push_back({uuid_at(tail), status});
  }
  return std::adjacent_find(subscriptions->begin(), subscriptions->end(),
                            [](const auto& a, const auto& b) { return a.hash >= b.hash; }) ==
         subscriptions->end();
}

bool read_list(std::string_view tail, std::vector<Uuid>* customers) {
  customers->clear();
  if (tail.size() % sizeof(Uuid) != 0) return false;
  for (; !tail.empty(); tail.remove_prefix(sizeof(Uuid))) customers->push_back(uuid_at(tail));
  return std::adjacent_find(customers->begin(), customers->end(), std::greater_equal<>()) ==
         customers->end();
}

bool read_customer(const fb::BillingCustomer& table, std::string_view tail,
                   CustomerFields* fields) {
  *fields = {};
  billing::CustomerRecord& record = fields->record;
  record.id = text_in(table.id());
  record.last = order_of(table.last());
  record.deleted = maybe_order(table.deleted());
  fields->linked_by = static_cast<LinkedBy>(table.linked_by());
  if (table.user() != nullptr) fields->user = UserId(from_fb(table.user()));
  if (table.link() != nullptr && fields->user) {
    record.link = {order_of(table.link()), to_string(*fields->user)};
  }
  return read_list(tail, &fields->subscriptions);
}

bool read_account(const fb::BillingAccount& table, std::string_view tail,
                  BillingAccountFields* fields) {
  fields->base_is_pro = table.base_is_pro();
  fields->pro_by = static_cast<ProBy>(table.pro_by());
  return read_list(tail, &fields->customers);
}

SubscriptionFields read_subscription(const fb::SubscriptionHead& table) {
  SubscriptionFields fields;
  billing::SubscriptionRecord& record = fields.record;
  record.id = text_in(table.id());
  record.last = order_of(table.last());
  // Every event of one record names its customer: the last one does.
  record.customer = {record.last, text_in(table.customer())};
  if (table.report() != nullptr) {
    record.report = {order_of(table.report()),
                     static_cast<SubscriptionStatus>(table.reported_status()),
                     text_in(table.price()), table.cancel_at_period_end(),
                     maybe_time(table.has_reported_end(), table.reported_end())};
  }
  if (table.paid() != nullptr) record.paid = {order_of(table.paid()), Time{table.paid_end()}};
  record.failed = maybe_order(table.failed());
  record.deleted = maybe_order(table.deleted());
  fields.status = static_cast<SubscriptionStatus>(table.status());
  fields.period_end = maybe_time(table.has_period_end(), table.period_end());
  return fields;
}

Uuid delivery_hash(std::string_view event_id, const Uuid& payload_hash, uint64_t salt) {
  std::string both;
  append(&both, payload_hash);
  both.append(event_id);
  return format::hash128(both, salt);
}

Uuid subscription_hash(const Uuid& customer, std::string_view id, uint64_t salt) {
  std::string both;
  append(&both, customer);
  both.append(id);
  return format::hash128(both, salt);
}

// --- Encoder

Draft Encoder::billing_delivery(By by, const DeliveryFields& f) {
  Who w = who(by);
  const TextOffset id = text(f.event.id);
  const fb::Uuid hash = to_fb(f.event.payload_hash);
  fb::BillingDeliveryBuilder b(fbb_);
  add_common(b, w);
  b.add_event_id(id);
  b.add_payload_hash(&hash);
  b.add_occurred_at(f.event.created.us);
  b.add_event_kind(static_cast<uint8_t>(f.event.kind));
  b.add_outcome(static_cast<uint8_t>(f.outcome));
  fbb_.Finish(b.Finish());
  return finish(Kind::billing_delivery);
}

Draft Encoder::billing_customer(By by, const CustomerFields& f) {
  Who w = who(by);
  const TextOffset id = text(f.record.id);
  const MarkOffset last =
      f.record.last.event_id.empty() ? MarkOffset() : mark_in(fbb_, f.record.last);
  const MarkOffset link = mark_in(fbb_, f.record.link);
  const MarkOffset deleted = mark_in(fbb_, f.record.deleted);
  const fb::Uuid user = to_fb(f.user.value_or(UserId()).uuid());
  fb::BillingCustomerBuilder b(fbb_);
  add_common(b, w);
  b.add_id(id);
  b.add_last(last);
  b.add_linked_by(static_cast<uint8_t>(f.linked_by));
  b.add_link(link);
  if (f.user) b.add_user(&user);
  b.add_deleted(deleted);
  fbb_.Finish(b.Finish());
  std::string list;
  for (const KnownSubscription& one : f.subscriptions) {
    append(&list, one.hash);
    list.push_back(static_cast<char>(one.status));
  }
  return finish(Kind::billing_customer, list);
}

Draft Encoder::billing_account(By by, const BillingAccountFields& f) {
  Who w = who(by);
  fb::BillingAccountBuilder b(fbb_);
  add_common(b, w);
  b.add_base_is_pro(f.base_is_pro);
  b.add_pro_by(static_cast<uint8_t>(f.pro_by));
  fbb_.Finish(b.Finish());
  std::string list;
  for (const Uuid& customer : f.customers) append(&list, customer);
  return finish(Kind::billing_account, list);
}

Draft Encoder::subscription(By by, const SubscriptionFields& f) {
  Who w = who(by);
  const billing::SubscriptionRecord& r = f.record;
  const TextOffset id = text(r.id), customer = text(f.customer()), price = text_in(fbb_, f.price());
  const MarkOffset last = mark_in(fbb_, r.last), report = mark_in(fbb_, r.report);
  const MarkOffset paid = mark_in(fbb_, r.paid), failed = mark_in(fbb_, r.failed);
  const MarkOffset deleted = mark_in(fbb_, r.deleted);
  fb::SubscriptionHeadBuilder b(fbb_);
  add_common(b, w);
  b.add_id(id);
  b.add_customer(customer);
  b.add_last(last);
  if (r.report) {
    b.add_report(report);
    b.add_reported_status(static_cast<uint8_t>(r.report->status));
    b.add_price(price);
    b.add_cancel_at_period_end(r.report->cancel_at_period_end);
    b.add_has_reported_end(r.report->period_end.has_value());
    b.add_reported_end(r.report->period_end.value_or(Time()).us);
  }
  if (r.paid) {
    b.add_paid(paid);
    b.add_paid_end(r.paid->period_end.us);
  }
  b.add_failed(failed);
  b.add_deleted(deleted);
  b.add_status(static_cast<uint8_t>(f.status));
  b.add_has_period_end(f.period_end.has_value());
  b.add_period_end(f.period_end.value_or(Time()).us);
  fbb_.Finish(b.Finish());
  return finish(Kind::subscription);
}

Draft Encoder::subscription_change(By by, const SubscriptionFields& f, bool is_gone) {
  Who w = who(by);
  const TextOffset price = text_in(fbb_, f.price()), event = text(f.record.last.event_id);
  const TextOffset id = text(f.record.id), customer = text(f.customer());
  fb::SubscriptionChangeBuilder b(fbb_);
  add_common(b, w);
  b.add_status(static_cast<uint8_t>(f.status));
  b.add_price(price);
  b.add_cancel_at_period_end(f.cancel_at_period_end());
  b.add_has_period_end(f.period_end.has_value());
  b.add_period_end(f.period_end.value_or(Time()).us);
  b.add_event_id(event);
  b.add_event_at(f.record.last.created.us);
  b.add_is_gone(is_gone);
  b.add_id(id);
  b.add_customer(customer);
  fbb_.Finish(b.Finish());
  return finish(Kind::subscription_change);
}

}  // namespace bcstore::model
