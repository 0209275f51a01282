#include "crash/image.h"

#include <algorithm>
#include <set>

#include "crash/plan.h"

namespace bcstore::crash {
namespace {

constexpr size_t kPageRows = 100;

// Reads a list to its end, page by page. `list` makes the cursor of the page after a token.
template <class T, class List, class Use>
Status each(List list, Use use) {
  std::string after;
  while (true) {
    Cursor<T> page = list(after);
    size_t rows = 0;
    while (page.next()) {
      if (Status used = use(*page); !used.ok()) return used;
      if (++rows == kPageRows) after = page.token();
    }
    if (Status ended = page.status(); !ended.ok()) return ended;
    if (rows < kPageRows) return {};
  }
}

ListOptions page_after(const std::string& after) { return {.limit = kPageRows, .after = after}; }

// Enters a row under the commit that wrote it. `own_text` was written by this very commit, if it is
// given at all.
Status add_row(const Record& record, Row row, std::optional<std::string_view> own_text,
               Image* image) {
  Commit& commit = image->commits[record.commit_seq()];
  const Actor actor = record.actor();
  std::optional<uint64_t> plan;
  if (actor.kind == ActorKind::agent) {
    plan = named_plan(actor.name);
  } else if (own_text) {
    plan = named_plan(*own_text);
  }
  if (plan) commit.named.push_back(*plan);
  if (!commit.rows.empty() && commit.owner != record.owner()) {
    return {Code::internal, "two owners share a commit"};
  }
  commit.owner = record.owner();
  commit.created_us.push_back(record.created_at().us);
  commit.rows.push_back(std::move(row));
  return {};
}

class ImageReader {
 public:
  ImageReader(Tenant tenant, const Integrations& integrations, Image* image)
      : tenant_(std::move(tenant)), image_(image) {
    const auto known = integrations.find(tenant_.owner());
    if (known == integrations.end()) return;
    integrations_.insert(known->second.begin(), known->second.end());
  }

  Status read() {
    auto user = tenant_.profile();
    if (user.code() == Code::not_found) return {};
    if (!user.ok()) return user.status();
    auto credits = tenant_.credits();
    if (!credits.ok()) return credits.status();
    if (!credits->remaining) return {Code::internal, "unlimited credits"};
    head(Table::user, tenant_.owner().uuid(),
         user_head(user->rev(), user->email(), user->full_name(), *credits->remaining));
    auto seq = tenant_.owner_seq();
    if (!seq.ok()) return seq.status();
    image_->owner_seqs[tenant_.owner()] = *seq;
    Status projects = each<Project>(
        [&](const std::string& after) {
          return tenant_.projects({.limit = kPageRows, .after = after});
        },
        [&](const Project& project) { return read_project(project.id()); });
    if (!projects.ok()) return projects;
    Status entries = each<CreditEntry>(
        [&](const std::string& after) { return tenant_.credit_entries(page_after(after)); },
        [&](const CreditEntry& entry) { return add_credit_entry(entry); });
    if (!entries.ok()) return entries;
    if (Status done = read_integrations(); !done.ok()) return done;
    return each<Event>(
        [&](const std::string& after) {
          return tenant_.events({.limit = kPageRows, .after = after});
        },
        [&](const Event& event) { return add_event(event); });
  }

 private:
  void head(Table table, const Uuid& object, std::string body) {
    image_->heads[{table, object}] = std::move(body);
  }

  Status add(const Record& record, Row row, std::optional<std::string_view> own_text) {
    return add_row(record, std::move(row), own_text, image_);
  }

  Status add_credit_entry(const CreditEntry& entry) {
    Body body;
    if (entry.kind() != CreditEntryKind::opening) body.actor(entry.actor());
    body.number(static_cast<uint8_t>(entry.kind())).number(static_cast<uint64_t>(entry.amount()));
    body.number(static_cast<uint64_t>(entry.allowance() + entry.granted()));
    body.optional(entry.reason());
    return add(entry, {Table::credit_entry, tenant_.owner().uuid(), entry.number(), body.take()},
               entry.reason());
  }

  Status add_event(const Event& event) {
    const Uuid owner = tenant_.owner().uuid();
    if (event.is_audit()) return add(event, {Table::audit, owner, 1, "audit"}, std::nullopt);
    Body body;
    body.actor(event.actor()).text(event.type()).optional(event.payload());
    body.id(event.project() ? event.project()->uuid() : Uuid{});
    return add(event, {Table::event, owner, event.id(), body.take()}, event.type());
  }

  Status read_project(ProjectId id) {
    auto project = tenant_.project(id);
    if (!project.ok()) return project.status();
    const uint32_t newest = project->current_version();
    head(Table::project, id.uuid(),
         project_head(project->name(), project->idea_prompt(),
                      static_cast<uint8_t>(project->status()), newest));
    if (Status done = read_project_history(id); !done.ok()) return done;
    for (uint32_t version = 1; version <= newest; ++version) {
      Status done = each<Document>(
          [&](const std::string& after) {
            return tenant_.documents(id, version, page_after(after));
          },
          [&](const Document& document) { return read_document(document.id()); });
      if (!done.ok()) return done;
    }
    Status tasks = each<Task>(
        [&](const std::string& after) {
          return tenant_.tasks(id, {.limit = kPageRows, .after = after});
        },
        [&](const Task& task) { return read_task(task.id()); });
    if (!tasks.ok()) return tasks;
    return each<ChatSession>(
        [&](const std::string& after) { return tenant_.sessions(id, page_after(after)); },
        [&](const ChatSession& session) { return read_session(session.id()); });
  }

  Status read_project_history(ProjectId id) {
    Status versions = each<ProjectVersion>(
        [&](const std::string& after) { return tenant_.versions(id, page_after(after)); },
        [&](const ProjectVersion& version) {
          Body body;
          body.actor(version.actor()).text(version.name()).text(version.idea_prompt());
          body.number(static_cast<uint8_t>(version.status())).optional(version.change_note());
          return add(version, {Table::project_version, id.uuid(), version.version(), body.take()},
                     version.change_note());
        });
    if (!versions.ok()) return versions;
    return each<ProjectStatusChange>(
        [&](const std::string& after) { return tenant_.status_history(id, page_after(after)); },
        [&](const ProjectStatusChange& change) {
          Body body;
          body.actor(change.actor()).number(static_cast<uint8_t>(change.status()));
          return add(change, {Table::project_status, id.uuid(), change.number(), body.take()},
                     std::nullopt);
        });
  }

  Status read_document(DocumentId id) {
    auto document = tenant_.document(id);
    if (!document.ok()) return document.status();
    head(Table::document, id.uuid(),
         document_head(document->project().uuid(), document->version(),
                       static_cast<uint8_t>(document->section()), document->is_locked(),
                       document->current_rev()));
    Status revisions = each<Revision>(
        [&](const std::string& after) { return tenant_.revisions(id, page_after(after)); },
        [&](const Revision& revision) {
          auto content = revision.content();
          if (!content.ok()) return content.status();
          Body body;
          body.actor(revision.actor()).number(static_cast<uint8_t>(revision.content_type()));
          body.text(*content).number(revision.content_bytes()).optional(revision.change_note());
          Status done =
              add(revision, {Table::revision, id.uuid(), revision.rev(), body.take()}, *content);
          return done.ok() ? read_sections(id, revision.rev()) : done;
        });
    if (!revisions.ok()) return revisions;
    return each<DocumentLockChange>(
        [&](const std::string& after) { return tenant_.lock_history(id, page_after(after)); },
        [&](const DocumentLockChange& change) {
          Body body;
          body.actor(change.actor()).number(change.is_locked() ? 1 : 0);
          return add(change, {Table::document_lock, id.uuid(), change.number(), body.take()},
                     std::nullopt);
        });
  }

  Status read_sections(DocumentId id, uint32_t rev) {
    return each<SectionBlock>(
        [&](const std::string& after) { return tenant_.sections(id, rev, page_after(after)); },
        [&](const SectionBlock& block) {
          const uint64_t number = section_number(rev, block.ordinal());
          Body body = section_body(block.actor(), block.block_id(), block.heading(),
                                   block.body_md(), block.embedding());
          return add(block, {Table::section, id.uuid(), number, body.take()}, block.body_md());
        });
  }

  // Those that a list has, and those that no list has any more.
  Status read_integrations() {
    Status listed = each<Integration>(
        [&](const std::string& after) {
          return tenant_.integrations({.limit = kPageRows, .after = after});
        },
        [&](const Integration& integration) {
          integrations_.insert(integration.id().uuid());
          return Status();
        });
    for (const Uuid& id : integrations_) {
      if (listed.ok()) listed = read_integration(IntegrationId(id));
    }
    return listed;
  }

  Status read_integration(IntegrationId id) {
    uint8_t type = 0;
    uint32_t newest = 0;
    Status history = each<IntegrationChange>(
        [&](const std::string& after) {
          return tenant_.integration_history(id, page_after(after));
        },
        [&](const IntegrationChange& change) {
          newest = std::max(newest, change.rev());
          type = static_cast<uint8_t>(change.type());
          Body body;
          body.actor(change.actor()).number(type).number(static_cast<uint8_t>(change.action()));
          return add(change, {Table::integration_change, id.uuid(), change.rev(), body.take()},
                     std::nullopt);
        });
    if (history.code() == Code::not_found) return {};
    if (!history.ok()) return history;
    auto secret = tenant_.integration_secret(id);
    if (!secret.ok() && secret.code() != Code::not_found) return secret.status();
    std::optional<std::string_view> metadata;
    if (secret.ok()) metadata = secret->metadata();
    head(Table::integration, id.uuid(), integration_head(type, newest, metadata));
    return {};
  }

  Status read_task(TaskId id) {
    auto task = tenant_.task(id);
    if (!task.ok()) return task.status();
    const TaskFields fields{std::string(task->title()), std::string(task->description()),
                            task->phase()};
    head(Table::task, id.uuid(),
         task_head(task->project().uuid(), fields, static_cast<uint8_t>(task->state()), task->rev(),
                   task->activity_count()));
    Status revisions = each<TaskRevision>(
        [&](const std::string& after) { return tenant_.task_revisions(id, page_after(after)); },
        [&](const TaskRevision& revision) {
          Body body;
          body.actor(revision.actor()).text(revision.title()).text(revision.description());
          body.phase(revision.phase());
          return add(revision, {Table::task_revision, id.uuid(), revision.rev(), body.take()},
                     revision.title());
        });
    if (!revisions.ok()) return revisions;
    return each<TaskActivity>(
        [&](const std::string& after) { return tenant_.activity(id, page_after(after)); },
        [&](const TaskActivity& activity) {
          Body body;
          body.actor(activity.actor()).number(static_cast<uint8_t>(activity.action()));
          return add(activity, {Table::task_activity, id.uuid(), activity.seq(), body.take()},
                     std::nullopt);
        });
  }

  Status read_session(ChatSessionId id) {
    auto session = tenant_.session(id);
    if (!session.ok()) return session.status();
    auto last = tenant_.last_seq(id);
    if (!last.ok()) return last.status();
    head(Table::session, id.uuid(),
         session_head(session->project().uuid(), session->title(), *last));
    return each<ChatMessage>(
        [&](const std::string& after) {
          return tenant_.messages(id, {.limit = kPageRows, .after = after});
        },
        [&](const ChatMessage& message) {
          Body body;
          body.actor(message.actor()).number(static_cast<uint8_t>(message.role()));
          body.text(message.content()).optional(message.metadata()).optional(message.name());
          body.phase(message.token_count());
          return add(message, {Table::message, id.uuid(), message.seq(), body.take()},
                     message.content());
        });
  }

  Tenant tenant_;
  std::set<Uuid> integrations_;
  Image* image_;
};

Status read_public(const PublicView& view, Image* image) {
  return each<PublicName>(
      [&](const std::string& after) { return view.names(page_after(after)); },
      [&](const PublicName& name) {
        const std::string text(name.name());
        const Uuid object = public_object(text);
        image->heads[{Table::public_name, object}] = Body().number(name.current_rev()).take();
        return each<PublicRecord>(
            [&](const std::string& after) { return view.revisions(text, page_after(after)); },
            [&](const PublicRecord& record) {
              Body body;
              body.actor(record.actor()).number(static_cast<uint8_t>(record.content_type()));
              body.text(record.content());
              return add_row(record, {Table::public_record, object, record.rev(), body.take()},
                             record.content(), image);
            });
      });
}

}  // namespace

std::string_view to_string(Table table) {
  static constexpr std::string_view kNames[] = {
      "user",           "project",       "document",
      "task",           "session",       "project_version",
      "project_status", "revision",      "document_lock",
      "task_revision",  "task_activity", "message",
      "event",          "audit",         "credit_entry",
      "section",        "integration",   "integration_change",
      "public_name",    "public_record",
  };
  return kNames[static_cast<size_t>(table)];
}

Body& Body::number(uint64_t number) { return text(std::to_string(number)); }

Body& Body::text(std::string_view text) {
  out_ += '+';
  out_ += std::to_string(text.size());
  out_ += ':';
  out_ += text;
  return *this;
}

Body& Body::optional(std::optional<std::string_view> text) {
  if (text) return this->text(*text);
  out_ += '-';
  return *this;
}

Body& Body::phase(std::optional<int32_t> phase) {
  return phase ? optional(std::to_string(*phase)) : optional(std::nullopt);
}

Body& Body::actor(const Actor& actor) {
  return number(static_cast<uint8_t>(actor.kind)).id(actor.user.uuid()).text(actor.name);
}

std::string user_head(uint32_t rev, std::string_view email, std::optional<std::string_view> name,
                      int64_t credits) {
  Body body;
  body.number(rev).text(email).optional(name).number(static_cast<uint64_t>(credits));
  return body.take();
}

std::string project_head(std::string_view name, std::string_view prompt, uint8_t status,
                         uint32_t version) {
  return Body().text(name).text(prompt).number(status).number(version).take();
}

std::string document_head(const Uuid& project, uint32_t version, uint8_t section, bool is_locked,
                          uint32_t rev) {
  Body body;
  body.id(project).number(version).number(section).number(is_locked ? 1 : 0).number(rev);
  return body.take();
}

std::string task_head(const Uuid& project, const TaskFields& fields, uint8_t state, uint32_t rev,
                      uint64_t activities) {
  Body body;
  body.id(project).text(fields.title).text(fields.description).phase(fields.phase);
  body.number(state).number(rev).number(activities);
  return body.take();
}

std::string integration_head(uint8_t type, uint32_t rev, std::optional<std::string_view> secret) {
  return Body().number(type).number(rev).optional(secret).take();
}

Body section_body(const Actor& actor, std::string_view id, std::optional<std::string_view> heading,
                  std::optional<std::string_view> body, std::span<const float> embedding) {
  Body out;
  out.actor(actor).text(id).optional(heading).optional(body);
  // Bit by bit.
  return out.text({reinterpret_cast<const char*>(embedding.data()), embedding.size_bytes()});
}

uint64_t section_number(uint32_t rev, uint64_t ordinal) { return uint64_t{rev} << 32 | ordinal; }

std::string session_head(const Uuid& project, std::optional<std::string_view> title,
                         uint64_t last_seq) {
  return Body().id(project).optional(title).number(last_seq).take();
}

Status read_image(const Store& store, const std::vector<UserId>& owners,
                  const Integrations& integrations, Image* image) {
  for (UserId owner : owners) {
    Status read = ImageReader(store.tenant(owner), integrations, image).read();
    if (!read.ok()) return read;
  }
  return read_public(store.public_view(), image);
}

}  // namespace bcstore::crash
