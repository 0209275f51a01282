// W8: a user is erased: until no read sees it, and until its bytes are gone from the files of the
// engine, its log included. Each body of such a user holds a marker; the files are read to the last
// byte for it, before (it must be there), after the erasure and after the purge.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "catalogue.h"
#include "chat_work.h"
#include "document_data.h"
#include "failure.h"
#include "held_text.h"
#include "peer.h"
#include "w8_erase.h"

namespace bcstore::bench {
namespace {

constexpr uint32_t kSections = 5;
constexpr uint32_t kRevisions = 20;

struct Shape {
  Population population;
  uint32_t victims;
  uint32_t versions;  // of a project, each with five documents

  uint32_t documents() const { return versions * kSections; }
};

Shape shape_of(const Bench& bench) {
  Shape shape{bench.population(), 3, 10};
  shape.population.users = 25;
  shape.population.sessions_per_user = 10;
  shape.population.messages_per_session = 1000;
  if (bench.settings().quick) {
    shape.population.users = 5;
    shape.population.messages_per_session = 100;
    shape.victims = 1;
    shape.versions = 2;
  }
  return shape;
}

double ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

// Nothing in it comes twice, nor in front of it in a text: coders leave such bytes as they are.
std::string marker_of(const Population& population, uint32_t user) {
  std::string text = "w8";
  for (const uint8_t byte : population.user_id(user)) text += fmt::format("{:02x}", byte);
  return text;
}

// Documents with versions of the project around them, each revision with the user's marker.
void write_documents(const Shape& shape, const Texts& texts, uint32_t user, ProductSink& sink) {
  const Population& population = shape.population;
  const RawId project = population.project_id(user);
  Happening when{.at_us = kFirstInstantUs, .owner = user, .user = population.user_id(user)};
  for (uint32_t i = 0; i < shape.documents(); ++i) {
    check_interrupted();
    const uint32_t version = i / kSections + 1;
    if (version > 1 && i % kSections == 0) sink.version(when, project, version, "next");
    const RawId id = random_id(population.seed, 77, uint64_t{user} * shape.documents() + i);
    sink.document(when, id, project, version, static_cast<uint8_t>(i % kSections + 1));
    EditedDocument document(texts, population.seed * 19 + i);
    for (uint32_t rev = 1; rev <= kRevisions; ++rev) {
      if (rev > 1) document.edit();
      when.at_us += 1000;
      sink.revision(when, id, rev,
                    fmt::format("{{\"m\":\"{}\",{}", marker_of(population, user),
                                std::string_view(document.json()).substr(1)));
    }
  }
}

void load(Bench& bench, const Shape& shape, Stand& stand) {
  const Population& population = shape.population;
  {
    const std::unique_ptr<ProductSink> sink = stand.engine().product_sink();
    for (uint32_t user = 0; user < population.users; ++user) {
      write_documents(shape, bench.texts(), user, *sink);
    }
  }
  std::vector<std::string> marked;
  for (uint32_t user = 0; user < population.users; ++user) {
    marked.push_back(marker_of(population, user) + " ");
    Random random(user);
    marked.back() += bench.texts().words(random, 700);
  }
  load_messages(stand, population, bench.texts(), [&](Message* message) {
    message->content = marked[population.owner_of(message->session)];
  });
}

// Whether a read of a session comes back with nothing, or is refused.
bool is_hidden(Stand& stand, uint32_t session) {
  Fold fold;
  try {
    stand.engine().chat_worker(Mode::relaxed)->last_messages(session, kLastMessages, &fold);
  } catch (const Failure&) {
    return fold.rows() == 0;
  }
  return fold.rows() == 0;
}

Fold fold_of_others(Stand& stand, const Population& population, uint32_t first_user) {
  const std::unique_ptr<ChatWorker> worker = stand.engine().chat_worker(Mode::relaxed);
  Fold fold;
  const uint32_t first = first_user * population.sessions_per_user;
  for (uint32_t session = first; session < population.sessions(); ++session) {
    worker->last_messages(session, population.messages_per_session, &fold);
  }
  return fold;
}

struct Erasure {
  double hidden_ms = 0;
  double gone_ms = 0;
  HeldText before, hidden, purged;
};

void require(bool is_so, Stand& stand, std::string_view what) {
  if (!is_so) throw Failure(fmt::format("W8: {}: {}", stand.engine_name(), what));
}

Erasure erase(Bench& bench, const Shape& shape, Stand& stand, UpkeepWorker& upkeep,
              uint32_t victim) {
  const Population& population = shape.population;
  const std::string marker = marker_of(population, victim);
  const uint32_t first_session = victim * population.sessions_per_user;
  Erasure erasure;
  erasure.before = find_text(stand.directory(), marker);
  require(erasure.before.total() > 0, stand, "the marker is not in the files to begin with");
  const Fold others = fold_of_others(stand, population, victim + 1);

  const auto begin = std::chrono::steady_clock::now();
  upkeep.erase_user(victim);
  require(is_hidden(stand, first_session), stand, "an erased user is still read");
  erasure.hidden_ms = ms_since(begin);
  for (uint32_t i = 1; i < population.sessions_per_user; ++i) {
    require(is_hidden(stand, first_session + i), stand, "an erased user is still read");
  }
  erasure.hidden = find_text(stand.directory(), marker);
  const auto purge_begin = std::chrono::steady_clock::now();
  upkeep.purge();
  erasure.gone_ms = erasure.hidden_ms + ms_since(purge_begin);
  bench.settle(stand.directory());  // files that are not needed any more go afterwards
  erasure.purged = find_text(stand.directory(), marker);

  require(fold_of_others(stand, population, victim + 1) == others, stand,
          "others lost messages by an erasure");
  require(find_text(stand.directory(), marker_of(population, population.users - 1)).total() > 0,
          stand, "the marker of somebody else is gone as well");
  return erasure;
}

// What bcstore took, if it is among the engines, which it then leads.
using Ours = std::map<std::string, double>;

Row row_of(const std::string& variant, Stand& stand, const std::vector<double>& ms, Ours* ours) {
  std::vector<double> sorted = ms;
  std::sort(sorted.begin(), sorted.end());
  Row row{.workload = "W8",
          .variant = variant,
          .engine = std::string(stand.engine_name()),
          .spread = sorted.back() / std::max(sorted.front(), 1e-9),
          .unit = "ms",
          .value = sorted[sorted.size() / 2]};
  if (stand.engine_name() == "bcstore") {
    (*ours)[variant] = row.value;
  } else if (const auto found = ours->find(variant); found != ours->end()) {
    const double ratio = found->second / row.value;
    row.ratio =
        Row::Ratio{.median = ratio, .low = ratio, .high = ratio, .is_judged = ms.size() >= 3};
  }
  return row;
}

void report(Bench& bench, Stand& stand, const std::vector<Erasure>& erasures, Ours* ours) {
  std::vector<double> hidden, gone;
  HeldText left;
  for (const Erasure& erasure : erasures) {
    hidden.push_back(erasure.hidden_ms);
    gone.push_back(erasure.gone_ms);
    left.in_database += erasure.purged.in_database;
    left.in_log += erasure.purged.in_log;
    if (left.file.empty()) left.file = erasure.purged.file;
  }
  bench.report().add(row_of("erase a user, hidden", stand, hidden, ours));
  // A time for something that did not come to pass would be none.
  if (left.total() == 0) bench.report().add(row_of("erase a user, bytes gone", stand, gone, ours));
  const auto told = [](const HeldText& held) {
    return fmt::format("{} times in the database, {} in the log", held.in_database, held.in_log);
  };
  bench.report().note(fmt::format(
      "         {}: the marker was found {}; hidden: {}; purged: {}", stand.engine_name(),
      told(erasures.front().before), told(erasures.front().hidden),
      left.total() == 0 ? std::string("nowhere") : told(left) + ", first in " + left.file));
}

}  // namespace

void measure_erasures(Bench& bench) {
  const Shape shape = shape_of(bench);
  const auto stands = bench.open_stands(
      shape.population, [](Engine& engine) { return engine.upkeep_worker() != nullptr; });
  bench.report().note(
      fmt::format("W8: {} users with {} messages and {} documents of {} revisions each; erased: {}",
                  shape.population.users,
                  shape.population.sessions_per_user * shape.population.messages_per_session,
                  shape.documents(), kRevisions, shape.victims));
  Ours ours;
  for (const std::unique_ptr<Stand>& stand : stands) {
    bench.attempt(*stand, [&] {
      load(bench, shape, *stand);
      const std::unique_ptr<UpkeepWorker> upkeep = stand->engine().upkeep_worker();
      bench.settle(stand->directory());
      std::vector<Erasure> erasures;
      for (uint32_t victim = 0; victim < shape.victims; ++victim) {
        erasures.push_back(erase(bench, shape, *stand, *upkeep, victim));
      }
      report(bench, *stand, erasures, &ours);
    });
  }
}

void run_w8(Bench& bench) {
  measure_erasures(bench);
  measure_drops(bench);
}

void profile_w8(Bench&, const ProfileRequest&) { throw Refused("W8 has no hot loop"); }

}  // namespace bcstore::bench
