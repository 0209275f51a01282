#include "crash/writer.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace bcstore::crash {
namespace {

// Refusals that mixed work meets in a healthy store: nothing was written.
bool is_refusal(const Plan& plan, Code code) {
  const bool revises = std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) {
    return step.verb == Verb::revise_integration || step.verb == Verb::remove_integration;
  });
  // Another thread may have removed it meanwhile.
  if (revises && code == Code::not_found) return true;
  return code == Code::conflict || code == Code::already_exists ||
         code == Code::failed_precondition || code == Code::out_of_credits;
}

}  // namespace

Writer::Writer(Store* store, Catalogue* catalogue, Witness* witness, const WriterSetting& setting)
    : store_(store),
      catalogue_(catalogue),
      witness_(witness),
      setting_(setting),
      random_(setting.seed),
      planner_(&random_, setting.mood),
      next_plan_(setting.first_plan) {}

void Writer::run(size_t plans) {
  while (!stopped_ && done_ < plans) {
    const uint64_t roll = random_.below(1000);
    if (catalogue_->users().empty() || roll < 10) {
      sign_up();
    } else if (roll < 90) {
      submit_several();
    } else if (roll < 140) {
      repeat_last();
    } else if (roll < 160) {
      reuse_key();
    } else if (roll < 190) {
      sync();
    } else if (roll < 205) {
      publish();
    } else if (roll < 205 + setting_.mood.compact_permille) {
      rewrite_files();
    } else {
      commit_plan(roll < 355);
    }
  }
}

void Writer::broken(const std::string& text) {
  witness_->take({.kind = Entry::Kind::broken, .text = text});
}

// Whether it is the loss of power that speaks; then this writer's work is over.
bool Writer::failed_with_power(const Status& status) {
  const Code code = status.code();
  const bool storage = code == Code::io_error || code == Code::read_only ||
                       code == Code::unknown_outcome || code == Code::no_space;
  if (!storage || !witness_->may_fail()) return false;
  stopped_ = true;
  return true;
}

Plan Writer::next_plan(bool large) {
  const std::vector<UserId> users = catalogue_->users();
  const UserId owner = users[random_.below(users.size())];
  const uint64_t id = next_plan_++;
  Plan plan = large ? planner_.batch(id, owner, catalogue_->of(owner))
                    : planner_.small(id, owner, catalogue_->of(owner));
  if (plan.steps.size() == 1 && random_.percent(30)) expect_current_state(&plan);
  return plan;
}

// What an `expected` member of the plan's only step refers to.
std::optional<uint64_t> Writer::current_number(const Plan& plan) const {
  const Tenant tenant = store_->tenant(plan.owner);
  const Step& step = plan.steps[0];
  switch (step.verb) {
    case Verb::add_version: {
      auto project = tenant.project(ProjectId(step.object));
      return project.ok() ? std::optional<uint64_t>(project->current_version()) : std::nullopt;
    }
    case Verb::set_status: {
      auto project = tenant.project(ProjectId(step.object));
      return project.ok() ? std::optional<uint64_t>(static_cast<uint64_t>(project->status()))
                          : std::nullopt;
    }
    case Verb::add_revision: {
      auto document = tenant.document(DocumentId(step.object));
      return document.ok() ? std::optional<uint64_t>(document->current_rev()) : std::nullopt;
    }
    case Verb::revise_task: {
      auto task = tenant.task(TaskId(step.object));
      return task.ok() ? std::optional<uint64_t>(task->rev()) : std::nullopt;
    }
    case Verb::record_activity: {
      auto task = tenant.task(TaskId(step.object));
      return task.ok() ? std::optional<uint64_t>(static_cast<uint64_t>(task->state()))
                       : std::nullopt;
    }
    case Verb::append_message: {
      auto seq = tenant.last_seq(ChatSessionId(step.object));
      return seq.ok() ? std::optional<uint64_t>(*seq) : std::nullopt;
    }
    case Verb::revise_integration:
    case Verb::remove_integration: {
      auto integration = tenant.integration(IntegrationId(step.object));
      return integration.ok() ? std::optional<uint64_t>(integration->rev()) : std::nullopt;
    }
    case Verb::put_public: {
      auto record = store_->public_view().get(public_name(step.object));
      return record.ok() ? std::optional<uint64_t>(record->rev()) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

// Mostly right, sometimes wrong on purpose; other threads make it wrong now and then.
void Writer::expect_current_state(Plan* plan) {
  std::optional<uint64_t> number = current_number(*plan);
  if (!number) return;
  const Verb verb = plan->steps[0].verb;
  const bool is_enumerator = verb == Verb::set_status || verb == Verb::record_activity;
  if (random_.percent(10)) number = is_enumerator ? *number % 2 + 1 : *number + 1;
  plan->steps[0].expected = number;
}

WriteBatch Writer::prepare(Plan* plan) const {
  WriteBatch batch = actor_of(*plan, *store_).batch();
  add_steps(plan, &batch);
  return batch;
}

void Writer::report_pending(const Plan& plan) {
  witness_->take({.kind = Entry::Kind::pending, .plan = plan});
}

void Writer::settle_failure(const Plan& plan, const Status& failure) {
  if (is_refusal(plan, failure.code())) {
    witness_->take({.kind = Entry::Kind::refused, .number = plan.id});
    return;
  }
  const bool is_unknown = failure.code() == Code::unknown_outcome;
  if (failed_with_power(failure)) {
    // Only unknown_outcome leaves the question open; every other failure wrote nothing.
    if (!is_unknown) witness_->take({.kind = Entry::Kind::refused, .number = plan.id});
    return;
  }
  stopped_ = true;
  broken("plan " + plan_name(plan.id) + " failed: " + failure.to_string());
}

bool Writer::settle(const Plan& plan, const Result<Receipt>& answer, bool alone) {
  ++done_;
  if (!answer.ok()) {
    settle_failure(plan, answer.status());
    return false;
  }
  if (plan.is_durable) witness_->durable_answer(plan, alone);
  if (answer->replayed) broken("plan " + plan_name(plan.id) + " was replayed at its first run");
  witness_->take({.kind = Entry::Kind::acked, .ack = ack_of(plan.id, *answer)});
  catalogue_->add(plan);
  return true;
}

void Writer::check_order(const Plan& plan, const Receipt& receipt) {
  if (receipt.commit_seq <= last_seq_) {
    broken("plan " + plan_name(plan.id) + " is commit " + std::to_string(receipt.commit_seq) +
           ", after " + std::to_string(last_seq_) + " was acknowledged to the same thread");
  }
}

void Writer::sign_up() {
  const Plan plan = planner_.new_user(next_plan_++);
  const Texts texts = texts_of(plan, 0);
  report_pending(plan);
  ++done_;
  auto made = store_->service("sign-up").create_user(new_user(plan, texts), commit_options(plan));
  if (!made.ok()) {
    settle_failure(plan, made.status());
    return;
  }
  if (*made != plan.owner) broken("a user was given another id than the one asked for");
  if (plan.is_durable) witness_->durable_answer(plan, setting_.is_alone);
  witness_->take({.kind = Entry::Kind::acked, .ack = {.plan = plan.id}});
  catalogue_->add_user(plan.owner);
}

void Writer::publish() {
  Plan plan = planner_.publication(next_plan_++);
  if (random_.percent(30)) expect_current_state(&plan);
  const Step& step = plan.steps[0];
  report_pending(plan);
  ++done_;
  const std::string name = public_name(step.object);
  const Texts texts = texts_of(plan, 0);
  const auto made = store_->service(kPublicReason)
                        .put_public(new_public(step, name, texts), commit_options(plan));
  if (!made.ok()) {
    settle_failure(plan, made.status());
    return;
  }
  if (plan.is_durable) witness_->durable_answer(plan, setting_.is_alone);
  witness_->take(
      {.kind = Entry::Kind::acked, .ack = {.plan = plan.id, .operations = {{step.object, *made}}}});
}

void Writer::rewrite_files() {
  const bool all = random_.percent(50);
  const Status done = all ? store_->compact() : store_->scrub_secrets();
  if (done.ok() || failed_with_power(done)) return;
  // Another thread's read may be under way, which holds what it sees.
  if (!all && done.code() == Code::failed_precondition) return;
  broken("rewriting files: " + done.to_string());
}

void Writer::commit_plan(bool large) {
  Plan plan = next_plan(large);
  WriteBatch batch = prepare(&plan);
  report_pending(plan);
  const auto answer = actor_of(plan, *store_).commit(batch, commit_options(plan));
  if (!settle(plan, answer, setting_.is_alone)) return;
  check_order(plan, *answer);
  last_seq_ = std::max(last_seq_, answer->commit_seq);
  if (!plan.key.empty()) {
    last_keyed_ = plan;
    last_keyed_ack_ = ack_of(plan.id, *answer);
  }
  if (random_.percent(5)) look_back(plan, ack_of(plan.id, *answer));
  if (random_.percent(5)) {
    const uint64_t safe = store_->stats().durable_commit_seq;
    if (plan.is_durable && safe < answer->commit_seq) {
      broken("a durable commit was acknowledged, and the store does not call it durable");
    }
    witness_->durable_up_to(safe);
  }
}

// Read your writes.
void Writer::look_back(const Plan& plan, const Ack& ack) {
  const Tenant tenant = store_->tenant(plan.owner);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.verb != Verb::append_message) continue;
    auto message = tenant.message(ChatSessionId(step.object), ack.operations[i].number);
    if (!message.ok() && failed_with_power(message.status())) return;
    if (!message.ok() || message->content() != texts_of(plan, i).main) {
      broken("plan " + plan_name(plan.id) +
             " was acknowledged, and cannot be read: " + message.status().to_string());
    }
  }
}

// Hands several in, half of them with a callback, and lets this thread fill the group.
void Writer::submit_several() {
  const size_t count = random_.between(2, 6);
  auto left = std::make_shared<std::atomic<size_t>>(0);
  std::vector<std::shared_ptr<Submitted>> called;
  std::vector<std::pair<Plan, PendingCommit>> waited;
  for (size_t i = 0; i < count; ++i) {
    Plan plan = next_plan(random_.percent(15));
    WriteBatch batch = prepare(&plan);
    report_pending(plan);
    const Tenant tenant = actor_of(plan, *store_);
    if (random_.percent(50)) {
      const CommitOptions options = commit_options(plan);
      waited.emplace_back(plan, tenant.submit(std::move(batch), options));
      continue;
    }
    auto submitted = std::make_shared<Submitted>(Submitted{std::move(plan), std::nullopt});
    called.push_back(submitted);
    left->fetch_add(1);
    tenant.submit(std::move(batch), commit_options(submitted->plan),
                  [submitted, left](Result<Receipt> answer) {
                    submitted->answer = std::move(answer);
                    left->fetch_sub(1);
                  });
  }
  if (Status driven = store_->drive(); !driven.ok() && !failed_with_power(driven)) {
    broken("drive: " + driven.to_string());
  }
  const uint64_t before = last_seq_;
  const auto note = [&](const Plan& plan, const Result<Receipt>& answer) {
    if (!settle(plan, answer, false)) return;
    if (answer->commit_seq <= before) check_order(plan, *answer);
    last_seq_ = std::max(last_seq_, answer->commit_seq);
  };
  for (auto& [plan, commit] : waited) note(plan, commit.wait());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (left->load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  if (left->load() > 0) {
    stopped_ = true;
    broken("a callback was not called");
    return;
  }
  for (const auto& submitted : called) note(submitted->plan, *submitted->answer);
}

// The same key with the same request, whose minted ids are others now.
void Writer::repeat_last() {
  if (!last_keyed_) return;
  Plan again = *last_keyed_;
  WriteBatch batch = prepare(&again);
  const auto answer = actor_of(again, *store_).commit(batch, commit_options(again));
  const std::string what = "repetition of plan " + plan_name(again.id);
  if (!answer.ok()) {
    if (!failed_with_power(answer.status())) broken(what + ": " + answer.status().to_string());
    return;
  }
  const auto same = [](const Receipt::Operation& a, const Receipt::Operation& b) {
    return a.id == b.id && a.number == b.number;
  };
  if (!answer->replayed) broken(what + " was not replayed");
  if (answer->commit_seq != last_keyed_ack_.commit_seq ||
      answer->owner_seq != last_keyed_ack_.owner_seq ||
      !std::equal(answer->operations.begin(), answer->operations.end(),
                  last_keyed_ack_.operations.begin(), last_keyed_ack_.operations.end(), same)) {
    broken(what + " was given another receipt");
  }
}

// The same key with another request: one with a text, since two plans may record the same activity.
void Writer::reuse_key() {
  if (!last_keyed_) return;
  Plan other = planner_.small(next_plan_++, last_keyed_->owner, catalogue_->of(last_keyed_->owner));
  if (other.steps.back().verb != Verb::append_message) return;
  other.key = last_keyed_->key;
  WriteBatch batch = prepare(&other);
  report_pending(other);
  const auto answer = actor_of(other, *store_).commit(batch, commit_options(other));
  if (answer.ok()) broken("a key was accepted for another request");
  settle(other, answer, false);
}

void Writer::sync() {
  const uint64_t begun = witness_->sync_begins();
  const Status done = store_->sync();
  if (done.ok()) {
    witness_->sync_ended(begun);
  } else if (!failed_with_power(done)) {
    broken("sync: " + done.to_string());
  }
}

}  // namespace bcstore::crash
