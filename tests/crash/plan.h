// Plan: one commit, described in a few bytes.
//
// The oracle has to know every byte that was written, also of commits whose answer never came. A
// plan holds what cannot be computed (ids, choices, sizes); every text of it is a function of the
// plan's number, so the plan can be sent over a pipe before the call and checked byte by byte
// afterwards. Each text begins with the plan's number, and so does the name of the agent that
// commits plans that have no text: whatever is found in a store names the plan that it came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/bcstore.h"

namespace bcstore::crash {

enum class Verb : uint8_t {
  create_user = 1,
  create_project,
  add_version,
  set_status,
  create_document,
  add_revision,
  set_lock,
  create_task,
  revise_task,
  record_activity,
  start_chat,
  rename_chat,
  append_message,
  append_event,
  edit_profile,
  consume_credit,
  add_sections,
  add_integration,
  revise_integration,
  remove_integration,
  put_public,
};

// Which of a step's optional members are given; texts_of() says which bit means what.
enum Field : uint8_t { kFirst = 1, kSecond = 2, kThird = 4 };

// One operation of a plan.
struct Step {
  Verb verb{};
  Uuid object{};       // created or written to; nil for events and profiles; a public name
  Uuid parent{};       // the project of a document, task, chat or event; may be nil for an event
  uint8_t choice = 0;  // the number of a status, section, action, role or type; credits; blocks
  uint8_t fields = 0;
  bool flag = false;     // is_locked; embeddings that other plans have too
  bool minted = false;   // the object's id is the library's
  uint32_t version = 0;  // of a document; 0: the project's current one; a revision with sections
  uint32_t bytes = 0;    // of the main text
  std::optional<int32_t> phase{};
  std::optional<uint64_t> expected{};
};

struct Plan {
  uint64_t id = 0;
  UserId owner{};
  bool is_durable = true;
  bool by_agent = false;
  std::string key{};  // idempotency key, or empty
  std::vector<Step> steps{};
};

// The texts of a step. Which are used depends on the verb:
//   create_user      main: e-mail; first: name (full name)
//   create_project   name, main: prompt; first: note
//   add_version      first: note, second: name, third: main (prompt)
//   create_document  first: main (content; second: as JSON), third: note
//   add_revision     main: content (second: as JSON), third: note
//   create_task      name: title; first: main (description)
//   revise_task      first: name (title), second: main (description), third: phase
//   start_chat       first: name (title)
//   rename_chat      first: name (title), else the title goes
//   append_message   main; first: note (metadata, JSON), second: name, third: token count
//   append_event     name: type; first: main (payload, JSON)
//   consume_credit   name: reason; the amount is the choice
//   edit_profile     first: name (full name), second: main (e-mail)
//   add_sections     main: begins each body; first: name (heading), second: embeddings
//   add_integration, revise_integration   main: the secret, JSON
//   put_public       main: content (second: as JSON)
struct Texts {
  std::string main;
  std::string name;
  std::string note;
};
Texts texts_of(const Plan& plan, size_t step);

struct Block {
  std::string id;
  std::optional<std::string> heading;
  std::string body;
  std::vector<float> embedding;
};
std::vector<Block> blocks_of(const Plan& plan, size_t step);

// Few public names, each short enough to stand in an id.
inline constexpr uint64_t kPublicNames = 4;
inline constexpr std::string_view kPublicReason = "publish";
std::string public_name(const Uuid& object);
Uuid public_object(std::string_view name);

// The name under which a plan's texts, and its agent, can be recognised.
std::string plan_name(uint64_t plan);
// The plan that a text or an agent's name was made for.
std::optional<uint64_t> named_plan(std::string_view text);

// Adds every step to a batch of the plan's owner and actor. An id that the library mints stands in
// the plan as any id of its own, by which later steps name it; here all of them become the real
// one.
void add_steps(Plan* plan, WriteBatch* batch);
NewUser new_user(const Plan& plan, const Texts& texts);
NewPublic new_public(const Step& step, const std::string& name, const Texts& texts);
// The view that commits the plan.
Tenant actor_of(const Plan& plan, const Store& store);
CommitOptions commit_options(const Plan& plan);

// What a call answered.
struct Ack {
  uint64_t plan = 0;
  uint64_t commit_seq = 0;  // 0: the call does not tell
  uint64_t owner_seq = 0;
  bool replayed = false;
  std::vector<Receipt::Operation> operations{};
};
Ack ack_of(uint64_t plan, const Receipt& receipt);

// One line of the acknowledgement log.
struct Entry {
  enum class Kind : uint8_t {
    ready = 1,     // the store is open
    pending = 2,   // `plan` is about to be committed
    acked = 3,     // `ack`
    refused = 4,   // `number` is the plan that was refused: nothing was written
    broken = 5,    // `text` says what the writer itself found wrong
    finished = 6,  // the store was closed in order
  };
  Kind kind = Kind::ready;
  Plan plan{};
  Ack ack{};
  uint64_t number = 0;
  std::string text{};
};
std::string encode(const Entry& entry);
// Takes the first whole entry off `bytes`; nullopt when its end has not arrived. What is left of a
// log whose writer was killed may be an entry without an end.
std::optional<Entry> take_entry(std::string_view* bytes);

}  // namespace bcstore::crash
