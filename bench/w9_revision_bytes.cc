// W9: bytes on disk for each revision, and what they cost to write and read, for several codings
// and for bcstore itself. Documents of 100 revisions with 3 % edits; or the revisions of a file.
#include <bcstore/bcstore.h>
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>

#include "catalogue.h"
#include "document_data.h"
#include "failure.h"
#include "revision_codings.h"
#include "w9_bytes.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kDocuments = 40;
constexpr uint32_t kRevisions = 100;
constexpr size_t kCacheBytes = size_t{256} << 20;
constexpr uint32_t kReads = 4000;
constexpr uint32_t kQuickDocuments = 10;
constexpr uint32_t kQuickReads = 500;

struct History {
  std::vector<std::vector<std::string>> documents;
  // In the order of writing: document and rev.
  std::vector<std::pair<uint32_t, uint32_t>> order;
  uint64_t bytes = 0;

  void add(uint32_t document, std::string_view content) {
    if (documents.size() <= document) documents.resize(document + 1);
    documents[document].emplace_back(content);
    order.emplace_back(document, static_cast<uint32_t>(documents[document].size()));
    bytes += content.size();
  }
};

History drawn_history(const Bench& bench) {
  History history;
  std::vector<EditedDocument> documents;
  const uint32_t count = bench.settings().quick ? kQuickDocuments : kDocuments;
  for (uint32_t i = 0; i < count; ++i) documents.emplace_back(bench.texts(), 42 + i);
  for (uint32_t rev = 1; rev <= kRevisions; ++rev) {
    for (uint32_t i = 0; i < count; ++i) {
      if (rev > 1) documents[i].edit();
      history.add(i, documents[i].json());
    }
  }
  return history;
}

History real_history(const RealDocuments& documents) {
  History history;
  for (uint32_t i = 0; i < documents.size(); ++i) {
    for (const std::string& json : documents[i]) history.add(i, json);
  }
  return history;
}

// bcstore through its public interface.
class BcstoreKeeper : public RevisionKeeper {
 public:
  explicit BcstoreKeeper(size_t revision_cache_bytes) : cache_bytes_(revision_cache_bytes) {}

  void open(const std::string& directory, size_t cache_bytes) override {
    Options options;
    options.memory_budget_bytes = cache_bytes;
    options.revision_cache_bytes = cache_bytes_;
    store_.emplace(take(Store::open(directory, options)));
    if (!owner_) {
      owner_ = take(store_->service("benchmark").create_user({.email = "a@example.com"}));
    }
    tenant_.emplace(store_->tenant(*owner_));
  }
  void append(uint32_t document, uint32_t rev, std::string_view content) override {
    while (documents_.size() <= document) {
      const ProjectId project = take(tenant_->create_project({.name = "P", .idea_prompt = ""}));
      documents_.push_back(take(tenant_->create_document(project, {.section = Section::prd})));
    }
    const uint32_t got = take(tenant_->add_revision(
        documents_[document], {.content = content, .content_type = ContentType::text},
        {.durability = Durability::relaxed}));
    if (got != rev) throw Failure("bcstore: another revision than expected");
  }
  void settle() override {
    if (const Status s = store_->compact(); !s.ok()) throw Failure(s.to_string());
  }
  void close() override {
    tenant_.reset();
    if (const Status s = store_->close(); !s.ok()) throw Failure(s.to_string());
    store_.reset();
  }
  size_t newest(uint32_t document, Fold* fold) override {
    return fold_content(take(tenant_->newest_revision(documents_[document])), fold);
  }
  size_t old(uint32_t document, uint32_t rev, Fold* fold) override {
    return fold_content(take(tenant_->revision(documents_[document], rev)), fold);
  }

 private:
  template <class T>
  static T take(Result<T> result) {
    if (!result) throw Failure("bcstore: " + result.status().to_string());
    return *std::move(result);
  }
  static size_t fold_content(const Revision& revision, Fold* fold) {
    const std::string_view content = take(revision.content());
    fold->text(content);
    return content.size();
  }
  size_t cache_bytes_;
  std::optional<UserId> owner_;
  std::vector<DocumentId> documents_;
  std::optional<Store> store_;
  std::optional<Tenant> tenant_;
};

// Processor time of this thread: everything is in memory, and a busy machine does not count.
double cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

struct Times {
  std::vector<double> us;

  template <class Work>
  void measure(Work work) {
    const double begin = cpu_us();
    work();
    us.push_back(cpu_us() - begin);
  }
  double at(double share) {
    std::sort(us.begin(), us.end());
    return us[static_cast<size_t>(share * static_cast<double>(us.size() - 1))];
  }
};

uint64_t table_bytes(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    if (file.path().extension() == ".sst") bytes += file.file_size();
  }
  return bytes;
}

// The bytes of a revision.
double measure_coding(Bench& bench, const RevisionCoding& coding, const History& history) {
  const std::string directory = bench.scratch().fresh("w9");
  const std::unique_ptr<RevisionKeeper> keeper = coding.make();
  keeper->open(directory, kCacheBytes);
  const double begin = cpu_us();
  for (const auto& [document, rev] : history.order) {
    check_interrupted();
    keeper->append(document, rev, history.documents[document][rev - 1]);
  }
  const double append_us = cpu_us() - begin;
  keeper->settle();
  keeper->close();
  const double count = static_cast<double>(history.order.size());
  const double bytes = static_cast<double>(table_bytes(directory)) / count;

  // Opened again: nothing is in the store's own caches.
  keeper->open(directory, kCacheBytes);
  Random random(7);
  Fold fold;
  Times first, newest, old;
  const auto documents = static_cast<uint32_t>(history.documents.size());
  for (uint32_t document = 0; document < documents; ++document) {
    first.measure([&] { keeper->newest(document, &fold); });
  }
  const uint32_t reads = bench.settings().quick ? kQuickReads : kReads;
  for (uint32_t i = 0; i < 2 * reads; ++i) {
    // A revision at random, so that a long history counts for more; once to warm up.
    const auto& one = history.order[random.below(static_cast<uint32_t>(history.order.size()))];
    const auto document = one.first;
    const auto rev = one.second;
    size_t got = 0;
    const auto read = [&] { got = keeper->old(document, rev, &fold); };
    if (i < reads) {
      read();
    } else {
      old.measure(read);
    }
    if (got != history.documents[document][rev - 1].size()) throw Failure("W9: another content");
  }
  for (uint32_t i = 0; i < reads; ++i) {
    const uint32_t document = random.below(documents);
    newest.measure([&] { keeper->newest(document, &fold); });
  }
  keeper->close();
  bench.report().note(fmt::format(
      "W9  {:<28} {:>7.0f} B a revision {:>6.1f} us an append   newest: first {:>6.1f} us, "
      "again {:>6.1f} us   old: {:>6.1f} us, p99 {:>6.1f} us",
      coding.name, bytes, append_us / count, first.at(0.5), newest.at(0.5), old.at(0.5),
      old.at(0.99)));
  const bool is_ours = coding.name.rfind("bcstore", 0) == 0;
  bench.report().keep({.workload = "W9",
                       .variant = "coding: " + coding.name,
                       .engine = is_ours ? "bcstore" : "floor",
                       .unit = "bytes",
                       .value = bytes});
  return bytes;
}

// The chain of deltas that bcstore's own is made like.
constexpr std::string_view kBareChain = "deltas, at most 32 links";

}  // namespace

void run_w9(Bench& bench) {
  const RealDocuments* real = bench.real_documents();
  const History history = real == nullptr ? drawn_history(bench) : real_history(*real);
  bench.report().note(
      fmt::format("W9: {} revisions of {} documents, {:.0f} bytes on average{}; processor time, "
                  "files in memory",
                  history.order.size(), history.documents.size(),
                  static_cast<double>(history.bytes) / static_cast<double>(history.order.size()),
                  real == nullptr ? ", each a 3 % edit" : ", real ones"));
  std::vector<RevisionCoding> all = raw_codings();
  all.push_back({"bcstore", [] { return std::make_unique<BcstoreKeeper>(size_t{32} << 20); }});
  all.push_back({"bcstore, no content cache", [] { return std::make_unique<BcstoreKeeper>(0); }});
  std::map<std::string, double, std::less<>> bytes;
  for (const RevisionCoding& coding : all) {
    bytes[coding.name] = measure_coding(bench, coding, history);
  }
  const double bare = bytes.find(kBareChain)->second;
  const double ratio = bytes["bcstore"] / bare;
  bench.report().add(
      {.workload = "W9",
       .variant = "bytes a revision, deltas",
       .engine = "floor",
       .unit = "bytes",
       .value = bare,
       .ratio = Row::Ratio{
           .median = ratio, .low = ratio, .high = ratio, .is_judged = !bench.settings().quick}});
  measure_disk_bytes(bench, history.documents);
}

void profile_w9(Bench&, const ProfileRequest&) {
  throw Refused("W9 has no hot loop of its own; profile W4");
}

}  // namespace bcstore::bench
