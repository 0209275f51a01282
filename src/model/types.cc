#include "bcstore/types.h"

#include <utility>

namespace bcstore {

namespace {

template <class E>
using Names = std::pair<E, std::string_view>;

constexpr Names<ProjectStatus> kStatuses[] = {{ProjectStatus::processing, "processing"},
                                              {ProjectStatus::ready, "ready"},
                                              {ProjectStatus::archived, "archived"}};
constexpr Names<Section> kSectionNames[] = {{Section::overview, "overview"},
                                            {Section::prd, "prd"},
                                            {Section::marketing, "marketing"},
                                            {Section::tech, "tech"},
                                            {Section::tasks, "tasks"}};
constexpr Names<ContentType> kContentTypes[] = {{ContentType::json, "json"},
                                                {ContentType::text, "text"}};
constexpr Names<TaskAction> kActions[] = {{TaskAction::complete, "complete"},
                                          {TaskAction::reopen, "reopen"}};
constexpr Names<TaskState> kStates[] = {{TaskState::open, "open"},
                                        {TaskState::complete, "complete"}};
constexpr Names<Role> kRoles[] = {{Role::user, "user"},
                                  {Role::assistant, "assistant"},
                                  {Role::system, "system"},
                                  {Role::tool, "tool"}};
constexpr Names<ActorKind> kActors[] = {
    {ActorKind::user, "user"}, {ActorKind::agent, "agent"}, {ActorKind::system, "system"}};
constexpr Names<CreditEntryKind> kCreditEntries[] = {
    {CreditEntryKind::opening, "opening"}, {CreditEntryKind::consume, "consume"},
    {CreditEntryKind::grant, "grant"},     {CreditEntryKind::reset, "reset"},
    {CreditEntryKind::plan, "plan"},       {CreditEntryKind::unlimited, "unlimited"},
    {CreditEntryKind::import, "import"}};
constexpr Names<IntegrationType> kIntegrations[] = {
    {IntegrationType::google_analytics, "google_analytics"},
    {IntegrationType::github, "github"},
    {IntegrationType::zapier, "zapier"}};
constexpr Names<IntegrationAction> kIntegrationActions[] = {
    {IntegrationAction::added, "added"},
    {IntegrationAction::revised, "revised"},
    {IntegrationAction::removed, "removed"}};
constexpr Names<CallStatus> kCallStatuses[] = {{CallStatus::ok, "ok"},
                                               {CallStatus::error, "error"},
                                               {CallStatus::timed_out, "timed_out"},
                                               {CallStatus::canceled, "canceled"},
                                               {CallStatus::rate_limited, "rate_limited"}};
constexpr Names<Metric> kMetrics[] = {
    {Metric::cosine, "cosine"}, {Metric::euclidean, "euclidean"}, {Metric::dot, "dot"}};

template <class E, size_t N>
std::string_view name_of(const Names<E> (&names)[N], E value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return "unknown";
}

template <class E, size_t N>
std::optional<E> value_of(const Names<E> (&names)[N], std::string_view name) {
  for (const auto& [value, known] : names) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(ProjectStatus status) { return name_of(kStatuses, status); }
std::string_view to_string(Section section) { return name_of(kSectionNames, section); }
std::string_view to_string(ContentType type) { return name_of(kContentTypes, type); }
std::string_view to_string(TaskAction action) { return name_of(kActions, action); }
std::string_view to_string(TaskState state) { return name_of(kStates, state); }
std::string_view to_string(Role role) { return name_of(kRoles, role); }
std::string_view to_string(ActorKind kind) { return name_of(kActors, kind); }
std::string_view to_string(CreditEntryKind kind) { return name_of(kCreditEntries, kind); }
std::string_view to_string(IntegrationType type) { return name_of(kIntegrations, type); }
std::string_view to_string(IntegrationAction action) {
  return name_of(kIntegrationActions, action);
}
std::string_view to_string(CallStatus status) { return name_of(kCallStatuses, status); }
std::string_view to_string(Metric metric) { return name_of(kMetrics, metric); }

std::optional<ProjectStatus> parse_project_status(std::string_view name) {
  return value_of(kStatuses, name);
}
std::optional<Section> parse_section(std::string_view name) {
  return value_of(kSectionNames, name);
}
std::optional<TaskAction> parse_task_action(std::string_view name) {
  return value_of(kActions, name);
}
std::optional<Role> parse_role(std::string_view name) { return value_of(kRoles, name); }
std::optional<IntegrationType> parse_integration_type(std::string_view name) {
  return value_of(kIntegrations, name);
}
std::optional<Metric> parse_metric(std::string_view name) { return value_of(kMetrics, name); }

}  // namespace bcstore
