// The catalogue of lists: every list of a Tenant as one function of a window, with the call that
// adds a row to it. Tests of paging, snapshots and rounds go over it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rich.h"
#include "walk.h"

namespace bcstore::fixture {

struct Window {
  bool reverse = false;
  size_t limit = kMaxPageRows;
  std::string_view after = {};
  const Snapshot* snapshot = nullptr;

  ListOptions list() const {
    return {.reverse = reverse, .limit = limit, .after = after, .snapshot = snapshot};
  }
  ProjectList projects(std::optional<ProjectStatus> status = std::nullopt) const {
    return {.oldest_first = reverse,
            .limit = limit,
            .after = after,
            .status = status,
            .snapshot = snapshot};
  }
  TaskList tasks(std::optional<std::optional<int32_t>> phase,
                 std::optional<TaskState> state) const {
    return {.phase = phase, .state = state, .limit = limit, .after = after, .snapshot = snapshot};
  }
  MessageList messages() const {
    return {.newest_first = reverse, .limit = limit, .after = after, .snapshot = snapshot};
  }
  EventList events(std::optional<uint32_t> month, bool with_audit) const {
    return {.newest_first = reverse,
            .limit = limit,
            .after = after,
            .month = month,
            .with_audit = with_audit,
            .snapshot = snapshot};
  }
};

inline CallList calls(const Window& w, std::optional<uint32_t> month) {
  return {.newest_first = w.reverse,
          .limit = w.limit,
          .after = w.after,
          .month = month,
          .snapshot = w.snapshot};
}
inline UsageRange usage(const Window& w) {
  return {.from_month = 101,
          .to_month = 999912,
          .limit = w.limit,
          .after = w.after,
          .snapshot = w.snapshot};
}
inline NewCall tea_call(std::string_view model = kRichModel) {
  return {.agent = "a", .model = model, .latency_us = 5, .cost_micros = 7, .currency = "USD"};
}

inline IntegrationList integrations(const Window& w) {
  return {.newest_first = w.reverse, .limit = w.limit, .after = w.after, .snapshot = w.snapshot};
}

struct Page {
  std::vector<std::string> rows;  // as shown() writes them
  std::vector<std::string> tokens;
  Status status;
};

template <class T>
Page page_of(Cursor<T> cursor) {
  Page page;
  while (cursor.next()) {
    page.rows.push_back(shown(*cursor));
    page.tokens.push_back(cursor.token());
  }
  page.status = cursor.status();
  return page;
}

struct List {
  std::string name;
  std::string family;  // lists of one family may share tokens
  bool has_parent;     // its parent is an object, not the owner
  bool has_reverse;
  std::function<Page(const Tenant&, const Rich&, const Window&)> page;
  std::function<void(const Tenant&, const Rich&)> append;
};

// NOLINTBEGIN(readability-identifier-naming)
#define BCSTORE_PAGE(...)                               \
  [](const Tenant& t, const Rich& r, const Window& w) { \
    (void)r;                                            \
    return page_of(__VA_ARGS__);                        \
  }
#define BCSTORE_APPEND(...)            \
  [](const Tenant& t, const Rich& r) { \
    (void)r;                           \
    __VA_ARGS__.value();               \
  }
// NOLINTEND(readability-identifier-naming)

inline std::vector<List> lists_of_owner() {
  return {
      {"projects", "projects", false, true, BCSTORE_PAGE(t.projects(w.projects())),
       BCSTORE_APPEND(t.create_project({.name = "P", .idea_prompt = ""}))},
      {"archived projects", "projects", false, true,
       BCSTORE_PAGE(t.projects(w.projects(ProjectStatus::archived))),
       BCSTORE_APPEND(
           t.create_project({.name = "P", .idea_prompt = "", .status = ProjectStatus::archived}))},
      {"events", "events", false, true, BCSTORE_PAGE(t.events(w.events(std::nullopt, true))),
       BCSTORE_APPEND(t.append_event({.type = "t"}))},
      {"events of a month", "events", false, true, BCSTORE_PAGE(t.events(w.events(202509, true))),
       BCSTORE_APPEND(t.append_event({.type = "t"}))},
      {"events without audit", "events", false, true,
       BCSTORE_PAGE(t.events(w.events(std::nullopt, false))),
       BCSTORE_APPEND(t.append_event({.type = "t"}))},
      {"calls", "calls", false, true, BCSTORE_PAGE(t.calls(calls(w, std::nullopt))),
       BCSTORE_APPEND(t.record_call(tea_call()))},
      {"calls of a month", "calls", false, true, BCSTORE_PAGE(t.calls(calls(w, 202509))),
       BCSTORE_APPEND(t.record_call(tea_call()))},
      {"usage", "usage", false, false, BCSTORE_PAGE(t.usage(usage(w))),
       [](const Tenant& t, const Rich&) {
         // A row that there was not.
         const size_t rows = rows_of(t.usage(usage({})), [](const UsageRow&) { return 0; }).size();
         t.record_call(tea_call("tea-" + std::to_string(rows + 1))).value();
       }},
      {"credit entries", "credits", false, true, BCSTORE_PAGE(t.credit_entries(w.list())),
       BCSTORE_APPEND(t.consume_credit())},
      {"integrations", "integrations", false, true, BCSTORE_PAGE(t.integrations(integrations(w))),
       BCSTORE_APPEND(
           t.add_integration({.type = IntegrationType::google_analytics, .metadata = "1"}))},
      {"integration history", "integration history", true, true,
       BCSTORE_PAGE(t.integration_history(r.integration, w.list())),
       BCSTORE_APPEND(t.revise_integration(r.integration, "2"))},
  };
}

inline std::vector<List> lists_of_project() {
  using Phase = std::optional<std::optional<int32_t>>;
  return {
      {"versions", "versions", true, true, BCSTORE_PAGE(t.versions(r.project, w.list())),
       BCSTORE_APPEND(t.add_version(r.project, {}))},
      {"status history", "status", true, true, BCSTORE_PAGE(t.status_history(r.project, w.list())),
       BCSTORE_APPEND(t.set_status(r.project, ProjectStatus::archived))},
      {"documents", "documents", true, true, BCSTORE_PAGE(t.documents(r.project, 1, w.list())),
       [](const Tenant& t, const Rich& r) {
         for (const int n : {3, 5, 1, 4}) {
           const NewDocument next{.section = static_cast<Section>(n), .version = 1};
           if (t.create_document(r.project, next).ok()) return;
         }
       }},
      {"tasks", "tasks", true, false, BCSTORE_PAGE(t.tasks(r.project, w.tasks({}, {}))),
       BCSTORE_APPEND(t.create_task(r.project, {.title = "T", .phase = 1}))},
      {"tasks of a phase", "tasks", true, false,
       BCSTORE_PAGE(t.tasks(r.project, w.tasks(Phase(1), {}))),
       BCSTORE_APPEND(t.create_task(r.project, {.title = "T", .phase = 1}))},
      {"tasks without a phase", "tasks", true, false,
       BCSTORE_PAGE(t.tasks(r.project, w.tasks(Phase(std::in_place), {}))),
       BCSTORE_APPEND(t.create_task(r.project, {.title = "T"}))},
      {"open tasks", "tasks", true, false,
       BCSTORE_PAGE(t.tasks(r.project, w.tasks({}, TaskState::open))),
       BCSTORE_APPEND(t.create_task(r.project, {.title = "T", .phase = 3}))},
      {"sessions", "sessions", true, true, BCSTORE_PAGE(t.sessions(r.project, w.list())),
       BCSTORE_APPEND(t.start_chat(r.project))},
  };
}

inline std::vector<List> lists_of_children() {
  return {
      {"revisions", "revisions", true, true, BCSTORE_PAGE(t.revisions(r.document, w.list())),
       BCSTORE_APPEND(t.add_revision(r.document, {.content = "1"}))},
      {"lock history", "locks", true, true, BCSTORE_PAGE(t.lock_history(r.document, w.list())),
       BCSTORE_APPEND(t.set_lock(r.document, true))},
      {"task revisions", "task revisions", true, true,
       BCSTORE_PAGE(t.task_revisions(r.task, w.list())),
       BCSTORE_APPEND(t.revise_task(r.task, {.title = "T"}))},
      {"activity", "activity", true, true, BCSTORE_PAGE(t.activity(r.task, w.list())),
       BCSTORE_APPEND(t.record_activity(r.task, TaskAction::complete))},
      {"messages", "messages", true, true, BCSTORE_PAGE(t.messages(r.chat, w.messages())),
       BCSTORE_APPEND(t.append_message(r.chat, {.role = Role::user, .content = "m"}))},
  };
}

#undef BCSTORE_PAGE
#undef BCSTORE_APPEND

inline std::vector<List> all_lists() {
  std::vector<List> all = lists_of_owner();
  for (auto& part : {lists_of_project(), lists_of_children()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// An owner whose every list has at least four rows, some on either side of a month's edge.
struct Listed : World {
  std::vector<List> lists = all_lists();
  Rich a = enrich(store(), user("a@x"), "a");
  Tenant t = held->tenant(a.owner);

  Listed() {
    clock->set(parse_time("2025-08-31T23:59:59.999999Z")->us);
    for (const List& list : lists) list.append(t, a);
    clock->set(parse_time("2025-09-01T00:00:00Z")->us);
    for (int i = 0; i < 2; ++i) {
      for (const List& list : lists) list.append(t, a);
    }
  }
  // Calls `each` for every list in every direction that it has.
  void each(const std::function<void(const List&, const Window&)>& call) const {
    for (const List& list : lists) {
      for (const bool reverse : {false, true}) {
        if (reverse && !list.has_reverse) continue;
        CAPTURE(list.name);
        CAPTURE(reverse);
        call(list, Window{.reverse = reverse});
      }
    }
  }
};

}  // namespace bcstore::fixture
