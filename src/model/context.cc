// Assembling a context.
//
// Invariants: each kind is a prefix of its order, since the first that does not fit ends it; the
// sum never passes the budget; a tool's result is in exactly when the call that it answers is.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "model/as_of.h"
#include "model/context_id.h"
#include "model/execute.h"

namespace bcstore {

uint64_t estimate_tokens(std::string_view text) {
  uint64_t ascii = 0, others = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) ++ascii;
    if (byte >= 0xC0) ++others;  // the first of a character's bytes
  }
  return (ascii + 3) / 4 + others;
}

namespace model {

namespace {

// A call of a tool is looked for in this many messages before its result; without one there the
// result stands alone.
constexpr size_t kMostBetweenPair = 64;
constexpr size_t kFirstPageRows = 16, kPageRows = 64;

struct Counted {
  uint64_t tokens = 0;
  bool is_estimated = false;
};

// A session's messages, newest first, a page at a time.
struct Reader {
  struct Row {
    ContextMessage message;
    Time effective_at;
    uint64_t commit_seq = 0;
    uint64_t tokens_before = 0;  // of the session's older messages
    // What is newer comes first; of one moment, what was committed later.
    auto place() const {
      return std::tuple(effective_at, commit_seq, message.session, message.seq);
    }
  };
  ChatSessionId session;
  std::deque<Row> rows{};  // read and not taken
  std::string after{};
  bool has_more = true;
  LeftOut left_out{};  // everything, less what is taken
};

class Assembly {
 public:
  Assembly(const Tenant& tenant, const ContextOptions& options, const ReadOptions& read,
           Context* context)
      : tenant_(tenant), options_(options), read_(read), context_(*context) {}

  Status run(ProjectId project) {
    context_.project = project;
    if (Status s = add_project(); !s.ok()) return s;
    if (Status s = add_documents(); !s.ok()) return s;
    if (Status s = add_tasks(); !s.ok()) return s;
    return add_messages();
  }

 private:
  class OpenPairs;

  Counted count(std::string_view text) const {
    if (options_.count) return {options_.count(text), false};
    return {estimate_tokens(text), true};
  }
  uint64_t room() const { return options_.token_budget - context_.tokens; }
  uint64_t share(uint32_t percent) const {
    return std::min(room(), options_.token_budget / 100 * percent +
                                options_.token_budget % 100 * percent / 100);
  }

  Status add_project();
  Status add_documents();
  Status add_tasks();
  Status add_messages();
  Status find_sessions(std::vector<ChatSessionId>* sessions) const;
  Counted count(const ChatMessage& message) const;
  Reader::Row to_row(ChatSessionId session, const ChatMessage& message) const;
  Status fill(Reader* reader) const;
  Status find_newest(std::vector<Reader>* readers, OpenPairs* pairs, Reader** newest) const;

  const Tenant& tenant_;
  const ContextOptions& options_;
  ReadOptions read_;
  Context& context_;
};

Status Assembly::add_project() {
  Result<Project> project = tenant_.project(context_.project, read_);
  if (!project.ok()) return project.status();
  context_.name = project->name();
  context_.idea_prompt = project->idea_prompt();
  context_.status = project->status();
  context_.version = project->current_version();
  context_.project_tokens = count(context_.name).tokens + count(context_.idea_prompt).tokens;
  if (context_.project_tokens > options_.token_budget) {
    return Status::too_small(
        fmt::format("token_budget: {} is less than the {} of the project itself",
                    options_.token_budget, context_.project_tokens),
        context_.project_tokens);
  }
  context_.tokens = context_.project_tokens;
  return Status();
}

Status Assembly::add_documents() {
  auto documents = tenant_.effective_documents(context_.project, std::nullopt, read_);
  if (!documents.ok()) return documents.status();
  std::vector<Section> order = options_.sections;
  for (size_t n = 1; options_.sections.empty() && n <= kSections; ++n) {
    order.push_back(static_cast<Section>(n));
  }
  uint64_t left = share(options_.documents_percent);
  bool is_full = false;
  for (const Section section : order) {
    const auto document =
        std::find_if(documents->begin(), documents->end(),
                     [section](const Document& one) { return one.section() == section; });
    if (document == documents->end() || document->current_rev() == 0) continue;
    Result<Revision> revision = tenant_.revision(document->id(), document->current_rev(), read_);
    if (!revision.ok()) return revision.status();
    const Result<std::string_view> content = revision->content();
    if (!content.ok()) return content.status();
    const Counted counted = count(*content);
    is_full |= counted.tokens > left;
    if (is_full) {
      ++context_.documents_left_out.items;
      context_.documents_left_out.tokens += counted.tokens;
      continue;
    }
    left -= counted.tokens;
    context_.tokens += counted.tokens;
    context_.documents.push_back({document->id(), section, document->version(), revision->rev(),
                                  document->is_locked(), revision->content_type(),
                                  std::string(*content), revision->created_at(), counted.tokens,
                                  counted.is_estimated});
  }
  return Status();
}

Status Assembly::add_tasks() {
  if (options_.tasks == ContextTasks::none) return Status();
  TaskList list{.limit = kMaxPageRows, .snapshot = read_.snapshot, .as_of = read_.as_of};
  if (options_.tasks == ContextTasks::open) list.state = TaskState::open;
  uint64_t left = share(options_.tasks_percent);
  bool is_full = false;
  std::string after;
  for (size_t rows = kMaxPageRows; rows == kMaxPageRows;) {
    list.after = after;
    Cursor<Task> tasks = tenant_.tasks(context_.project, list);
    for (rows = 0; tasks.next(); ++rows) {
      const Task& task = *tasks;
      const Counted title = count(task.title()), description = count(task.description());
      const uint64_t tokens = title.tokens + description.tokens;
      is_full |= tokens > left || context_.tasks.size() == kMaxContextItems;
      if (is_full) {
        ++context_.tasks_left_out.items;
        context_.tasks_left_out.tokens += tokens;
        continue;
      }
      left -= tokens;
      context_.tokens += tokens;
      context_.tasks.push_back({task.id(), task.phase(), std::string(task.title()),
                                std::string(task.description()), task.state(), task.rev(), tokens,
                                title.is_estimated});
    }
    if (!tasks.status().ok()) return tasks.status();
    after = tasks.token();
  }
  return Status();
}

Status Assembly::find_sessions(std::vector<ChatSessionId>* sessions) const {
  *sessions = options_.sessions;
  if (!sessions->empty()) {
    for (const ChatSessionId& id : *sessions) {
      Result<ChatSession> session = tenant_.session(id, read_);
      if (!session.ok()) return session.status();
      if (session->project() == context_.project) continue;
      return Status(Code::not_found, fmt::format("project {} has no session {}",
                                                 to_string(context_.project), to_string(id)));
    }
    return Status();
  }
  Cursor<ChatSession> newest = tenant_.sessions(
      context_.project,
      {.limit = kDefaultContextSessions, .snapshot = read_.snapshot, .as_of = read_.as_of});
  while (newest.next()) sessions->push_back(newest->id());
  return newest.status();
}

Counted Assembly::count(const ChatMessage& message) const {
  const std::optional<int32_t> own = message.token_count();
  return own ? Counted{static_cast<uint64_t>(*own), false} : count(message.content());
}

Reader::Row Assembly::to_row(ChatSessionId session, const ChatMessage& message) const {
  const Counted counted = count(message);
  const uint64_t stored = message.token_count() ? static_cast<uint64_t>(*message.token_count())
                                                : estimate_tokens(message.content());
  Reader::Row row{{session,
                   message.seq(),
                   message.role(),
                   std::string(message.content()),
                   {},
                   {},
                   message.created_at(),
                   counted.tokens,
                   counted.is_estimated},
                  message.effective_at(),
                  message.commit_seq(),
                  message.tokens_through() - stored};
  if (message.call_id()) row.message.call_id = *message.call_id();
  if (message.name()) row.message.name = *message.name();
  return row;
}

Status Assembly::fill(Reader* reader) const {
  if (!reader->rows.empty() || !reader->has_more) return Status();
  const bool is_first = reader->after.empty();
  const MessageList list{.newest_first = true,
                         .limit = is_first ? kFirstPageRows : kPageRows,
                         .after = reader->after,
                         .snapshot = read_.snapshot,
                         .as_of = read_.as_of};
  Cursor<ChatMessage> messages = tenant_.messages(reader->session, list);
  std::string after;
  while (messages.next()) {
    if (is_first && reader->rows.empty()) {
      reader->left_out = {messages->seq(), messages->tokens_through()};
    }
    reader->rows.push_back(to_row(reader->session, *messages));
    after = messages.token();
  }
  reader->has_more = reader->rows.size() == list.limit;
  reader->after = std::move(after);
  return messages.status();
}

// Results whose calls have not come yet: until they do, what was taken can not end here.
class Assembly::OpenPairs {
 public:
  bool empty() const { return open_.empty(); }
  void take(const ContextMessage& message) {
    for (auto it = open_.begin(); it != open_.end();) {
      const bool is_its = it->first.first == message.session;
      const bool is_call = is_its && message.role != Role::tool && message.call_id &&
                           *message.call_id == it->first.second;
      if (is_its) ++it->second;
      it = is_call || it->second > kMostBetweenPair ? open_.erase(it) : std::next(it);
    }
    if (message.role == Role::tool && message.call_id) {
      open_.try_emplace({message.session, *message.call_id}, 0);
    }
  }
  void end(ChatSessionId session) {
    std::erase_if(open_, [session](const auto& one) { return one.first.first == session; });
  }

 private:
  std::map<std::pair<ChatSessionId, std::string>, size_t> open_;
};

// The reader whose next message is the newest of all; null when all are through.
Status Assembly::find_newest(std::vector<Reader>* readers, OpenPairs* pairs,
                             Reader** newest) const {
  *newest = nullptr;
  for (Reader& reader : *readers) {
    if (Status s = fill(&reader); !s.ok()) return s;
    if (reader.rows.empty()) {
      pairs->end(reader.session);
    } else if (*newest == nullptr ||
               (*newest)->rows.front().place() < reader.rows.front().place()) {
      *newest = &reader;
    }
  }
  return Status();
}

Status Assembly::add_messages() {
  std::vector<ChatSessionId> sessions;
  if (Status s = find_sessions(&sessions); !s.ok()) return s;
  std::vector<Reader> readers;
  for (const ChatSessionId& session : sessions) readers.push_back({session});
  OpenPairs pairs;
  std::vector<Reader::Row> taken;
  uint64_t tokens = 0;
  size_t whole = 0;  // of what is taken, up to where nothing is open
  for (Reader* newest = nullptr;;) {
    if (Status s = find_newest(&readers, &pairs, &newest); !s.ok()) return s;
    if (pairs.empty()) whole = taken.size();
    if (newest == nullptr) break;
    Reader::Row& row = newest->rows.front();
    tokens += row.message.tokens;
    if (tokens > room() || taken.size() == kMaxContextItems) break;
    pairs.take(row.message);
    taken.push_back(std::move(row));
    newest->rows.pop_front();
  }
  taken.resize(whole);
  for (const Reader::Row& row : taken) {
    const auto reader = std::find_if(readers.begin(), readers.end(), [&](const Reader& one) {
      return one.session == row.message.session;
    });
    reader->left_out = {row.message.seq - 1, row.tokens_before};
  }
  for (const Reader& reader : readers) {
    context_.messages_left_out.items += reader.left_out.items;
    context_.messages_left_out.tokens += reader.left_out.tokens;
  }
  for (auto row = taken.rbegin(); row != taken.rend(); ++row) {
    context_.tokens += row->message.tokens;
    context_.messages.push_back(std::move(row->message));
  }
  return Status();
}

Status check(const ContextOptions& o) {
  const auto refuse = [](std::string reason) {
    return Status(Code::invalid_argument, std::move(reason));
  };
  if (o.token_budget > kMaxContextTokens) {
    return refuse(
        fmt::format("token_budget: {} is more than {}", o.token_budget, kMaxContextTokens));
  }
  if (o.documents_percent > 100 || o.tasks_percent > 100) {
    return refuse("a share is more than 100 percent");
  }
  if (o.tasks < ContextTasks::none || o.tasks > ContextTasks::all) {
    return refuse("tasks: no such value");
  }
  std::set<Section> sections;
  for (const Section section : o.sections) {
    if (to_string(section) == "unknown") return refuse("sections: no such value");
    if (!sections.insert(section).second) return refuse("sections: one is named twice");
  }
  if (o.sessions.size() > kMaxContextSessions) {
    return refuse(
        fmt::format("sessions: {} are more than {}", o.sessions.size(), kMaxContextSessions));
  }
  if (std::set(o.sessions.begin(), o.sessions.end()).size() != o.sessions.size()) {
    return refuse("sessions: one is named twice");
  }
  return Status();
}

// Everything is read from one view, and as of its last commit, which so names it.
Result<Context> assemble(const Tenant& tenant, ProjectId project, const ContextOptions& options,
                         ReadOptions read, uint64_t commit_seq) {
  Context context;
  context.commit_seq = commit_seq;
  const TenantState& state = Access::state(tenant);
  Result<Past> past = Past::open(state, read.as_of, read.snapshot, project.uuid());
  if (!past.ok()) return past.status();
  read.as_of = past->as_of();
  if (Status s = Assembly(tenant, options, read, &context).run(project); !s.ok()) return s;
  context.id = to_context_id({project, options, commit_seq}, state.core->store_hash());
  return context;
}

}  // namespace
}  // namespace model

Result<Context> Tenant::context(ProjectId project, const ContextOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("project id", project.uuid()); !s.ok()) return s;
  if (Status s = model::check(o); !s.ok()) return s;
  std::optional<Snapshot> own;
  if (o.snapshot == nullptr) {
    Result<Snapshot> snapshot = this->snapshot();
    if (!snapshot.ok()) return snapshot.status();
    own.emplace(*std::move(snapshot));
  }
  ReadOptions read{.snapshot = own ? &*own : o.snapshot, .as_of = o.as_of};
  const Result<uint64_t> last = model::last_commit_of(*state_, read.snapshot);
  if (!last.ok()) return last.status();
  if (read.as_of.by != AsOf::By::now)
    read.as_of.known_commit = std::min(*last, o.as_of.known_commit);
  return model::assemble(model::within(*state_), project, o, read, *last);
}

Result<Context> Tenant::context_again(std::string_view id,
                                      std::function<uint64_t(std::string_view)> count) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  Result<model::ContextRequest> request = model::parse_context_id(id, state_->core->store_hash());
  if (!request.ok()) return request.status();
  if (request->has_count != static_cast<bool>(count)) {
    return Status(Code::invalid_argument, request->has_count
                                              ? "count: this context was counted by the caller"
                                              : "count: this context was counted by the store");
  }
  ContextOptions& options = request->options;
  if (Status s = model::check(options); !s.ok()) return s;
  options.count = std::move(count);
  Result<Snapshot> snapshot = this->snapshot();
  if (!snapshot.ok()) return snapshot.status();
  ReadOptions read{.snapshot = &*snapshot, .as_of = options.as_of};
  if (read.as_of.by == AsOf::By::now) read.as_of = AsOf::commit(request->commit_seq);
  read.as_of.known_commit = std::min(request->commit_seq, options.as_of.known_commit);
  return model::assemble(model::within(*state_), request->project, options, read,
                         request->commit_seq);
}

}  // namespace bcstore
