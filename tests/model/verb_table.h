// Every verb of the public handles, once, with arguments that are right and can each be made wrong.
//
// The test goes over this list: every argument that a verb takes is made wrong in every way that
// its kind can be, and the code of each answer follows from the way. A verb of a public header that
// has no row fails the test, and so does a row whose verb is gone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rich.h"

namespace bcstore::fixture {

// What a verb takes; each kind has its own ways to be wrong.
enum Takes : uint32_t {
  kOwner = 1,    // the handle's user
  kProject = 2,  // and so on: an id that must exist
  kDocument = 4,
  kTask = 8,
  kChat = 16,
  kIntegration = 4096,

  kUser = 32,  // an id given to a service's verb
  kText = 64,  // a name or title: not empty, at most kMaxNameBytes
  kSnapshot = 128,
  kPage = 256,           // a limit and a token
  kCommit = 512,         // an idempotency key and an expected owner sequence
  kReason = 1024,        // the service's
  kAgentRefused = 2048,  // an agent's handle may not
  kTime = 8192,          // when an imported row was made
  kIdentity = 16384,     // of an imported row: 1 to 64 bytes
  kNew = 32768,          // an id that an imported row brings
  kHold = 65536,
  kAsOf = 131072,
};

struct Arguments {
  UserId owner;
  ProjectId project;
  DocumentId document;
  TaskId task;
  ChatSessionId chat;
  IntegrationId integration;
  CreditHoldId hold;
  UserId user;
  std::string block;  // of the document's first revision
  std::string subscription;
  std::string text = "text";
  const Snapshot* snapshot = nullptr;
  AsOf as_of{};
  size_t limit = 10;
  std::string token;
  std::string key;
  std::optional<uint64_t> owner_seq;
  std::string reason = "test";
  bool by_agent = false, by_service = false;
  Time created_at{1'750'000'000'000'000};
  std::string identity = "identity";
  Uuid made = SeededIds::make(900'000);

  Importer::Row row() const { return {.created_at = created_at, .actor = Actor::of_user(owner)}; }
  CommitOptions commit() const {
    return {
        .durability = Durability::relaxed, .idempotency_key = key, .expected_owner_seq = owner_seq};
  }
  ReadOptions read() const { return {.snapshot = snapshot, .as_of = as_of}; }
  ListOptions list() const {
    return {.limit = limit, .after = token, .snapshot = snapshot, .as_of = as_of};
  }
  Tenant tenant(Store& store) const {
    if (by_service) return store.service(reason).tenant(owner);
    const Tenant t = store.tenant(owner);
    return by_agent ? t.as_agent("agent") : t;
  }
  Service service(Store& store) const { return store.service(reason); }
};

struct VerbRow {
  std::string name;  // as in the header, with its class: "Tenant::project"
  uint32_t takes;
  std::function<Status(Store&, const Arguments&)> call;
  bool writes() const { return (takes & kCommit) != 0; }
};

std::vector<VerbRow> verb_table();

}  // namespace bcstore::fixture
