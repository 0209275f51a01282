#include "generate/play.h"

#include <fmt/format.h>

#include <vector>

#include "answer.h"

namespace bcstore::bench {
namespace {

template <class T>
void expect(const Result<T>& result, T expected, std::string_view what) {
  check(result.status(), what);
  if (*result != expected) {
    throw Failure(fmt::format("bcstore: {}: answered {} instead of {}", what, *result, expected));
  }
}

}  // namespace

const Tenant& Player::tenant(const Happening& when) {
  clock_.set(when.at_us);
  auto found = tenants_.find(when.owner);
  if (found == tenants_.end()) {
    found = tenants_.emplace(when.owner, store_.tenant(UserId(Uuid{when.user}))).first;
  }
  return found->second;
}

void Player::sign_up(const Happening& when, const SignUp& user) {
  clock_.set(when.at_us);
  const UserId id(Uuid{when.user});
  take(service_.create_user({.email = user.email,
                             .full_name = user.full_name,
                             .stripe_customer_id = user.stripe_customer_id,
                             .id = id},
                            options_),
       "create_user");
  check(service_
            .set_credit_plan(
                id,
                {.allowance = user.allowance, .resets_at = Time{user.resets_at_us}, .refill = true},
                options_)
            .status(),
        "set_credit_plan");
  if (user.is_unlimited) check(service_.set_unlimited(id, true, options_).status(), "unlimited");
}

void Player::grant(const Happening& when, int32_t credits) {
  clock_.set(when.at_us);
  check(service_.grant_credits(UserId(Uuid{when.user}), {.amount = credits}, options_).status(),
        "grant_credits");
}

void Player::project(const Happening& when, const RawId& id, std::string_view name,
                     std::string_view prompt) {
  take(tenant(when).create_project({.name = name, .idea_prompt = prompt, .id = ProjectId(Uuid{id})},
                                   options_),
       "create_project");
}

void Player::version(const Happening& when, const RawId& project, uint32_t version,
                     std::string_view note) {
  const Tenant agent = tenant(when).as_agent("planner");
  expect(agent.add_version(ProjectId(Uuid{project}), {.change_note = note}, options_), version,
         "add_version");
}

void Player::document(const Happening& when, const RawId& id, const RawId& project,
                      uint32_t version, uint8_t section) {
  take(tenant(when).create_document(ProjectId(Uuid{project}),
                                    {.section = static_cast<bcstore::Section>(section),
                                     .version = version,
                                     .id = DocumentId(Uuid{id})},
                                    options_),
       "create_document");
}

void Player::revision(const Happening& when, const RawId& document, uint32_t rev,
                      std::string_view json) {
  expect(tenant(when).add_revision(DocumentId(Uuid{document}), {.content = json}, options_), rev,
         "add_revision");
}

void Player::sections(const Happening& when, const RawId& document, uint32_t rev,
                      std::span<const Section> sections) {
  std::vector<std::string> names;
  std::vector<NewBlock> blocks;
  for (const Section& section : sections) names.push_back(fmt::format("s{}", section.number));
  for (size_t i = 0; i < sections.size(); ++i) {
    blocks.push_back(
        {.block_id = names[i], .body_md = sections[i].body, .embedding = sections[i].embedding});
  }
  check(tenant(when)
            .as_agent("indexer")
            .add_sections(DocumentId(Uuid{document}), rev, blocks, {}, options_)
            .status(),
        "add_sections");
}

void Player::task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
                  std::string_view title, std::string_view description) {
  take(tenant(when).create_task(
           ProjectId(Uuid{project}),
           {.title = title, .description = description, .phase = phase, .id = TaskId(Uuid{id})},
           options_),
       "create_task");
}

void Player::activity(const Happening& when, const RawId& task, bool completes) {
  const TaskAction action = completes ? TaskAction::complete : TaskAction::reopen;
  check(tenant(when).record_activity(TaskId(Uuid{task}), action, std::nullopt, options_).status(),
        "record_activity");
}

void Player::chat(const Happening& when, const RawId& id, const RawId& project) {
  take(tenant(when).start_chat(ProjectId(Uuid{project}), {.id = ChatSessionId(Uuid{id})}, options_),
       "start_chat");
}

void Player::message(const Happening& when, const Turn& turn) {
  const ChatSessionId session(Uuid{turn.session});
  const NewMessage message{.role = static_cast<Role>(turn.role),
                           .content = turn.content,
                           .token_count = turn.token_count};
  const Tenant& user = tenant(when);
  if (turn.role != 1) {
    expect(user.as_agent("assistant").append_message(session, message, options_), turn.seq,
           "append_message");
    return;
  }
  const std::string key = fmt::format("{}-{}", to_string(session), turn.seq);
  CommitOptions options = options_;
  options.idempotency_key = key;
  WriteBatch batch = user.batch();
  batch.append_message(session, message);
  batch.consume_credit({});
  const Receipt receipt = take(user.commit(batch, options), "commit of a turn");
  if (receipt.operations.front().number != turn.seq) throw Failure("bcstore: another sequence");
}

void Player::event(const Happening& when, const RawId& project, std::string_view type,
                   std::string_view payload) {
  check(tenant(when)
            .as_agent("assistant")
            .append_event({.type = type, .payload = payload, .project = ProjectId(Uuid{project})},
                          options_)
            .status(),
        "append_event");
}

void Player::integration(const Happening& when, const RawId& id, uint8_t type,
                         std::optional<std::string_view> metadata) {
  const IntegrationId integration(Uuid{id});
  const Tenant& user = tenant(when);
  uint32_t& rev = integration_revs_[to_string(integration)];
  ++rev;
  if (!metadata) {
    check(user.remove_integration(integration, rev - 1, options_).status(), "remove_integration");
  } else if (rev == 1) {
    take(user.add_integration(
             {.type = static_cast<IntegrationType>(type), .metadata = *metadata, .id = integration},
             options_),
         "add_integration");
  } else {
    expect(user.revise_integration(integration, *metadata, rev - 1, options_), rev,
           "revise_integration");
  }
}

}  // namespace bcstore::bench
