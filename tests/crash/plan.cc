#include "crash/plan.h"

#include <cstring>
#include <map>
#include <utility>

#include "crash/random.h"

namespace bcstore::crash {
namespace {

constexpr size_t kNumberDigits = 16;

std::string hex(uint64_t number) {
  std::string out(kNumberDigits, '0');
  for (size_t i = kNumberDigits; i-- > 0; number >>= 4) out[i] = "0123456789abcdef"[number & 15];
  return out;
}

// Half of all texts compress well, half hardly.
std::string filler(uint64_t seed, size_t bytes) {
  static constexpr std::string_view kWords[] = {
      "tea",  "shop",     "price", "launch", "the",
      "and",  "customer", "rare",  "plan",   "\xC3\xA9t\xC3\xA9",
      "next", "question"};
  Random random(seed);
  const bool words = random.percent(50);
  std::string out;
  while (out.size() < bytes) {
    out += words ? std::string(kWords[random.below(std::size(kWords))]) : hex(random.next());
    out += ' ';
  }
  return out;
}

std::string text_of(const Plan& plan, size_t step, char part, size_t bytes) {
  std::string out = plan_name(plan.id) + "." + std::to_string(step) + part + " ";
  return out + filler(Random::derive(plan.id, step * 256 + static_cast<uint8_t>(part)), bytes);
}

std::string json_of(const Plan& plan, size_t step, char part, size_t bytes) {
  return "{\"n\":\"" + text_of(plan, step, part, bytes) + "\", \"step\" : " + std::to_string(step) +
         "}";
}

bool has(const Step& step, Field field) { return (step.fields & field) != 0; }

std::optional<std::string_view> given(const Step& step, Field field, const std::string& text) {
  return has(step, field) ? std::optional<std::string_view>(text) : std::nullopt;
}

std::optional<uint32_t> narrow(std::optional<uint64_t> number) {
  return number ? std::optional<uint32_t>(static_cast<uint32_t>(*number)) : std::nullopt;
}

template <class AnyId>
std::optional<AnyId> wanted(const Step& step) {
  return step.minted ? std::nullopt : std::optional<AnyId>(AnyId(step.object));
}

template <class Enum>
std::optional<Enum> enumerator(std::optional<uint64_t> number) {
  return number ? std::optional<Enum>(static_cast<Enum>(*number)) : std::nullopt;
}

void add_project_step(Step* step, const Texts& texts, WriteBatch* batch) {
  switch (step->verb) {
    case Verb::create_project:
      step->object = batch
                         ->create_project({.name = texts.name,
                                           .idea_prompt = texts.main,
                                           .status = static_cast<ProjectStatus>(step->choice),
                                           .change_note = given(*step, kFirst, texts.note),
                                           .id = wanted<ProjectId>(*step)})
                         .uuid();
      break;
    case Verb::add_version:
      batch->add_version(ProjectId(step->object), {.change_note = given(*step, kFirst, texts.note),
                                                   .name = given(*step, kSecond, texts.name),
                                                   .idea_prompt = given(*step, kThird, texts.main),
                                                   .expected_current = narrow(step->expected)});
      break;
    case Verb::set_status:
      batch->set_status(ProjectId(step->object), static_cast<ProjectStatus>(step->choice),
                        enumerator<ProjectStatus>(step->expected));
      break;
    default:
      break;
  }
}

void add_document_step(Step* step, const Texts& texts, WriteBatch* batch) {
  const ContentType type = has(*step, kSecond) ? ContentType::json : ContentType::text;
  const DocumentId document(step->object);
  switch (step->verb) {
    case Verb::create_document: {
      const std::optional<uint32_t> version =
          step->version == 0 ? std::nullopt : std::optional<uint32_t>(step->version);
      step->object = batch
                         ->create_document(ProjectId(step->parent),
                                           {.section = static_cast<Section>(step->choice),
                                            .version = version,
                                            .content = given(*step, kFirst, texts.main),
                                            .content_type = type,
                                            .change_note = given(*step, kThird, texts.note),
                                            .is_locked = step->flag,
                                            .id = wanted<DocumentId>(*step)})
                         .uuid();
      break;
    }
    case Verb::add_revision:
      batch->add_revision(document, {.content = texts.main,
                                     .content_type = type,
                                     .change_note = given(*step, kThird, texts.note),
                                     .expected_rev = narrow(step->expected)});
      break;
    case Verb::set_lock:
      batch->set_lock(document, step->flag,
                      step->expected ? std::optional<bool>(*step->expected != 0) : std::nullopt);
      break;
    default:
      break;
  }
}

void add_task_step(Step* step, const Texts& texts, WriteBatch* batch) {
  switch (step->verb) {
    case Verb::create_task:
      step->object =
          batch
              ->create_task(ProjectId(step->parent),
                            {.title = texts.name,
                             .description = has(*step, kFirst) ? std::string_view(texts.main) : "",
                             .phase = step->phase,
                             .id = wanted<TaskId>(*step)})
              .uuid();
      break;
    case Verb::revise_task: {
      TaskEdit edit{.title = given(*step, kFirst, texts.name),
                    .description = given(*step, kSecond, texts.main),
                    .expected_rev = narrow(step->expected)};
      if (has(*step, kThird)) edit.phase = step->phase;
      batch->revise_task(TaskId(step->object), edit);
      break;
    }
    case Verb::record_activity:
      batch->record_activity(TaskId(step->object), static_cast<TaskAction>(step->choice),
                             enumerator<TaskState>(step->expected));
      break;
    default:
      break;
  }
}

void add_chat_step(Step* step, const Texts& texts, WriteBatch* batch) {
  const ChatSessionId session(step->object);
  switch (step->verb) {
    case Verb::start_chat:
      step->object =
          batch
              ->start_chat(ProjectId(step->parent), {.title = given(*step, kFirst, texts.name),
                                                     .id = wanted<ChatSessionId>(*step)})
              .uuid();
      break;
    case Verb::rename_chat:
      batch->rename_chat(session, given(*step, kFirst, texts.name), narrow(step->expected));
      break;
    case Verb::append_message: {
      NewMessage message{.role = static_cast<Role>(step->choice),
                         .content = texts.main,
                         .name = given(*step, kSecond, texts.name),
                         .metadata = given(*step, kFirst, texts.note),
                         .expected_seq = step->expected};
      if (has(*step, kThird)) message.token_count = static_cast<int32_t>(step->bytes);
      batch->append_message(session, message);
      break;
    }
    default:
      break;
  }
}

void add_owner_step(const Step& step, const Texts& texts, WriteBatch* batch) {
  if (step.verb == Verb::append_event) {
    NewEvent event{.type = texts.name, .payload = given(step, kFirst, texts.main)};
    if (!step.parent.is_nil()) event.project = ProjectId(step.parent);
    batch->append_event(event);
  } else if (step.verb == Verb::consume_credit) {
    batch->consume_credit({.amount = step.choice, .reason = texts.name});
  } else if (step.verb == Verb::edit_profile) {
    ProfileEdit edit{.email = given(step, kSecond, texts.main),
                     .expected_rev = narrow(step.expected)};
    if (has(step, kFirst)) edit.full_name = std::optional<std::string_view>(texts.name);
    batch->edit_profile(edit);
  }
}

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

std::string plan_name(uint64_t plan) { return "p" + hex(plan); }

std::optional<uint64_t> named_plan(std::string_view text) {
  if (text.starts_with("{\"n\":\"")) text.remove_prefix(6);
  if (text.size() < 1 + kNumberDigits || text[0] != 'p') return std::nullopt;
  uint64_t plan = 0;
  for (char c : text.substr(1, kNumberDigits)) {
    const size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    plan = plan << 4 | digit;
  }
  return plan;
}

Texts texts_of(const Plan& plan, size_t index) {
  const Step& step = plan.steps[index];
  const bool is_json = (step.verb == Verb::append_event) ||
                       ((step.verb == Verb::create_document || step.verb == Verb::add_revision) &&
                        has(step, kSecond));
  Texts texts;
  texts.main =
      is_json ? json_of(plan, index, 'm', step.bytes) : text_of(plan, index, 'm', step.bytes);
  if (step.verb == Verb::create_user || step.verb == Verb::edit_profile) {
    texts.main = plan_name(plan.id) + "." + std::to_string(index) + "@Example.com";
  }
  texts.name = text_of(plan, index, 'n', 12);
  texts.note = step.verb == Verb::append_message ? json_of(plan, index, 'o', 20)
                                                 : text_of(plan, index, 'o', 30);
  return texts;
}

void add_steps(Plan* plan, WriteBatch* batch) {
  std::map<Uuid, Uuid> minted;
  for (size_t i = 0; i < plan->steps.size(); ++i) {
    const Texts texts = texts_of(*plan, i);
    Step* step = &plan->steps[i];
    for (Uuid* id : {&step->object, &step->parent}) {
      if (const auto it = minted.find(*id); it != minted.end()) *id = it->second;
    }
    const Uuid before = step->object;
    add_project_step(step, texts, batch);
    add_document_step(step, texts, batch);
    add_task_step(step, texts, batch);
    add_chat_step(step, texts, batch);
    add_owner_step(*step, texts, batch);
    if (step->minted) minted[before] = step->object;
  }
}

NewUser new_user(const Plan& plan, const Texts& texts) {
  return {
      .email = texts.main, .full_name = given(plan.steps[0], kFirst, texts.name), .id = plan.owner};
}

Tenant actor_of(const Plan& plan, const Store& store) {
  const Tenant owner = store.tenant(plan.owner);
  return plan.by_agent ? owner.as_agent(plan_name(plan.id)) : owner;
}

CommitOptions commit_options(const Plan& plan) {
  return {.durability = plan.is_durable ? Durability::durable : Durability::relaxed,
          .idempotency_key = plan.key};
}

Ack ack_of(uint64_t plan, const Receipt& receipt) {
  return {.plan = plan,
          .commit_seq = receipt.commit_seq,
          .owner_seq = receipt.owner_seq,
          .replayed = receipt.replayed,
          .operations = receipt.operations};
}

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
