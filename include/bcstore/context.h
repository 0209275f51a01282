// Context: what a model is told of a project, in one call, within a budget of tokens.
//
// A context is a value: it holds copies, and outlives its store. Its id, kept beside what the model
// answered, gives the same context again at any later time, whatever was written since.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bcstore/id.h"
#include "bcstore/types.h"

namespace bcstore {

class Snapshot;

// Sessions whose messages go into one context.
inline constexpr size_t kMaxContextSessions = 64;
// Of those that are taken when none are named: the newest of the project.
inline constexpr size_t kDefaultContextSessions = 16;
// Tasks or messages in one context, whatever the budget.
inline constexpr size_t kMaxContextItems = 10'000;
inline constexpr uint64_t kMaxContextTokens = uint64_t{1} << 30;

// How many tokens a text has, without knowing the model: one for each four bytes of ASCII, and one
// for each other character. Of English it is a little too much, and never 0 but for an empty text.
// The rule is part of the format: ChatMessage::tokens_through() adds it up.
uint64_t estimate_tokens(std::string_view text);

enum class ContextTasks : uint8_t { none = 1, open = 2, all = 3 };

struct ContextOptions {
  AsOf as_of = {};
  uint64_t token_budget = 8'000;  // at most kMaxContextTokens
  // At most so much of the budget, in percent, for documents and for tasks. What they leave is for
  // messages.
  uint32_t documents_percent = 50;
  uint32_t tasks_percent = 15;
  // The sections that are wanted, the most important first; empty: all, in the order of their
  // numbers.
  std::vector<Section> sections = {};
  ContextTasks tasks = ContextTasks::open;
  // Whose messages; empty: those of the project's kDefaultContextSessions newest sessions.
  std::vector<ChatSessionId> sessions = {};
  // Counts the tokens of a text that has no count of its own; null: estimate_tokens. The same text
  // must always get the same count.
  std::function<uint64_t(std::string_view)> count = {};
  const Snapshot* snapshot = nullptr;
};

struct ContextDocument {
  DocumentId id{};
  Section section{};
  uint32_t version = 0;
  uint32_t rev = 0;
  bool is_locked = false;
  ContentType content_type{};
  std::string content{};
  Time created_at{};  // of the revision
  uint64_t tokens = 0;
  bool is_estimated = false;  // nobody counted them
};

struct ContextTask {
  TaskId id{};
  std::optional<int32_t> phase{};
  std::string title{};
  std::string description{};
  TaskState state{};
  uint32_t rev = 0;
  uint64_t tokens = 0;
  bool is_estimated = false;
};

struct ContextMessage {
  ChatSessionId session{};
  uint64_t seq = 0;
  Role role{};
  std::string content{};
  std::optional<std::string> call_id{};
  std::optional<std::string> name{};
  Time created_at{};
  uint64_t tokens = 0;
  bool is_estimated = false;
};

// What there was no room for. The tokens of messages are as tokens_through() counts them.
struct LeftOut {
  uint64_t items = 0;
  uint64_t tokens = 0;
  friend bool operator==(const LeftOut&, const LeftOut&) = default;
};

struct Context {
  std::string id{};         // of printable characters; for Tenant::context_again
  uint64_t commit_seq = 0;  // the last commit that it knows
  ProjectId project{};
  std::string name{};
  std::string idea_prompt{};
  ProjectStatus status{};
  uint32_t version = 0;
  uint64_t project_tokens = 0;
  std::vector<ContextDocument> documents{};  // by priority
  std::vector<ContextTask> tasks{};          // in the order of their list
  std::vector<ContextMessage> messages{};    // oldest first
  LeftOut documents_left_out{}, tasks_left_out{}, messages_left_out{};
  uint64_t tokens = 0;  // of all that is in it: at most the budget
};

// As a prompt; and as one JSON object, with all fields. The same context gives the same bytes.
std::string to_markdown(const Context& context);
std::string to_json(const Context& context);

}  // namespace bcstore
