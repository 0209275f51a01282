// Revisions as deltas: the bytes come back whatever was edited, chains keep their bounds, and the
// cache of newest contents is a matter of speed alone.
#include <atomic>
#include <thread>

#include "edited.h"
#include "engine/disturbed_files.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using format::Coding;

constexpr CommitOptions kRelaxed{.durability = Durability::relaxed};

struct DeltaWorld : EngineWorld {
  explicit DeltaWorld(size_t cache_bytes = size_t{32} << 20)
      : EngineWorld([=](Options& o) { o.revision_cache_bytes = cache_bytes; }) {
    const Tenant t = tenant("a@x");
    owner = t.owner();
    project = t.create_project({.name = "P", .idea_prompt = ""}).value();
    document = t.create_document(project, {.section = Section::prd}).value();
  }
  Tenant t() { return store().tenant(owner); }
  uint32_t append(std::string_view text) {
    return t().add_revision(document, text_of(text), kRelaxed).value();
  }
  static NewRevision text_of(std::string_view text) {
    return {.content = text, .content_type = ContentType::text};
  }
  std::vector<StoredRevision> stored() { return stored_revisions(*this, owner, document); }
  void check_sound() {
    const CheckReport report = store().check().value();
    for (const Violation& v : report.listed) MESSAGE(v.rule, ": ", v.detail);
    CHECK(report.violations == 0);
  }

  UserId owner;
  ProjectId project;
  DocumentId document;
};

std::string content_of(Result<Revision> revision) {
  const Revision one = std::move(revision).value();
  return std::string(one.content().value());
}

// What one document should be.
struct Author {
  DocumentId document;
  ContentType type{};
  size_t most_bytes = 0;
  std::string text;
  std::vector<std::string> contents{};

  std::string write(std::mt19937_64& random) {
    edit(random, most_bytes, &text);
    contents.push_back(type == ContentType::json ? "\"" + escaped() + "\"" : text);
    return contents.back();
  }
  std::string escaped() const {
    std::string out;
    for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
    return out;
  }
};

std::vector<Author> authors(DeltaWorld& w, std::mt19937_64& random) {
  const auto document = [&](Section section) {
    return w.t().create_document(w.project, {.section = section}).value();
  };
  return {{document(Section::overview), ContentType::json, 60'000, random_words(random, 20'000)},
          {document(Section::marketing), ContentType::text, 4'000, "x"},
          {document(Section::tech), ContentType::text, 1u << 20, random_words(random, 900'000)},
          {w.document, ContentType::json, 60'000, random_words(random, 300)}};
}

void check_newest(const Tenant& t, const Author& author) {
  const Revision newest = t.newest_revision(author.document).value();
  REQUIRE(newest.rev() == author.contents.size());
  REQUIRE(newest.content().value() == author.contents.back());
}

void check_all(const Tenant& t, const Author& author) {
  for (uint32_t rev = 1; rev <= author.contents.size(); ++rev) {
    CAPTURE(rev);
    const Revision one = t.revision(author.document, rev).value();
    REQUIRE(one.content().value() == author.contents[rev - 1]);
    REQUIRE(one.content_hash() == format::hash128(author.contents[rev - 1]));
  }
  for (const bool reverse : {false, true}) {
    Cursor<Revision> rows =
        t.revisions(author.document, {.reverse = reverse, .limit = kMaxPageRows});
    size_t seen = 0;
    for (; rows.next(); ++seen) {
      REQUIRE(rows->content().value() == author.contents[rows->rev() - 1]);
    }
    CHECK(rows.status().ok());
    CHECK(seen == author.contents.size());
  }
}

TEST_CASE("delta: random edits come back byte for byte, and every chain keeps its bounds") {
  const uint64_t seed = seed_from_environment(20261123);
  MESSAGE("BCSTORE_SEED=", seed);
  std::mt19937_64 random(seed);
  DeltaWorld w;
  std::vector<Author> all = authors(w, random);
  for (size_t written = 0; written < 400;) {
    WriteBatch batch = w.t().batch();
    for (size_t ops = 1 + random() % 4; ops > 0; --ops, ++written) {
      Author& author = all[random() % 16 == 0 ? 2 : random() % 8 == 0 ? 1 : random() % 2 * 3];
      batch.add_revision(author.document,
                         {.content = author.write(random), .content_type = author.type});
    }
    REQUIRE(w.t().commit(batch, kRelaxed).ok());
    if (random() % 40 == 0) w.reopen();
    if (random() % 80 == 0) REQUIRE(w.store().compact().ok());
    for (const Author& author : all) {
      if (!author.contents.empty() && random() % 8 == 0) check_newest(w.t(), author);
    }
  }
  for (int run = 0; run < 2; ++run) {
    for (const Author& author : all) check_all(w.t(), author);
    w.check_sound();
    w.reopen();
  }
  for (const Author& author : all) {
    const std::vector<StoredRevision> stored = stored_revisions(w, w.owner, author.document);
    check_chain_bounds(stored);
    if (author.most_bytes == 60'000) CHECK(count_of(stored, Coding::delta) > stored.size() / 3);
  }
}

TEST_CASE("delta: a chain ends after so many links, and the same again costs few bytes") {
  DeltaWorld w;
  std::mt19937_64 random(7);
  std::string text = random_words(random, 20'000);
  const uint32_t last = 3 * (model::kMaxChainLinks + 1);
  for (uint32_t rev = 1; rev <= last; ++rev) REQUIRE(w.append(text) == rev);
  const std::vector<StoredRevision> stored = w.stored();
  check_chain_bounds(stored);
  REQUIRE(stored.size() == last);
  for (const StoredRevision& one : stored) {
    CAPTURE(one.rev);
    const bool is_keyframe = (one.rev - 1) % (model::kMaxChainLinks + 1) == 0;
    CHECK((one.coding == Coding::zstd) == is_keyframe);
    if (!is_keyframe) CHECK(one.tail_bytes < 64);
    if (!is_keyframe) CHECK(one.value_bytes < 256);
  }
}

TEST_CASE("delta: a chain ends when its deltas outgrow the content, or save too little") {
  DeltaWorld w;
  std::mt19937_64 random(8);
  // Noise that no compressor makes shorter: each edit adds a tenth of the content to the chain.
  std::string noise;
  while (noise.size() < 10'000) noise += static_cast<char>(33 + random() % 90);
  for (int i = 0; i < 24; ++i) {
    for (size_t k = 0; k < 1000; ++k) {
      noise[static_cast<size_t>(i % 10) * 1000 + k] = static_cast<char>(33 + random() % 90);
    }
    w.append(noise);
  }
  std::vector<StoredRevision> stored = w.stored();
  check_chain_bounds(stored);
  CHECK(count_of(stored, Coding::delta) >= 16);
  CHECK(count_of(stored, Coding::delta) <= 21);
  // Unrelated contents are whole.
  w.append(random_words(random, 10'000));
  CHECK(w.stored().back().coding == Coding::zstd);
  // So are short ones.
  w.append("short");
  w.append("shorter");
  CHECK(w.stored().back().coding == Coding::plain);
  CHECK(content_of(w.t().revision(w.document, 26)) == "short");
}

TEST_CASE("delta: sixteen megabytes, and what a reader decodes stays bounded") {
  DeltaWorld w(size_t{64} << 20);
  std::mt19937_64 random(9);
  std::string text = random_words(random, kMaxRevisionBytes - 5);
  std::vector<Uuid> hashes;
  for (int i = 0; i < 6; ++i) {
    text.replace(random() % (text.size() - 100), 100, random_words(random, 100));
    text.replace(0, 50, random_words(random, 50));
    w.append(text);
    hashes.push_back(format::hash128(text));
  }
  const std::vector<StoredRevision> stored = w.stored();
  check_chain_bounds(stored);
  // Four contents of sixteen megabytes are what a reader may decode.
  CHECK(count_of(stored, Coding::delta) == 4);
  for (const StoredRevision& one : stored) {
    if (one.coding == Coding::delta) CHECK(one.tail_bytes < 2'000);
  }
  w.reopen();
  for (uint32_t rev = 6; rev >= 1; --rev) {
    const Revision one = w.t().revision(w.document, rev).value();
    REQUIRE(format::hash128(one.content().value()) == hashes[rev - 1]);
  }
  w.check_sound();
}

TEST_CASE("delta: after reopening the caller reads what it codes against, in one round") {
  DeltaWorld w;
  std::mt19937_64 random(10);
  std::string text = random_words(random, 20'000);
  for (int i = 0; i < 10; ++i) w.append(text += "more ");
  w.reopen();
  REQUIRE(w.t().owner_seq().ok());
  text += "and more ";
  const Asked asked = w.ask([&] { w.append(text); });
  // The chain; the owner's and the document's heads.
  CHECK(asked.calls <= 3);
  CHECK(w.stored().back().coding == Coding::delta);
  // From now on it is known, and the leader reads nothing.
  CHECK(w.ask([&] { w.append(text); }).calls == 0);
  // The newest is one round with what is known, two without; an old one is two.
  CHECK(w.ask([&] { REQUIRE(!content_of(w.t().newest_revision(w.document)).empty()); }).calls == 1);
  CHECK(w.ask([&] { REQUIRE(!content_of(w.t().revision(w.document, 6)).empty()); }).calls == 2);
  w.reopen();
  for (const uint64_t calls : {2u, 0u}) {
    CHECK(w.ask([&] { REQUIRE(!content_of(w.t().newest_revision(w.document)).empty()); }).calls ==
          calls);
  }
}

TEST_CASE("delta: many in one batch, and several documents, are chains as well") {
  DeltaWorld w;
  const DocumentId other = w.t().create_document(w.project, {.section = Section::tech}).value();
  std::mt19937_64 random(11);
  std::string one = random_words(random, 20'000), two = random_words(random, 20'000);
  std::vector<std::string> ones, twos;
  WriteBatch batch = w.t().batch();
  for (int i = 0; i < 50; ++i) {
    batch.add_revision(w.document, DeltaWorld::text_of(ones.emplace_back(one += "1 ")));
    batch.add_revision(other, DeltaWorld::text_of(twos.emplace_back(two += "2 ")));
  }
  // A document that is made in the same batch.
  const std::string first = random_words(random, 5'000);
  const DocumentId made = batch.create_document(
      w.project,
      {.section = Section::overview, .content = first, .content_type = ContentType::text});
  batch.add_revision(made, DeltaWorld::text_of(first + "more"));
  REQUIRE(w.t().commit(batch).ok());
  for (const DocumentId& document : {w.document, other}) {
    const auto stored = stored_revisions(w, w.owner, document);
    check_chain_bounds(stored);
    CHECK(count_of(stored, Coding::delta) == 48);
    for (uint32_t rev = 1; rev <= 50; ++rev) {
      REQUIRE(content_of(w.t().revision(document, rev)) ==
              (document == other ? twos : ones)[rev - 1]);
    }
  }
  CHECK(stored_revisions(w, w.owner, made).back().coding == Coding::delta);
  CHECK(content_of(w.t().newest_revision(made)) == first + "more");
  w.check_sound();
}

TEST_CASE("delta: what was refused is no parent") {
  DeltaWorld w;
  std::mt19937_64 random(12);
  const std::string base = random_words(random, 20'000);
  w.append(base);
  WriteBatch refused = w.t().batch();
  refused.add_revision(w.document, DeltaWorld::text_of(base + "never"));
  refused.add_revision(
      w.document,
      {.content = base + "never again", .content_type = ContentType::text, .expected_rev = 9});
  CHECK_CODE(conflict, w.t().commit(refused));
  CHECK(content_of(w.t().newest_revision(w.document)) == base);
  // The same batch, when its time has come; somebody else was here meanwhile.
  for (uint32_t rev = 2; rev <= 8; ++rev) w.append(base + std::to_string(rev));
  REQUIRE(w.t().commit(refused).ok());
  w.append(base + "after");
  check_chain_bounds(w.stored());
  CHECK(count_of(w.stored(), Coding::delta) == 10);
  w.reopen();
  CHECK(content_of(w.t().revision(w.document, 9)) == base + "never");
  CHECK(content_of(w.t().revision(w.document, 10)) == base + "never again");
  CHECK(content_of(w.t().newest_revision(w.document)) == base + "after");
  w.check_sound();
}

TEST_CASE("delta: batches prepared long ago are written whole when the chain went too far") {
  DeltaWorld w;
  std::mt19937_64 random(13);
  const std::string base = random_words(random, 20'000);
  w.append(base);
  // Handed in at once: nothing is executed before drive().
  std::vector<PendingCommit> pending;
  for (uint32_t i = 0; i < 2 * model::kMaxChainLinks; ++i) {
    WriteBatch batch = w.t().batch();
    batch.add_revision(w.document, DeltaWorld::text_of(base + std::to_string(i)));
    pending.push_back(w.t().submit(std::move(batch), kRelaxed));
  }
  REQUIRE(w.store().drive().ok());
  for (PendingCommit& one : pending) REQUIRE(one.wait().ok());
  const std::vector<StoredRevision> stored = w.stored();
  check_chain_bounds(stored);
  CHECK(count_of(stored, Coding::delta) == model::kMaxChainLinks);
  CHECK(count_of(stored, Coding::zstd) == model::kMaxChainLinks + 1);
  for (uint32_t i = 0; i < 2 * model::kMaxChainLinks; ++i) {
    REQUIRE(content_of(w.t().revision(w.document, i + 2)) == base + std::to_string(i));
  }
  w.check_sound();
}

TEST_CASE("delta: eight threads on one document lose nothing") {
  DeltaWorld w;
  std::mt19937_64 random(14);
  const std::string base = random_words(random, 8'000);
  constexpr int kThreads = 8, kEach = 60;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> wrong{0};
  std::map<uint32_t, std::string> written;
  std::mutex mutex;
  std::vector<std::thread> threads;
  w.append(base);
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      const Tenant t = w.t();
      for (int i = 0; i < kEach; ++i) {
        const std::string text = base + std::to_string(n) + " " + std::to_string(i);
        const uint32_t rev =
            t.add_revision(w.document, DeltaWorld::text_of(text), kRelaxed).value();
        const std::lock_guard lock(mutex);
        written[rev] = text;
      }
    });
  }
  std::thread reader([&] {
    while (!done.load()) {
      const Revision newest = w.t().newest_revision(w.document).value();
      const auto content = newest.content();
      if (!content.ok() || format::hash128(*content) != newest.content_hash()) ++wrong;
    }
  });
  for (std::thread& one : threads) one.join();
  done.store(true);
  reader.join();
  CHECK(wrong.load() == 0);
  CHECK(written.size() == kThreads * kEach);
  for (const auto& [rev, text] : written) {
    REQUIRE(content_of(w.t().revision(w.document, rev)) == text);
  }
  const auto stored = w.stored();
  check_chain_bounds(stored);
  CHECK(count_of(stored, Coding::delta) > stored.size() / 2);
  w.check_sound();
}

TEST_CASE("delta: a snapshot sees its own newest, whatever the cache knows") {
  DeltaWorld w;
  std::mt19937_64 random(15);
  const std::string base = random_words(random, 9'000);
  w.append(base);
  w.append(base + "old");
  const Snapshot then = w.t().snapshot().value();
  w.append(base + "new");
  const ReadOptions at{.snapshot = &then};
  CHECK(content_of(w.t().newest_revision(w.document, at)) == base + "old");
  CHECK(content_of(w.t().newest_revision(w.document)) == base + "new");
  CHECK_CODE(not_found, w.t().revision(w.document, 3, at));
}

TEST_CASE("delta: the cache keeps to its budget, and none at all is right too") {
  std::mt19937_64 random(16);
  for (const size_t budget : {size_t{0}, size_t{200'000}}) {
    CAPTURE(budget);
    DeltaWorld w(budget);
    std::vector<std::pair<DocumentId, std::string>> documents;
    for (int i = 0; i < 40; ++i) {
      w.t().add_version(w.project, {}).value();
      documents.emplace_back(w.t().create_document(w.project, {.section = Section::prd}).value(),
                             random_words(random, 10'000 + random() % 10'000));
    }
    for (int round = 0; round < 4; ++round) {
      for (auto& [document, text] : documents) {
        text += "more";
        w.t().add_revision(document, DeltaWorld::text_of(text), kRelaxed).value();
        CHECK(w.store().stats().revision_cache_bytes <= budget);
      }
    }
    if (budget != 0) CHECK(w.store().stats().revision_cache_bytes > budget / 2);
    for (const auto& [document, text] : documents) {
      CHECK(content_of(w.t().newest_revision(document)) == text);
      CHECK(w.store().stats().revision_cache_bytes <= budget);
      CHECK(count_of(stored_revisions(w, w.owner, document), Coding::delta) == 3);
    }
  }
}

TEST_CASE("delta: a write that failed leaves nothing in the cache") {
  const auto files = std::make_shared<engine::DisturbedFiles>();
  World w([&](Options& o) { o.file_system = files; });
  const Tenant t = w.tenant("a@x");
  const ProjectId p = t.create_project({.name = "P", .idea_prompt = ""}).value();
  const DocumentId d = t.create_document(p, {.section = Section::prd}).value();
  std::mt19937_64 random(17);
  const std::string base = random_words(random, 5'000);
  t.add_revision(d, DeltaWorld::text_of(base)).value();
  const uint64_t known = w.store().stats().revision_cache_bytes;
  const std::string longer = base + "a much longer end, so that it would show";
  const NewRevision next = DeltaWorld::text_of(longer);
  // Refused for want of space: nothing was written, and the same may come again.
  files->set_free_space(0);
  CHECK_CODE(no_space, t.add_revision(d, next));
  CHECK(w.store().stats().revision_cache_bytes == known);
  CHECK(content_of(t.newest_revision(d)) == base);
  files->set_free_space(uint64_t{1} << 40);
  // Failed in the log: it may have been written or not.
  files->fail_only(engine::DisturbedFiles::Operation::append);
  files->fail_at(1, Code::io_error, true, ".log");
  CHECK_CODE(unknown_outcome, t.add_revision(d, next));
  CHECK(w.store().stats().revision_cache_bytes == known);
  CHECK(content_of(t.revision(d, 1)) == base);
}

}  // namespace
}  // namespace bcstore
