// What changed in a project between two moments.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/as_of.h"
#include "model/diff_content.h"
#include "model/execute.h"

namespace bcstore {

using format::Key;
using format::Kind;
using model::Past;
using model::RecordBody;
using model::with_id;

namespace model {

namespace {

using Rows = std::vector<std::unique_ptr<RecordBody>>;

std::optional<Document> take_section(Rows* rows, uint8_t section) {
  for (auto& row : *rows) {
    if (row && row->root<fb::DocumentHead>()->section() == section) {
      return RecordAccess::make<Document>(std::move(row));
    }
  }
  return std::nullopt;
}

Status diff_documents(const Past& before, const Past& after, const Uuid& project,
                      ProjectDiff* diff) {
  auto from = before.effective_documents(project, std::nullopt);
  if (!from.ok()) return from.status();
  auto to = after.effective_documents(project, std::nullopt);
  if (!to.ok()) return to.status();
  for (uint8_t section = 1; section <= kSections; ++section) {
    std::optional<Document> was = take_section(&*from, section);
    std::optional<Document> is = take_section(&*to, section);
    if (!was && !is) continue;
    const bool same = was && is && was->id() == is->id() &&
                      was->current_rev() == is->current_rev() &&
                      was->is_locked() == is->is_locked();
    if (same) continue;
    diff->documents.push_back({static_cast<Section>(section), std::move(was), std::move(is)});
  }
  return Status();
}

bool is_same_task(const RecordBody& a, const RecordBody& b) {
  const auto* one = a.root<fb::TaskHead>();
  const auto* other = b.root<fb::TaskHead>();
  return one->rev() == other->rev() && one->activity_seq() == other->activity_seq();
}

// The task as it was; null when it was not there.
Result<std::unique_ptr<RecordBody>> task_at(const Past& past, const engine::Scan& scan,
                                            const std::shared_ptr<Core>& core) {
  auto row = std::make_unique<RecordBody>();
  Status s = row->keep(scan.key(), own_value(core, scan.value()));
  if (s.ok()) s = past.to_past(row.get());
  if (!s.ok()) return s;
  if (!row->loaded()) row.reset();
  return row;
}

// Heads that are what they were at both moments are passed over at one look.
Status diff_tasks(const TenantState& state, const Past& before, const Past& after,
                  const engine::Snapshot* at, const Uuid& project, ProjectDiff* diff) {
  const Key prefix = with_id(state.owner, Kind::task, project);
  auto scan = state.core->engine().scan(
      {engine::family_of(Kind::task), prefix.str(), format::after_prefix(prefix), false, at});
  RecordBody head;
  size_t bytes = 0;
  while (scan->next()) {
    if (Status s = head.view(scan->key(), scan->value()); !s.ok()) return s;
    if (before.is_unchanged(head) && after.is_unchanged(head)) continue;
    auto was = task_at(before, *scan, state.core);
    if (!was.ok()) return was.status();
    auto is = task_at(after, *scan, state.core);
    if (!is.ok()) return is.status();
    const bool same = *was && *is ? is_same_task(**was, **is) : *was == *is;
    if (same) continue;
    const size_t size = (*was ? (*was)->bytes() : 0) + (*is ? (*is)->bytes() : 0);
    if (diff->tasks.size() == kMaxDiffTasks || size > kMaxDiffTaskBytes - bytes) {
      ++diff->tasks_left_out;
      continue;
    }
    bytes += size;
    TaskDiff task;
    if (*was) task.before = RecordAccess::make<Task>(*std::move(was));
    if (*is) task.after = RecordAccess::make<Task>(*std::move(is));
    diff->tasks.push_back(std::move(task));
  }
  return scan->status();
}

}  // namespace
}  // namespace model

Result<ProjectDiff> Tenant::diff(ProjectId project, const AsOf& before, const AsOf& after) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  if (Status s = model::check_id("project id", project.uuid()); !s.ok()) return s;
  Result<Snapshot> snapshot = this->snapshot();
  if (!snapshot.ok()) return snapshot.status();
  Result<Past> from = Past::open(*state_, before, &*snapshot, project.uuid());
  if (!from.ok()) return from.status();
  Result<Past> to = Past::open(*state_, after, &*snapshot, project.uuid());
  if (!to.ok()) return to.status();
  const Key key = with_id(state_->owner, Kind::project, project.uuid());
  std::optional<Project> heads[2];
  for (size_t i = 0; i < 2; ++i) {
    auto head = (i == 0 ? from : to)->head(Kind::project, key);
    if (!head.ok()) return head.status();
    if (*head == nullptr) return model::no_such("project", project.uuid());
    heads[i] = model::RecordAccess::make<Project>(*std::move(head));
  }
  ProjectDiff diff{*std::move(heads[0]), *std::move(heads[1])};
  if (Status s = model::diff_documents(*from, *to, project.uuid(), &diff); !s.ok()) return s;
  const engine::Snapshot* at = from->at();
  if (Status s = model::diff_tasks(*state_, *from, *to, at, project.uuid(), &diff); !s.ok()) {
    return s;
  }
  return diff;
}

Result<ContentDiff> Tenant::diff_contents(const RevisionRef& before, const RevisionRef& after,
                                          const ReadOptions& o) const {
  if (Status s = model::begin_read(*state_); !s.ok()) return s;
  const Tenant tenant = model::within(*state_);
  std::string contents[2];
  bool is_json = true;
  for (size_t i = 0; i < 2; ++i) {
    const RevisionRef& ref = i == 0 ? before : after;
    Result<Revision> revision = tenant.revision(ref.document, ref.rev, o);
    if (!revision.ok()) return revision.status();
    const Result<std::string_view> content = revision->content();
    if (!content.ok()) return content.status();
    contents[i] = *content;
    is_json = is_json && revision->content_type() == ContentType::json;
  }
  return model::diff_contents(contents[0], contents[1], is_json);
}

}  // namespace bcstore
