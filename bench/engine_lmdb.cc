// LMDB: one environment, a table (named database) for each kind of row, keys composed as the
// floor's are. Rows that are read newest first lie newest first, so that the last of them are found
// by one seek, and so is the number of the next. Reads fold in place, in a reading transaction that
// each worker keeps and renews. Its cache is the system's, which no budget can bound: it has that
// over all others.
//
// Durable is LMDB's default; relaxed is MDB_NOSYNC, which survives the end of the process.
#include <fmt/core.h>

#include "catalogue.h"
#include "engine.h"
#include "failure.h"
#include "lmdb_rows.h"

namespace bcstore::bench {
namespace {

class LmdbChatWorker : public ChatWorker {
 public:
  LmdbChatWorker(LmdbShare& share, Mode mode)
      : share_(share), mode_(mode), reader_(*share.environment) {}

  uint64_t append_message(const Message& message) override {
    const RawId session = share_.population.session_id(message.session);
    LmdbWrite write(*share_.environment, mode_);
    const uint64_t seq =
        append_lmdb_message(write, owner_of(message.session), session, message, time_of(message));
    write.commit();
    return seq;
  }

  void append_all(std::span<const Message> messages) override {
    LmdbWrite write(*share_.environment, mode_);
    for (const Message& message : messages) {
      append_lmdb_message(write, owner_of(message.session),
                          share_.population.session_id(message.session), message, time_of(message));
    }
    write.commit();
  }

  void last_messages(uint32_t session, uint32_t count, Fold* fold) override {
    reader_.read([&] {
      fold_lmdb_messages(reader_, owner_of(session), share_.population.session_id(session), count,
                         fold);
    });
  }

  uint64_t last_seq(uint32_t session) override {
    const RawId id = share_.population.session_id(session);
    const LmdbKey prefix(bytes_of(id));
    return reader_.read([&] {
      require_owner(reader_.get(LmdbTable::sessions, bytes_of(id)), owner_of(session));
      LmdbReader::Row row;
      if (!reader_.seek(LmdbTable::messages, prefix.view(), &row) ||
          row.key.substr(0, prefix.view().size()) != prefix.view()) {
        return uint64_t{0};
      }
      return ~read_u64(row.key, prefix.view().size());
    });
  }

 private:
  RawId owner_of(uint32_t session) const {
    return share_.population.user_id(share_.population.owner_of(session));
  }

  LmdbShare& share_;
  Mode mode_;
  LmdbReader reader_;
};

class LmdbCreditWorker : public CreditWorker {
 public:
  LmdbCreditWorker(LmdbShare& share, Mode mode)
      : share_(share), mode_(mode), reader_(*share.environment) {}

  uint64_t consume(uint32_t user) override {
    LmdbWrite write(*share_.environment, mode_);
    const int64_t left = consume_lmdb_credit(write, share_.population.user_id(user));
    write.commit();
    return static_cast<uint64_t>(left);
  }
  uint64_t remaining(uint32_t user) override {
    const RawId id = share_.population.user_id(user);
    return reader_.read([&] {
      const std::string_view found = reader_.get(LmdbTable::credits, bytes_of(id));
      return static_cast<uint64_t>(read_plain<LmdbCredits>(found, 0).remaining);
    });
  }

 private:
  LmdbShare& share_;
  Mode mode_;
  LmdbReader reader_;
};

class LmdbDocumentWorker : public DocumentWorker {
 public:
  LmdbDocumentWorker(LmdbShare& share, Mode mode)
      : share_(share), mode_(mode), reader_(*share.environment) {}

  void create_document(uint32_t document) override {
    const Population& population = share_.population;
    LmdbWrite write(*share_.environment, mode_);
    create_lmdb_document(write, population.user_id(document), population.project_id(document),
                         population.document_id(document), 1, kBenchSection);
    write.commit();
  }

  uint32_t append_revision(uint32_t document, std::string_view json) override {
    const Population& population = share_.population;
    LmdbWrite write(*share_.environment, mode_);
    const uint32_t rev = append_lmdb_revision(write, population.user_id(document),
                                              population.document_id(document), now_us(), json);
    write.commit();
    return rev;
  }

  void newest_revision(uint32_t document, Fold* fold) override {
    const RawId id = share_.population.document_id(document);
    const RawId user = share_.population.user_id(document);
    reader_.read([&] {
      const LmdbKey place(reader_.get(LmdbTable::documents, bytes_of(id)));
      require_owner(place.view(), user);
      LmdbReader::Row row;
      if (!reader_.seek(LmdbTable::revisions, place.view(), &row) ||
          row.key.substr(0, place.view().size()) != place.view()) {
        throw Failure("lmdb: the document has no revision");
      }
      fold->number(~read_u32(row.key, place.view().size()));
      fold->text(content_of_lmdb_revision(row.value));
      fold->row();
    });
  }

 private:
  LmdbShare& share_;
  Mode mode_;
  LmdbReader reader_;
};

class LmdbEngine : public Engine {
 public:
  std::string_view name() const override { return "lmdb"; }
  std::string describe() const override {
    return fmt::format(
        "LMDB {}.{}.{}, newest first, read in place (default sync: durable, MDB_NOSYNC: relaxed)",
        MDB_VERSION_MAJOR, MDB_VERSION_MINOR, MDB_VERSION_PATCH);
  }

  void open(const EngineSettings& settings) override {
    share_.population = settings.population;
    share_.environment = std::make_unique<LmdbEnvironment>(settings.directory);
  }

  void create() override {
    const Population& population = share_.population;
    LmdbWrite write(*share_.environment, Mode::relaxed);
    for (uint32_t i = 0; i < population.users; ++i) {
      const RawId user = population.user_id(i);
      const RawId project = population.project_id(i);
      create_lmdb_user(write, user, fmt::format("user{}@example.com", i), {},
                       {.remaining = kBenchCredits});
      create_lmdb_project(write, user, project, kProjectName, kProjectPrompt, 1);
      for (uint32_t k = 0; k < population.sessions_per_user; ++k) {
        create_lmdb_session(write, user, project,
                            population.session_id(i * population.sessions_per_user + k));
      }
    }
    write.commit();
  }

  void close() override {
    if (!share_.environment) return;
    // What was written relaxed.
    const int code = ::mdb_env_sync(share_.environment->handle(), 1);
    share_.environment.reset();
    check_lmdb(code, "mdb_env_sync");
  }

  std::unique_ptr<ChatWorker> chat_worker(Mode mode) override {
    return std::make_unique<LmdbChatWorker>(share_, mode);
  }
  std::unique_ptr<CreditWorker> credit_worker(Mode mode) override {
    return std::make_unique<LmdbCreditWorker>(share_, mode);
  }
  std::unique_ptr<DocumentWorker> document_worker(Mode mode) override {
    return std::make_unique<LmdbDocumentWorker>(share_, mode);
  }
  std::unique_ptr<ProjectWorker> project_worker() override {
    return make_lmdb_project_worker(share_);
  }
  std::unique_ptr<TurnWorker> turn_worker(Mode mode) override {
    return make_lmdb_turn_worker(share_, mode);
  }
  std::unique_ptr<UpkeepWorker> upkeep_worker() override { return make_lmdb_upkeep_worker(share_); }
  std::unique_ptr<ProductSink> product_sink() override { return make_lmdb_sink(share_); }

 private:
  LmdbShare share_;
};

}  // namespace

std::unique_ptr<Engine> make_lmdb_engine() { return std::make_unique<LmdbEngine>(); }

}  // namespace bcstore::bench
