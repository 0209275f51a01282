// A chat back end in one file: what a turn costs is known when the model has answered, and it
// may fail. Credits are reserved before it is asked, captured for what the answer cost, or given
// back; each call leaves its telemetry; a payment webhook makes use unlimited and ends it again.
//
//   chat_backend [DIRECTORY]     without one, in a temporary directory that is removed at the end
#include <bcstore/bcstore.h>
#include <fmt/format.h>
#include <openssl/hmac.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "temporary_directory.h"

using namespace bcstore;

namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int32_t kMostCredits = 5;  // of one answer
constexpr std::string_view kWebhookSecret = "whsec_of_this_example";

// What a model would send back, a word at a time.
struct Answer {
  bool ok = false;
  std::string text;
  int64_t input_tokens = 0, output_tokens = 0;
  int64_t latency_us = 0, first_token_us = 0;
  int32_t credits() const { return static_cast<int32_t>(1 + output_tokens / 8); }
};

// Takes its time, and fails where it is told to.
Answer ask_model(std::string_view question, bool fails) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  const auto elapsed_us = [&] {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count();
  };
  Answer answer;
  answer.input_tokens = static_cast<int64_t>(question.size() / 4 + 1);
  const std::vector<std::string> words = {"Start", "with", "one", "blend", "that", "people",
                                          "ask",   "for",  "by",  "name",  "and",  "sell",
                                          "it",    "to",   "ten", "cafes", "near", "you."};
  for (size_t i = 0; i < words.size() && i < question.size() / 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (i == 0) answer.first_token_us = elapsed_us();
    if (fails && i == 3) break;
    answer.text += (i == 0 ? "" : " ") + words[i];
    ++answer.output_tokens;
  }
  answer.ok = !fails;
  answer.latency_us = elapsed_us();
  return answer;
}

// One attempt to answer a question that is in the chat.
struct Attempt {
  std::string name;
  uint64_t question = 0;
  CreditHoldId hold;
};

// An answer names its question, since other turns may come between the two.
std::string naming(uint64_t question) { return fmt::format(R"({{"answers":{}}})", question); }

Result<std::optional<std::string>> find_answer(const Tenant& user, ChatSessionId chat,
                                               uint64_t question) {
  std::optional<uint64_t> from = question + 1;
  while (from) {
    Cursor<ChatMessage> page = user.messages(chat, {.limit = kMaxPageRows, .from_seq = from});
    from.reset();
    while (page.next()) {
      if (page->metadata() == naming(question)) return std::optional(std::string(page->content()));
      from = page->seq() + 1;
    }
    if (!page.status().ok()) return page.status();
  }
  return std::optional<std::string>();
}

// The first attempt has the hold that was made with the question. Where that gave its credits back,
// because the model failed or because the process died and nobody answered in time, the next one
// makes its own. A hold that lives is taken over: whoever captures it first has answered.
Result<Attempt> next_attempt(const Tenant& user, const std::string& turn, Attempt attempt) {
  for (int number = 2;; ++number) {
    Result<CreditHold> hold = user.credit_hold(attempt.hold);
    if (!hold) return hold.status();
    if (hold->state() == HoldState::live) return attempt;
    attempt.name = fmt::format("{}/{}", turn, number);
    Result<Reservation> made = user.reserve_credits(
        {.amount = kMostCredits, .ttl_us = 120 * kSecondUs, .reason = attempt.name},
        {.idempotency_key = attempt.name + "/reserve"});
    if (!made) return made.status();
    attempt.hold = made->hold;
  }
}

Status keep_answer(const Tenant& user, ChatSessionId chat, const Attempt& attempt,
                   const Answer& answer) {
  WriteBatch done = user.batch();
  NewCall call{.agent = "assistant",
               .model = "example-1",
               .latency_us = answer.latency_us,
               .cost_micros = answer.input_tokens * 3 + answer.output_tokens * 15,
               .currency = "EUR",
               .status = answer.ok ? CallStatus::ok : CallStatus::error,
               .input_tokens = answer.input_tokens,
               .output_tokens = answer.output_tokens,
               .first_token_us = answer.first_token_us,
               .session = chat,
               .message_seq = attempt.question,
               .hold = attempt.hold.uuid()};
  done.record_call(call);
  if (answer.ok) {
    const std::string metadata = naming(attempt.question);
    done.append_message(chat, {.role = Role::assistant,
                               .content = answer.text,
                               .token_count = static_cast<int32_t>(answer.output_tokens),
                               .metadata = metadata});
    done.capture_credits(attempt.hold, {.amount = answer.credits(), .reason = attempt.name});
  } else {
    done.void_hold(attempt.hold, "the model failed");
  }
  return user.commit(done, {.idempotency_key = attempt.name + "/answer"}).status();
}

// One turn. `turn` names it, whatever happens to the connection: a client that asks again with the
// same name has asked once and pays for one answer; one that failed is tried again.
Status chat_turn(const Tenant& user, ChatSessionId chat, const std::string& turn,
                 std::string_view question, bool model_fails = false) {
  // The question and the reservation, or neither: nobody waits for an answer that is not paid for.
  WriteBatch ask = user.batch();
  ask.append_message(chat, {.role = Role::user, .content = question});
  ask.limit_rate("chat");
  ask.reserve_credits({.amount = kMostCredits, .ttl_us = 120 * kSecondUs, .reason = turn});
  Result<Receipt> asked = user.commit(ask, {.idempotency_key = turn + "/ask"});
  if (!asked) return asked.status();
  Attempt attempt{turn, asked->operations[0].number, CreditHoldId(asked->operations[2].id)};
  if (asked->replayed) {
    Result<std::optional<std::string>> known = find_answer(user, chat, attempt.question);
    if (!known) return known.status();
    if (*known) {
      fmt::print("{}, again: {}\n", turn, **known);
      return Status();
    }
    Result<Attempt> next = next_attempt(user, turn, attempt);
    if (!next) return next.status();
    attempt = *next;
  }
  const Answer answer = ask_model(question, model_fails);
  if (Status s = keep_answer(user, chat, attempt, answer); !s.ok()) return s;
  fmt::print("{}: {}\n", attempt.name,
             answer.ok ? answer.text : "the model failed, nothing was charged");
  return Status();
}

// --- payment -------------------------------------------------------------------------------------

// Signed as the payment service signs it.
std::string signature(std::string_view payload, int64_t now_s) {
  const std::string signed_text = fmt::format("{}.{}", now_s, payload);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  HMAC(EVP_sha256(), kWebhookSecret.data(), static_cast<int>(kWebhookSecret.size()),
       reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest,
       &bytes);
  std::string hex;
  for (unsigned int i = 0; i < bytes; ++i) hex += fmt::format("{:02x}", digest[i]);
  return fmt::format("t={},v1={}", now_s, hex);
}

// What the endpoint does with a delivery: nothing but handing it on.
Status webhook(const Service& billing, std::string_view payload, std::string_view header) {
  const Time now = system_clock()->now();
  Result<BillingReceipt> done = billing.apply_stripe_webhook(payload, header, kWebhookSecret, now);
  if (!done) return done.status();
  fmt::print("webhook: {}\n", to_string(done->outcome));
  return Status();
}

std::string subscription_event(std::string_view id, std::string_view type, std::string_view status,
                               int64_t created_s) {
  return fmt::format(
      R"({{"id":"{}","object":"event","type":"customer.subscription.{}","created":{},)"
      R"("data":{{"object":{{"id":"sub_1","object":"subscription","customer":"cus_1",)"
      R"("status":"{}","cancel_at_period_end":false,"items":{{"data":[]}}}}}}}})",
      id, type, created_s, status);
}

// --- what an owner sees --------------------------------------------------------------------------

Status print_statement(const Tenant& user) {
  fmt::print("\n{:>3}  {:<10} {:>6} {:>10} {:>8} {:>5}  {}\n", "no", "entry", "amount", "allowance",
             "granted", "held", "reason");
  Cursor<CreditEntry> entries = user.statement(Time{0}, Time{INT64_MAX}, {.limit = kMaxPageRows});
  while (entries.next()) {
    fmt::print("{:>3}  {:<10} {:>6} {:>+10} {:>+8} {:>+5}  {}\n", entries->number(),
               to_string(entries->kind()), entries->amount(), entries->allowance_delta(),
               entries->granted_delta(), entries->held_delta(), entries->reason().value_or(""));
  }
  if (!entries.status().ok()) return entries.status();
  Result<Credits> credits = user.credits();
  if (!credits) return credits.status();
  fmt::print("to spend: {}, held: {}\n",
             credits->remaining ? std::to_string(*credits->remaining) : "unlimited", credits->held);
  Cursor<UsageRow> usage = user.usage({.from_month = 197001, .to_month = 999912});
  while (usage.next()) {
    fmt::print("{}: {} calls of {}, {} failed, {} tokens out, {}.{:06} {}\n", usage->month(),
               usage->calls(), usage->model(), usage->failed_calls(), usage->output_tokens(),
               usage->cost_micros() / 1'000'000, usage->cost_micros() % 1'000'000,
               usage->currency());
  }
  return usage.status();
}

Status run(Store& store) {
  const Service signup = store.service("signup");
  const Service billing = store.service("billing");
  Result<UserId> user =
      signup.create_user({.email = "ada@example.com", .stripe_customer_id = "cus_1"});
  if (!user) return user.status();
  const Tenant ada = store.tenant(*user);
  WriteBatch setup = ada.batch();
  const ProjectId shop = setup.create_project({.name = "Tea shop", .idea_prompt = "Rare teas"});
  const ChatSessionId chat = setup.start_chat(shop);
  if (auto done = ada.commit(setup); !done) return done.status();

  constexpr std::string_view kQuestion = "How do I find the first hundred customers?";
  if (Status s = chat_turn(ada, chat, "turn-1", kQuestion); !s.ok()) return s;
  if (Status s = chat_turn(ada, chat, "turn-2", kQuestion, true); !s.ok()) return s;
  // The client did not hear of the first turn and asks again: the same answer, no second charge.
  if (Status s = chat_turn(ada, chat, "turn-1", kQuestion); !s.ok()) return s;
  if (Status s = chat_turn(ada, chat, "turn-3", "Why?"); !s.ok()) return s;
  // The one that failed is asked again, behind another, and answered now.
  if (Status s = chat_turn(ada, chat, "turn-2", kQuestion); !s.ok()) return s;
  if (Status s = chat_turn(ada, chat, "turn-2", kQuestion); !s.ok()) return s;
  Status poor = chat_turn(ada, chat, "turn-4", kQuestion);
  if (poor.code() != Code::out_of_credits) return Status(Code::internal, "turn-4 was served");
  fmt::print("turn-4: {}\n", poor.message());

  const int64_t now_s = system_clock()->now().us / kSecondUs;
  const std::string upgrade = subscription_event("evt_1", "created", "active", now_s);
  if (Status s = webhook(billing, upgrade, signature(upgrade, now_s)); !s.ok()) return s;
  if (Status s = webhook(billing, upgrade, signature(upgrade, now_s)); !s.ok()) return s;
  if (webhook(billing, upgrade, "t=1,v1=00").code() != Code::invalid_argument) {
    return Status(Code::internal, "a forged delivery was taken");
  }
  if (Status s = chat_turn(ada, chat, "turn-5", kQuestion); !s.ok()) return s;
  const std::string downgrade = subscription_event("evt_2", "deleted", "canceled", now_s + 1);
  if (Status s = webhook(billing, downgrade, signature(downgrade, now_s)); !s.ok()) return s;
  return print_statement(ada);
}

Status open_and_run(const std::string& directory) {
  Options options;
  options.rate_limits = {
      {.name = "chat", .free = {.rate = 20, .period_us = 60 * kSecondUs, .burst = 10}}};
  Result<Store> store = Store::open(directory, options);
  if (!store) return store.status();
  if (Status status = run(*store); !status.ok()) return status;
  return store->close();
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<TemporaryDirectory> temporary;
  if (argc < 2) temporary.emplace();
  Status status = open_and_run(temporary ? temporary->path() : argv[1]);
  if (!status.ok()) fmt::print(stderr, "{}\n", status.to_string());
  return status.ok() ? 0 : 1;
}
