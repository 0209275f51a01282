#include "model/feed_waiters.h"

#include <fmt/format.h>

#include "bcstore/feed.h"

namespace bcstore::model {

namespace {

using Clock = std::chrono::steady_clock;

Status closed_status() { return Status(Code::closed, "the store is closed"); }

}  // namespace

// A waiter among the others, for as long as it waits.
class FeedWaiters::Place {
 public:
  Place(FeedWaiters* all, const Whose& whose, uint64_t after_seq) : all_(all) {
    waiter_.after_seq = after_seq;
    const std::lock_guard lock(all_->mutex_);
    if (all_->closed_ || all_->waiters_.size() >= kMaxFeedWaiters) return;
    at_ = all_->waiters_.emplace(key_of(whose), &waiter_);
    ++all_->waiting_;
  }
  ~Place() {
    const std::lock_guard lock(all_->mutex_);
    if (!at_) return;
    all_->waiters_.erase(*at_);
    --all_->waiting_;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  bool taken() const { return at_.has_value(); }
  Result<bool> sleep(Clock::time_point until) {
    std::unique_lock lock(all_->mutex_);
    const bool ended =
        waiter_.wake.wait_until(lock, until, [this] { return waiter_.woken || all_->closed_; });
    if (all_->closed_) return closed_status();
    return ended;
  }

 private:
  FeedWaiters* all_;
  Waiter waiter_;
  std::optional<Waiting::iterator> at_;
};

Result<bool> FeedWaiters::wait(const Whose& whose, uint64_t after_seq,
                               std::chrono::microseconds timeout,
                               const std::function<Result<bool>()>& is_there) {
  const Clock::time_point until = Clock::now() + timeout;
  Place place(this, whose, after_seq);
  if (!place.taken()) {
    const std::lock_guard lock(mutex_);
    if (closed_) return closed_status();
    return Status(Code::unavailable, fmt::format("{} threads wait already", kMaxFeedWaiters));
  }
  Result<bool> there = is_there();
  if (!there.ok() || *there) return there;
  return place.sleep(until);
}

void FeedWaiters::wake(UserId key, uint64_t seq) {
  const auto [first, last] = waiters_.equal_range(key);
  for (auto at = first; at != last; ++at) {
    Waiter& waiter = *at->second;
    if (waiter.woken || seq <= waiter.after_seq) continue;
    waiter.woken = true;
    waiter.wake.notify_one();
  }
}

void FeedWaiters::publish(std::span<const Shown> shown) {
  if (shown.empty()) return;
  const std::lock_guard lock(mutex_);
  wake(UserId(), shown.back().seq);
  for (const Shown& one : shown) {
    if (one.owner != kSystemOwner) wake(one.owner, one.seq);
  }
}

void FeedWaiters::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [owner, waiter] : waiters_) waiter->wake.notify_one();
}

}  // namespace bcstore::model
