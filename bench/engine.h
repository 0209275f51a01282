// Engine: what a benchmark asks of a store. One file implements it for each store that is measured
// (engine_*.cc), and catalogue.cc lists them.
//
// Verbs come in small groups, one abstract class for each subject, because a worker belongs to one
// thread: a connection, a transaction or a reused iterator lives in it. An engine that does not
// offer a group answers null, and its rows are left out with a line that says so. A new workload
// adds a verb to a group, or a group; a new engine implements the groups that it can.
//
// Equal work: every engine checks nothing less than it claims, keeps within the same memory budget,
// and folds every byte that a read returns. Verbs throw Failure with the engine's own words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  // The same for many, to load what others are measured on: as the engine likes to be loaded.
  virtual void append_all(std::span<const Message> messages) {
    for (const Message& message : messages) append_message(message);
  }
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

// One thread's view of what a project is about. Project p is that of user p; project_data.h filled
// it. Destroy it before the engine is closed.
class ProjectWorker {
 public:
  virtual ~ProjectWorker() = default;
  // Folds the newest content of each of the project's documents, by section: fold_document.
  virtual void newest_documents(uint32_t project, Fold* fold) = 0;
  // Folds all tasks by phase, and within a phase in the order of their making: fold_task.
  virtual void tasks(uint32_t project, Fold* fold) = 0;
  // Folds the project's name and prompt and the number of its current version (a row), then its
  // documents, its tasks, and the last `messages` messages of the user's first session, each as
  // above; all as of one moment.
  virtual void context(uint32_t project, uint32_t messages, Fold* fold) = 0;
};

// One thread's view of chat turns that cost a credit.
class TurnWorker {
 public:
  virtual ~TurnWorker() = default;
  struct Turned {
    uint64_t seq = 0;        // of the message
    uint64_t remaining = 0;  // credits, exactly as of this turn
  };
  // In one commit: the message, one credit of the session's owner, the ledger's entry for it (what
  // was spent and what remained), an event of type "chat.turn" with a payload of a few bytes, and
  // the idempotency key, which is looked for first. Keys never come twice here.
  virtual Turned turn(const Message& message, std::string_view key) = 0;
};

// What is done seldom, and to much at once.
class UpkeepWorker {
 public:
  virtual ~UpkeepWorker() = default;
  // All of a user: nothing of it can be read afterwards.
  virtual void erase_user(uint32_t user) = 0;
  // What was erased is gone from the engine's files. No other worker lives meanwhile.
  virtual void purge() = 0;
  // Everybody's messages of the calendar month (UTC) that the time lies in. False: it has no such
  // thing, and nothing was done.
  virtual bool drop_month(int64_t) { return false; }
};

// The order in which every engine folds a row, so that sums can be compared.
inline void fold_document(uint8_t section, uint32_t rev, std::string_view content, Fold* fold) {
  fold->number(section);
  fold->number(rev);
  fold->text(content);
  fold->row();
}
inline void fold_task(int32_t phase, bool is_completed, std::string_view title,
                      std::string_view description, Fold* fold) {
  fold->number(static_cast<uint32_t>(phase));
  fold->number(is_completed ? 1 : 0);
  fold->text(title);
  fold->text(description);
  fold->row();
}
inline void fold_message(uint64_t seq, uint8_t role, uint32_t tokens, int64_t created_at_us,
                         std::string_view content, Fold* fold) {
  fold->number(seq);
  fold->number(role);
  fold->number(tokens);
  fold->number(static_cast<uint64_t>(created_at_us));
  fold->text(content);
  fold->row();
}
inline void fold_project(std::string_view name, std::string_view prompt, uint32_t version,
                         Fold* fold) {
  fold->text(name);
  fold->text(prompt);
  fold->number(version);
  fold->row();
}

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

  virtual std::unique_ptr<ChatWorker> chat_worker(Mode) { return nullptr; }
  virtual std::unique_ptr<CreditWorker> credit_worker(Mode) { return nullptr; }
  virtual std::unique_ptr<DocumentWorker> document_worker(Mode) { return nullptr; }
  virtual std::unique_ptr<ProjectWorker> project_worker() { return nullptr; }
  virtual std::unique_ptr<TurnWorker> turn_worker(Mode) { return nullptr; }
  virtual std::unique_ptr<UpkeepWorker> upkeep_worker() { return nullptr; }

  // Writes a generated product, relaxed. Destroy it before the engine is closed or read from.
  virtual std::unique_ptr<ProductSink> product_sink() { return nullptr; }
  // Writes what fill_projects() tells, relaxed, laid out for a ProjectWorker: documents, revisions,
  // tasks and activities of projects that create() made.
  virtual std::unique_ptr<ProductSink> project_sink() { return product_sink(); }

  // Brings the files into the state that they would come to rest in. Not what an engine does on its
  // own anyway.
  virtual void compact() {}

  // Processor time that processes of the engine's own used since it was opened, beside this one.
  virtual double outside_cpu_s() { return 0; }
  // Counters worth a line under the row, such as syncs a commit; may be empty.
  virtual std::string remark() { return {}; }
};

}  // namespace bcstore::bench
