#include "crash/ledger.h"

namespace bcstore::crash {

void Ledger::take(const Entry& entry) {
  const std::lock_guard<std::mutex> guard(mutex_);
  switch (entry.kind) {
    case Entry::Kind::pending:
      records_[entry.plan.id].plan = entry.plan;
      break;
    case Entry::Kind::acked: {
      Record& record = records_[entry.ack.plan];
      record.state = Record::State::acked;
      record.ack = entry.ack;
      record.order = ++acked_;
      record.is_safe = record.plan.is_durable;
      break;
    }
    case Entry::Kind::refused:
      records_[entry.number].state = Record::State::refused;
      break;
    case Entry::Kind::broken:
      broken_.push_back(entry.text);
      break;
    default:
      break;
  }
}

void Ledger::make_safe(uint64_t acked_before) {
  const std::lock_guard<std::mutex> guard(mutex_);
  for (auto& [id, record] : records_) {
    const bool acked = record.state == Record::State::acked;
    if (acked && record.order <= acked_before) record.is_safe = true;
  }
}

void Ledger::make_safe_up_to(uint64_t commit_seq) {
  const std::lock_guard<std::mutex> guard(mutex_);
  for (auto& [id, record] : records_) {
    const bool acked = record.state == Record::State::acked;
    const bool known = record.ack.commit_seq != 0 && record.ack.commit_seq <= commit_seq;
    if (acked && known) record.is_safe = true;
  }
}

uint64_t Ledger::acked_count() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return acked_;
}

std::vector<UserId> Ledger::owners() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  std::vector<UserId> owners;
  for (const auto& [id, record] : records_) {
    if (record.plan.steps.size() == 1 && record.plan.steps[0].verb == Verb::create_user) {
      owners.push_back(record.plan.owner);
    }
  }
  return owners;
}

Integrations Ledger::integrations() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  Integrations made;
  for (const auto& [id, record] : records_) {
    for (const Step& step : record.plan.steps) {
      if (step.verb == Verb::add_integration) made[record.plan.owner].push_back(step.object);
    }
  }
  return made;
}

}  // namespace bcstore::crash
