#include "model_action.h"

#include <bit>

namespace bcstore::fixture {

namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

}  // namespace

bool Action::takes_key() const {
  // A change of unlimited use has no room for the request's text.
  return is_tenants() || verb == create_user || verb == grant_credits || verb == set_credit_plan ||
         verb == put_public;
}

std::string Action::request() const {
  static constexpr const char* kNames[] = {"create_project",
                                           "add_version",
                                           "set_status",
                                           "create_document",
                                           "add_revision",
                                           "set_lock",
                                           "add_sections",
                                           "create_task",
                                           "revise_task",
                                           "record_activity",
                                           "start_chat",
                                           "rename_chat",
                                           "append_message",
                                           "append_event",
                                           "add_integration",
                                           "revise_integration",
                                           "remove_integration",
                                           "edit_profile",
                                           "consume_credit",
                                           "create_user",
                                           "grant_credits",
                                           "set_credit_plan",
                                           "set_unlimited",
                                           "put_public",
                                           "read_revision",
                                           "read_section",
                                           "batch",
                                           "compact",
                                           "scrub_secrets",
                                           "reopen",
                                           "kill",
                                           "step_clock"};
  static_assert(std::size(kNames) == kVerbs);
  std::string out = std::string(kNames[static_cast<size_t>(verb)]) + " owner" + number(owner) +
                    " object" + number(object) + " a" + number(a) + " b" + number(b);
  for (const Action& part : parts) out += ", " + part.request();
  return out;
}

std::string Action::to_string() const {
  return request() + (key != 0 ? " key" + number(key) : "") + (is_durable ? " durable" : "");
}

int64_t Action::clock_step_us() const {
  // Also by a day exactly, when keys expire.
  const int64_t steps[] = {3600 * kSecondUs, 20 * kDayUs, -3 * kDayUs, b % 8 * kDayUs / 4};
  return steps[a % 4];
}

std::optional<uint64_t> Action::expected() const {
  if (b % 4 != 0) return std::nullopt;
  switch (verb) {
    case set_status:
      return b / 4 % 3 + 1;
    case set_lock:
      return b / 4 % 2;
    case record_activity:
      return b / 4 % 2 + 1;
    default:
      return b / 4 % 4;
  }
}

std::string content_of(const Action& x) {
  std::string text;
  for (int line = 0; line < x.b % 24; ++line) {
    text += "line " + std::to_string(line * 7919 % 97) + " of document" + number(x.object) + '\n';
  }
  return text.insert(text.size() * (x.a % 8) / 8, text_of(x));
}

std::vector<Block> blocks_of(const Action& x) {
  const size_t dimension = x.a / 2 % 4 == 3 ? 3 : x.a / 2 % 4 == 0 ? 0 : 2;
  std::vector<Block> blocks;
  for (uint8_t i = 0; i < x.b % 3 + 1; ++i) {
    Block& block = blocks.emplace_back(Block{.id = "b" + std::to_string(i + x.a % 2)});
    if (x.a % 3 == 0) block.heading = "";
    if (x.b % 5 != i) block.body = "body" + number(x.b % 6);
    const float step = x.a / 8 % 8 == 5 ? 0 : 1.0F / static_cast<float>(1 + x.a / 8 % 4);
    // A document's floats are the same ones over and over, as those of an unchanged text are.
    for (size_t f = 0; f < dimension; ++f) block.floats.push_back(step * static_cast<float>(f + i));
  }
  if (blocks.size() > 1 && x.b % 16 == 5) blocks[1].id = blocks[0].id;
  if (blocks.size() > 1 && x.b % 16 == 7 && dimension > 0) blocks[1].floats.push_back(1);
  return blocks;
}

std::string shown(const Block& block) {
  std::string out =
      ' ' + block.id + ':' + block.heading.value_or("-") + ':' + block.body.value_or("-") + ':';
  for (const float x : block.floats) out += std::to_string(std::bit_cast<uint32_t>(x)) + ',';
  return out;
}

}  // namespace bcstore::fixture
