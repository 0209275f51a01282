// `bcstore load` of balances and integrations: the two tables that hang on the user alone.
#include "cli_fixture.h"

namespace bcstore {
namespace {

using namespace cli_fixture;  // NOLINT(google-build-using-namespace)

constexpr int kUser = 1;
constexpr int kOther = 2;

std::string credits_row(int user, std::string_view remaining, std::string_view reset) {
  return fmt::format(R"({{"user_id":"{}","remaining":{},"reset_at":{}}})", id(user), remaining,
                     reset);
}
std::string integration_row(int number, int user, std::string_view type,
                            std::string_view metadata) {
  return fmt::format(R"({{"id":"{}","user_id":"{}","type":"{}","metadata":{},)"
                     R"("created_at":"2024-02-01T00:00:00Z"}})",
                     id(number), id(user), type, metadata);
}

TEST_CASE("Balances and integrations are loaded, and a second load adds nothing") {
  const TempDir dir;
  dir.file("users.jsonl", user_row(kUser) + "\n" + user_row(kOther) + "\n");
  dir.file("chat_credits.jsonl", credits_row(kUser, "7", R"("2999-01-31")") + "\n" +
                                     credits_row(kOther, "null", "null") + "\n");
  dir.file("integrations.jsonl",
           integration_row(50, kUser, "github", R"({"token":"tok_1","scopes":["a", 1.0]})") + "\n" +
               integration_row(51, kUser, "zapier", "null") + "\n");
  const Answer first = load(dir);
  INFO(first.out, first.err);
  CHECK(first.code == 0);
  CHECK(counts_of(first, "chat_credits") == all_written(2));
  CHECK(counts_of(first, "integrations") == all_written(2));
  {
    const Store store = reopen(dir);
    const Tenant user = store.service("test").tenant(id_of<UserId>(kUser));
    const Credits credits = user.credits().value();
    CHECK(credits.remaining == 7);
    CHECK(credits.resets_at == parse_time("2999-01-31T00:00:00Z"));
    CHECK_FALSE(store.service("test").tenant(id_of<UserId>(kOther)).credits().value().remaining);
    const auto id = id_of<IntegrationId>(50);
    CHECK(user.integration(id).value().type() == IntegrationType::github);
    CHECK(user.integration(id).value().created_at() == parse_time("2024-02-01T00:00:00Z"));
    // Byte for byte.
    const IntegrationSecret secret = user.integration_secret(id).value();
    CHECK(secret.metadata() == R"({"token":"tok_1","scopes":["a", 1.0]})");
    CHECK(store.check().value().violations == 0);
  }
  const Answer second = load(dir);
  CHECK(second.code == 0);
  CHECK(counts_of(second, "chat_credits") == all_present(2));
  CHECK(counts_of(second, "integrations") == all_present(2));
}

TEST_CASE("Balances and integrations that are wrong are refused one by one") {
  const TempDir dir;
  dir.file("users.jsonl", user_row(kUser) + "\n" + user_row(kOther) + "\n");
  dir.file("chat_credits.jsonl",
           credits_row(kUser, "-5", "null") + "\n" + credits_row(kUser, "\"many\"", "null") + "\n" +
               credits_row(kUser, "3", R"("2025-02-30")") + "\n" +
               credits_row(kUser, "3", R"("2025-02-01T10:00:00Z")") + "\n" +
               credits_row(9, "3", "null") + "\n" + credits_row(kUser, "3", "null") + "\n" +
               credits_row(kUser, "4", "null") + "\n");
  dir.file("integrations.jsonl",
           integration_row(50, kUser, "fax", "1") + "\n" + integration_row(51, 9, "github", "1") +
               "\n" + integration_row(52, kUser, "github", "{\"tok_secret\":1e400}") + "\n" +
               integration_row(52, kUser, "github", "2") + "\n" +
               integration_row(52, kOther, "github", "\"x\"") + "\n");
  const Answer answer = load(dir);
  INFO(answer.out, answer.err);
  CHECK(counts_of(answer, "chat_credits") == Counts{7, 1, 0, 6});
  CHECK(counts_of(answer, "integrations") == Counts{5, 2, 0, 3});
  // A refusal never repeats what may be a secret.
  CHECK_FALSE(has(answer.err, "tok_secret"));
  const Store store = reopen(dir);
  CHECK(store.service("test").tenant(id_of<UserId>(kUser)).credits().value().remaining == 3);
  CHECK(store.check().value().violations == 0);
}

}  // namespace
}  // namespace bcstore
