// The LMDB engine's projects and turns, and what fills it with a generated product.
#include <fmt/core.h>

#include "failure.h"
#include "lmdb_rows.h"

namespace bcstore::bench {
namespace {

// Value of a task.
constexpr size_t kTitleBytesAt = 1;
constexpr size_t kTitleAt = 5;

class LmdbProjectWorker : public ProjectWorker {
 public:
  explicit LmdbProjectWorker(LmdbShare& share) : share_(share), reader_(*share.environment) {}

  void newest_documents(uint32_t project, Fold* fold) override {
    reader_.read([&] { fold_documents(project, fold); });
  }
  void tasks(uint32_t project, Fold* fold) override {
    reader_.read([&] { fold_tasks(project, fold); });
  }
  void context(uint32_t project, uint32_t messages, Fold* fold) override {
    const Population& population = share_.population;
    const RawId id = population.project_id(project);
    const RawId user = population.user_id(project);
    reader_.read([&] {
      const std::string_view head = reader_.get(LmdbTable::projects, bytes_of(id));
      require_owner(head, user);
      const auto name_bytes = read_plain<uint32_t>(head, kLmdbNameBytesAt);
      fold_project(head.substr(kLmdbNameAt, name_bytes), head.substr(kLmdbNameAt + name_bytes),
                   read_plain<uint32_t>(head, kLmdbVersionAt), fold);
      fold_documents(project, fold);
      fold_tasks(project, fold);
      fold_lmdb_messages(reader_, user,
                         population.session_id(project * population.sessions_per_user), messages,
                         fold);
    });
  }

 private:
  LmdbKey prefix_of(uint32_t project) const {
    LmdbKey prefix;
    prefix.add(share_.population.user_id(project)).add(share_.population.project_id(project));
    return prefix;
  }

  // From the newest revision of one document to the newest of the next.
  void fold_documents(uint32_t project, Fold* fold) {
    const LmdbKey prefix = prefix_of(project);
    const size_t prefix_bytes = prefix.view().size();
    LmdbReader::Row row;
    bool is_there = reader_.seek(LmdbTable::revisions, prefix.view(), &row);
    while (is_there && row.key.substr(0, prefix_bytes) == prefix.view()) {
      const auto section = static_cast<uint8_t>(row.key[prefix_bytes + 4]);
      fold_document(section, ~read_u32(row.key, prefix_bytes + 5),
                    content_of_lmdb_revision(row.value), fold);
      LmdbKey after(row.key.substr(0, prefix_bytes + 5));
      after.add_u32(~0u);  // no document has a revision 0
      is_there = reader_.seek(LmdbTable::revisions, after.view(), &row);
    }
  }

  void fold_tasks(uint32_t project, Fold* fold) {
    const LmdbKey prefix = prefix_of(project);
    const size_t prefix_bytes = prefix.view().size();
    LmdbReader::Row row;
    bool is_there = reader_.seek(LmdbTable::tasks, prefix.view(), &row);
    while (is_there && row.key.substr(0, prefix_bytes) == prefix.view()) {
      const auto title_bytes = read_plain<uint32_t>(row.value, kTitleBytesAt);
      fold_task(static_cast<int32_t>(read_u32(row.key, prefix_bytes)), row.value[0] != 0,
                row.value.substr(kTitleAt, title_bytes), row.value.substr(kTitleAt + title_bytes),
                fold);
      is_there = reader_.next(LmdbTable::tasks, &row);
    }
  }

  LmdbShare& share_;
  LmdbReader reader_;
};

class LmdbTurnWorker : public TurnWorker {
 public:
  LmdbTurnWorker(LmdbShare& share, Mode mode) : share_(share), mode_(mode) {}

  Turned turn(const Message& message, std::string_view key) override {
    const Population& population = share_.population;
    const RawId user = population.user_id(population.owner_of(message.session));
    const int64_t at_us = time_of(message);
    LmdbKey request(bytes_of(user));
    request.add(key);
    LmdbWrite write(*share_.environment, mode_);
    const std::string_view before = write.find(LmdbTable::requests, request.view());
    if (!before.empty()) return read_plain<Turned>(before, 0);
    Turned turned;
    turned.seq =
        append_lmdb_message(write, user, population.session_id(message.session), message, at_us);
    const int64_t left = consume_lmdb_credit(write, user);
    turned.remaining = static_cast<uint64_t>(left);
    LmdbKey entry(bytes_of(user));
    entry.add_u64(~(write.newest_u64(LmdbTable::ledger, entry.view()) + 1));
    const int64_t spent[] = {1, left, at_us};
    write.put(LmdbTable::ledger, entry.view(), plain_bytes(spent));
    append_lmdb_event(write, user, at_us, kTurnEventType, kTurnEventPayload);
    write.put(LmdbTable::requests, request.view(), plain_bytes(turned));
    write.commit();
    return turned;
  }

 private:
  LmdbShare& share_;
  Mode mode_;
};

// One relaxed transaction for each thing that happens.
class LmdbSink : public ProductSink {
 public:
  explicit LmdbSink(LmdbShare& share) : environment_(*share.environment) {}

  void sign_up(const Happening& when, const SignUp& user) override {
    LmdbWrite write(environment_, Mode::relaxed);
    create_lmdb_user(write, when.user, user.email, user.full_name.value_or(""),
                     {.remaining = user.allowance,
                      .allowance = user.allowance,
                      .reset_at_us = user.resets_at_us,
                      .is_unlimited = user.is_unlimited ? 1 : 0});
    write.commit();
  }
  void grant(const Happening& when, int32_t credits) override {
    change_credits(when, [credits](LmdbCredits* all) { all->granted += credits; });
  }
  void project(const Happening& when, const RawId& id, std::string_view name,
               std::string_view prompt) override {
    LmdbWrite write(environment_, Mode::relaxed);
    create_lmdb_project(write, when.user, id, name, prompt, 1);
    put_version(write, when, id, 1, "first");
    write.commit();
  }
  void version(const Happening& when, const RawId& project, uint32_t version,
               std::string_view note) override {
    LmdbWrite write(environment_, Mode::relaxed);
    put_version(write, when, project, version, note);
    std::string head(write.get(LmdbTable::projects, bytes_of(project)));
    require_owner(head, when.user);
    head.replace(kLmdbVersionAt, sizeof version, plain_bytes(version));
    write.put(LmdbTable::projects, bytes_of(project), head);
    write.commit();
  }
  void document(const Happening& when, const RawId& id, const RawId& project, uint32_t version,
                uint8_t section) override {
    LmdbWrite write(environment_, Mode::relaxed);
    create_lmdb_document(write, when.user, project, id, version, section);
    write.commit();
  }
  void revision(const Happening& when, const RawId& document, uint32_t rev,
                std::string_view json) override {
    LmdbWrite write(environment_, Mode::relaxed);
    if (append_lmdb_revision(write, when.user, document, when.at_us, json) != rev) {
      throw Failure("lmdb: another revision");
    }
    write.commit();
  }
  void sections(const Happening& when, const RawId& document, uint32_t rev,
                std::span<const Section> sections) override {
    LmdbWrite write(environment_, Mode::relaxed);
    require_owner(write.get(LmdbTable::documents, bytes_of(document)), when.user);
    for (const Section& section : sections) {
      LmdbKey key;
      key.add(document).add_u32(rev).add_u32(section.number);
      std::string value(reinterpret_cast<const char*>(section.embedding.data()),
                        section.embedding.size_bytes());
      value += section.body;
      write.put(LmdbTable::sections, key.view(), value);
    }
    write.commit();
  }
  void task(const Happening& when, const RawId& id, const RawId& project, int32_t phase,
            std::string_view title, std::string_view description) override {
    LmdbKey key;
    key.add(when.user).add(project).add_u32(static_cast<uint32_t>(phase));
    key.add_u64(static_cast<uint64_t>(when.at_us)).add(id);
    std::string value(1, '\0');
    value += plain_bytes(static_cast<uint32_t>(title.size()));
    value += title;
    value += description;
    LmdbWrite write(environment_, Mode::relaxed);
    require_lmdb_project(write, when.user, project);
    write.put(LmdbTable::tasks, key.view(), value);
    write.put(LmdbTable::task_places, bytes_of(id), key.view());
    write.commit();
  }
  void activity(const Happening& when, const RawId& task, bool completes) override {
    LmdbWrite write(environment_, Mode::relaxed);
    const LmdbKey place(write.get(LmdbTable::task_places, bytes_of(task)));
    require_owner(place.view(), when.user);
    LmdbKey key;
    key.add(when.user).add(task);
    key.add_u64(~(write.newest_u64(LmdbTable::activities, key.view()) + 1));
    std::string value(1, completes ? '\1' : '\0');
    value += plain_bytes(when.at_us);
    write.put(LmdbTable::activities, key.view(), value);
    std::string row(write.get(LmdbTable::tasks, place.view()));
    row[0] = value[0];
    write.put(LmdbTable::tasks, place.view(), row);
    write.commit();
  }
  void chat(const Happening& when, const RawId& id, const RawId& project) override {
    LmdbWrite write(environment_, Mode::relaxed);
    create_lmdb_session(write, when.user, project, id);
    write.commit();
  }
  void message(const Happening& when, const Turn& turn) override {
    if (turn.role == 1) spend(when);
    LmdbWrite write(environment_, Mode::relaxed);
    const uint64_t seq = append_lmdb_message(write, when.user, turn.session,
                                             {.created_at_us = when.at_us,
                                              .role = turn.role,
                                              .token_count = turn.token_count,
                                              .content = turn.content},
                                             when.at_us);
    if (seq != turn.seq) throw Failure("lmdb: another sequence");
    write.commit();
  }
  void event(const Happening& when, const RawId&, std::string_view type,
             std::string_view payload) override {
    LmdbWrite write(environment_, Mode::relaxed);
    append_lmdb_event(write, when.user, when.at_us, type, payload);
    write.commit();
  }
  void integration(const Happening& when, const RawId& id, uint8_t type,
                   std::optional<std::string_view> metadata) override {
    LmdbWrite write(environment_, Mode::relaxed);
    LmdbKey key;
    key.add(when.user).add(id);
    key.add_u32(~(write.newest_u32(LmdbTable::integrations, key.view()) + 1));
    std::string value(1, static_cast<char>(type));
    value += metadata.value_or("");
    write.put(LmdbTable::integrations, key.view(), value);
    write.commit();
  }

 private:
  static void put_version(LmdbWrite& write, const Happening& when, const RawId& project,
                          uint32_t version, std::string_view note) {
    LmdbKey key;
    key.add(when.user).add(project).add_u32(version);
    write.put(LmdbTable::versions, key.view(), note);
  }

  template <class Change>
  void change_credits(const Happening& when, const Change& change) {
    LmdbWrite write(environment_, Mode::relaxed);
    auto credits = read_plain<LmdbCredits>(write.get(LmdbTable::credits, bytes_of(when.user)), 0);
    change(&credits);
    write.put(LmdbTable::credits, bytes_of(when.user), plain_bytes(credits));
    write.commit();
  }

  // The allowance is renewed when its month is over, and goes before what was bought.
  void spend(const Happening& when) {
    change_credits(when, [&when](LmdbCredits* credits) {
      if (when.at_us >= credits->reset_at_us) {
        credits->remaining = credits->allowance;
        credits->reset_at_us = next_month_us(when.at_us);
      }
      if (credits->is_unlimited != 0) return;
      int64_t& purse = credits->remaining > 0 ? credits->remaining : credits->granted;
      if (purse <= 0) throw Failure("lmdb: out of credits");
      --purse;
    });
  }

  LmdbEnvironment& environment_;
};

}  // namespace

std::unique_ptr<ProjectWorker> make_lmdb_project_worker(LmdbShare& share) {
  return std::make_unique<LmdbProjectWorker>(share);
}
std::unique_ptr<TurnWorker> make_lmdb_turn_worker(LmdbShare& share, Mode mode) {
  return std::make_unique<LmdbTurnWorker>(share, mode);
}
std::unique_ptr<ProductSink> make_lmdb_sink(LmdbShare& share) {
  return std::make_unique<LmdbSink>(share);
}

}  // namespace bcstore::bench
