// An agent and its memory: before each step it is told of the project within its budget of tokens,
// looks for what is known about the question, and writes what it found as the next revision of a
// document, unless somebody else was faster; then it reads again. Each step leaves the call of the
// model, and the id by which the very context that the model saw can be had again.
//
//   agent_memory [DIRECTORY]     without one, in a temporary directory that is removed at the end
#include <bcstore/bcstore.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "temporary_directory.h"

using namespace bcstore;

namespace {

constexpr uint64_t kBudgetTokens = 600;
constexpr int kMostTries = 5;

// --- the model: what a program would ask somebody else for ---------------------------------------

constexpr size_t kDimension = 64;
using Embedding = std::array<float, kDimension>;

// Texts that share words are near to each other. A stand-in for a model's embedding.
Embedding embed(std::string_view text) {
  Embedding sums{};
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    uint32_t hash = 2166136261U;  // FNV-1a
    for (const char c : word) {
      if (std::isalpha(static_cast<unsigned char>(c)) == 0) continue;
      hash =
          (hash ^ static_cast<uint32_t>(std::tolower(static_cast<unsigned char>(c)))) * 16777619U;
    }
    sums[hash % kDimension] += 1;
  }
  sums[0] += 0.01F;  // no text is all zeros
  return sums;
}

// What the model was given and what it says: one sentence for the section that it is about.
struct Thought {
  std::string section;
  std::string sentence;
};

Thought think(std::string_view prompt, const std::vector<SearchHit>& memory,
              std::string_view question) {
  Thought thought;
  thought.section = memory.empty() ? "notes" : std::string(memory.front().block.block_id());
  thought.sentence = fmt::format("Asked \"{}\", with {} bytes of context: sell to ten cafes first.",
                                 question, prompt.size());
  return thought;
}

// --- a document of sections ----------------------------------------------------------------------

struct Part {
  std::string id, heading, body;
};
using Parts = std::vector<Part>;

std::string to_text(const Parts& parts) {
  std::string text;
  for (const Part& part : parts) text += fmt::format("## {}\n{}\n", part.heading, part.body);
  return text;
}

// The revision's text, and its sections with their embeddings, in one commit: a search finds the
// newest text or none.
void put_sections(WriteBatch& batch, DocumentId document, uint32_t rev, const Parts& parts) {
  std::vector<Embedding> embeddings;
  for (const Part& part : parts) embeddings.push_back(embed(part.heading + ' ' + part.body));
  std::vector<NewBlock> blocks;
  for (size_t i = 0; i < parts.size(); ++i) {
    blocks.push_back({.block_id = parts[i].id,
                      .heading = parts[i].heading,
                      .body_md = parts[i].body,
                      .embedding = embeddings[i]});
  }
  batch.add_sections(document, rev, blocks);
}

struct Draft {
  uint32_t rev = 0;
  Parts parts;
};

Result<Draft> read_newest(const Tenant& agent, DocumentId document) {
  Result<Document> head = agent.document(document);
  if (!head) return head.status();
  Draft draft{head->current_rev(), {}};
  Cursor<SectionBlock> sections = agent.sections(document, draft.rev);
  while (sections.next()) {
    draft.parts.push_back({std::string(sections->block_id()),
                           std::string(sections->heading().value_or("")),
                           std::string(sections->body_md().value_or(""))});
  }
  if (!sections.status().ok()) return sections.status();
  return draft;
}

// --- the loop ------------------------------------------------------------------------------------

struct Memory {
  ProjectId project;
  DocumentId plan;
  ChatSessionId chat;
};

// All that one step did, or nothing of it.
Result<Receipt> remember(const Tenant& agent, const Memory& memory, const std::string& step,
                         const Draft& base, const Thought& thought, const Context& context) {
  Parts parts = base.parts;
  for (Part& part : parts) {
    if (part.id == thought.section) part.body += ' ' + thought.sentence;
  }
  WriteBatch batch = agent.batch();
  const std::string text = to_text(parts);
  batch.add_revision(memory.plan, {.content = text,
                                   .content_type = ContentType::text,
                                   .change_note = step,
                                   .expected_rev = base.rev});
  put_sections(batch, memory.plan, base.rev + 1, parts);
  batch.append_message(memory.chat, {.role = Role::assistant, .content = thought.sentence});
  batch.record_call({.agent = "planner",
                     .model = "example-1",
                     .latency_us = 1'200'000,
                     .cost_micros = static_cast<int64_t>(context.tokens) * 3,
                     .currency = "EUR",
                     .input_tokens = static_cast<int64_t>(context.tokens),
                     .output_tokens = static_cast<int64_t>(estimate_tokens(thought.sentence)),
                     .project = memory.project,
                     .session = memory.chat});
  const std::string saw = fmt::format(R"({{"context":"{}"}})", context.id);
  batch.append_event({.type = "agent.step",
                      .payload = saw,
                      .project = memory.project,
                      .document = memory.plan,
                      .rev = base.rev + 1});
  return agent.commit(batch, {.idempotency_key = step});
}

// One step of the agent. `meanwhile` is what others do between its reading and its writing.
Result<std::string> take_step(const Tenant& agent, const Memory& memory, const std::string& step,
                              std::string_view question, const std::function<Status()>& meanwhile) {
  for (int tried = 1; tried <= kMostTries; ++tried) {
    Result<Context> context = agent.context(memory.project, {.token_budget = kBudgetTokens});
    if (!context) return context.status();
    Result<std::vector<SearchHit>> known = agent.search(memory.project, embed(question), {.k = 2});
    if (!known) return known.status();
    for (const SearchHit& hit : *known) {
      fmt::print("{}: knows \"{}\" of revision {}, distance {:.3f}\n", step,
                 hit.block.heading().value_or(""), hit.rev, hit.distance);
    }
    Result<Draft> base = read_newest(agent, memory.plan);
    if (!base) return base.status();
    const Thought thought = think(to_markdown(*context), *known, question);
    if (tried == 1) {
      if (Status s = meanwhile(); !s.ok()) return s;
    }
    Result<Receipt> done = remember(agent, memory, step, *base, thought, *context);
    if (done) {
      fmt::print("{}: revision {} from {} tokens of context\n", step, base->rev + 1,
                 context->tokens);
      return context->id;
    }
    if (done.code() != Code::conflict) return done.status();
    fmt::print("{}: somebody wrote revision {} first; reads again\n", step,
               done.status().actual().value_or(0));
  }
  return Status(Code::unavailable, "others were always faster");
}

Result<Memory> set_up(const Tenant& user) {
  const Parts parts = {{"goal", "Goal", "Win one hundred customers for rare teas."},
                       {"market", "Market", "Cafes near the harbour buy tea by the kilo."},
                       {"risk", "Risk", "The spring harvest may be late."}};
  WriteBatch batch = user.batch();
  Memory memory;
  memory.project = batch.create_project({.name = "Tea shop", .idea_prompt = "Sell rare teas"});
  const std::string text = to_text(parts);
  memory.plan = batch.create_document(
      memory.project,
      {.section = Section::prd, .content = text, .content_type = ContentType::text});
  put_sections(batch, memory.plan, 1, parts);
  memory.chat = batch.start_chat(memory.project, {.title = "Planning"});
  batch.append_message(memory.chat, {.role = Role::user, .content = "Which cafes come first?"});
  batch.create_task(memory.project, {.title = "Call the harbour cafes", .phase = 1});
  if (auto done = user.commit(batch); !done) return done.status();
  return memory;
}

// What another program would see, that follows the project.
Status follow(const Tenant& user, const Memory& memory, uint64_t after_seq) {
  Result<FeedPage> page =
      user.feed({.after_seq = after_seq, .project = memory.project, .with_records = true});
  if (!page) return page.status();
  for (const FeedEntry& entry : page->entries) {
    fmt::print("commit {} by {}:", entry.commit_seq, entry.actor.name);
    for (const Change& change : entry.changes) fmt::print(" {}", to_string(change.kind));
    for (const FeedRecord& record : entry.records) {
      const auto* revision = std::get_if<Revision>(&record);
      if (revision != nullptr) fmt::print(" ({} bytes)", revision->content_bytes());
    }
    fmt::print("\n");
  }
  return Status();
}

Status run(Store& store) {
  Result<UserId> id = store.service("signup").create_user({.email = "ada@example.com"});
  if (!id) return id.status();
  const Tenant ada = store.tenant(*id);
  const Tenant planner = ada.as_agent("planner");
  Result<Memory> memory = set_up(ada);
  if (!memory) return memory.status();
  Result<FeedPage> before = ada.feed();
  if (!before) return before.status();

  const auto ada_edits = [&]() -> Status {
    Result<Draft> base = read_newest(ada, memory->plan);
    if (!base) return base.status();
    base->parts.front().body = "Win two hundred customers for rare teas.";
    WriteBatch batch = ada.batch();
    const std::string text = to_text(base->parts);
    batch.add_revision(
        memory->plan,
        {.content = text, .content_type = ContentType::text, .expected_rev = base->rev});
    put_sections(batch, memory->plan, base->rev + 1, base->parts);
    return ada.commit(batch).status();
  };
  Result<std::string> first =
      take_step(planner, *memory, "step-1", "which cafes buy tea", ada_edits);
  if (!first) return first.status();
  Result<Context> saw = ada.context_again(*first);
  if (!saw) return saw.status();
  const std::string prompt = to_markdown(*saw);
  Result<std::string> second =
      take_step(planner, *memory, "step-2", "is the harvest late", [] { return Status(); });
  if (!second) return second.status();

  if (Status s = follow(ada, *memory, before->end_seq); !s.ok()) return s;
  // Whatever was written since: what the model saw is what it saw.
  saw = ada.context_again(*first);
  if (!saw) return saw.status();
  if (to_markdown(*saw) != prompt) return Status(Code::internal, "the context is another one");
  fmt::print("the context of step-1 again, as of commit {}: {} bytes, the same\n", saw->commit_seq,
             prompt.size());
  return Status();
}

Status open_and_run(const std::string& directory) {
  Result<Store> store = Store::open(directory);
  if (!store) return store.status();
  if (Status status = run(*store); !status.ok()) return status;
  return store->close();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<TemporaryDirectory> temporary;
  if (argc < 2) temporary.emplace();
  Status status = open_and_run(temporary ? temporary->path() : argv[1]);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.to_string());
  return status.ok() ? 0 : 1;
}
