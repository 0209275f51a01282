// Everything of one owner as text, read through the public API alone: two walks are equal exactly
// when every record of the owner is.
#pragma once

#include <bit>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "fixture.h"

namespace bcstore::fixture {

inline std::string shown(std::string_view text) {
  return std::to_string(text.size()) + ":" + std::string(text);
}
inline std::string shown(Time time) { return std::to_string(time.us); }
inline std::string shown(const Actor& actor) {
  return std::string(to_string(actor.kind)) + "/" + to_string(actor.user) + "/" + actor.name;
}
template <class T>
requires std::is_arithmetic_v<T> std::string shown(T number) { return std::to_string(number); }
template <class T>
requires std::is_enum_v<T> std::string shown(T value) {
  return std::to_string(static_cast<unsigned>(value));
}
template <class Kind>
std::string shown(const Id<Kind>& id) {
  return to_string(id);
}
inline std::string shown(const Uuid& id) { return to_string(id); }
template <class T>
std::string shown(const std::optional<T>& value) {
  return value ? "(" + shown(*value) + ")" : "-";
}

inline std::string shown(std::span<const float> floats) {
  std::string out = "[";
  for (const float x : floats) out += shown(std::bit_cast<uint32_t>(x)) + ",";
  return out + "]";
}

template <class... Fields>
std::string line(std::string_view what, const Record& r, const Fields&... fields) {
  std::string out(what);
  ((out += ' ', out += shown(fields)), ...);
  out += " | " + shown(r.owner()) + ' ' + shown(r.created_at()) + ' ' + shown(r.effective_at()) +
         ' ' + shown(r.commit_seq()) + ' ' + shown(r.actor()) + '\n';
  return out;
}

inline std::string shown(const User& r) {
  return line("user", r, r.id(), r.rev(), r.email(), r.full_name(), r.stripe_customer_id(),
              r.is_pro(), r.joined_at());
}
inline std::string shown(const Project& r) {
  return line("project", r, r.id(), r.name(), r.idea_prompt(), r.status(), r.current_version());
}
inline std::string shown(const ProjectVersion& r) {
  return line("version", r, r.project(), r.version(), r.name(), r.idea_prompt(), r.status(),
              r.change_note());
}
inline std::string shown(const ProjectStatusChange& r) {
  return line("status", r, r.project(), r.number(), r.status());
}
inline std::string shown(const Document& r) {
  return line("document", r, r.id(), r.project(), r.version(), r.section(), r.is_locked(),
              r.current_rev());
}
inline std::string shown(const DocumentLockChange& r) {
  return line("lock", r, r.document(), r.number(), r.is_locked());
}
inline std::string shown(const Revision& r) {
  const Result<std::string_view> content = r.content();
  CHECK(content.ok());
  return line("revision", r, r.document(), r.rev(), r.content_type(), r.content_bytes(),
              r.content_hash(), r.change_note(), content.ok() ? *content : std::string_view());
}
inline std::string shown(const Task& r) {
  return line("task", r, r.id(), r.project(), r.phase(), r.title(), r.description(), r.state(),
              r.rev(), r.activity_count());
}
inline std::string shown(const TaskRevision& r) {
  return line("task_revision", r, r.task(), r.rev(), r.phase(), r.title(), r.description());
}
inline std::string shown(const TaskActivity& r) {
  return line("activity", r, r.task(), r.seq(), r.action());
}
inline std::string shown(const ChatSession& r) {
  return line("session", r, r.id(), r.project(), r.title());
}
inline std::string shown(const ChatMessage& r) {
  return line("message", r, r.session(), r.seq(), r.id(), r.role(), r.token_count(), r.replaces(),
              r.month(), r.content(), r.call_id(), r.name(), r.metadata());
}
inline std::string shown(const Event& r) {
  return line("event", r, r.id(), r.month(), r.is_audit(), r.type(), r.payload(), r.project(),
              r.document(), r.rev(), r.session(), r.message_seq(), r.call_id());
}

inline std::string shown(const CallRecord& r) {
  return line("call", r, r.id(), r.month(), r.agent(), r.model(), r.status(), r.input_tokens(),
              r.output_tokens(), r.cached_tokens(), r.latency_us(), r.first_token_us(),
              r.cost_micros(), r.currency(), r.project(), r.session(), r.message_seq(), r.event(),
              r.hold());
}
inline std::string shown(const UsageRow& r) {
  return line("usage", r, r.month(), r.model(), r.currency(), r.calls(), r.failed_calls(),
              r.input_tokens(), r.output_tokens(), r.cached_tokens(), r.cost_micros(),
              r.total_latency_us(), r.longest_latency_us());
}

inline std::string shown(const CreditEntry& r) {
  return line("credit", r, r.number(), r.kind(), r.amount(), r.allowance_delta(), r.granted_delta(),
              r.allowance(), r.granted(), r.is_unlimited(), r.epoch(), r.reason());
}

inline std::string shown(const SectionBlock& r) {
  return line("section", r, r.document(), r.rev(), r.ordinal(), r.block_id(), r.heading(),
              r.body_md(), r.embedding());
}
inline std::string shown(const Integration& r) {
  return line("integration", r, r.id(), r.type(), r.rev());
}
inline std::string shown(const IntegrationChange& r) {
  return line("integration_change", r, r.integration(), r.rev(), r.type(), r.action());
}

// Calls `each` for every row of a list, page after page; `open` makes the page after a token.
template <class Open, class Each>
Status each_row(Open open, Each each) {
  std::string after;
  for (;;) {
    auto cursor = open(std::string_view(after));
    std::string last;
    while (cursor.next()) {
      each(*cursor);
      last = cursor.token();
    }
    if (Status status = cursor.status(); !status.ok()) return status;
    if (last.empty()) return {};
    after = last;
  }
}

class Walk {
 public:
  explicit Walk(const Tenant& tenant, const Snapshot* snapshot = nullptr)
      : tenant_(tenant), snapshot_(snapshot) {}

  std::string run() {
    Result<User> user = tenant_.profile(read());
    REQUIRE(user.ok());
    text_ = shown(*user);
    std::vector<ProjectId> projects;
    list(
        [&](std::string_view after) {
          return tenant_.projects({.after = after, .snapshot = snapshot_});
        },
        [&](const Project& row) { projects.push_back(row.id()); });
    for (const ProjectId& project : projects) walk_project(project);
    list(
        [&](std::string_view after) {
          return tenant_.integrations({.after = after, .snapshot = snapshot_});
        },
        [&](const Integration& row) {
          const Result<IntegrationSecret> secret =
              tenant_.integration_secret(row.id(), {.snapshot = snapshot_});
          CHECK(secret.ok());
          if (secret.ok()) text_ += shown(secret->metadata());
        });
    list(
        [&](std::string_view after) {
          return tenant_.events({.after = after, .snapshot = snapshot_});
        },
        [](const Event&) {});
    list([&](std::string_view after) {
      return tenant_.calls({.after = after, .snapshot = snapshot_});
    });
    list([&](std::string_view after) {
      return tenant_.usage(
          {.from_month = 101, .to_month = 999912, .after = after, .snapshot = snapshot_});
    });
    list([&](std::string_view after) { return tenant_.credit_entries(page(after)); });
    const Credits credits = tenant_.credits(read()).value();
    text_ += "credits " + shown(credits.remaining) + ' ' + shown(credits.allowance) + ' ' +
             shown(credits.granted) + ' ' + shown(credits.plan_allowance) + ' ' +
             shown(credits.resets_at) + '\n';
    return std::move(text_);
  }

 private:
  ReadOptions read() const { return {.snapshot = snapshot_}; }
  ListOptions page(std::string_view after) const {
    return {.limit = kMaxPageRows, .after = after, .snapshot = snapshot_};
  }
  template <class Open, class Also>
  void list(Open open, Also also) {
    const Status status = each_row(open, [&](const auto& row) {
      text_ += shown(row);
      also(row);
    });
    INFO(status.to_string());
    CHECK(status.ok());
  }
  template <class Open>
  void list(Open open) {
    list(open, [](const auto&) {});
  }

  void walk_project(ProjectId project) {
    using After = std::string_view;
    uint32_t versions = 0;
    list([&](After after) { return tenant_.versions(project, page(after)); },
         [&](const ProjectVersion&) { ++versions; });
    list([&](After after) { return tenant_.status_history(project, page(after)); });
    std::vector<DocumentId> documents;
    for (uint32_t v = 1; v <= versions; ++v) {
      list([&](After after) { return tenant_.documents(project, v, page(after)); },
           [&](const Document& row) { documents.push_back(row.id()); });
    }
    for (const DocumentId& document : documents) {
      std::vector<uint32_t> revs;
      list([&](After after) { return tenant_.revisions(document, page(after)); },
           [&](const Revision& row) { revs.push_back(row.rev()); });
      for (const uint32_t rev : revs) {
        list([&](After after) { return tenant_.sections(document, rev, page(after)); });
      }
      list([&](After after) { return tenant_.lock_history(document, page(after)); });
    }
    std::vector<TaskId> tasks;
    list(
        [&](After after) {
          return tenant_.tasks(project,
                               {.limit = kMaxPageRows, .after = after, .snapshot = snapshot_});
        },
        [&](const Task& row) { tasks.push_back(row.id()); });
    for (const TaskId& task : tasks) {
      list([&](After after) { return tenant_.task_revisions(task, page(after)); });
      list([&](After after) { return tenant_.activity(task, page(after)); });
    }
    std::vector<ChatSessionId> sessions;
    list([&](After after) { return tenant_.sessions(project, page(after)); },
         [&](const ChatSession& row) { sessions.push_back(row.id()); });
    for (const ChatSessionId& session : sessions) {
      list([&](After after) {
        return tenant_.messages(session,
                                {.limit = kMaxPageRows, .after = after, .snapshot = snapshot_});
      });
    }
  }

  const Tenant& tenant_;
  const Snapshot* snapshot_;
  std::string text_;
};

inline std::string walk(const Tenant& tenant, const Snapshot* snapshot = nullptr) {
  return Walk(tenant, snapshot).run();
}

}  // namespace bcstore::fixture
