#include "model/commit_queue.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace bcstore::model {

namespace {
constexpr size_t kMaxGroup = 1024;  // commits
constexpr size_t kMaxGroupBytes = kMaxBatchBytes + (8u << 20);
constexpr int kMaxRounds = 64;

Status closed_status() { return Status(Code::closed, "the store is closed"); }
}  // namespace

CommitQueue::CommitQueue(std::unique_ptr<Executor> executor, engine::Engine& engine,
                         uint32_t group_fill_us, AuditSource audits)
    : executor_(std::move(executor)),
      engine_(engine),
      group_fill_us_(group_fill_us),
      audits_(std::move(audits)) {
  counters_.last_seq = executor_->last_seq();
  counters_.durable_seq = executor_->durable_seq();
  counters_.last_time_us = executor_->last_time().us;
  counters_.last_shown = executor_->last_seq();
  counters_.feed_floor = executor_->feed_floor();
  counters_.is_whole = executor_->replica().is_whole();
}

// In a child after fork our own mutex may be held by a thread that is not there.
Status CommitQueue::foreign() const {
  Status health = engine_.health();
  return health.code() == Code::wrong_process ? health : Status();
}

void CommitQueue::commit(const std::shared_ptr<Ticket>& ticket) {
  if (ticket->outcome.status = foreign(); !ticket->outcome.status.ok()) return;
  Lock lock(mutex_);
  if (closed_) {
    ticket->outcome.status = closed_status();
    return;
  }
  ++inside_;
  pending_.push_back(ticket);
  if (fill_to_ != 0 && pending_.size() >= fill_to_) arrived_.notify_one();
  wait_locked(lock, ticket);
  --inside_;
}

CommitQueue::Submitted CommitQueue::submit(std::shared_ptr<Ticket> ticket) {
  if (!foreign().ok()) return Submitted::foreign;
  Lock lock(mutex_);
  if (closed_) return Submitted::closed;
  const size_t bytes = ticket->commit.batch->bytes();
  if (pending_.size() >= kMaxPending || submitted_bytes_ + bytes > kMaxPendingBytes) {
    return Submitted::full;
  }
  ticket->submitted_bytes = bytes;
  submitted_bytes_ += bytes;
  pending_.push_back(std::move(ticket));
  if (fill_to_ != 0 && pending_.size() >= fill_to_) arrived_.notify_one();
  return Submitted::queued;
}

Status CommitQueue::wait(const std::shared_ptr<Ticket>& ticket) {
  if (Status s = foreign(); !s.ok()) return s;
  Lock lock(mutex_);
  ++inside_;
  wait_locked(lock, ticket);
  --inside_;
  return ticket->outcome.status;
}

bool CommitQueue::ready(const std::shared_ptr<Ticket>& ticket) {
  if (!foreign().ok()) return true;  // wait() tells why
  Lock lock(mutex_);
  return ticket->done;
}

void CommitQueue::wait_locked(Lock& lock, const std::shared_ptr<Ticket>& ticket) {
  while (!ticket->done) {
    if (!leading_) {
      lead(lock, ticket.get());
      continue;
    }
    ticket->waited = true;
    ticket->wake.wait(lock, [&] { return ticket->done || ticket->lead; });
    ticket->waited = false;
    if (ticket->lead) {
      ticket->lead = false;
      leading_ = false;
    }
  }
}

// A ticket without a batch: everything before it in the queue is done when it is.
Status CommitQueue::pass(Durability durability, bool last) {
  auto ticket = std::make_shared<Ticket>();
  ticket->commit.durability = durability;
  return pass(ticket, last);
}

Status CommitQueue::run_chore(std::function<Status(Executor&)> chore, Durability durability) {
  auto ticket = std::make_shared<Ticket>();
  ticket->commit.durability = durability;
  ticket->chore = std::move(chore);
  return pass(ticket, false);
}

Status CommitQueue::pass(const std::shared_ptr<Ticket>& ticket, bool last) {
  if (Status s = foreign(); !s.ok()) return s;
  Lock lock(mutex_);
  if (closed_) return closed_status();
  closed_ = last;
  pending_.push_back(ticket);
  ++inside_;
  wait_locked(lock, ticket);
  --inside_;
  return ticket->outcome.status;
}

Status CommitQueue::health() const {
  Status health = engine_.health();
  if (!health.ok() || !broken_) return health;
  return Status(Code::read_only, "an exception ended a write: open the store again");
}

Status CommitQueue::drive() { return pass(Durability::relaxed, false); }
Status CommitQueue::sync() { return pass(Durability::durable, false); }
Status CommitQueue::close() { return pass(Durability::durable, true); }

void CommitQueue::lead(Lock& lock, const Ticket* until) {
  leading_ = true;
  for (int round = 0; !pending_.empty(); ++round) {
    if (until->done && round >= kMaxRounds) break;
    fill(lock);
    Group group = take();
    lock.unlock();
    run_guarded(group);
    lock.lock();
    for (const auto& ticket : group) {
      ticket->done = true;
      if (ticket->waited) ticket->wake.notify_one();
    }
    if (std::any_of(group.begin(), group.end(),
                    [](const auto& t) { return t->done_callback != nullptr; })) {
      lock.unlock();
      for (const auto& ticket : group) {
        if (!ticket->done_callback) continue;
        call_back(*ticket);
      }
      lock.lock();
    }
  }
  step_down();
}

// What a callback throws is its application's own loss; the queue goes on.
void CommitQueue::call_back(Ticket& ticket) {
  Outcome& outcome = ticket.outcome;
  try {
    ticket.done_callback(outcome.status.ok() ? Result<Receipt>(std::move(outcome.receipt))
                                             : Result<Receipt>(outcome.status));
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
  ticket.done_callback = nullptr;
}

// Hands over to a thread that waits, if there is one.
void CommitQueue::step_down() {
  for (const auto& waiting : pending_) {
    if (!waiting->waited) continue;
    waiting->lead = true;
    waiting->wake.notify_one();
    return;  // leading_ stays: it is the other's now
  }
  leading_ = false;
}

void CommitQueue::fill(Lock& lock) {
  if (group_fill_us_ == 0 || pending_.size() >= inside_) return;
  bool durable = std::any_of(pending_.begin(), pending_.end(), [](const auto& ticket) {
    return ticket->commit.durability == Durability::durable;
  });
  bool relaxed = std::any_of(pending_.begin(), pending_.end(), [](const auto& ticket) {
    return ticket->commit.durability == Durability::relaxed;
  });
  if (!durable || relaxed) return;
  fill_to_ = inside_;
  arrived_.wait_for(lock, std::chrono::microseconds(group_fill_us_),
                    [&] { return pending_.size() >= fill_to_; });
  fill_to_ = 0;
}

CommitQueue::Group CommitQueue::take() {
  Group group;
  size_t bytes = 0;
  bool ordinary = false;
  while (!pending_.empty() && group.size() < kMaxGroup) {
    const BatchBody* batch = pending_.front()->commit.batch.get();
    size_t next = batch == nullptr ? 0 : batch->bytes();
    if (!group.empty() && bytes + next > kMaxGroupBytes) break;
    // An import compares its rows with the facts that are here: those of this group's ordinary
    // commits are not in the engine yet, and only imports keep theirs at hand.
    if (batch != nullptr && batch->importing() && ordinary) break;
    ordinary = ordinary || (batch != nullptr && !batch->importing());
    bytes += next;
    submitted_bytes_ -= pending_.front()->submitted_bytes;
    group.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  return group;
}

// A group of the queue's own. An exception in here leaves `writing` set: what is on disk then is
// not known.
Status CommitQueue::finish(bool* writing) {
  *writing = true;
  Status written = executor_->finish(false);
  *writing = false;
  return written;
}

void CommitQueue::write_audits(bool* writing) {
  if (!audits_) return;
  // What could not be written comes first; the source holds the rest back, up to its own bound.
  if (unwritten_audits_.empty()) unwritten_audits_ = audits_();
  if (unwritten_audits_.empty()) return;
  // An exception gives the batch back as well.
  struct Lent {
    explicit Lent(std::unique_ptr<BatchBody>* from) : home(from) {
      commit.batch = std::move(*from);
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent() { *home = std::move(commit.batch); }
    std::unique_ptr<BatchBody>* home;
    Commit commit;
  };
  executor_->begin();
  for (auto& batch : unwritten_audits_) {
    Lent lent(&batch);
    // An owner that was erased or never was leaves no trace; there is nobody to tell.
    (void)executor_->execute(lent.commit);
  }
  Status written;
  if (executor_->pending()) {
    written = finish(writing);
  } else {
    executor_->end_group();
  }
  // Any other failure latches the engine, and is answered to whoever writes next.
  if (written.code() != Code::no_space) unwritten_audits_.clear();
}

// What was taken of rate limits, once in a while, and when everything is to be made durable.
void CommitQueue::write_rates(const Group& group, bool* writing) {
  const bool now = std::any_of(group.begin(), group.end(), [](const auto& ticket) {
    return !ticket->commit.batch && ticket->commit.durability == Durability::durable;
  });
  if (!executor_->rates_are_due(now)) return;
  executor_->take_changed_rates(now);
  while (executor_->has_unsaved_rates()) {
    executor_->begin();
    executor_->put_changed_rates();
    if (!executor_->pending()) {
      executor_->end_group();
      continue;
    }
    // A failure latches the engine, and is answered to whoever writes next; those that a full disk
    // refused are tried again.
    if (!finish(writing).ok()) return;
  }
}

// An exception, of memory that is refused or of an application's clock, must not leave everybody
// waiting for a leader that is gone.
void CommitQueue::run_guarded(Group& group) {
  bool writing = false;
  Status failure;
  try {
    run(group, &writing);
    return;
  } catch (const std::bad_alloc&) {
    failure = Status(writing ? Code::unknown_outcome : Code::unavailable, "out of memory");
  } catch (...) {
    failure =
        Status(writing ? Code::unknown_outcome : Code::internal, "an exception while deciding");
  }
  // The numbers of that group may be on disk: only opening the store again tells.
  if (writing) broken_ = true;
  executor_->abandon(/*nothing_written=*/!writing);
  publish();
  for (const auto& ticket : group) {
    ticket->outcome = Outcome();
    ticket->outcome.status = failure;
  }
}

void CommitQueue::run(Group& group, bool* writing) {
  const Status health = this->health();
  if (health.ok()) write_audits(writing);
  if (health.ok()) write_rates(group, writing);
  if (!health.ok()) {
    for (const auto& ticket : group) ticket->outcome.status = health;
    return;
  }
  executor_->begin();
  bool sync = false;
  bool wrote = false;
  uint64_t commits = 0;  // a customer that moves makes two of one batch
  for (const auto& ticket : group) {
    bool durable = ticket->commit.durability == Durability::durable;
    if (!ticket->commit.batch) {
      sync = sync || durable;
      if (ticket->chore) ticket->outcome.status = ticket->chore(*executor_);
      wrote = wrote || (ticket->chore && executor_->pending());
      continue;
    }
    const uint64_t before = executor_->last_seq();
    ticket->outcome = executor_->execute(ticket->commit);
    commits += executor_->last_seq() - before;
    wrote = wrote || ticket->outcome.wrote;
    sync = sync || (durable && ticket->outcome.wrote);
    // A replay, or an import of what is here, is durable when what it tells of is.
    bool tells = ticket->outcome.status.ok() && !ticket->outcome.wrote && durable;
    sync = sync || (tells && executor_->durable_seq() < executor_->last_seq());
  }
  Status written;
  if (wrote) {
    *writing = true;  // and it stays so: what is written can not be taken back
    foretell();
    written = executor_->finish(sync);
  } else {
    executor_->end_group();
    *writing = sync;
    if (sync) written = engine_.sync();
    if (sync && written.ok()) executor_->mark_durable();
  }
  answer(group, written);
  if (written.ok()) {
    ++counters_.groups;
    counters_.commits += commits;
    if (sync) ++counters_.syncs;
  }
  publish();
}

// What this group may take away from readers. They look again behind their reading; what they have
// then was there.
void CommitQueue::foretell() {
  counters_.feed_floor = std::max(counters_.feed_floor.load(), executor_->feed_floor());
  if (!executor_->replica().is_whole()) counters_.is_whole = false;
}

void CommitQueue::publish() {
  counters_.last_seq = executor_->last_seq();
  counters_.durable_seq = executor_->durable_seq();
  counters_.last_time_us = executor_->last_time().us;
  counters_.cache_bytes = executor_->cache_bytes();
  counters_.feed_floor = executor_->feed_floor();
  counters_.is_whole = executor_->replica().is_whole();
  tell();
}

// feed_waiters.h says why in this order.
void CommitQueue::tell() {
  const std::vector<FeedWaiters::Shown>& shown = executor_->shown();
  if (shown.empty()) return;
  // A page for a standby may bring older ones.
  counters_.last_shown = std::max(counters_.last_shown.load(), shown.back().seq);
  if (waiters_.any()) waiters_.publish(shown);
}

void CommitQueue::answer(Group& group, const Status& written) {
  bool accepted = false;
  for (const auto& ticket : group) {
    Outcome& outcome = ticket->outcome;
    accepted = accepted || ticket->chore != nullptr;
    if (written.ok()) continue;
    // A refusal before the group's first accepted batch stands. Those after it may have been
    // decided on what is not there: out of credits by a spending that was never written.
    accepted = accepted || outcome.wrote;
    if (accepted || outcome.status.ok()) outcome.status = written;
    outcome.wrote = false;
  }
}

}  // namespace bcstore::model
