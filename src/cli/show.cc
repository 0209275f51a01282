// show: one project as its owner would like to see it.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "cli/display.h"
#include "cli/pages.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

constexpr size_t kColumns = 96;
constexpr size_t kLinesOfDocument = 3;
constexpr size_t kShownTasks = 10;
constexpr size_t kShownMessages = 10;
constexpr int kAllToShow = 3;

struct Found {
  UserId owner;
  ProjectId project;
};

// The newest session that has a message.
Result<std::optional<ChatSessionId>> newest_chat(const Tenant& tenant, ProjectId project) {
  std::optional<ChatSessionId> found;
  Status failure;
  Status listed = each_session(tenant, project, [&](const ChatSession& session) {
    Result<uint64_t> last = tenant.last_seq(session.id());
    if (!last) failure = last.status();
    if (last && *last > 0) found = session.id();
    return failure.ok() && !found;
  });
  if (!listed.ok()) return listed;
  if (!failure.ok()) return failure;
  return found;
}

// How much of a project there is to show, from 0 to 3: documents before messages before tasks.
Result<int> worth_showing(const Tenant& tenant, ProjectId project) {
  Result<std::vector<Document>> documents = tenant.latest_documents(project);
  if (!documents) return documents.status();
  if (documents->empty()) return 0;
  Result<std::optional<ChatSessionId>> chat = newest_chat(tenant, project);
  if (!chat) return chat.status();
  if (!chat->has_value()) return 1;
  Cursor<Task> tasks = tenant.tasks(project, {.state = TaskState::open, .limit = 1});
  bool has_open = tasks.next();
  if (!tasks.status().ok()) return tasks.status();
  return has_open ? kAllToShow : 2;
}

// The best project of one user, or of all of them: the first of equals.
class Choice {
 public:
  bool is_perfect() const { return worth_ == kAllToShow; }
  const std::optional<Found>& found() const { return found_; }

  Status look_at(const Tenant& tenant) {
    Status failure;
    Status listed = each_project(tenant, [&](const Project& project) {
      Result<int> worth = worth_showing(tenant, project.id());
      if (!worth) failure = worth.status();
      if (worth && *worth > worth_) {
        worth_ = *worth;
        found_ = Found{tenant.owner(), project.id()};
      }
      return failure.ok() && !is_perfect();
    });
    return failure.ok() ? listed : failure;
  }

  // Whether this is the user who owns the project that was asked for.
  Status look_for(const Tenant& tenant, ProjectId project) {
    Result<Project> there = tenant.project(project);
    if (there) {
      worth_ = kAllToShow;
      found_ = Found{tenant.owner(), project};
    }
    return there || there.code() == Code::not_found ? Status() : there.status();
  }

 private:
  int worth_ = -1;
  std::optional<Found> found_;
};

Result<Found> choose(const Store& store, const ShowArgs& args) {
  if (args.user && args.project) return Found{*args.user, *args.project};
  Choice choice;
  Status status;
  if (args.user) {
    status = choice.look_at(store.tenant(*args.user));
  } else {
    Service service = store.service("look at a project");
    Status failure;
    status = each_user(service, [&](const User& user) {
      const Tenant tenant = service.tenant(user.id());
      failure = args.project ? choice.look_for(tenant, *args.project) : choice.look_at(tenant);
      return failure.ok() && !choice.is_perfect();
    });
    if (!failure.ok()) status = failure;
  }
  if (!status.ok()) return status;
  if (!choice.found()) return Status(Code::not_found, "there is no such project");
  return *choice.found();
}

void print_heading(const Project& project, const User& owner, std::ostream& out) {
  fmt::print(out, "{}\n", one_line(project.name(), kColumns));
  fmt::print(out, "{}, version {}, of {}\n", to_string(project.status()), project.current_version(),
             one_line(owner.email(), kColumns * 2 / 3));
  for (const std::string& line : first_lines(project.idea_prompt(), 2, kColumns)) {
    fmt::print(out, "  {}\n", line);
  }
}

Result<uint64_t> count_sections(const Tenant& tenant, const Revision& revision) {
  uint64_t count = 0;
  auto page = [&](std::string_view after) {
    return tenant.sections(revision.document(), revision.rev(),
                           {.limit = kMaxPageRows, .after = after});
  };
  Status listed = each_row(page, [&](const SectionBlock&) {
    ++count;
    return true;
  });
  if (!listed.ok()) return listed;
  return count;
}

Status print_documents(const Tenant& tenant, ProjectId project, std::ostream& out) {
  Result<std::vector<Document>> documents = tenant.latest_documents(project);
  if (!documents) return documents.status();
  fmt::print(out, "\nDocuments\n");
  if (documents->empty()) fmt::print(out, "  none yet\n");
  for (const Document& document : *documents) {
    fmt::print(out, "  {:<10} version {}, ", to_string(document.section()), document.version());
    if (document.current_rev() == 0) {
      fmt::print(out, "empty\n");
      continue;
    }
    Result<Revision> newest = tenant.newest_revision(document.id());
    if (!newest) return newest.status();
    Result<std::string_view> content = newest->content();
    if (!content) return content.status();
    Result<uint64_t> sections = count_sections(tenant, *newest);
    if (!sections) return sections.status();
    fmt::print(out, "revision {} of {}{}\n", newest->rev(),
               to_string(newest->created_at()).substr(0, 10),
               *sections > 0 ? fmt::format(", {} sections", grouped(*sections)) : "");
    for (const std::string& line : first_lines(*content, kLinesOfDocument, kColumns - 4)) {
      fmt::print(out, "    {}\n", line);
    }
  }
  return {};
}

Status print_tasks(const Tenant& tenant, ProjectId project, std::ostream& out) {
  std::string text;
  uint64_t open = 0;
  auto page = [&](std::string_view after) {
    return tenant.tasks(project, {.state = TaskState::open, .limit = kMaxPageRows, .after = after});
  };
  Status listed = each_row(page, [&](const Task& task) {
    if (++open > kShownTasks) return true;
    std::string phase = task.phase() ? fmt::format("phase {}", *task.phase()) : "no phase";
    text += fmt::format("  {:<9} {}\n", phase, one_line(task.title(), kColumns - 12));
    return true;
  });
  if (!listed.ok()) return listed;
  fmt::print(out, "\nOpen tasks ({})\n{}", grouped(open), open > 0 ? text : "  none\n");
  if (open > kShownTasks) fmt::print(out, "  ... and {} more\n", grouped(open - kShownTasks));
  return {};
}

Status print_messages(const Tenant& tenant, ProjectId project, std::ostream& out) {
  Result<std::optional<ChatSessionId>> chat = newest_chat(tenant, project);
  if (!chat) return chat.status();
  fmt::print(out, "\nLast messages");
  if (!chat->has_value()) {
    fmt::print(out, "\n  none yet\n");
    return {};
  }
  Result<ChatSession> session = tenant.session(**chat);
  if (!session) return session.status();
  if (std::optional<std::string_view> title = session->title()) {
    fmt::print(out, " of \"{}\"", one_line(*title, kColumns / 2));
  }
  fmt::print(out, " ({})\n", to_string(session->created_at()).substr(0, 10));
  std::vector<std::string> lines;
  Cursor<ChatMessage> messages =
      tenant.messages(**chat, {.newest_first = true, .limit = kShownMessages});
  while (messages.next()) {
    lines.push_back(fmt::format("  {:<9} {}\n", to_string(messages->role()),
                                one_line(messages->content(), kColumns - 12)));
  }
  std::reverse(lines.begin(), lines.end());
  for (const std::string& line : lines) out << line;
  return messages.status();
}

// Which there are, and nothing of what they hold.
Status print_integrations(const Tenant& tenant, std::ostream& out) {
  std::string text;
  auto page = [&](std::string_view after) {
    return tenant.integrations({.limit = kMaxPageRows, .after = after});
  };
  Status listed = each_row(page, [&](const Integration& integration) {
    text += fmt::format("  {:<17} {}, revision {}\n", to_string(integration.type()),
                        to_string(integration.created_at()).substr(0, 10), integration.rev());
    return true;
  });
  if (listed.ok() && !text.empty()) fmt::print(out, "\nIntegrations\n{}", text);
  return listed;
}

std::string seconds(int64_t us) { return fmt::format("{:.1f} s", static_cast<double>(us) / 1e6); }

void print_usage_row(const UsageRow& row, std::ostream& out) {
  const auto count = [](int64_t n) { return grouped(static_cast<uint64_t>(n)); };
  fmt::print(out, "  {} {}: {} calls, {} failed, {} tokens in and {} out, {}.{:06} {}, ",
             row.month(), one_line(row.model(), kColumns / 3), count(row.calls()),
             count(row.failed_calls()), count(row.input_tokens()), count(row.output_tokens()),
             count(row.cost_micros() / 1'000'000), row.cost_micros() % 1'000'000, row.currency());
  fmt::print(out, "{} on average, {} at most\n",
             seconds(row.total_latency_us() / std::max<int64_t>(row.calls(), 1)),
             seconds(row.longest_latency_us()));
}

// What the owner's calls of models add up to in their last month.
Status print_usage(const Tenant& tenant, std::ostream& out) {
  Cursor<CallRecord> newest = tenant.calls({.newest_first = true, .limit = 1});
  if (!newest.next()) return newest.status();
  const uint32_t month = newest->month();
  fmt::print(out, "\nCalls of models\n");
  auto page = [&](std::string_view after) {
    return tenant.usage(
        {.from_month = month, .to_month = month, .limit = kMaxPageRows, .after = after});
  };
  return each_row(page, [&](const UsageRow& row) {
    print_usage_row(row, out);
    return true;
  });
}

Status print_project(const Tenant& tenant, ProjectId id, std::ostream& out) {
  Result<User> owner = tenant.profile();
  if (!owner) return owner.status();
  Result<Project> project = tenant.project(id);
  if (!project) return project.status();
  print_heading(*project, *owner, out);
  Status status = print_documents(tenant, id, out);
  if (status.ok()) status = print_tasks(tenant, id, out);
  if (status.ok()) status = print_messages(tenant, id, out);
  if (status.ok()) status = print_integrations(tenant, out);
  if (status.ok()) status = print_usage(tenant, out);
  return status;
}

}  // namespace

int run_show(const ShowArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  Result<Found> found = choose(*store, args);
  if (!found) return failed(found.status(), err);
  Status status = print_project(store->tenant(found->owner), found->project, out);
  return status.ok() ? 0 : failed(status, err);
}

}  // namespace bcstore::cli
