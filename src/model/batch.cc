#include "model/batch.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "model/batch_arguments.h"
#include "model/core.h"

namespace bcstore::model {

namespace {

struct VerbName {
  Verb verb;
  std::string_view name;
};
constexpr VerbName kVerbNames[] = {
    {Verb::create_user, "create_user"},
    {Verb::edit_profile, "edit_profile"},
    {Verb::link_customer, "link_stripe_customer"},
    {Verb::create_project, "create_project"},
    {Verb::add_version, "add_version"},
    {Verb::set_status, "set_status"},
    {Verb::create_document, "create_document"},
    {Verb::add_revision, "add_revision"},
    {Verb::set_lock, "set_lock"},
    {Verb::create_task, "create_task"},
    {Verb::revise_task, "revise_task"},
    {Verb::record_activity, "record_activity"},
    {Verb::start_chat, "start_chat"},
    {Verb::fork_chat, "fork_chat"},
    {Verb::rename_chat, "rename_chat"},
    {Verb::append_message, "append_message"},
    {Verb::append_event, "append_event"},
    {Verb::consume_credit, "consume_credit"},
    {Verb::grant_credits, "grant_credits"},
    {Verb::set_credit_plan, "set_credit_plan"},
    {Verb::set_unlimited, "set_unlimited"},
    {Verb::import_credits, "import_credits"},
    {Verb::add_sections, "add_sections"},
    {Verb::import_section, "section"},
    {Verb::add_integration, "add_integration"},
    {Verb::revise_integration, "revise_integration"},
    {Verb::remove_integration, "remove_integration"},
    {Verb::put_public, "put_public"},
    {Verb::reserve_credits, "reserve_credits"},
    {Verb::capture_credits, "capture_credits"},
    {Verb::void_hold, "void_hold"},
    {Verb::adjust_credits, "adjust_credits"},
    {Verb::limit_rate, "limit_rate"},
    {Verb::apply_billing, "apply_billing_event"},
    {Verb::record_call, "record_call"},
    {Verb::save_feed_cursor, "save_feed_cursor"},
    {Verb::drop_feed_cursor, "drop_feed_cursor"},
};

}  // namespace

std::string_view to_string(Verb verb) {
  for (const VerbName& known : kVerbNames) {
    if (known.verb == verb) return known.name;
  }
  return "unknown";
}

BatchBody::BatchBody(std::shared_ptr<Core> core, UserId owner, Actor actor, const Status& bad)
    : core_(std::move(core)), owner_(owner), actor_(std::move(actor)), bad_(bad), status_(bad) {}

BatchBody::~BatchBody() = default;

void BatchBody::clear() {
  status_ = bad_;
  ops_.clear();
  row_status_.clear();
  minted_.clear();
  bytes_ = 0;
}

Uuid BatchBody::request_hash() const {
  const Uuid owner = owner_minted_ ? Uuid() : owner_.uuid();
  Uuid hash = format::hash128({reinterpret_cast<const char*>(owner.bytes.data()), 16},
                              static_cast<uint64_t>(ops_.size()));
  for (const Op& op : ops_) {
    char both[32];
    std::memcpy(both, hash.bytes.data(), 16);
    std::memcpy(both + 16, op.request.bytes.data(), 16);
    hash = format::hash128({both, sizeof both});
  }
  return hash;
}

bool BatchBody::room(size_t bytes) const {
  return ops_.size() < kMaxBatchOperations && bytes_ + bytes <= kMaxBatchBytes;
}

void BatchBody::finish(Op op, const Arguments& arguments, Status checked) {
  if (checked.ok()) checked = check_origin(op);
  if (checked.ok() && !room(op.bytes())) {
    checked =
        Status(Code::invalid_argument, fmt::format("batch: more than {} operations or {} bytes",
                                                   kMaxBatchOperations, kMaxBatchBytes));
  }
  if (importing_) {
    // A refused row keeps its place, so that answers and rows go together.
    row_status_.push_back(std::move(checked));
    if (ops_.size() >= kMaxBatchOperations) return;
    if (row_status_.back().ok()) bytes_ += op.bytes();
    op.request = arguments.hash();
    ops_.push_back(std::move(op));
    return;
  }
  if (!status_.ok()) return;
  if (!checked.ok()) {
    std::string message = fmt::format("{}: {}", to_string(op.verb), checked.message());
    status_ =
        Status(checked.code(), std::move(message)).at_operation(static_cast<uint32_t>(ops_.size()));
    return;
  }
  bytes_ += op.bytes();
  op.request = arguments.hash();
  ops_.push_back(std::move(op));
}

Uuid BatchBody::mint(const std::optional<Uuid>& given) {
  if (given) return *given;
  minted_.push_back(core_ ? core_->next_id() : Uuid());
  return minted_.back();
}

Status BatchBody::check_origin(const Op& op) {
  if (!op.origin) return Status();
  if (Status s = check_time("created_at", op.origin->created_at); !s.ok()) return s;
  if (op.first) {
    if (Status s = check_time("created_at of version 1", op.first->created_at); !s.ok()) return s;
  }
  return check_text("actor", op.origin->actor.name, kMaxReasonBytes, Empty::allowed);
}

Status BatchBody::check_number(std::string_view what, std::optional<uint64_t> number,
                               uint64_t max) {
  if (!number || (*number >= 1 && *number <= max)) return Status();
  return Status(Code::invalid_argument, fmt::format("{}: {} is out of range", what, *number));
}

namespace {

Status check_project(const NewProject& p) {
  BCSTORE_TRY(check_text("name", p.name, kMaxNameBytes, Empty::refused));
  BCSTORE_TRY(check_text("idea_prompt", p.idea_prompt, kMaxTextBytes, Empty::allowed));
  BCSTORE_TRY(check_optional("change_note", p.change_note, kMaxTextBytes, Empty::allowed));
  BCSTORE_TRY(check_enum("status", p.status));
  return p.id ? check_id("project id", p.id->uuid()) : Status();
}

}  // namespace

Uuid BatchBody::create_project(const NewProject& p, std::unique_ptr<Origin> origin,
                               std::unique_ptr<Origin> version_one) {
  Op op;
  op.verb = Verb::create_project;
  op.id = mint(p.id ? std::optional<Uuid>(p.id->uuid()) : std::nullopt);
  op.origin = std::move(origin);
  op.first = std::move(version_one);
  Status checked = check_project(p);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.text(p.name).text(p.idea_prompt).number(static_cast<uint64_t>(p.status));
    arguments.text(p.change_note).id(op.id);
    VersionFields fields{p.name, p.idea_prompt, p.status, p.change_note};
    op.head = encoder_.project_head(by(op), fields);
    By first{op.first ? op.first->actor : by(op).actor, owner_};
    op.fact = encoder_.project_version(first, fields);
    op.second = encoder_.project_status(by(op), p.status);
  }
  Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

void BatchBody::add_version(ProjectId project, const NewVersion& v, std::optional<uint32_t> number,
                            std::unique_ptr<Origin> origin) {
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_id("project id", project.uuid()));
    BCSTORE_TRY(check_optional("name", v.name, kMaxNameBytes, Empty::refused));
    BCSTORE_TRY(check_optional("idea_prompt", v.idea_prompt, kMaxTextBytes, Empty::allowed));
    BCSTORE_TRY(check_number("version", number, INT32_MAX));
    return check_optional("change_note", v.change_note, kMaxTextBytes, Empty::allowed);
  };
  Op op;
  op.verb = Verb::add_version;
  op.parent = project.uuid();
  op.expected = v.expected_current;
  op.origin = std::move(origin);
  op.number_given = number.has_value();
  op.number = number.value_or(0);
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).text(v.change_note).text(v.name).text(v.idea_prompt);
    arguments.number(v.expected_current);
    op.edit = std::make_unique<Edit>();
    if (v.name) op.edit->name = std::string(*v.name);
    if (v.idea_prompt) op.edit->text = std::string(*v.idea_prompt);
    if (v.change_note) op.edit->note = std::string(*v.change_note);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::set_status(ProjectId project, ProjectStatus status,
                           std::optional<ProjectStatus> expected) {
  Op op;
  op.verb = Verb::set_status;
  op.parent = project.uuid();
  op.number = static_cast<uint64_t>(status);
  if (expected) op.expected = static_cast<uint64_t>(*expected);
  Status checked = check_id("project id", op.parent);
  if (checked.ok()) checked = check_enum("status", status);
  if (checked.ok() && expected) checked = check_enum("expected status", *expected);
  Arguments arguments(*this, op.verb);
  arguments.id(op.parent).number(op.number).number(op.expected);
  if (checked.ok()) op.fact = encoder_.project_status(by(op), status);
  finish(std::move(op), arguments, std::move(checked));
}

Status BatchBody::check_revision(const RevisionFields& f) {
  BCSTORE_TRY(check_enum("content_type", f.content_type));
  BCSTORE_TRY(check_optional("change_note", f.change_note, kMaxTextBytes, Empty::allowed));
  if (f.content_type == ContentType::json) {
    return json_.check("content", f.content, kMaxRevisionBytes);
  }
  return check_text("content", f.content, kMaxRevisionBytes, Empty::refused);
}

// The record without its content, which is coded when the batch is handed in.
void BatchBody::keep_revision(Op* op, const RevisionFields& fields) {
  op->revision = std::make_unique<RevisionOp>();
  op->revision->content = std::make_shared<const std::string>(fields.content);
  op->fact = encoder_.revision(by(*op), fields);
}

Uuid BatchBody::create_document(ProjectId project, const NewDocument& d,
                                std::unique_ptr<Origin> origin) {
  RevisionFields first{d.content_type, d.content.value_or(""), d.change_note};
  auto check = [&]() -> Status {
    BCSTORE_TRY(check_id("project id", project.uuid()));
    BCSTORE_TRY(check_enum("section", d.section));
    if (d.id) BCSTORE_TRY(check_id("document id", d.id->uuid()));
    return d.content ? check_revision(first) : check_enum("content_type", d.content_type);
  };
  Op op;
  op.verb = Verb::create_document;
  op.parent = project.uuid();
  op.id = mint(d.id ? std::optional<Uuid>(d.id->uuid()) : std::nullopt);
  op.number_given = d.version.has_value();
  op.number = d.version.value_or(0);
  op.flag = d.is_locked;
  op.origin = std::move(origin);
  Status checked = check();
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).id(op.id).number(static_cast<uint64_t>(d.section)).number(d.version);
    arguments.number(uint64_t{d.is_locked}).text(d.content).text(d.change_note);
    arguments.number(static_cast<uint64_t>(d.content_type));
    op.head = encoder_.document_head(by(op), op.parent, d.section, d.is_locked);
    op.second = encoder_.lock_change(by(op), d.is_locked);
    if (d.content) keep_revision(&op, first);
  }
  Uuid id = op.id;
  finish(std::move(op), arguments, std::move(checked));
  return id;
}

void BatchBody::add_revision(DocumentId document, const NewRevision& r, std::optional<uint32_t> rev,
                             std::unique_ptr<Origin> origin) {
  RevisionFields fields{r.content_type, r.content, r.change_note};
  Op op;
  op.verb = Verb::add_revision;
  op.parent = document.uuid();
  op.expected = r.expected_rev;
  op.number_given = rev.has_value();
  op.number = rev.value_or(0);
  op.origin = std::move(origin);
  Status checked = check_id("document id", op.parent);
  if (checked.ok()) checked = check_number("rev", rev, INT32_MAX);
  if (checked.ok()) checked = check_revision(fields);
  Arguments arguments(*this, op.verb);
  if (checked.ok()) {
    arguments.id(op.parent).text(r.content).text(r.change_note).number(r.expected_rev);
    arguments.number(static_cast<uint64_t>(r.content_type));
    keep_revision(&op, fields);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::set_lock(DocumentId document, bool is_locked, std::optional<bool> expected) {
  Op op;
  op.verb = Verb::set_lock;
  op.parent = document.uuid();
  op.flag = is_locked;
  if (expected) op.expected = uint64_t{*expected};
  Status checked = check_id("document id", op.parent);
  Arguments arguments(*this, op.verb);
  arguments.id(op.parent).number(uint64_t{is_locked}).number(op.expected);
  if (checked.ok()) op.fact = encoder_.lock_change(by(op), is_locked);
  finish(std::move(op), arguments, std::move(checked));
}

}  // namespace bcstore::model
