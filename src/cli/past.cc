// context and diff.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <charconv>

#include "cli/json_out.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

std::optional<uint64_t> number_after(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string revision_of(const std::optional<Document>& document) {
  if (!document) return "none";
  return fmt::format("version {} revision {}{}", document->version(), document->current_rev(),
                     document->is_locked() ? ", locked" : "");
}

std::string task_of(const std::optional<Task>& task) {
  if (!task) return "none";
  return fmt::format("{}, revision {}", to_string(task->state()), task->rev());
}

// What changed in the content, where both sides have one.
Result<ContentDiff> content_of(const Tenant& tenant, const DocumentDiff& document) {
  const bool has_both = document.before && document.after && document.before->current_rev() > 0 &&
                        document.after->current_rev() > 0;
  if (!has_both) return ContentDiff();
  return tenant.diff_contents({document.before->id(), document.before->current_rev()},
                              {document.after->id(), document.after->current_rev()});
}

std::string_view sign_of(JsonChange::Kind kind) {
  if (kind == JsonChange::Kind::added) return "+";
  return kind == JsonChange::Kind::removed ? "-" : "~";
}

void print_content(const ContentDiff& content, std::ostream& out) {
  for (const JsonChange& one : content.paths) {
    fmt::print(out, "  {} {}\n", sign_of(one.kind), one.path.empty() ? "(all)" : one.path);
  }
  for (const LineChange& one : content.lines) {
    fmt::print(out, "  @@ -{},{} +{},{} @@\n", one.before_line, one.before_count, one.after_line,
               one.after_count);
  }
  if (content.is_coarse) out << "  ... and more\n";
}

void write_content(const ContentDiff& content, JsonWriter& json) {
  json.key("paths").begin_array();
  for (const JsonChange& one : content.paths) {
    json.begin_object().key("change").text(sign_of(one.kind)).key("path").text(one.path);
    json.end_object();
  }
  json.end_array().key("lines").begin_array();
  for (const LineChange& one : content.lines) {
    json.begin_object().key("before_line").number(one.before_line);
    json.key("before_count").number(one.before_count).key("after_line").number(one.after_line);
    json.key("after_count").number(one.after_count).end_object();
  }
  json.end_array().key("is_coarse").flag(content.is_coarse);
}

Status print_diff(const Tenant& tenant, const ProjectDiff& diff, std::ostream& out) {
  fmt::print(out, "version {} -> {}, status {} -> {}\n", diff.before.current_version(),
             diff.after.current_version(), to_string(diff.before.status()),
             to_string(diff.after.status()));
  for (const DocumentDiff& document : diff.documents) {
    fmt::print(out, "{}: {} -> {}\n", to_string(document.section), revision_of(document.before),
               revision_of(document.after));
    const Result<ContentDiff> content = content_of(tenant, document);
    if (!content) return content.status();
    print_content(*content, out);
  }
  for (const TaskDiff& task : diff.tasks) {
    const Task& shown = task.after ? *task.after : *task.before;
    fmt::print(out, "task {}: {} -> {}: {}\n", to_string(shown.id()), task_of(task.before),
               task_of(task.after), shown.title());
  }
  if (diff.tasks_left_out > 0) fmt::print(out, "and {} more tasks\n", diff.tasks_left_out);
  return Status();
}

void write_project(const Project& project, JsonWriter& json) {
  json.begin_object().key("name").text(project.name()).key("status");
  json.text(to_string(project.status())).key("version").number(project.current_version());
  json.end_object();
}

void write_task(const std::optional<Task>& task, JsonWriter& json) {
  if (!task) {
    json.null();
    return;
  }
  json.begin_object().key("title").text(task->title()).key("state").text(to_string(task->state()));
  json.key("rev").number(task->rev()).end_object();
}

void write_document(const std::optional<Document>& document, JsonWriter& json) {
  if (!document) {
    json.null();
    return;
  }
  json.begin_object().key("id").text(to_string(document->id())).key("version");
  json.number(document->version()).key("rev").number(document->current_rev());
  json.key("is_locked").flag(document->is_locked()).end_object();
}

Result<std::string> diff_json(const Tenant& tenant, const ProjectDiff& diff) {
  JsonWriter json;
  json.begin_object().key("before");
  write_project(diff.before, json);
  json.key("after");
  write_project(diff.after, json);
  json.key("documents").begin_array();
  for (const DocumentDiff& document : diff.documents) {
    const Result<ContentDiff> content = content_of(tenant, document);
    if (!content) return content.status();
    json.begin_object().key("section").text(to_string(document.section)).key("before");
    write_document(document.before, json);
    json.key("after");
    write_document(document.after, json);
    write_content(*content, json);
    json.end_object();
  }
  json.end_array().key("tasks").begin_array();
  for (const TaskDiff& task : diff.tasks) {
    const Task& shown = task.after ? *task.after : *task.before;
    json.begin_object().key("id").text(to_string(shown.id())).key("before");
    write_task(task.before, json);
    json.key("after");
    write_task(task.after, json);
    json.end_object();
  }
  json.end_array().key("tasks_left_out").number(diff.tasks_left_out).end_object();
  return json.str() + "\n";
}

}  // namespace

std::optional<AsOf> parse_as_of(std::string_view text) {
  if (const auto commit = number_after("commit:", text)) return AsOf::commit(*commit);
  if (const auto version = number_after("version:", text)) {
    if (*version > UINT32_MAX) return std::nullopt;
    return AsOf::version(static_cast<uint32_t>(*version));
  }
  constexpr size_t kDateChars = 10;
  const bool is_date = text.size() == kDateChars;
  const std::optional<Time> at = parse_time(std::string(text) + (is_date ? "T00:00:00Z" : ""));
  return at ? std::optional(AsOf::time(*at)) : std::nullopt;
}

int run_context(const ContextArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  const Tenant tenant = store->tenant(args.user);
  const Result<Context> context =
      args.again.empty()
          ? tenant.context(args.project, {.as_of = args.as_of, .token_budget = args.budget})
          : tenant.context_again(args.again);
  if (!context) return failed(context.status(), err);
  out << (args.json ? to_json(*context) + "\n" : to_markdown(*context));
  fmt::print(err, "bcstore: {} tokens, context {}\n", context->tokens, context->id);
  return 0;
}

int run_diff(const DiffArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  const Tenant tenant = store->tenant(args.user);
  const Result<ProjectDiff> diff = tenant.diff(args.project, args.before, args.after);
  if (!diff) return failed(diff.status(), err);
  if (!args.json) {
    const Status told = print_diff(tenant, *diff, out);
    return told.ok() ? 0 : failed(told, err);
  }
  const Result<std::string> json = diff_json(tenant, *diff);
  if (!json) return failed(json.status(), err);
  out << *json;
  return 0;
}

}  // namespace bcstore::cli
