// CommitQueue: one queue, executed in groups.
//
// Committing threads line up. The first one leads: it takes everybody's batches, has them executed
// one after another, writes ONE engine batch with at most ONE sync, and wakes the others. Every
// decision is therefore serial, without locks per row, and the order of commits is total.
//
//  - An idle caller leads itself at once; nobody spins; there is no thread of our own.
//  - While more are waiting the leader goes on, for at most kMaxRounds groups; then it hands over
//  to
//    the first waiting thread, so that no caller serves the others for ever.
//  - A durable group may wait up to Options::group_fill_us to fill, only while more threads are
//    inside the queue than have handed in. A group of relaxed commits never waits.
//  - One refusal never fails another batch. A failed write answers the whole group.
//  - No lock is held over execution or I/O: only the fact that somebody leads.
//  - A hand-in without a waiting thread (Tenant::submit) lies in the queue until some thread leads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "bcstore/store.h"
#include "model/execute.h"
#include "model/feed_waiters.h"

namespace bcstore::model {

// One commit in the queue. Without a batch it only marks a place.
struct Ticket {
  Commit commit;
  // Upkeep instead of a batch: what the leader puts beside the others' changes.
  std::function<Status(Executor&)> chore;
  Outcome outcome;
  std::function<void(Result<Receipt>)> done_callback;
  size_t submitted_bytes = 0;
  bool done = false;    // guarded by the queue's mutex
  bool lead = false;    // it is this waiting thread's turn to lead
  bool waited = false;  // a thread waits for it
  std::condition_variable wake;
};

class CommitQueue {
 public:
  struct Counters {
    std::atomic<uint64_t> commits{0}, groups{0}, syncs{0};
    std::atomic<uint64_t> last_seq{0}, durable_seq{0}, cache_bytes{0};
    std::atomic<int64_t> last_time_us{0};  // of the last commit
    std::atomic<uint64_t> last_shown{0};   // no commit after it is shown by any feed
    std::atomic<uint64_t> feed_floor{0};   // a feed is read from here on
    std::atomic<bool> is_whole{true};      // no standby that has a part of what it is to get
  };
  // Makes audit commits for buffered reads; called by a leader at the start of its group.
  using AuditSource = std::function<std::vector<std::unique_ptr<BatchBody>>()>;

  CommitQueue(std::unique_ptr<Executor> executor, engine::Engine& engine, uint32_t group_fill_us,
              AuditSource audits);

  // Hands in and waits for the answer, in ticket->outcome.
  void commit(const std::shared_ptr<Ticket>& ticket);
  // Hands in.
  enum class Submitted : uint8_t { queued, full, closed, foreign };
  Submitted submit(std::shared_ptr<Ticket> ticket);
  // The answer's status; or wrong_process, and there is no answer.
  Status wait(const std::shared_ptr<Ticket>& ticket);
  bool ready(const std::shared_ptr<Ticket>& ticket);
  // Executes everything that was handed in, also by others.
  Status drive();
  // Has the leader of a group do this, and answers what came of it.
  Status run_chore(std::function<Status(Executor&)> chore, Durability durability);
  // Makes everything acknowledged so far durable.
  Status sync();
  // The same, and no commit is accepted from now on.
  Status close();

  // Ok, or read_only with the cause.
  Status health() const;

  const Counters& counters() const { return counters_; }
  FeedWaiters& waiters() { return waiters_; }

 private:
  Status foreign() const;
  using Lock = std::unique_lock<std::mutex>;
  using Group = std::vector<std::shared_ptr<Ticket>>;
  void wait_locked(Lock& lock, const std::shared_ptr<Ticket>& ticket);
  // Leads until `until` is done, and on while more are waiting.
  void lead(Lock& lock, const Ticket* until);
  Status pass(Durability durability, bool last);
  Status pass(const std::shared_ptr<Ticket>& ticket, bool last);
  static void call_back(Ticket& ticket);
  void step_down();
  void fill(Lock& lock);
  Group take();
  void run_guarded(Group& group);
  void run(Group& group, bool* writing);
  void answer(Group& group, const Status& written);
  void write_audits(bool* writing);
  void write_rates(const Group& group, bool* writing);
  Status finish(bool* writing);
  void publish();
  void foretell();
  void tell();

  std::unique_ptr<Executor> executor_;
  engine::Engine& engine_;
  const uint32_t group_fill_us_;
  AuditSource audits_;
  std::vector<std::unique_ptr<BatchBody>> unwritten_audits_;  // the leader's
  Counters counters_;
  FeedWaiters waiters_;

  std::mutex mutex_;
  std::condition_variable arrived_;  // the leader waits for its group to fill
  std::deque<std::shared_ptr<Ticket>> pending_;
  bool leading_ = false;
  bool closed_ = false;
  std::atomic<bool> broken_{false};  // how far a write came is not known
  size_t inside_ = 0;                // threads in commit()
  size_t submitted_bytes_ = 0;       // pending without a thread that waits
  size_t fill_to_ = 0;               // the leader wakes when so many are pending
};

}  // namespace bcstore::model
