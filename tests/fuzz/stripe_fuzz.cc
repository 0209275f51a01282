// Any bytes as a Stripe delivery: checking the header and reading the event never crash, a header
// that was made for the payload is right and one for other bytes is not, and what is read folds to
// a record that a repeat leaves alone.
//
// Input: the header up to the first line's end; the payload behind it.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "billing/stripe_event.h"
#include "billing/stripe_signature.h"
#include "billing/subscription.h"

namespace {

using namespace bcstore;
using namespace bcstore::billing;

constexpr std::string_view kSecret = "whsec_test_secret";

void require(bool holds) {
  if (!holds) std::abort();
}

void require_refusal(const Status& status) {
  require(status.code() == Code::invalid_argument);
  require(!status.message().empty() && status.message().size() < 300);
  require(status.message().find(kSecret) == std::string_view::npos);
}

void look_at_header(std::string_view header, std::string_view payload) {
  const Status status = check_stripe_signature(payload, header, kSecret, 12'345, 300);
  if (!status.ok()) require_refusal(status);
  // With no limit of age nothing is refused that was accepted with one.
  if (status.ok()) require(check_stripe_signature(payload, header, kSecret, 12'345, 0).ok());

  const Result<std::string> v1 = stripe_signature(payload, "12345", kSecret);
  require(v1.ok());
  const std::string right = "t=12345,v1=" + *v1;
  require(check_stripe_signature(payload, right, kSecret, 12'345).ok());
  require(!check_stripe_signature(std::string(payload) + "x", right, kSecret, 12'345).ok());
  // Whatever stands behind it, unless that is too long or names another time.
  const std::string more = right + ",v0=" + std::string(header);
  if (!check_stripe_signature(payload, more, kSecret, 12'345).ok()) {
    require(more.size() > kMaxStripeHeaderBytes || header.find(",t=") != std::string_view::npos);
  }
}

template <class Record>
void require_repeatable(Folded<Record> (*fold)(std::optional<Record>, const StripeEvent&),
                        const StripeEvent& event) {
  const Folded<Record> once = fold(std::nullopt, event);
  if (once.outcome == FoldOutcome::unrelated) return;
  require(once.outcome == FoldOutcome::applied && once.record.has_value());
  const Folded<Record> twice = fold(once.record, event);
  require(twice.outcome == FoldOutcome::duplicate && twice.record == once.record);
}

void look_at_payload(std::string_view payload) {
  const Result<StripeEvent> event = read_stripe_event(payload);
  if (!event.ok()) return require_refusal(event.status());
  require(!event->id.empty() && !event->type.empty());
  require(event->created.us >= 0);
  require_repeatable(&fold_subscription, *event);
  require_repeatable(&fold_customer, *event);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy at exactly its size, so that a read past the end is seen.
  std::unique_ptr<char[]> copy(new char[size]);
  for (size_t i = 0; i < size; ++i) copy[i] = static_cast<char>(data[i]);
  const std::string_view input(copy.get(), size);
  const size_t line = input.find('\n');
  const std::string_view payload =
      line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  look_at_header(input.substr(0, line), payload);
  look_at_payload(payload);
  return 0;
}
