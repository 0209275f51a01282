// Actions, done to a store.
#include "fixture.h"
#include "model_action.h"
#include "model_ids.h"

namespace bcstore::fixture {

namespace {

// g++ 12 fails on enumerators that a class took in by `using enum`, in a template.
using Verb = Action::Verb;

template <class N>
std::optional<N> narrow(const std::optional<uint64_t>& n) {
  return n ? std::optional<N>(static_cast<N>(*n)) : std::nullopt;
}

// "ok 7", or the code with the value that was there and the operation that was refused.
std::string told(const Status& status) {
  std::string out(to_string(status.code()));
  if (status.actual()) out += " actual " + std::to_string(*status.actual());
  if (status.remaining()) out += " remaining " + std::to_string(*status.remaining());
  if (status.operation()) out += " at " + std::to_string(*status.operation());
  return out;
}
std::string told_number(const Status& status, uint64_t number) {
  return status.ok() ? "ok " + std::to_string(number) : told(status);
}
template <class Kind>
std::string told(const Result<Id<Kind>>& made) {
  return told(made.status());
}
std::string told(const Result<uint32_t>& number) {
  return told_number(number.status(), number.ok() ? *number : 0);
}
std::string told(const Result<uint64_t>& number) {
  return told_number(number.status(), number.ok() ? *number : 0);
}
std::string told(const Result<std::optional<int32_t>>& left) {
  if (!left.ok()) return told(left.status());
  return told_number(Status(),
                     left->has_value() ? static_cast<uint64_t>(**left) : kUnlimitedCredits);
}
std::string told(const Result<Receipt>& receipt) {
  if (!receipt.ok()) return told(receipt.status());
  std::string out = "ok";
  for (const Receipt::Operation& op : receipt->operations) out += number(op.number);
  out += " commit" + number(receipt->commit_seq) + " of owner" + number(receipt->owner_seq);
  return receipt->replayed ? out + " replayed" : out;
}

// Each calls `run` with one verb and its arguments: a function of whoever has the verb, a Tenant or
// a WriteBatch, and of what else it takes.
template <class Run>
std::string project_verb(const Action& x, Run run) {
  const auto id = object<ProjectId>(project_number(x));
  switch (x.verb) {
    case Verb::create_project:
      return run([&](auto& to, const auto&... o) {
        const std::string name = "P" + std::to_string(x.b);
        const auto status = static_cast<ProjectStatus>(status_of(x));
        return to.create_project({.name = name, .idea_prompt = "", .status = status, .id = id},
                                 o...);
      });
    case Verb::add_version:
      return run([&](auto& to, const auto&... o) {
        return to.add_version(id, {.expected_current = narrow<uint32_t>(x.expected())}, o...);
      });
    default:
      return run([&](auto& to, const auto&... o) {
        return to.set_status(id, static_cast<ProjectStatus>(status_of(x)),
                             narrow<ProjectStatus>(x.expected()), o...);
      });
  }
}

template <class Run>
std::string section_verb(const Action& x, Run run) {
  return run([&](auto& to, const auto&... o) {
    const std::vector<Block> blocks = blocks_of(x);
    std::vector<NewBlock> given;
    for (const Block& block : blocks) {
      given.push_back({.block_id = block.id,
                       .heading = block.heading,
                       .body_md = block.body,
                       .embedding = block.floats});
    }
    const std::string space = space_of(x);
    return to.add_sections(object<DocumentId>(x.object), rev_of(x), given,
                           {.name = space, .metric = metric_of(x)}, o...);
  });
}

template <class Run>
std::string document_verb(const Action& x, Run run) {
  const auto id = object<DocumentId>(x.object);
  switch (x.verb) {
    case Verb::create_document:
      return run([&](auto& to, const auto&... o) {
        const std::string text = content_of(x);
        NewDocument document{.section = section_of(x), .version = version_of(x)};
        document.content_type = ContentType::text;
        if (has_content(x)) document.content = text;
        document.id = id;
        return to.create_document(object<ProjectId>(project_of(x)), document, o...);
      });
    case Verb::add_revision:
      return run([&](auto& to, const auto&... o) {
        const std::string text = content_of(x);
        return to.add_revision(id,
                               {.content = text,
                                .content_type = ContentType::text,
                                .expected_rev = narrow<uint32_t>(x.expected())},
                               o...);
      });
    case Verb::set_lock:
      return run([&](auto& to, const auto&... o) {
        std::optional<bool> expected;
        if (x.expected()) expected = *x.expected() != 0;
        return to.set_lock(id, lock_of(x), expected, o...);
      });
    default:
      return section_verb(x, run);
  }
}

template <class Run>
std::string task_verb(const Action& x, Run run) {
  const auto id = object<TaskId>(x.object);
  switch (x.verb) {
    case Verb::create_task:
      return run([&](auto& to, const auto&... o) {
        const std::string title = text_of(x);
        return to.create_task(object<ProjectId>(project_of(x)), {.title = title, .id = id}, o...);
      });
    case Verb::revise_task:
      return run([&](auto& to, const auto&... o) {
        const std::string title = text_of(x);
        return to.revise_task(id, {.title = title, .expected_rev = narrow<uint32_t>(x.expected())},
                              o...);
      });
    default:
      return run([&](auto& to, const auto&... o) {
        return to.record_activity(id, completes(x) ? TaskAction::complete : TaskAction::reopen,
                                  narrow<TaskState>(x.expected()), o...);
      });
  }
}

template <class Run>
std::string chat_verb(const Action& x, Run run) {
  const auto id = object<ChatSessionId>(x.object);
  switch (x.verb) {
    case Verb::start_chat:
      return run([&](auto& to, const auto&... o) {
        return to.start_chat(object<ProjectId>(project_of(x)), {.id = id}, o...);
      });
    case Verb::rename_chat:
      return run([&](auto& to, const auto&... o) {
        const std::string title = text_of(x);
        return to.rename_chat(id, title, narrow<uint32_t>(x.expected()), o...);
      });
    default:
      return run([&](auto& to, const auto&... o) {
        const std::string text = text_of(x);
        return to.append_message(
            id, {.role = Role::user, .content = text, .expected_seq = x.expected()}, o...);
      });
  }
}

template <class Run>
std::string integration_verb(const Action& x, Run run) {
  const auto id = object<IntegrationId>(x.object);
  switch (x.verb) {
    case Verb::add_integration:
      return run([&](auto& to, const auto&... o) {
        const std::string secret = secret_of(x);
        const auto type = static_cast<IntegrationType>(integration_type_of(x));
        return to.add_integration({.type = type, .metadata = secret, .id = id}, o...);
      });
    case Verb::revise_integration:
      return run([&](auto& to, const auto&... o) {
        const std::string secret = secret_of(x);
        return to.revise_integration(id, secret, narrow<uint32_t>(x.expected()), o...);
      });
    default:
      return run([&](auto& to, const auto&... o) {
        return to.remove_integration(id, narrow<uint32_t>(x.expected()), o...);
      });
  }
}

template <class Run>
std::string owner_verb(const Action& x, Run run) {
  switch (x.verb) {
    case Verb::append_event:
      return run([&](auto& to, const auto&... o) {
        NewEvent event{.type = "t"};
        if (names_project(x)) event.project = object<ProjectId>(x.b % 3);
        return to.append_event(event, o...);
      });
    case Verb::edit_profile:
      return run([&](auto& to, const auto&... o) {
        const std::string email = email_of(x);
        return to.edit_profile({.email = email, .expected_rev = narrow<uint32_t>(x.expected())},
                               o...);
      });
    default:
      return run([&](auto& to, const auto&... o) {
        return to.consume_credit({.amount = spent(x)}, o...);
      });
  }
}

template <class Run>
std::string tenant_verb(const Action& x, Run run) {
  switch (x.verb) {
    case Verb::create_project:
    case Verb::add_version:
    case Verb::set_status:
      return project_verb(x, run);
    case Verb::create_document:
    case Verb::add_revision:
    case Verb::set_lock:
    case Verb::add_sections:
      return document_verb(x, run);
    case Verb::create_task:
    case Verb::revise_task:
    case Verb::record_activity:
      return task_verb(x, run);
    case Verb::start_chat:
    case Verb::rename_chat:
    case Verb::append_message:
      return chat_verb(x, run);
    case Verb::add_integration:
    case Verb::revise_integration:
    case Verb::remove_integration:
      return integration_verb(x, run);
    default:
      return owner_verb(x, run);
  }
}

std::string commit(const Tenant& t, const Action& x, const CommitOptions& options) {
  WriteBatch batch = t.batch();
  const auto add = [&](const Action& part) {
    tenant_verb(part, [&](auto verb) {
      verb(batch);
      return std::string();
    });
  };
  if (x.verb != Action::batch) add(x);
  for (const Action& part : x.parts) add(part);
  const std::string request = '"' + x.request() + '"';
  if (x.key != 0) batch.append_event({.type = "request", .payload = request});
  return told(t.commit(batch, options));
}

std::string serve(const Service& s, const Action& x, const CommitOptions& options) {
  const UserId owner = user_of(x.owner);
  const std::string request = x.request();
  const std::string email = email_of(x);
  switch (x.verb) {
    case Action::create_user:
      return told(s.create_user({.email = email, .full_name = request, .id = owner}, options));
    case Action::grant_credits:
      return told(s.grant_credits(owner, {.amount = granted(x), .reason = request}, options));
    case Action::set_unlimited:
      return told(s.set_unlimited(owner, lock_of(x), options));
    case Action::set_credit_plan: {
      CreditPlan plan{.allowance = allowance_of(x), .refill = refills(x), .reason = request};
      if (const auto day = reset_day_of(x)) plan.resets_at = Time{*day * kDayUs};
      return told(s.set_credit_plan(owner, plan, options));
    }
    default: {
      const std::string name = public_name_of(x), content = public_content_of(x);
      return told(s.put_public({.name = name,
                                .content = content,
                                .content_type = is_json(x) ? ContentType::json : ContentType::text,
                                .expected_rev = narrow<uint32_t>(x.expected())},
                               options));
    }
  }
}

std::string read(const Tenant& t, const Action& x) {
  const auto document = object<DocumentId>(x.object);
  if (x.verb == Action::read_section) {
    const auto block = t.section(document, rev_of(x), block_id_of(x));
    return told_number(block.status(), block.ok() ? block->ordinal() : 0);
  }
  const auto revision = t.revision(document, rev_of(x));
  if (!revision.ok()) return told(revision.status());
  const auto content = revision->content();
  return content.ok() ? "ok " + std::string(*content) : told(content.status());
}

}  // namespace

std::string perform(Store& store, const Action& x) {
  const std::string key = "key " + std::to_string(x.key);
  CommitOptions options{.durability = x.is_durable ? Durability::durable : Durability::relaxed};
  if (x.key != 0) options.idempotency_key = key;
  const Tenant t = store.tenant(user_of(x.owner));
  switch (x.verb) {
    case Action::create_user:
    case Action::grant_credits:
    case Action::set_credit_plan:
    case Action::set_unlimited:
    case Action::put_public:
      return serve(store.service("model"), x, options);
    case Action::read_revision:
    case Action::read_section:
      return read(t, x);
    default:
      break;
  }
  if (x.verb == Action::batch || x.key != 0) return commit(t, x, options);
  return tenant_verb(x, [&](auto verb) { return told(verb(t, options)); });
}

}  // namespace bcstore::fixture
