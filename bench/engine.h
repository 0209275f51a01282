// Engine: what a benchmark asks of a store. One file implements it for each store that is measured
// (engine_*.cc), and catalogue.cc lists them.
//
// Verbs come in small groups, one abstract class for each subject, because a worker belongs to one
// thread: a connection, a transaction or a reused iterator lives in it. An engine that does not
// offer a group answers null, and its rows say "-". A new workload adds a verb to a group, or a
// group; a new engine implements the groups that it can.
//
// Equal work: every engine checks nothing less than it claims, keeps within the same memory budget,
// and folds every byte that a read returns. Verbs throw Failure with the engine's own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data.h"
#include "fold.h"
#include "generate/product.h"

namespace bcstore::bench {

enum class Mode : uint8_t { durable, relaxed };
std::string_view to_string(Mode mode);

struct EngineSettings {
  std::string directory;           // exists and is empty, or holds what this engine left there
  size_t memory_budget_bytes = 0;  // cache plus heap
  Population population;           // who there is, or will be after create()
};

// One thread's view of chats. Destroy it before the engine is closed.
class ChatWorker {
 public:
  virtual ~ChatWorker() = default;
  // Appends to message.session of its owner; answers when `mode` allows. The session's new
  // sequence.
  virtual uint64_t append_message(const Message& message) = 0;
  // Folds the last `count` messages of a session, newest first: sequence, role, tokens, time, text.
  virtual void last_messages(uint32_t session, uint32_t count, Fold* fold) = 0;
  // The sequence of the session's last message; 0: none.
  virtual uint64_t last_seq(uint32_t session) = 0;
};

// One thread's view of credits.
class CreditWorker {
 public:
  virtual ~CreditWorker() = default;
  // Spends one credit of a user, who has plenty. What remains, exactly as of this spending.
  virtual uint64_t consume(uint32_t user) = 0;
  virtual uint64_t remaining(uint32_t user) = 0;
};
// What each user begins with.
inline constexpr int32_t kBenchCredits = 2'000'000'000;

// One thread's view of documents: one for each user. Destroy it before the engine is closed.
class DocumentWorker {
 public:
  virtual ~DocumentWorker() = default;
  virtual void create_document(uint32_t document) = 0;
  // Answers when the worker's mode allows. The new revision's number.
  virtual uint32_t append_revision(uint32_t document, std::string_view json) = 0;
  // Folds number and content.
  virtual void newest_revision(uint32_t document, Fold* fold) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  // One line for the head of the report: the version, and the design that is measured.
  virtual std::string describe() const = 0;

  virtual void open(const EngineSettings& settings) = 0;
  // Makes the users, one project for each, and their sessions, without messages.
  virtual void create() = 0;
  virtual void close() = 0;

  virtual std::unique_ptr<ChatWorker> chat_worker(Mode mode) = 0;
  virtual std::unique_ptr<CreditWorker> credit_worker(Mode mode) = 0;

  virtual std::unique_ptr<DocumentWorker> document_worker(Mode mode) = 0;

  // Writes a generated product, relaxed.
  virtual std::unique_ptr<ProductSink> product_sink() = 0;

  // Counters worth a line under the row, such as syncs a commit; may be empty.
  virtual std::string remark() { return {}; }
};

}  // namespace bcstore::bench
