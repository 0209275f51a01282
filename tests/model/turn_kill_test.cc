// A chat turn that dies at each of its writes, and is tried again with its key: the message is
// there once and the balance is down by its price once, or neither; after the retry always both.
#include <atomic>
#include <memory>

#include "fixture.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)

// Files of a process that dies: at the chosen write a part of its bytes still gets out, and after
// it nothing does.
class MortalFiles final : public FileSystemWrapper {
 public:
  enum class Last : uint8_t { nothing, half, all };

  MortalFiles() : FileSystemWrapper(default_file_system()) {}

  void die_at(uint64_t write, Last last) {
    last_ = last;
    left_ = static_cast<int64_t>(write);
  }
  bool dead() const { return left_ <= 0 && left_ != kImmortal; }

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                      Create create) override {
    if (Status s = pass(); !s.ok()) return s;
    auto file = FileSystemWrapper::open_writable(path, create);
    if (!file.ok()) return file.status();
    return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, *std::move(file)));
  }
  Status remove(const std::string& path) override {
    Status due = pass();
    return due.ok() ? FileSystemWrapper::remove(path) : due;
  }
  Status rename(const std::string& from, const std::string& to) override {
    Status due = pass();
    return due.ok() ? FileSystemWrapper::rename(from, to) : due;
  }

 private:
  static constexpr int64_t kImmortal = INT64_MIN;

  class File final : public WritableFile {
   public:
    File(MortalFiles& files, std::unique_ptr<WritableFile> target)
        : files_(files), target_(std::move(target)) {}
    Status append(std::string_view data) override {
      Status due = files_.pass();
      if (due.ok()) return target_->append(data);
      if (files_.is_last_word()) {
        const size_t out = files_.last_ == Last::half ? data.size() / 2 : data.size();
        if (files_.last_ != Last::nothing) {
          (void)target_->append(data.substr(0, out));
          (void)target_->flush();
        }
      }
      return due;
    }
    Status flush() override { return files_.dead() ? died() : target_->flush(); }
    Status sync() override { return files_.pass(); }
    void lay_out(uint64_t bytes) override { target_->lay_out(bytes); }
    Status truncate(uint64_t size) override {
      Status due = files_.pass();
      return due.ok() ? target_->truncate(size) : due;
    }
    Status close() override {
      if (files_.dead()) return died();
      return target_->close();
    }
    uint64_t size() override { return target_->size(); }

   private:
    MortalFiles& files_;
    std::unique_ptr<WritableFile> target_;
  };

  static Status died() { return Status(Code::io_error, "the process is dead"); }
  Status pass() {
    if (left_ == kImmortal) return Status();
    return --left_ > 0 ? Status() : died();
  }
  bool is_last_word() const { return left_ == 0; }

  std::atomic<int64_t> left_{kImmortal};
  std::atomic<Last> last_{Last::nothing};
};

struct Turned {
  uint64_t messages = 0;
  std::optional<int32_t> remaining;
  size_t entries = 0;
  size_t events = 0;
  friend bool operator==(const Turned&, const Turned&) = default;
};

Turned state_of(const Tenant& t, ChatSessionId chat) {
  const auto one = [](const auto&) { return 0; };
  return {t.last_seq(chat).value(), t.credits().value().remaining,
          rows_of(t.credit_entries(), one).size(),
          rows_of(t.events({.with_audit = false}), one).size()};
}

Result<TurnReceipt> turn(const Tenant& t, ChatSessionId chat, Durability durability) {
  const NewEvent events[] = {{.type = "turn"}};
  return t.chat_turn(
      chat,
      {.message = {.role = Role::user, .content = "What first?"}, .cost = 3, .events = events},
      {.durability = durability, .idempotency_key = "turn-1"});
}

// False when the turn, and the compaction or the sync behind it, have fewer writes than that.
bool die_and_retry(uint64_t write, MortalFiles::Last last, Durability durability, bool compacts,
                   int* written) {
  CAPTURE(write);
  World w;
  auto files = std::make_shared<MortalFiles>();
  Options mortal = w.options;
  mortal.file_system = files;
  const std::string path = w.directory.sub("mortal");
  const std::string left = w.directory.sub("left");
  ChatSessionId chat;
  UserId owner;
  Turned before, after{1, 7, 2, 1};
  bool answered = false;
  {
    Store store = Store::open(path, mortal).value();
    owner = store.service("test").create_user({.email = "a@x"}).value();
    const Tenant t = store.tenant(owner);
    chat = t.start_chat(t.create_project({.name = "P", .idea_prompt = ""}).value()).value();
    before = state_of(t, chat);
    REQUIRE(store.sync().ok());
    files->die_at(write, last);
    answered = turn(t, chat, durability).ok();
    (void)(compacts ? store.compact() : store.sync());
    copy_files(path, left);
    if (!files->dead()) return false;
  }
  {
    Store store = Store::open(left, w.options).value();
    const Tenant t = store.tenant(owner);
    const Turned found = state_of(t, chat);
    CHECK((found == before || found == after));
    if (answered) CHECK(found == after);
    *written += found == after ? 1 : 0;
    const TurnReceipt again = turn(t, chat, durability).value();
    CHECK(again.replayed == (found == after));
    CHECK(again.seq == 1);
    CHECK(again.remaining == 7);
    CHECK(state_of(t, chat) == after);
    CHECK(turn(t, chat, durability).value().replayed);
    CHECK(store.check().value().violations == 0);
    REQUIRE(store.close().ok());
  }
  return true;
}

TEST_CASE("turn: killed at every write and tried again, it is there once") {
  for (const Durability durability : {Durability::durable, Durability::relaxed}) {
    for (const auto last :
         {MortalFiles::Last::nothing, MortalFiles::Last::half, MortalFiles::Last::all}) {
      CAPTURE(static_cast<int>(last));
      uint64_t write = 1;
      int written = 0;
      // Once on through all that moves the commit out of the log.
      const bool compacts = durability == Durability::durable && last == MortalFiles::Last::half;
      while (die_and_retry(write, last, durability, compacts, &written)) ++write;
      CHECK(write > (compacts ? 10 : 1));
      CHECK((!compacts || written > 0));
      CHECK(written < static_cast<int>(write));
    }
  }
}

}  // namespace
}  // namespace bcstore
