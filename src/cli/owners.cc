#include "cli/owners.h"

#include <array>

#include "cli/pages.h"

namespace bcstore::cli {

Status Owners::place(std::vector<Spill::Group>& groups) {
  std::array<Missing, 5> missing;  // by kind
  for (const Spill::Group& group : groups) {
    if (!known_.contains(group.parent) && !absent_.contains(group.parent)) {
      missing[static_cast<size_t>(group.parent.kind)].insert(group.parent);
    }
  }
  for (const Parent& user : missing[static_cast<size_t>(Kind::user)]) {
    if (Status status = find_user(user); !status.ok()) return status;
  }
  for (Kind kind : {Kind::project, Kind::document, Kind::task, Kind::session}) {
    Missing& wanted = missing[static_cast<size_t>(kind)];
    if (wanted.empty()) continue;
    if (Status status = find_below(kind, wanted); !status.ok()) return status;
    absent_.merge(wanted);
  }
  for (Spill::Group& group : groups) {
    auto at = known_.find(group.parent);
    group.is_known = at != known_.end();
    if (group.is_known) group.owner = at->second;
  }
  return {};
}

void Owners::found(const Parent& thing, UserId owner, Missing& missing) {
  if (missing.erase(thing) > 0) learn(thing, owner);
}

Status Owners::find_user(const Parent& user) {
  Result<User> profile = service_.tenant(UserId(user.id)).profile();
  if (profile) learn(user, UserId(user.id));
  bool is_answer = profile || profile.code() == Code::not_found ||
                   profile.code() == Code::invalid_argument || profile.code() == Code::erased;
  return is_answer ? Status() : profile.status();
}

// Things of one kind, among all projects of all users, until none is missing.
Status Owners::find_below(Kind kind, Missing& missing) {
  Status failure;
  Status walked = each_user(service_, [&](const User& user) {
    const Tenant tenant = service_.tenant(user.id());
    Status listed = each_project(tenant, [&](const Project& project) {
      failure = find_in_project(kind, tenant, project, missing);
      return failure.ok() && !missing.empty();
    });
    if (failure.ok()) failure = listed;
    return failure.ok() && !missing.empty();
  });
  return failure.ok() ? walked : failure;
}

Status Owners::find_in_project(Kind kind, const Tenant& tenant, const Project& project,
                               Missing& missing) {
  switch (kind) {
    case Kind::user:
      return {};
    case Kind::project:
      found({kind, project.id().uuid()}, tenant.owner(), missing);
      return {};
    case Kind::document:
      return find_documents(tenant, project, missing);
    case Kind::task: {
      auto page = [&](std::string_view after) {
        return tenant.tasks(project.id(), {.limit = kMaxPageRows, .after = after});
      };
      return each_row(page, [&](const Task& task) {
        found({kind, task.id().uuid()}, tenant.owner(), missing);
        return !missing.empty();
      });
    }
    case Kind::session:
      return each_session(tenant, project.id(), [&](const ChatSession& session) {
        found({kind, session.id().uuid()}, tenant.owner(), missing);
        return !missing.empty();
      });
  }
  return {};
}

Status Owners::find_documents(const Tenant& tenant, const Project& project, Missing& missing) {
  for (uint32_t version = 1; version <= project.current_version() && !missing.empty(); ++version) {
    Cursor<Document> documents = tenant.documents(project.id(), version, {.limit = kMaxPageRows});
    while (documents.next()) {
      found({Kind::document, documents->id().uuid()}, tenant.owner(), missing);
    }
    if (!documents.status().ok()) return documents.status();
  }
  return {};
}

}  // namespace bcstore::cli
