// The verbs of a batch on integrations and public records. What is refused is never repeated in the
// refusal: it may be a secret.
#include <utility>

#include "model/batch_arguments.h"
#include "model/core.h"

namespace bcstore::model {

Uuid BatchBody::add_integration(const NewIntegration& i, std::unique_ptr<Origin> origin) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_enum("type", i.type));
    BCSTORE_TRY(check_optional_id("integration id", i.id));
    return json_.check("metadata", i.metadata, kMaxTextBytes);
  };
  Op op;
  op.verb = Verb::add_integration;
  op.origin = std::move(origin);
  op.id = mint(i.id ? std::optional<Uuid>(i.id->uuid()) : std::nullopt);
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.id).number(static_cast<uint64_t>(i.type)).text(i.metadata);
    op.head = encoder_.integration_head(by(op), i.type);
    op.fact = encoder_.integration_change(by(op), i.type, IntegrationAction::added);
    op.second = encoder_.secret(by(op), 1, i.metadata);
  }
  Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

void BatchBody::revise_integration(IntegrationId integration, std::string_view metadata,
                                   std::optional<uint32_t> expected_rev) {
  Op op;
  op.verb = Verb::revise_integration;
  op.parent = integration.uuid();
  op.expected = expected_rev;
  Status checked = check_id("integration id", op.parent);
  if (checked.ok()) checked = json_.check("metadata", metadata, kMaxTextBytes);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).text(metadata).number(expected_rev);
    op.fact = encoder_.integration_change(by(op), {}, IntegrationAction::revised);
    op.second = encoder_.secret(by(op), 0, metadata);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::remove_integration(IntegrationId integration,
                                   std::optional<uint32_t> expected_rev) {
  Op op;
  op.verb = Verb::remove_integration;
  op.parent = integration.uuid();
  op.expected = expected_rev;
  Status checked = check_id("integration id", op.parent);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).number(expected_rev);
    op.fact = encoder_.integration_change(by(op), {}, IntegrationAction::removed);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::put_public(const NewPublic& p) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_text("name", p.name, kMaxNameBytes, Empty::refused));
    BCSTORE_TRY(check_enum("content_type", p.content_type));
    if (p.content_type == ContentType::json)
      return json_.check("content", p.content, kMaxTextBytes);
    return check_text("content", p.content, kMaxTextBytes, Empty::refused);
  };
  Op op;
  op.verb = Verb::put_public;
  op.expected = p.expected_rev;
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(p.name).text(p.content).number(static_cast<uint64_t>(p.content_type));
    arguments.number(p.expected_rev);
    op.parent = format::text_hash(p.name, salt_of(core_.get()));
    // Anyone reads the record; why it was written is in the audit.
    const Actor service = Actor::of_system({});
    op.head = encoder_.public_name({service, owner_}, p.name);
    op.fact = encoder_.public_record({service, owner_}, p.name, p.content_type, p.content);
  }
  finish(std::move(op), arguments, std::move(checked));
}

}  // namespace bcstore::model
