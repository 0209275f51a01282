// The generated product: the same life for one seed, with the skew that it promises; played call by
// call and loaded from files, it is the same product, and every balance is what its generator says.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "cli/load.h"
#include "fixture.h"
#include "generate/files.h"
#include "generate/play.h"

namespace bcstore {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace)
using namespace bench;    // NOLINT(google-build-using-namespace)

constexpr uint32_t kOwners = 60;

std::string bytes_of(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

std::map<std::string, std::string> files_in(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    files[entry.path().filename()] = bytes_of(entry.path());
  }
  return files;
}

struct Written {
  ProductTotals totals;
  std::vector<ProductBalance> balances;
};

Written write_files(const ProductShape& shape, const std::string& directory) {
  std::filesystem::create_directory(directory);
  const Texts texts(shape.seed);
  FileWriter files(directory);
  Written written;
  written.totals = generate_product(shape, texts, files, &written.balances);
  files.finish(written.balances);
  return written;
}

// Everything that the application sees of its users' work, but for what only one way of writing it
// has: who imported what, and the ledger.
std::string product_of(Store& store) {
  std::ostringstream out;
  const Service service = store.service("test");
  std::vector<UserId> users = rows_of(service.users(), [](const User& user) { return user.id(); });
  std::sort(users.begin(), users.end());
  for (const UserId user : users) {
    const Tenant t = service.tenant(user);
    const User profile = t.profile().value();
    out << profile.email() << '\n';
    rows_of(t.integrations(), [&](const Integration& i) {
      const IntegrationSecret secret = t.integration_secret(i.id()).value();
      out << to_string(i.id()) << secret.metadata();
      return 0;
    });
    for (const ProjectId p :
         rows_of(t.projects(), [](const Project& project) { return project.id(); })) {
      const Project project = t.project(p).value();
      out << project.name() << project.current_version() << '\n';
      rows_of(t.tasks(p), [&](const Task& task) {
        out << task.title() << task.description() << static_cast<int>(task.state()) << '\n';
        return 0;
      });
      rows_of(t.sessions(p), [&](const ChatSession& chat) {
        rows_of(t.messages(chat.id()), [&](const ChatMessage& message) {
          out << message.seq() << message.content() << message.created_at().us << '\n';
          return 0;
        });
        return 0;
      });
    }
    rows_of(t.events({}), [&](const Event& event) {
      if (event.type().starts_with("agent.")) out << event.payload().value_or("") << '\n';
      return 0;
    });
  }
  return out.str();
}

TEST_CASE("generated product: one seed gives the same bytes, another one others") {
  const TempDir directory;
  write_files({.seed = 7, .owners = 20}, directory.sub("a"));
  write_files({.seed = 7, .owners = 20}, directory.sub("b"));
  write_files({.seed = 8, .owners = 20}, directory.sub("c"));
  const auto first = files_in(directory.sub("a"));
  CHECK(first.size() == 14);
  for (const auto& file : first) {
    INFO(file.first);
    CHECK_FALSE(file.second.empty());
  }
  CHECK(first == files_in(directory.sub("b")));
  CHECK(first != files_in(directory.sub("c")));
}

// A thousand owners, without a store.
struct Skew : ProductSink {
  std::map<RawId, uint32_t> messages, revisions;  // by session, by document
  std::map<uint32_t, uint32_t> chats;             // by owner
  std::map<RawId, int64_t> first_us;
  std::vector<size_t> user_bytes, assistant_bytes;
  uint32_t across_months = 0;
  int64_t last_us = 0;

  static int month(int64_t us) { return static_cast<int>(month_of(Time{us})); }
  void see(const Happening& when) {
    REQUIRE(when.at_us >= last_us);
    REQUIRE(when.at_us < kProductEndUs);
    last_us = when.at_us;
  }
  void sign_up(const Happening& w, const SignUp&) override { see(w); }
  void grant(const Happening& w, int32_t) override { see(w); }
  void project(const Happening& w, const RawId&, std::string_view, std::string_view) override {
    see(w);
  }
  void version(const Happening& w, const RawId&, uint32_t, std::string_view) override { see(w); }
  void document(const Happening& w, const RawId&, const RawId&, uint32_t, uint8_t) override {
    see(w);
  }
  void revision(const Happening& w, const RawId& id, uint32_t rev, std::string_view) override {
    see(w);
    REQUIRE(rev == ++revisions[id]);
  }
  void sections(const Happening& w, const RawId&, uint32_t, std::span<const Section>) override {
    see(w);
  }
  void task(const Happening& w, const RawId&, const RawId&, int32_t, std::string_view,
            std::string_view) override {
    see(w);
  }
  void activity(const Happening& w, const RawId&, bool) override { see(w); }
  void chat(const Happening& w, const RawId& id, const RawId&) override {
    see(w);
    ++chats[w.owner];
    first_us[id] = w.at_us;
  }
  void message(const Happening& w, const Turn& turn) override {
    see(w);
    REQUIRE(turn.seq == ++messages[turn.session]);
    (turn.role == 1 ? user_bytes : assistant_bytes).push_back(turn.content.size());
    int64_t& before = first_us[turn.session];
    if (month(before) != month(w.at_us)) ++across_months;
    before = w.at_us;
  }
  void event(const Happening& w, const RawId&, std::string_view, std::string_view) override {
    see(w);
  }
  void integration(const Happening& w, const RawId&, uint8_t,
                   std::optional<std::string_view>) override {
    see(w);
  }
};

template <class Number>
Number quantile(std::vector<Number> numbers, double share) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[static_cast<size_t>(share * static_cast<double>(numbers.size() - 1))];
}
template <class Map>
std::vector<uint32_t> values(const Map& map) {
  std::vector<uint32_t> out;
  for (const auto& entry : map) out.push_back(entry.second);
  return out;
}

TEST_CASE("generated product: a thousand owners with the skew of the real histories") {
  const ProductShape shape;
  Skew skew;
  const ProductTotals totals = generate_product(shape, Texts(shape.seed), skew);
  CHECK(totals.users == 1000);
  // The busiest owner has an eighth of all chats, the ten busiest more than a third.
  std::vector<uint32_t> chats = values(skew.chats);
  std::sort(chats.rbegin(), chats.rend());
  const double all = static_cast<double>(totals.chats);
  CHECK(chats[0] > 0.08 * all);
  CHECK(chats[0] < 0.18 * all);
  uint32_t ten = 0;
  for (size_t i = 0; i < 10; ++i) ten += chats[i];
  CHECK(ten > 0.3 * all);
  CHECK(quantile(chats, 0.5) <= 3);

  // Medians and tails of the lengths, within a quarter of what was measured.
  const auto near = [](size_t number, double expected) {
    INFO(number, " instead of ", expected);
    CHECK(static_cast<double>(number) > 0.75 * expected);
    CHECK(static_cast<double>(number) < 1.25 * expected);
  };
  near(quantile(skew.user_bytes, 0.50), 82);
  near(quantile(skew.user_bytes, 0.90), 191);
  near(quantile(skew.assistant_bytes, 0.50), 89);
  near(quantile(skew.assistant_bytes, 0.90), 1631);
  near(quantile(skew.assistant_bytes, 0.99), 6746);
  CHECK(quantile(values(skew.messages), 0.5) == 2);
  near(quantile(values(skew.messages), 0.95), 22);
  CHECK(quantile(values(skew.revisions), 1.0) >= 60);
  // What the real histories lack.
  CHECK(skew.across_months > 20);
  CHECK(totals.grants > 0);
  CHECK(totals.unanswered > 0);
  CHECK(totals.integrations > 300);
  CHECK(totals.removed_integrations > 0);
  CHECK(totals.sections > 0);
}

void check_balances(const Store& store, const ProductShape& shape,
                    const std::vector<ProductBalance>& balances, bool with_buckets) {
  // Users are told apart by their addresses, which carry the owner's number.
  for (uint32_t owner = 0; owner < shape.owners; ++owner) {
    const Service service = store.service("test");
    const std::string email = "owner" + std::to_string(owner) + "@example.invalid";
    const UserId user = service.find_user_by_email(email).value();
    const Credits credits = service.tenant(user).credits().value();
    const ProductBalance& expected = balances[owner];
    INFO(email);
    CHECK(credits.remaining.has_value() == !expected.is_unlimited);
    if (!expected.is_unlimited) CHECK(*credits.remaining == expected.allowance + expected.granted);
    if (!with_buckets) continue;
    CHECK(credits.allowance == expected.allowance);
    CHECK(credits.granted == expected.granted);
    CHECK(credits.plan_allowance == expected.plan_allowance);
  }
}

TEST_CASE("generated product: played and loaded, it is the same, and it checks") {
  const ProductShape shape{.seed = seed_from_environment(42), .owners = kOwners};
  MESSAGE("seed ", shape.seed);
  const Texts texts(shape.seed);

  World played([](Options& o) { o.clock = std::make_shared<PlayedClock>(); });
  auto& clock = dynamic_cast<PlayedClock&>(*played.options.clock);
  clock.set(kProductBeginUs);
  Player player(played.store(), clock);
  std::vector<ProductBalance> balances;
  const ProductTotals totals = generate_product(shape, texts, player, &balances);
  CHECK(played.store().check().value().violations == 0);
  clock.set(kProductEndUs - 1);
  check_balances(played.store(), shape, balances, true);

  const TempDir directory;
  const Written written = write_files(shape, directory.sub("in"));
  CHECK(written.totals == totals);
  std::ostringstream out, err;
  const int code =
      cli::run_load({.directory = directory.sub("in"), .db = directory.sub("db")}, out, err);
  INFO(out.str(), err.str());
  REQUIRE(code == 0);
  Options options;
  options.clock = played.options.clock;
  Result<Store> loaded = Store::open(directory.sub("db"), options);
  REQUIRE(loaded.ok());
  CHECK(loaded->check().value().violations == 0);
  check_balances(*loaded, shape, balances, false);
  const bool is_same = product_of(*loaded) == product_of(played.store());
  CHECK(is_same);

  // A second load adds nothing.
  CHECK(loaded->close().ok());
  std::ostringstream again;
  CHECK(cli::run_load({.directory = directory.sub("in"), .db = directory.sub("db"), .json = true},
                      again, err) == 0);
  CHECK(again.str().find("\"present\"") != std::string::npos);
}

}  // namespace
}  // namespace bcstore
