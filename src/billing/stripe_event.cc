#include "billing/stripe_event.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "billing/stripe_signature.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace bcstore::billing {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999

Status invalid(std::string_view reason) {
  return Status(Code::invalid_argument, fmt::format("Stripe event: {}", reason));
}

Uuid hash_of(std::string_view bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Uuid hash;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), hash.bytes.begin());
  return hash;
}

// An object of the payload with its path, such as "data.object". The first fault of all that is
// read is kept, and later ones are not looked at.
class Fields {
 public:
  Fields(const object& fields, std::string path, Status* fault)
      : fields_(fields), path_(std::move(path)), fault_(fault) {}

  // The rest answer nothing for what is absent, null or at fault.
  std::optional<element> value(std::string_view name) const {
    element value;
    if (!fault_->ok() || fields_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) {
      return std::nullopt;
    }
    return value;
  }
  std::optional<Fields> child(std::string_view name) const {
    const std::optional<element> found = value(name);
    object fields;
    if (!found) return std::nullopt;
    if (found->get_object().get(fields) != simdjson::SUCCESS) return refuse(name, "is no object");
    return Fields(fields, path_of(name), fault_);
  }
  // Empty for nothing.
  std::string text(std::string_view name) const {
    const std::optional<element> found = value(name);
    return found ? text_of(*found, name) : std::string();
  }
  // An id, or an object that has one.
  std::string reference(std::string_view name) const {
    const std::optional<element> found = value(name);
    if (!found) return {};
    if (!found->is_object()) return text_of(*found, name);
    const std::optional<Fields> whole = child(name);
    return whole ? whole->required_text("id") : std::string();
  }
  std::optional<Time> time(std::string_view name) const {
    const std::optional<element> found = value(name);
    if (!found) return std::nullopt;
    int64_t seconds = 0;
    if (found->get_int64().get(seconds) != simdjson::SUCCESS || seconds < 0 ||
        seconds > kLastSecond) {
      refuse(name, "is not a time in seconds");
      return std::nullopt;
    }
    return Time{seconds * 1'000'000};
  }
  bool flag(std::string_view name) const {
    const std::optional<element> found = value(name);
    bool flag = false;
    if (found && found->get_bool().get(flag) != simdjson::SUCCESS) {
      refuse(name, "is not true or false");
    }
    return flag;
  }
  // The objects of a Stripe list: {"data": [...]}.
  template <class Visit>
  void each_of_list(std::string_view name, const Visit& visit) const {
    const std::optional<Fields> list = child(name);
    const std::optional<element> data = list ? list->value("data") : std::nullopt;
    if (!data) return;
    array elements;
    if (data->get_array().get(elements) != simdjson::SUCCESS) {
      list->refuse("data", "is no array");
      return;
    }
    for (const element item : elements) {
      object fields;
      if (item.get_object().get(fields) != simdjson::SUCCESS) {
        list->refuse("data", "holds something that is no object");
        return;
      }
      visit(Fields(fields, list->path_of("data[]"), fault_));
    }
  }

  std::string required_text(std::string_view name) const {
    std::string found = text(name);
    if (found.empty()) refuse(name, "is missing");
    return found;
  }
  Time required_time(std::string_view name) const {
    const std::optional<Time> found = time(name);
    if (!found) refuse(name, "is missing");
    return found.value_or(Time{});
  }

  // Keeps the first.
  std::nullopt_t refuse(std::string_view name, std::string_view reason) const {
    if (fault_->ok()) *fault_ = invalid(fmt::format("{} {}", path_of(name), reason));
    return std::nullopt;
  }

 private:
  std::string path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
  }
  std::string text_of(const element& value, std::string_view name) const {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) {
      refuse(name, "is not a string");
    } else if (text.size() > kMaxStripeTextBytes) {
      refuse(name, fmt::format("has {} bytes, the limit is {}", text.size(), kMaxStripeTextBytes));
    } else if (std::any_of(text.begin(), text.end(), [](char c) {
                 return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
               })) {
      refuse(name, "holds a control character");
    } else {
      return std::string(text);
    }
    return {};
  }

  object fields_;
  std::string path_;
  Status* fault_;
};

constexpr SubscriptionStatus kKnownStatuses[] = {
    SubscriptionStatus::incomplete, SubscriptionStatus::incomplete_expired,
    SubscriptionStatus::trialing,   SubscriptionStatus::active,
    SubscriptionStatus::past_due,   SubscriptionStatus::canceled,
    SubscriptionStatus::unpaid,     SubscriptionStatus::paused};

StripeEventKind kind_of(std::string_view type) {
  if (type == "customer.subscription.deleted") return StripeEventKind::subscription_deleted;
  if (type == "customer.subscription.created") return StripeEventKind::subscription_created;
  if (type.starts_with("customer.subscription.")) return StripeEventKind::subscription_changed;
  if (type == "checkout.session.completed") return StripeEventKind::checkout_completed;
  if (type == "customer.created" || type == "customer.updated") {
    return StripeEventKind::customer_changed;
  }
  if (type == "customer.deleted") return StripeEventKind::customer_deleted;
  if (type == "invoice.paid") return StripeEventKind::invoice_paid;
  if (type == "invoice.payment_failed") return StripeEventKind::invoice_payment_failed;
  return StripeEventKind::ignored;
}

SubscriptionStatus status_named(std::string_view name) {
  for (const SubscriptionStatus known : kKnownStatuses) {
    if (to_string(known) == name) return known;
  }
  return SubscriptionStatus::other;
}

void keep_later(std::optional<Time>* kept, std::optional<Time> time) {
  if (time && (!*kept || **kept < *time)) *kept = time;
}

void read_subscription(const Fields& fields, StripeEvent* event) {
  event->subscription = fields.required_text("id");
  event->customer = fields.reference("customer");
  const bool is_deleted = event->kind == StripeEventKind::subscription_deleted;
  event->status = status_named(is_deleted ? fields.text("status") : fields.required_text("status"));
  event->cancel_at_period_end = fields.flag("cancel_at_period_end");
  std::optional<Time> of_items;
  fields.each_of_list("items", [&](const Fields& item) {
    if (event->price.empty()) event->price = item.reference("price");
    if (event->price.empty()) event->price = item.reference("plan");
    keep_later(&of_items, item.time("current_period_end"));
  });
  if (event->price.empty()) event->price = fields.reference("plan");
  event->period_end = fields.time("current_period_end");
  if (!event->period_end) event->period_end = of_items;
}

std::string subscription_of_invoice(const Fields& invoice) {
  std::string found = invoice.reference("subscription");
  if (!found.empty()) return found;
  const std::optional<Fields> parent = invoice.child("parent");
  const std::optional<Fields> details =
      parent ? parent->child("subscription_details") : std::nullopt;
  return details ? details->reference("subscription") : std::string();
}

// A line of the subscription, and not something else that was put on its invoice.
bool is_line_of(const Fields& line, std::string_view subscription) {
  std::string named = line.reference("subscription");
  if (const std::optional<Fields> parent = line.child("parent"); parent && named.empty()) {
    const std::optional<Fields> details = parent->child("subscription_item_details");
    if (details) named = details->reference("subscription");
  }
  return named.empty() ? line.text("type") == "subscription" : named == subscription;
}

void read_invoice(const Fields& fields, StripeEvent* event) {
  (void)fields.required_text("id");
  event->customer = fields.reference("customer");
  event->subscription = subscription_of_invoice(fields);
  if (event->subscription.empty()) return;
  fields.each_of_list("lines", [&](const Fields& line) {
    if (!is_line_of(line, event->subscription)) return;
    if (const std::optional<Fields> period = line.child("period")) {
      keep_later(&event->period_end, period->time("end"));
    }
  });
}

void read_checkout(const Fields& fields, StripeEvent* event) {
  (void)fields.required_text("id");
  event->customer = fields.reference("customer");
  event->subscription = fields.reference("subscription");
  event->client_reference_id = fields.text("client_reference_id");
}

std::string_view object_name(StripeEventKind kind) {
  switch (kind) {
    case StripeEventKind::subscription_created:
    case StripeEventKind::subscription_changed:
    case StripeEventKind::subscription_deleted:
      return "subscription";
    case StripeEventKind::checkout_completed:
      return "checkout.session";
    case StripeEventKind::customer_changed:
    case StripeEventKind::customer_deleted:
      return "customer";
    case StripeEventKind::invoice_paid:
    case StripeEventKind::invoice_payment_failed:
      return "invoice";
    case StripeEventKind::ignored:
      break;
  }
  return {};
}

void read_object(const Fields& fields, StripeEvent* event) {
  const std::string name = fields.text("object");
  if (!name.empty() && name != object_name(event->kind)) {
    fields.refuse("object", fmt::format("is not {}", object_name(event->kind)));
  }
  switch (event->kind) {
    case StripeEventKind::subscription_created:
    case StripeEventKind::subscription_changed:
    case StripeEventKind::subscription_deleted:
      return read_subscription(fields, event);
    case StripeEventKind::checkout_completed:
      return read_checkout(fields, event);
    case StripeEventKind::customer_changed:
    case StripeEventKind::customer_deleted:
      event->customer = fields.required_text("id");
      return;
    case StripeEventKind::invoice_paid:
    case StripeEventKind::invoice_payment_failed:
      return read_invoice(fields, event);
    case StripeEventKind::ignored:
      return;
  }
}

void read_envelope(const Fields& fields, StripeEvent* event) {
  event->id = fields.required_text("id");
  event->type = fields.required_text("type");
  event->kind = kind_of(event->type);
  if (event->kind == StripeEventKind::ignored) {
    // Events of Stripe's second interface write their time as text.
    const std::optional<element> created = fields.value("created");
    int64_t seconds = 0;
    if (created && created->get_int64().get(seconds) == simdjson::SUCCESS && seconds >= 0 &&
        seconds <= kLastSecond) {
      event->created = Time{seconds * 1'000'000};
    }
    return;
  }
  event->created = fields.required_time("created");
  const std::optional<Fields> data = fields.child("data");
  const std::optional<Fields> what = data ? data->child("object") : std::nullopt;
  if (what) {
    read_object(*what, event);
  } else {
    fields.refuse("data.object", "is missing");
  }
}

}  // namespace

Result<StripeEvent> read_stripe_event(std::string_view payload) {
  if (payload.size() > kMaxStripePayloadBytes) {
    return invalid(fmt::format("the payload has {} bytes, the limit is {}", payload.size(),
                               kMaxStripePayloadBytes));
  }
  // The parser copies from wherever a view of nothing points to.
  if (payload.empty()) return invalid("is not JSON: it is empty");
  simdjson::dom::parser parser(kMaxStripePayloadBytes);
  element root;
  object fields;
  // It does not count an innermost empty container, which is one level more.
  simdjson::error_code error = parser.allocate(payload.size(), kMaxStripeJsonDepth);
  if (!error) error = parser.parse(payload.data(), payload.size(), true).get(root);
  if (error == simdjson::DEPTH_ERROR) {
    return invalid(fmt::format("the JSON is nested deeper than {}", kMaxStripeJsonDepth));
  }
  if (error) return invalid(fmt::format("is not JSON: {}", simdjson::error_message(error)));
  if (root.get_object().get(fields) != simdjson::SUCCESS) return invalid("is no JSON object");
  StripeEvent event;
  event.payload_hash = hash_of(payload);
  Status fault;
  read_envelope(Fields(fields, "", &fault), &event);
  if (!fault.ok()) return fault;
  return event;
}

}  // namespace bcstore::billing
