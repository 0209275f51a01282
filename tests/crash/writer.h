// Writer: one thread's mixed work on a store, reported call by call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crash/plan.h"
#include "crash/planner.h"

namespace bcstore::crash {

// Where writers report. Called from many threads.
class Witness {
 public:
  virtual ~Witness() = default;
  // The acknowledgement log. A pending entry is taken before its call, an acked one right after.
  virtual void take(const Entry& entry) = 0;
  // A durable answer has just come; `alone` when this thread's call was the only one under way.
  virtual void durable_answer(const Plan&, bool /*alone*/) {}
  // A sync that begins now, and has ended well, covers what was acknowledged before it began.
  virtual uint64_t sync_begins() { return 0; }
  virtual void sync_ended(uint64_t /*begun*/) {}
  // The store says that no commit up to this one can be lost.
  virtual void durable_up_to(uint64_t /*commit_seq*/) {}
  // Storage may fail: the power is gone.
  virtual bool may_fail() const { return false; }
};

struct WriterSetting {
  uint64_t seed = 0;
  uint64_t first_plan = 1;  // plans are numbered from here
  bool is_alone = false;    // the only thread that writes
  Mood mood{};
};

class Writer {
 public:
  Writer(Store* store, Catalogue* catalogue, Witness* witness, const WriterSetting& setting);

  // Commits until it has done so many plans or storage fails.
  void run(size_t plans);

 private:
  // A commit that was handed in; shared with the thread that may answer it.
  struct Submitted {
    Plan plan;
    std::optional<Result<Receipt>> answer;
  };

  void sign_up();
  void publish();
  void rewrite_files();
  void commit_plan(bool large);
  void submit_several();
  void repeat_last();
  void reuse_key();
  void sync();
  void look_back(const Plan& plan, const Ack& ack);
  void expect_current_state(Plan* plan);
  std::optional<uint64_t> current_number(const Plan& plan) const;

  Plan next_plan(bool large);
  WriteBatch prepare(Plan* plan) const;
  void report_pending(const Plan& plan);
  bool settle(const Plan& plan, const Result<Receipt>& answer, bool alone);
  void settle_failure(const Plan& plan, const Status& failure);
  void check_order(const Plan& plan, const Receipt& receipt);
  void broken(const std::string& text);
  bool failed_with_power(const Status& status);

  Store* store_;
  Catalogue* catalogue_;
  Witness* witness_;
  WriterSetting setting_;
  Random random_;
  Planner planner_;
  uint64_t next_plan_;
  size_t done_ = 0;
  bool stopped_ = false;
  uint64_t last_seq_ = 0;
  std::optional<Plan> last_keyed_;
  Ack last_keyed_ack_;
};

}  // namespace bcstore::crash
