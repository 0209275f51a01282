// Rules of integrations, their secrets and history, and of public records.
#include <fmt/format.h>

#include <array>

#include "model/check_heads.h"
#include "model/check_walk.h"
#include "model/encode.h"

namespace bcstore::model {

using format::Key;
using format::Kind;

namespace {

Key fact_key(UserId owner, Kind kind, const Uuid& parent, uint32_t number) {
  return Key(owner, kind).append(parent).not_u32(number);
}

void expect_text(CheckWalk& walk, const CheckedRecord& record, std::string_view what,
                 std::string_view text) {
  if (text.empty()) walk.violation(record, fmt::format("there is a {}", what), "it is empty");
}

void expect_public(CheckWalk& walk, const CheckedRecord& record, std::string_view name) {
  if (record.owner() != kPublicOwner) {
    walk.violation(record, "public records are the public owner's",
                   "of " + to_string(record.owner()));
  }
  if (walk.salt() && format::text_hash(name, *walk.salt()) != record.uuid_at(17)) {
    walk.violation(record, "the key is the name's hash", "it is another's");
  }
}

// A secret is there exactly while its integration is.
Status check_secret_of(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::IntegrationHead>();
  CheckRead secret{Key(record.owner(), Kind::secret).append(record.uuid_at(17))};
  if (Status s = walk.read(secret); !s.ok()) return s;
  if (secret.absent() != head.is_removed()) {
    walk.violation(record, "a secret is there until it is removed",
                   head.is_removed() ? "it was removed and is there" : "it is missing");
  }
  return Status();
}

void compare_change(CheckWalk& walk, const CheckedRecord& record, const CheckedRecord& newest) {
  const auto& head = record.table<fb::IntegrationHead>();
  const auto& change = newest.table<fb::IntegrationChange>();
  const bool removed =
      static_cast<IntegrationAction>(change.action()) == IntegrationAction::removed;
  if (head.is_removed() != removed) {
    walk.violation(record, "is_removed is the newest change",
                   fmt::format("it is {}", head.is_removed()));
  }
  if (head.type() != change.type()) {
    walk.violation(record, "type is that of the changes",
                   fmt::format("{} and {}", head.type(), change.type()));
  }
  expect_effective(walk, record, "rev_effective_at", head.rev_effective_at(), newest);
  expect_commit(walk, record, {&newest});
}

}  // namespace

Status check_integration(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::IntegrationHead>();
  const Uuid id = record.uuid_at(17);
  if (to_string(static_cast<IntegrationType>(head.type())) == "unknown") {
    walk.unknown(record, "type", head.type());
  }
  std::array<CheckRead, 2> facts{
      CheckRead{fact_key(record.owner(), Kind::integration_change, id, head.rev())},
      CheckRead{fact_key(record.owner(), Kind::integration_change, id, 1)}};
  if (Status s = walk.read(facts); !s.ok()) return s;
  const auto& [newest, first] = facts;
  if (newest.absent()) missing_fact(walk, record, "rev is the newest change", head.rev());
  if (newest.found()) compare_change(walk, record, newest.record);
  if (first.found()) compare_origin(walk, record, first.record);
  return check_secret_of(walk, record);
}

Status check_integration_change(CheckWalk& walk, const CheckedRecord& record) {
  const auto& change = record.table<fb::IntegrationChange>();
  if (to_string(static_cast<IntegrationType>(change.type())) == "unknown") {
    walk.unknown(record, "type", change.type());
  }
  if (to_string(static_cast<IntegrationAction>(change.action())) == "unknown") {
    walk.unknown(record, "action", change.action());
  }
  return Status();
}

Status check_newest_change(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead parent{Key(record.owner(), Kind::integration).append(record.uuid_at(17))};
  if (Status s = walk.read_parent(record, &parent); !s.ok() || !parent.found()) return s;
  expect_count(walk, parent.record, "rev is the newest change",
               parent.record.table<fb::IntegrationHead>().rev(),
               ~format::key_u32(record.key(), 33));
  return Status();
}

Status check_secret(CheckWalk& walk, const CheckedRecord& record) {
  expect_text(walk, record, "secret", record.tail());
  CheckRead parent{Key(record.owner(), Kind::integration).append(record.uuid_at(17))};
  if (Status s = walk.read_parent(record, &parent); !s.ok() || !parent.found()) return s;
  const uint32_t rev = parent.record.table<fb::IntegrationHead>().rev();
  if (record.table<fb::Secret>().rev() != rev) {
    walk.violation(
        record, "a secret is of its integration's revision",
        fmt::format("it is of {}, the integration at {}", record.table<fb::Secret>().rev(), rev));
  }
  return Status();
}

Status check_public_name(CheckWalk& walk, const CheckedRecord& record) {
  const auto& head = record.table<fb::PublicName>();
  expect_public(walk, record, text_of(head.name()));
  std::array<CheckRead, 2> facts{
      CheckRead{fact_key(record.owner(), Kind::public_record, record.uuid_at(17), head.rev())},
      CheckRead{fact_key(record.owner(), Kind::public_record, record.uuid_at(17), 1)}};
  if (Status s = walk.read(facts); !s.ok()) return s;
  const auto& [newest, first] = facts;
  if (newest.absent()) missing_fact(walk, record, "rev is the newest one", head.rev());
  if (first.found()) compare_origin(walk, record, first.record);
  if (!newest.found()) return Status();
  expect_effective(walk, record, "rev_effective_at", head.rev_effective_at(), newest.record);
  expect_commit(walk, record, {&newest.record});
  return Status();
}

Status check_public_record(CheckWalk& walk, const CheckedRecord& record) {
  const auto& fact = record.table<fb::PublicRecord>();
  expect_public(walk, record, text_of(fact.name()));
  expect_text(walk, record, "content", record.tail());
  if (to_string(static_cast<ContentType>(fact.content_type())) == "unknown") {
    walk.unknown(record, "content_type", fact.content_type());
  }
  return Status();
}

Status check_newest_public(CheckWalk& walk, const CheckedRecord& record) {
  CheckRead parent{Key(record.owner(), Kind::public_name).append(record.uuid_at(17))};
  if (Status s = walk.read_parent(record, &parent); !s.ok() || !parent.found()) return s;
  expect_count(walk, parent.record, "rev is the newest one",
               parent.record.table<fb::PublicName>().rev(), ~format::key_u32(record.key(), 33));
  return Status();
}

}  // namespace bcstore::model
