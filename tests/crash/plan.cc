#include "crash/plan.h"

#include <algorithm>
#include <map>

#include "crash/random.h"

namespace bcstore::crash {
namespace {

constexpr size_t kNumberDigits = 16;
constexpr uint64_t kShared = 7;  // the seed of embeddings that many plans have

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

void add_sections_step(const Plan& plan, size_t index, WriteBatch* batch) {
  const Step& step = plan.steps[index];
  if (step.verb != Verb::add_sections) return;
  const std::vector<Block> blocks = blocks_of(plan, index);
  std::vector<NewBlock> given_blocks;
  for (const Block& block : blocks) {
    NewBlock given{.block_id = block.id, .body_md = block.body, .embedding = block.embedding};
    if (block.heading) given.heading = *block.heading;
    given_blocks.push_back(given);
  }
  batch->add_sections(DocumentId(step.object), step.version, given_blocks);
}

void add_integration_step(Step* step, const Texts& texts, WriteBatch* batch) {
  const IntegrationId integration(step->object);
  switch (step->verb) {
    case Verb::add_integration:
      step->object = batch
                         ->add_integration({.type = static_cast<IntegrationType>(step->choice),
                                            .metadata = texts.main,
                                            .id = wanted<IntegrationId>(*step)})
                         .uuid();
      break;
    case Verb::revise_integration:
      batch->revise_integration(integration, texts.main, narrow(step->expected));
      break;
    case Verb::remove_integration:
      batch->remove_integration(integration, narrow(step->expected));
      break;
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

std::vector<Block> blocks_of(const Plan& plan, size_t index) {
  constexpr size_t kDimension = 5;
  const Step& step = plan.steps[index];
  const Texts texts = texts_of(plan, index);
  Random random(step.flag ? kShared : Random::derive(plan.id, index));
  std::vector<Block> blocks(step.choice);
  for (size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].id = "block " + std::to_string(i);
    blocks[i].body = texts.main + std::to_string(i);
    if (has(step, kFirst)) blocks[i].heading = texts.name;
    if (!has(step, kSecond)) continue;
    for (size_t f = 0; f < kDimension; ++f) {
      blocks[i].embedding.push_back(1.0F / static_cast<float>(random.between(1, 1'000'000)));
    }
  }
  return blocks;
}

std::string public_name(const Uuid& object) {
  const auto* bytes = reinterpret_cast<const char*>(object.bytes.data());
  return {bytes, std::find(bytes, bytes + object.bytes.size(), '\0')};
}

Uuid public_object(std::string_view name) {
  Uuid object;
  std::copy_n(name.begin(), std::min(name.size(), object.bytes.size()), object.bytes.begin());
  return object;
}

Texts texts_of(const Plan& plan, size_t index) {
  const Step& step = plan.steps[index];
  bool is_json = false;
  switch (step.verb) {
    case Verb::append_event:
    case Verb::add_integration:
    case Verb::revise_integration:
      is_json = true;
      break;
    case Verb::create_document:
    case Verb::add_revision:
    case Verb::put_public:
      is_json = has(step, kSecond);
      break;
    default:
      break;
  }
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
    add_sections_step(*plan, i, batch);
    add_integration_step(step, texts, batch);
    add_owner_step(*step, texts, batch);
    if (step->minted) minted[before] = step->object;
  }
}

NewUser new_user(const Plan& plan, const Texts& texts) {
  return {
      .email = texts.main, .full_name = given(plan.steps[0], kFirst, texts.name), .id = plan.owner};
}

NewPublic new_public(const Step& step, const std::string& name, const Texts& texts) {
  return {.name = name,
          .content = texts.main,
          .content_type = has(step, kSecond) ? ContentType::json : ContentType::text,
          .expected_rev = narrow(step.expected)};
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

}  // namespace bcstore::crash
