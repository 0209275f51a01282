// A context as text. Everything that varies comes from the context itself, so that equal contexts
// give equal bytes.
#include <fmt/format.h>

#include <iterator>

#include "bcstore/context.h"
#include "model/execute.h"

namespace bcstore {

namespace {

using model::json_text;

// A fence that is longer than any in the text.
std::string fence_of(std::string_view text) {
  size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(std::max<size_t>(3, longest + 1), '`');
}

std::string title_of(const ContextMessage& message) {
  std::string title(to_string(message.role));
  if (message.name) title += " " + *message.name;
  if (message.call_id) title += " [" + *message.call_id + "]";
  return title;
}

void append_left_out(std::string* out, std::string_view what, const LeftOut& left) {
  if (left.items == 0) return;
  fmt::format_to(std::back_inserter(*out), "\n({} {} of {} tokens left out)\n", left.items, what,
                 left.tokens);
}

void append_documents(std::string* out, const Context& context) {
  for (const ContextDocument& document : context.documents) {
    fmt::format_to(std::back_inserter(*out), "\n## {} (version {}, revision {})\n\n",
                   to_string(document.section), document.version, document.rev);
    if (document.content_type == ContentType::json) {
      const std::string fence = fence_of(document.content);
      *out += fence + "json\n" + document.content + "\n" + fence + "\n";
    } else {
      *out += document.content;
      if (!document.content.ends_with('\n')) *out += '\n';
    }
  }
  append_left_out(out, "documents", context.documents_left_out);
}

void append_tasks(std::string* out, const Context& context) {
  if (!context.tasks.empty()) *out += "\n## Tasks\n\n";
  for (const ContextTask& task : context.tasks) {
    *out += task.state == TaskState::complete ? "- [x] " : "- [ ] ";
    if (task.phase) fmt::format_to(std::back_inserter(*out), "(phase {}) ", *task.phase);
    *out += task.title + "\n";
    // A description stays within its item.
    size_t from = 0;
    while (from < task.description.size()) {
      const size_t end = std::min(task.description.find('\n', from), task.description.size());
      *out += "  " + task.description.substr(from, end - from) + "\n";
      from = end + 1;
    }
  }
  append_left_out(out, "tasks", context.tasks_left_out);
}

void append_messages(std::string* out, const Context& context) {
  if (!context.messages.empty() || context.messages_left_out.items > 0) *out += "\n## Messages\n";
  append_left_out(out, "older messages", context.messages_left_out);
  for (const ContextMessage& message : context.messages) {
    *out += "\n### " + title_of(message) + "\n\n" + message.content;
    if (!message.content.ends_with('\n')) *out += '\n';
  }
}

template <class T, class Write>
std::string json_array(const std::vector<T>& items, Write write) {
  std::string out = "[";
  for (const T& item : items) {
    if (out.size() > 1) out += ',';
    out += write(item);
  }
  return out + "]";
}

template <class T>
std::string json_or_null(const std::optional<T>& value) {
  if (!value) return "null";
  if constexpr (std::is_same_v<T, std::string>) {
    return json_text(*value);
  } else {
    return fmt::format("{}", *value);
  }
}

std::string json_of(const ContextDocument& d) {
  return fmt::format(
      R"({{"id":"{}","section":"{}","version":{},"rev":{},"is_locked":{},"content_type":"{}",)"
      R"("content":{},"created_at_us":{},"tokens":{},"is_estimated":{}}})",
      to_string(d.id), to_string(d.section), d.version, d.rev, d.is_locked,
      to_string(d.content_type), json_text(d.content), d.created_at.us, d.tokens, d.is_estimated);
}

std::string json_of(const ContextTask& t) {
  return fmt::format(
      R"({{"id":"{}","phase":{},"title":{},"description":{},"state":"{}","rev":{},"tokens":{},)"
      R"("is_estimated":{}}})",
      to_string(t.id), json_or_null(t.phase), json_text(t.title), json_text(t.description),
      to_string(t.state), t.rev, t.tokens, t.is_estimated);
}

std::string json_of(const ContextMessage& m) {
  return fmt::format(R"({{"session":"{}","seq":{},"role":"{}","content":{},"call_id":{},"name":{},)"
                     R"("created_at_us":{},"tokens":{},"is_estimated":{}}})",
                     to_string(m.session), m.seq, to_string(m.role), json_text(m.content),
                     json_or_null(m.call_id), json_or_null(m.name), m.created_at.us, m.tokens,
                     m.is_estimated);
}

std::string json_of(const LeftOut& left) {
  return fmt::format(R"({{"items":{},"tokens":{}}})", left.items, left.tokens);
}

}  // namespace

std::string to_markdown(const Context& context) {
  std::string out = fmt::format("# {} (version {}, {})\n", context.name, context.version,
                                to_string(context.status));
  if (!context.idea_prompt.empty()) out += "\n" + context.idea_prompt + "\n";
  append_documents(&out, context);
  append_tasks(&out, context);
  append_messages(&out, context);
  return out;
}

std::string to_json(const Context& context) {
  const auto each = [](const auto& item) { return json_of(item); };
  return fmt::format(
      R"({{"id":"{}","commit_seq":{},"tokens":{},"project":{{"id":"{}","name":{},)"
      R"("idea_prompt":{},"status":"{}","version":{},"tokens":{}}},"documents":{},"tasks":{},)"
      R"("messages":{},"left_out":{{"documents":{},"tasks":{},"messages":{}}}}})",
      context.id, context.commit_seq, context.tokens, to_string(context.project),
      json_text(context.name), json_text(context.idea_prompt), to_string(context.status),
      context.version, context.project_tokens, json_array(context.documents, each),
      json_array(context.tasks, each), json_array(context.messages, each),
      json_of(context.documents_left_out), json_of(context.tasks_left_out),
      json_of(context.messages_left_out));
}

}  // namespace bcstore
