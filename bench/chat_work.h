// What the workloads on chats have in common: their operations, and the proof that every engine
// gives back the same messages.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "harness.h"

namespace bcstore::bench {

inline constexpr uint32_t kLastMessages = 50;

// Appends a message to a session chosen at random.
class AppendOperation : public Operation {
 public:
  AppendOperation(std::unique_ptr<ChatWorker> worker, const Texts& texts, uint32_t sessions,
                  uint64_t seed)
      : worker_(std::move(worker)), texts_(texts), sessions_(sessions), random_(seed) {}
  void run() override {
    worker_->append_message(draw_message(texts_, random_.below(sessions_), random_));
  }

 private:
  std::unique_ptr<ChatWorker> worker_;
  const Texts& texts_;
  uint32_t sessions_;
  Random random_;
};

// Reads and folds the last messages of a session chosen at random.
class LastMessagesOperation : public Operation {
 public:
  LastMessagesOperation(std::unique_ptr<ChatWorker> worker, uint32_t sessions, uint64_t seed)
      : worker_(std::move(worker)), sessions_(sessions), random_(seed) {}
  void run() override;

 private:
  std::unique_ptr<ChatWorker> worker_;
  uint32_t sessions_;
  Random random_;
  Fold fold_;
};

inline bool offers_chats(Engine& engine) { return engine.chat_worker(Mode::relaxed) != nullptr; }

// Reads the last messages of every session in every engine. Throws Failure unless they agree.
Fold prove_equal_messages(Bench& bench, std::span<const std::unique_ptr<Stand>> stands,
                          uint32_t sessions);

// The sum of the last sequences of all sessions: how many messages an engine says it has.
uint64_t count_messages(Engine& engine, uint32_t sessions);

// Loads the whole population, relaxed, and opens the engine again. `mark` may change a message; its
// text must then live on.
void load_messages(Stand& stand, const Population& population, const Texts& texts,
                   const std::function<void(Message* message)>& mark = nullptr);

}  // namespace bcstore::bench
