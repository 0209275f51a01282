// The acknowledgement log, as bytes.
#include <cstring>
#include <utility>

#include "crash/plan.h"

namespace bcstore::crash {
namespace {

// Fixed-width numbers and counted bytes, in the machine's order: both ends are one machine.
class Writer {
 public:
  template <class T>
  void number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void id(const Uuid& id) { number(id.bytes); }
  void text(std::string_view text) {
    number(static_cast<uint32_t>(text.size()));
    out_.append(text);
  }
  template <class T>
  void optional(const std::optional<T>& value) {
    number(static_cast<uint8_t>(value.has_value()));
    if (value) number(*value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Parser {
 public:
  explicit Parser(std::string_view bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }

  template <class T>
  T number() {
    T value{};
    if (bytes_.size() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  Uuid id() { return Uuid{number<std::array<uint8_t, 16>>()}; }
  std::string text() {
    const auto size = number<uint32_t>();
    ok_ = ok_ && size <= bytes_.size();
    if (!ok_) return {};
    std::string out(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return out;
  }
  template <class T>
  std::optional<T> optional() {
    return number<uint8_t>() != 0 ? std::optional<T>(number<T>()) : std::nullopt;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

void put_plan(const Plan& plan, Writer* out) {
  out->number(plan.id);
  out->id(plan.owner.uuid());
  out->number(static_cast<uint8_t>(plan.is_durable));
  out->number(static_cast<uint8_t>(plan.by_agent));
  out->text(plan.key);
  out->number(static_cast<uint32_t>(plan.steps.size()));
  for (const Step& step : plan.steps) {
    out->number(static_cast<uint8_t>(step.verb));
    out->id(step.object);
    out->id(step.parent);
    out->number(step.choice);
    out->number(step.fields);
    out->number(static_cast<uint8_t>(step.flag));
    out->number(static_cast<uint8_t>(step.minted));
    out->number(step.version);
    out->number(step.bytes);
    out->optional(step.phase);
    out->optional(step.expected);
  }
}

Plan get_plan(Parser* in) {
  Plan plan;
  plan.id = in->number<uint64_t>();
  plan.owner = UserId(in->id());
  plan.is_durable = in->number<uint8_t>() != 0;
  plan.by_agent = in->number<uint8_t>() != 0;
  plan.key = in->text();
  const auto count = in->number<uint32_t>();
  for (uint32_t i = 0; i < count && in->ok(); ++i) {
    Step step;
    step.verb = static_cast<Verb>(in->number<uint8_t>());
    step.object = in->id();
    step.parent = in->id();
    step.choice = in->number<uint8_t>();
    step.fields = in->number<uint8_t>();
    step.flag = in->number<uint8_t>() != 0;
    step.minted = in->number<uint8_t>() != 0;
    step.version = in->number<uint32_t>();
    step.bytes = in->number<uint32_t>();
    step.phase = in->optional<int32_t>();
    step.expected = in->optional<uint64_t>();
    plan.steps.push_back(step);
  }
  return plan;
}

void put_ack(const Ack& ack, Writer* out) {
  out->number(ack.plan);
  out->number(ack.commit_seq);
  out->number(ack.owner_seq);
  out->number(static_cast<uint8_t>(ack.replayed));
  out->number(static_cast<uint32_t>(ack.operations.size()));
  for (const Receipt::Operation& operation : ack.operations) {
    out->id(operation.id);
    out->number(operation.number);
  }
}

Ack get_ack(Parser* in) {
  Ack ack;
  ack.plan = in->number<uint64_t>();
  ack.commit_seq = in->number<uint64_t>();
  ack.owner_seq = in->number<uint64_t>();
  ack.replayed = in->number<uint8_t>() != 0;
  const auto count = in->number<uint32_t>();
  for (uint32_t i = 0; i < count && in->ok(); ++i) {
    Receipt::Operation operation;
    operation.id = in->id();
    operation.number = in->number<uint64_t>();
    ack.operations.push_back(operation);
  }
  return ack;
}

}  // namespace

std::string encode(const Entry& entry) {
  Writer body;
  body.number(static_cast<uint8_t>(entry.kind));
  switch (entry.kind) {
    case Entry::Kind::pending:
      put_plan(entry.plan, &body);
      break;
    case Entry::Kind::acked:
      put_ack(entry.ack, &body);
      break;
    default:
      body.number(entry.number);
      body.text(entry.text);
  }
  Writer whole;
  whole.text(body.take());
  return whole.take();
}

std::optional<Entry> take_entry(std::string_view* bytes) {
  Parser frame(*bytes);
  const std::string body = frame.text();
  if (!frame.ok()) return std::nullopt;
  bytes->remove_prefix(sizeof(uint32_t) + body.size());
  Parser in(body);
  Entry entry;
  entry.kind = static_cast<Entry::Kind>(in.number<uint8_t>());
  switch (entry.kind) {
    case Entry::Kind::pending:
      entry.plan = get_plan(&in);
      break;
    case Entry::Kind::acked:
      entry.ack = get_ack(&in);
      break;
    default:
      entry.number = in.number<uint64_t>();
      entry.text = in.text();
  }
  return entry;
}

}  // namespace bcstore::crash
