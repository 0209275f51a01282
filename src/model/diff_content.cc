// What changed between two contents of a document.
//
// JSON is compared by nlohmann's diff, which gives a patch of RFC 6902; of that the paths are told.
// Texts are compared line by line by dtl: S. Wu, U. Manber, G. Myers, W. Miller, "An O(NP) Sequence
// Comparison Algorithm" (1990).
#include <dtl/dtl.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/diff_content.h"
#include "model/validate.h"

namespace bcstore::model {

namespace {

using nlohmann::json;

// Contents come from the disk: nothing that is nested too deep is walked.
bool is_walkable(std::string_view content) {
  return JsonChecker().check("content", content, kMaxRevisionBytes).ok();
}

// False when one of them holds what the library can not: a number beyond a double.
bool compare_json(std::string_view before, std::string_view after, ContentDiff* diff) {
  const json a = json::parse(before, nullptr, /*allow_exceptions=*/false);
  const json b = json::parse(after, nullptr, /*allow_exceptions=*/false);
  if (a.is_discarded() || b.is_discarded()) return false;
  for (const json& change : json::diff(a, b)) {
    if (diff->paths.size() == kMaxContentChanges) {
      diff->is_coarse = true;
      break;
    }
    const auto& op = change["op"].get_ref<const std::string&>();
    JsonChange one{.kind = JsonChange::Kind::replaced, .path = change["path"]};
    if (op == "add") one.kind = JsonChange::Kind::added;
    if (op == "remove") one.kind = JsonChange::Kind::removed;
    diff->paths.push_back(std::move(one));
  }
  return true;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Lines by number: equal lines have one.
std::vector<uint32_t> numbers_of(std::span<const std::string_view> lines,
                                 std::unordered_map<std::string_view, uint32_t>* known) {
  std::vector<uint32_t> numbers;
  numbers.reserve(lines.size());
  for (const std::string_view line : lines) {
    numbers.push_back(known->try_emplace(line, static_cast<uint32_t>(known->size())).first->second);
  }
  return numbers;
}

// Gathers neighbouring changes. Both positions are those of the next line, from 0.
class Changes {
 public:
  Changes(uint64_t skipped, ContentDiff* diff) : before_(skipped), after_(skipped), diff_(*diff) {}
  void keep() {
    flush();
    ++before_;
    ++after_;
  }
  void remove() { ++removed_; }
  void add() { ++added_; }
  void flush() {
    if (removed_ + added_ == 0) return;
    if (diff_.lines.size() < kMaxContentChanges) {
      diff_.lines.push_back(
          {before_ + (removed_ > 0 ? 1 : 0), removed_, after_ + (added_ > 0 ? 1 : 0), added_});
    } else {
      diff_.is_coarse = true;
    }
    before_ += std::exchange(removed_, 0);
    after_ += std::exchange(added_, 0);
  }

 private:
  uint64_t before_, after_;
  uint64_t removed_ = 0, added_ = 0;
  ContentDiff& diff_;
};

void compare_lines(std::string_view before, std::string_view after, ContentDiff* diff) {
  const std::vector<std::string_view> a = lines_of(before), b = lines_of(after);
  std::span<const std::string_view> x(a), y(b);
  size_t skipped = 0;
  while (!x.empty() && !y.empty() && x.front() == y.front()) {
    x = x.subspan(1);
    y = y.subspan(1);
    ++skipped;
  }
  while (!x.empty() && !y.empty() && x.back() == y.back()) {
    x = x.first(x.size() - 1);
    y = y.first(y.size() - 1);
  }
  Changes changes(skipped, diff);
  const bool is_simple = x.empty() || y.empty();
  if (is_simple || std::max(x.size(), y.size()) > kMaxDiffLines) {
    for (size_t i = 0; i < x.size(); ++i) changes.remove();
    for (size_t i = 0; i < y.size(); ++i) changes.add();
    changes.flush();
    diff->is_coarse |= !is_simple;
    return;
  }
  std::unordered_map<std::string_view, uint32_t> known;
  const std::vector<uint32_t> from = numbers_of(x, &known), to = numbers_of(y, &known);
  dtl::Diff<uint32_t> lines(from, to);
  lines.compose();
  for (const auto& [line, place] : lines.getSes().getSequence()) {
    if (place.type == dtl::SES_COMMON) changes.keep();
    if (place.type == dtl::SES_DELETE) changes.remove();
    if (place.type == dtl::SES_ADD) changes.add();
  }
  changes.flush();
}

}  // namespace

ContentDiff diff_contents(std::string_view before, std::string_view after, bool is_json) {
  ContentDiff diff;
  if (before == after) return diff;
  diff.is_json =
      is_json && is_walkable(before) && is_walkable(after) && compare_json(before, after, &diff);
  if (!diff.is_json) compare_lines(before, after, &diff);
  return diff;
}

}  // namespace bcstore::model
