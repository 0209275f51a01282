#include "chat_work.h"

#include <fmt/core.h>

#include <utility>

#include "failure.h"

namespace bcstore::bench {

void LastMessagesOperation::run() {
  const uint64_t rows = fold_.rows();
  worker_->last_messages(random_.below(sessions_), kLastMessages, &fold_);
  if (fold_.rows() - rows != kLastMessages) throw Failure("a session gave back too few messages");
}

Fold prove_equal_messages(std::span<const std::unique_ptr<Stand>> stands, uint32_t sessions) {
  std::vector<std::string> names;
  std::vector<Fold> folds;
  for (const std::unique_ptr<Stand>& stand : stands) {
    const std::unique_ptr<ChatWorker> worker = stand->engine().chat_worker(Mode::relaxed);
    Fold fold;
    for (uint32_t session = 0; session < sessions; ++session) {
      if (session % 64 == 0) check_interrupted();
      worker->last_messages(session, kLastMessages, &fold);
    }
    names.emplace_back(stand->engine().name());
    folds.push_back(fold);
  }
  require_equal("the last messages of all sessions", names, folds);
  return folds.front();
}

uint64_t count_messages(Engine& engine, uint32_t sessions) {
  const std::unique_ptr<ChatWorker> worker = engine.chat_worker(Mode::relaxed);
  uint64_t count = 0;
  for (uint32_t session = 0; session < sessions; ++session) count += worker->last_seq(session);
  return count;
}

void load_messages(Stand& stand, const Population& population, const Texts& texts) {
  {
    const std::unique_ptr<ChatWorker> worker = stand.engine().chat_worker(Mode::relaxed);
    for_each_message(population, texts,
                     [&worker](const Message& message) { worker->append_message(message); });
  }
  stand.reopen();
}

}  // namespace bcstore::bench
