// stripe-replay: a few deliveries of our own, and the real ones where they are at hand.
#include <cstdlib>
#include <filesystem>

#include "billing/stripe_signature.h"
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out;
}

std::string delivery(std::string_view payload, std::string_view secret = "whsec") {
  const std::string v1 = billing::stripe_signature(payload, "1700000000", "whsec").value();
  return fmt::format(R"({{"payload":"{}","signature_header":"t=1700000000,v1={}","secret":"{}",)"
                     R"("timestamp":1700000000}})"
                     "\n",
                     escaped(payload), v1, secret);
}

std::string state_of(const TempDir& dir) {
  const Answer answer = command({"hash", "--scope", "state", "--db", dir.db()});
  REQUIRE(answer.code == 0);
  return answer.out;
}

Answer replay(const TempDir& dir, const std::string& file, const std::vector<std::string>& more) {
  std::vector<std::string> words = {"stripe-replay", file, "--db", dir.db(), "--json"};
  words.insert(words.end(), more.begin(), more.end());
  Answer answer = command(words);
  CHECK(answer.code == 0);
  CHECK(command({"check", "--db", dir.db()}).code == 0);
  return answer;
}

TEST_CASE("stripe-replay: each delivery is counted, and a bad one told") {
  TempDir dir;
  dir.file("users.jsonl", user_row(1));
  REQUIRE(load(dir).code == 0);
  const std::string checkout = fmt::format(
      R"({{"id":"e1","type":"checkout.session.completed","created":5,)"
      R"("data":{{"object":{{"id":"cs","customer":"cus_1","client_reference_id":"{}"}}}}}})",
      id(1));
  const std::string ping = R"({"id":"e2","type":"ping"})";
  const std::string file = dir.file(
      "deliveries.jsonl", delivery(checkout) + delivery(ping) + delivery(ping) +
                              delivery(ping, "whsec_other") + "{\"payload\":1}\n" + "no JSON\n");
  const Answer first = replay(dir, file, {});
  CHECK(first.out ==
        "{\"applied\": 1, \"duplicate\": 1, \"stale\": 0, \"parked\": 0, \"ignored\": 1, "
        "\"refused\": 3}\n");
  CHECK(has(first.err, "line 4: Stripe signature: "));
  CHECK(has(first.err, "line 5: "));
  CHECK(has(first.err, "line 6: "));
  CHECK(has(command({"user", "list", "--db", dir.db(), "--json"}).out, "cus_1"));
  const Answer text = command({"stripe-replay", file, "--db", dir.db()});
  CHECK(has(text.out, "duplicate          3\n"));
  CHECK(command({"stripe-replay", file + ".none", "--db", dir.db()}).code == 1);
}

struct Counts {
  std::string forward, backward;
};

// Forwards, again, and backwards in another store: the same in the end.
void check_replay(const std::string& data, bool with_users, const Counts& counts) {
  const std::string file = data + "/stripe_events.jsonl.zst";
  TempDir one, other;
  for (const TempDir* dir : {&one, &other}) {
    if (!with_users) continue;
    REQUIRE(command({"load", data, "--db", dir->db(), "--tables", "users"}).code == 0);
  }
  const Answer first = replay(one, file, {});
  CHECK(first.out == counts.forward);
  CHECK(first.err.empty());
  const std::string state = state_of(one);
  CHECK(replay(one, file, {}).out ==
        "{\"applied\": 0, \"duplicate\": 159, \"stale\": 0, \"parked\": 0, \"ignored\": 0, "
        "\"refused\": 0}\n");
  CHECK(state_of(one) == state);
  CHECK(replay(one, file, {"--reverse"}).out ==
        "{\"applied\": 0, \"duplicate\": 159, \"stale\": 0, \"parked\": 0, \"ignored\": 0, "
        "\"refused\": 0}\n");
  CHECK(state_of(one) == state);
  CHECK(replay(other, file, {"--reverse"}).out == counts.backward);
  CHECK(state_of(other) == state);
  // Users who come after the deliveries bring what was parked to the same state.
  if (!with_users) return;
  TempDir late;
  replay(late, file, {});
  CHECK(state_of(late) != state);
  REQUIRE(command({"load", data, "--db", late.db(), "--tables", "users"}).code == 0);
  CHECK(command({"check", "--db", late.db()}).code == 0);
  CHECK(state_of(late) == state);
}

TEST_CASE("stripe-replay: the real deliveries, in a store with and without their users") {
  const char* data = std::getenv("BCSTORE_DATA");
  if (data == nullptr || !std::filesystem::exists(std::string(data) + "/stripe_events.jsonl.zst")) {
    MESSAGE("skipped: set BCSTORE_DATA to the directory with the real data");
    return;
  }
  // 134 of types that have no effect, two invoices of no subscription, a checkout of no customer.
  const std::string parked =
      "{\"applied\": 0, \"duplicate\": 0, \"stale\": 0, \"parked\": 22, \"ignored\": 137, "
      "\"refused\": 0}\n";
  check_replay(data, false, {parked, parked});
  check_replay(data, true,
               {"{\"applied\": 19, \"duplicate\": 0, \"stale\": 3, \"parked\": 0, "
                "\"ignored\": 137, \"refused\": 0}\n",
                "{\"applied\": 13, \"duplicate\": 0, \"stale\": 9, \"parked\": 0, "
                "\"ignored\": 137, \"refused\": 0}\n"});
}

}  // namespace
}  // namespace bcstore
