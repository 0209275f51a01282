// Everything of the numbered objects of an owner as text, as of a moment: what each read answers,
// its refusals too.
#pragma once

#include <string>
#include <string_view>

#include "model_action.h"
#include "model_ids.h"
#include "walk.h"

namespace bcstore::fixture {

class PastWalk {
 public:
  PastWalk(const Tenant& tenant, AsOf as_of, size_t page_rows = kMaxPageRows)
      : tenant_(tenant), as_of_(as_of), page_rows_(page_rows) {}

  std::string run() {
    one("profile", tenant_.profile(read()));
    list("projects", [&](std::string_view after) {
      return tenant_.projects({.limit = page_rows_, .after = after, .as_of = as_of_});
    });
    list("ready", [&](std::string_view after) {
      return tenant_.projects(
          {.limit = page_rows_, .after = after, .status = ProjectStatus::ready, .as_of = as_of_});
    });
    for (uint8_t n = 0; n < kObjects; ++n) {
      if (n < 3) walk_project(object<ProjectId>(n));
      walk_document(object<DocumentId>(n));
      walk_task(object<TaskId>(n));
      walk_session(object<ChatSessionId>(n));
      walk_integration(object<IntegrationId>(n));
    }
    list("integrations", [&](std::string_view after) {
      return tenant_.integrations({.limit = page_rows_, .after = after, .as_of = as_of_});
    });
    list("events", [&](std::string_view after) {
      return tenant_.events({.limit = page_rows_, .after = after, .as_of = as_of_});
    });
    list("own events, newest first", [&](std::string_view after) {
      return tenant_.events({.newest_first = true,
                             .limit = page_rows_,
                             .after = after,
                             .with_audit = false,
                             .as_of = as_of_});
    });
    list("credit entries",
         [&](std::string_view after) { return tenant_.credit_entries(page(after)); });
    return std::move(text_);
  }

 private:
  ReadOptions read() const { return {.as_of = as_of_}; }
  ListOptions page(std::string_view after, bool reverse = false) const {
    return {.reverse = reverse, .limit = page_rows_, .after = after, .as_of = as_of_};
  }
  void refusal(std::string_view what, const Status& status) {
    text_ += std::string(what) + ": " + std::string(to_string(status.code())) + '\n';
  }
  template <class T>
  void one(std::string_view what, const Result<T>& found) {
    if (!found.ok()) return refusal(what, found.status());
    text_ += shown(*found);
  }
  template <class Open>
  void list(std::string_view what, Open open) {
    text_ += std::string(what) + ":\n";
    const Status status = each_row(open, [&](const auto& row) { text_ += shown(row); });
    if (!status.ok()) refusal(what, status);
  }

  void walk_project(ProjectId id) {
    using After = std::string_view;
    one("project", tenant_.project(id, read()));
    one("version", tenant_.version(id, 2, read()));
    list("versions", [&](After after) { return tenant_.versions(id, page(after)); });
    list("statuses", [&](After after) { return tenant_.status_history(id, page(after, true)); });
    list("documents", [&](After after) { return tenant_.documents(id, 1, page(after)); });
    for (const std::optional<uint32_t> version : {std::optional<uint32_t>(), {1}, {2}}) {
      const auto effective = tenant_.effective_documents(id, version, read());
      if (!effective.ok()) {
        refusal("effective", effective.status());
        continue;
      }
      for (const Document& document : *effective) text_ += shown(document);
    }
    for (const std::optional<TaskState> state : {std::optional<TaskState>(), {TaskState::open}}) {
      list("tasks", [&](After after) {
        return tenant_.tasks(
            id, {.state = state, .limit = page_rows_, .after = after, .as_of = as_of_});
      });
    }
    list("sessions", [&](After after) { return tenant_.sessions(id, page(after)); });
  }

  void walk_document(DocumentId id) {
    using After = std::string_view;
    one("document", tenant_.document(id, read()));
    one("newest revision", tenant_.newest_revision(id, read()));
    one("revision", tenant_.revision(id, 2, read()));
    list("revisions", [&](After after) { return tenant_.revisions(id, page(after)); });
    list("locks", [&](After after) { return tenant_.lock_history(id, page(after)); });
  }

  void walk_task(TaskId id) {
    using After = std::string_view;
    one("task", tenant_.task(id, read()));
    one("task revision", tenant_.task_revision(id, 2, read()));
    list("task revisions", [&](After after) { return tenant_.task_revisions(id, page(after)); });
    list("activity", [&](After after) { return tenant_.activity(id, page(after, true)); });
  }

  void walk_session(ChatSessionId id) {
    using After = std::string_view;
    one("session", tenant_.session(id, read()));
    const Result<uint64_t> last = tenant_.last_seq(id, read());
    text_ += "last " + (last.ok() ? std::to_string(*last) : name_of(last.status())) + '\n';
    one("message", tenant_.message(id, 2, read()));
    for (const bool newest_first : {false, true}) {
      list("messages", [&](After after) {
        return tenant_.messages(
            id,
            {.newest_first = newest_first, .limit = page_rows_, .after = after, .as_of = as_of_});
      });
    }
    list("messages from", [&](After after) {
      MessageList o{.newest_first = true, .limit = page_rows_, .after = after, .as_of = as_of_};
      if (after.empty()) o.from_seq = 3;
      return tenant_.messages(id, o);
    });
  }

  void walk_integration(IntegrationId id) {
    one("integration", tenant_.integration(id, read()));
    list("integration changes",
         [&](std::string_view after) { return tenant_.integration_history(id, page(after)); });
  }

  const Tenant& tenant_;
  AsOf as_of_;
  size_t page_rows_;
  std::string text_;
};

}  // namespace bcstore::fixture
