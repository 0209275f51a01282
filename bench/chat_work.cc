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

Fold prove_equal_messages(Bench& bench, std::span<const std::unique_ptr<Stand>> stands,
                          uint32_t sessions) {
  return prove_equal(
      bench, "the last messages of all sessions", stands, [sessions](Stand& stand, Fold* fold) {
        const std::unique_ptr<ChatWorker> worker = stand.engine().chat_worker(Mode::relaxed);
        for (uint32_t session = 0; session < sessions; ++session) {
          if (session % 64 == 0) check_interrupted();
          worker->last_messages(session, kLastMessages, fold);
        }
      });
}

uint64_t count_messages(Engine& engine, uint32_t sessions) {
  const std::unique_ptr<ChatWorker> worker = engine.chat_worker(Mode::relaxed);
  uint64_t count = 0;
  for (uint32_t session = 0; session < sessions; ++session) count += worker->last_seq(session);
  return count;
}

void load_messages(Stand& stand, const Population& population, const Texts& texts,
                   const std::function<void(Message* message)>& mark) {
  constexpr size_t kAtOnce = 64;
  {
    const std::unique_ptr<ChatWorker> worker = stand.engine().chat_worker(Mode::relaxed);
    std::vector<Message> messages;
    for_each_message(population, texts, [&](Message message) {
      if (mark) mark(&message);
      messages.push_back(message);
      if (messages.size() < kAtOnce) return;
      worker->append_all(messages);
      messages.clear();
    });
    worker->append_all(messages);
  }
  stand.reopen();
}

}  // namespace bcstore::bench
