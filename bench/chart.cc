#include "chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "failure.h"
#include "goals.h"

namespace bcstore::bench {
namespace {

constexpr const char* kStyle =
    "<style>text{font:12px sans-serif;fill:#222}.h{font-size:15px;font-weight:bold}"
    ".s{fill:#666}.e{text-anchor:end}.m{text-anchor:middle}"
    ".l{stroke:#ddd}.o{stroke:#888}.g{stroke:#c00;stroke-width:2}.d{stroke-dasharray:5 4}"
    "polyline{fill:none;stroke-width:2}</style>\n";

// Told apart by people who do not see all colours alike.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#a6761d", "#56b4e9", "#444444"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string opening(int width, int height, std::string_view title, std::string_view below) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\">\n{2}<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
      "<text class=\"h\" x=\"16\" y=\"26\">{3}</text>\n<text class=\"s\" x=\"16\" "
      "y=\"44\">{4}</text>\n",
      width, height, kStyle, escaped(title), escaped(below));
}

std::string colour_of(std::string_view engine) {
  if (engine == "floor") return kColours[6];
  if (engine == "lmdb") return kColours[0];
  if (engine == "sqlite") return kColours[2];
  return engine == "postgres" ? kColours[1] : kColours[3];
}

// --- ratios --------------------------------------------------------------------------------------

struct Bar {
  std::string label;
  std::string colour;
  double ratio = 0;
  std::optional<double> goal{};
};

struct Group {
  std::string label;
  std::vector<Bar> bars{};
};

// The variant of bcstore that a row is compared with, and what the row is called then.
struct Comparison {
  std::string variant;
  std::string label;
};

std::optional<Comparison> comparison_of(const Row& row) {
  if (row.engine != "bcstore") return Comparison{row.variant, row.engine};
  constexpr std::string_view kAppend = ", plain append", kFirst = ", 1 month";
  const std::string_view variant = row.variant;
  if (variant.ends_with(kAppend)) {
    return Comparison{std::string(variant.substr(0, variant.size() - kAppend.size())),
                      "own plain append"};
  }
  if (variant.ends_with(kFirst)) {
    return Comparison{
        std::string(variant.substr(0, variant.size() - kFirst.size())) + ", 24 months",
        "own first month"};
  }
  return std::nullopt;
}

const Row* find_own(const std::vector<Row>& rows, const Row& row, const std::string& variant) {
  for (const Row& one : rows) {
    if (one.engine == "bcstore" && one.workload == row.workload && one.variant == variant &&
        one.threads == row.threads) {
      return &one;
    }
  }
  return nullptr;
}

std::vector<Group> ratio_groups(const std::vector<Row>& rows) {
  std::vector<Group> groups;
  for (const Row& row : rows) {
    const std::optional<Comparison> comparison = comparison_of(row);
    if (!comparison || row.variant.find(", month ") != std::string::npos) continue;
    const Row* own = find_own(rows, row, comparison->variant);
    if (own == nullptr || own->value <= 0 || row.value <= 0) continue;
    const bool is_rate = row.unit == "ops/s";
    const auto better = [is_rate](double ratio) { return is_rate ? ratio : 1 / ratio; };
    const Goal* goal = find_goal(row.workload, row.variant, row.threads, row.engine);
    Bar bar{comparison->label, colour_of(row.engine), better(own->value / row.value)};
    if (goal != nullptr) bar.goal = better(goal->ratio);
    std::string label = fmt::format("{} {}", row.workload, comparison->variant);
    if (row.threads > 1) label += fmt::format(", {} threads", row.threads);
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const Group& group) { return group.label == label; });
    Group& group = found != groups.end() ? *found : groups.emplace_back(Group{label});
    group.bars.push_back(std::move(bar));
  }
  return groups;
}

class LogScale {
 public:
  LogScale(double least, double most, double left, double right)
      : low_(std::floor(std::log10(least))), left_(left) {
    const double high = std::ceil(std::log10(most));
    step_ = (right - left) / std::max(high - low_, 1.0);
    decades_ = static_cast<int>(std::max(high - low_, 1.0));
  }
  double at(double value) const { return left_ + (std::log10(value) - low_) * step_; }
  int decades() const { return decades_; }
  double decade(int number) const { return std::pow(10, low_ + number); }

 private:
  double low_, left_, step_ = 1;
  int decades_ = 1;
};

constexpr int kBarHeight = 13;
constexpr int kGroupGap = 9;
constexpr int kRatiosTop = 84;

LogScale scale_of(const std::vector<Group>& groups) {
  double least = 0.5, most = 2;
  for (const Group& group : groups) {
    for (const Bar& bar : group.bars) {
      least = std::min({least, bar.ratio, bar.goal.value_or(1)});
      most = std::max({most, bar.ratio, bar.goal.value_or(1)});
    }
  }
  return {least, most, 290, 760};
}

std::string drawn(const Bar& bar, const LogScale& scale, int y) {
  const double from = scale.at(std::min(bar.ratio, 1.0)), to = scale.at(std::max(bar.ratio, 1.0));
  std::string out =
      fmt::format("<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"10\" fill=\"{}\"/>", from,
                  y, std::max(to - from, 1.0), bar.colour);
  if (bar.goal) {
    out += fmt::format("<path class=\"g\" d=\"M{:.1f} {}v12\"/>", scale.at(*bar.goal), y - 1);
  }
  return out + fmt::format("<text x=\"{}\" y=\"{}\">{:.2f} {}</text>\n", 770, y + 9, bar.ratio,
                           escaped(bar.label));
}

// --- months --------------------------------------------------------------------------------------

struct Series {
  std::string label;
  std::map<int, double> months{};
};

std::vector<Series> series_of(const std::vector<Row>& rows, const std::string& what) {
  const std::string middle = what + ", month ";
  std::vector<Series> all;
  for (const Row& row : rows) {
    const size_t at = row.variant.find(middle);
    if (row.workload != "W12" || at == std::string::npos) continue;
    // "owner first, leveled: append rate, month 7", or without a layout.
    const std::string label =
        at < 2 ? row.engine + ", whole engine" : row.variant.substr(0, at - 2);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Series& series) { return series.label == label; });
    Series& series = found != all.end() ? *found : all.emplace_back(Series{label});
    series.months[std::atoi(row.variant.c_str() + at + middle.size())] = row.value;
  }
  return all;
}

// 1, 2 or 5 times a power of ten, so that about five of them make `most`.
double step_of(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 5)));
  for (const double times : {1.0, 2.0, 5.0}) {
    if (times * power * 5 >= most) return times * power;
  }
  return 10 * power;
}

struct Plane {
  double left = 70, right = 560, top = 64, bottom = 364;
  int last_month = 24;
  double most = 1;

  double x(int month) const {
    return left + (right - left) * (month - 1) / std::max(last_month - 1, 1);
  }
  double y(double value) const { return bottom - (bottom - top) * value / most; }
};

std::string grid(const Plane& plane, double step) {
  std::string out;
  for (int i = 0; i * step <= plane.most * 1.001; ++i) {
    const double y = plane.y(i * step);
    out += fmt::format(
        "<path class=\"l\" d=\"M{} {:.1f}H{}\"/><text class=\"e\" x=\"{}\" "
        "y=\"{:.1f}\">{:g}</text>\n",
        plane.left, y, plane.right, plane.left - 8, y + 4, i * step);
  }
  for (int month = 1; month <= plane.last_month; month += month == 1 ? 5 : 6) {
    out += fmt::format("<text class=\"m\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", plane.x(month),
                       plane.bottom + 18, month);
  }
  return out + fmt::format("<text class=\"m s\" x=\"{}\" y=\"{}\">month</text>\n",
                           (plane.left + plane.right) / 2, plane.bottom + 34);
}

// Labels stand at the ends of their lines, apart from each other.
std::vector<double> label_places(const std::vector<Series>& all, const Plane& plane) {
  std::vector<size_t> order(all.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto end_of = [&](size_t i) { return plane.y(all[i].months.rbegin()->second); };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return end_of(a) < end_of(b); });
  std::vector<double> places(all.size());
  double above = plane.top - 15;
  for (const size_t i : order) above = places[i] = std::max(end_of(i) + 4, above + 15);
  return places;
}

void write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) throw Failure(fmt::format("cannot write '{}'", path));
  const bool is_written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !is_written) throw Failure(fmt::format("cannot write '{}'", path));
}

}  // namespace

std::string draw_ratios(const std::vector<Row>& rows) {
  const std::vector<Group> groups = ratio_groups(rows);
  if (groups.empty()) return {};
  const LogScale scale = scale_of(groups);
  int y = kRatiosTop;
  std::string bars;
  for (const Group& group : groups) {
    bars += fmt::format("<text class=\"e\" x=\"280\" y=\"{}\">{}</text>\n", y + 9,
                        escaped(group.label));
    for (const Bar& bar : group.bars) {
      bars += drawn(bar, scale, y);
      y += kBarHeight;
    }
    y += kGroupGap;
  }
  std::string out = opening(920, y + 12, "bcstore beside the others",
                            "times as fast (rates), as short (times) or as small (bytes); right of "
                            "1 is better; red: the goal");
  for (int i = 0; i <= scale.decades(); ++i) {
    const double value = scale.decade(i), x = scale.at(value);
    out += fmt::format(
        "<path class=\"{}\" d=\"M{:.1f} {}V{}\"/><text class=\"m s\" x=\"{:.1f}\" "
        "y=\"{}\">{:g}</text>\n",
        value > 0.99 && value < 1.01 ? "o" : "l", x, kRatiosTop - 6, y, x, kRatiosTop - 12, value);
  }
  return out + bars + "</svg>\n";
}

std::string draw_months(const std::vector<Row>& rows, const std::string& what,
                        const std::string& title) {
  const std::vector<Series> all = series_of(rows, what);
  if (all.empty()) return {};
  const Goal* goal = find_goal("W12", what + ", last six", 1, "bcstore");
  Plane plane;
  double most = goal != nullptr ? goal->ratio : 0;
  for (const Series& series : all) {
    plane.last_month = std::max(plane.last_month, series.months.rbegin()->first);
    for (const auto& month : series.months) most = std::max(most, month.second);
  }
  if (most <= 0) return {};
  const double step = step_of(most);
  plane.most = std::ceil(most / step) * step;
  std::string out = opening(780, 412, title, goal != nullptr ? "red: the goal" : "");
  out += grid(plane, step);
  if (goal != nullptr) {
    out += fmt::format("<path class=\"g d\" d=\"M{} {:.1f}H{}\"/>\n", plane.left,
                       plane.y(goal->ratio), plane.right);
  }
  const std::vector<double> places = label_places(all, plane);
  for (size_t i = 0; i < all.size(); ++i) {
    const char* colour = kColours[i % std::size(kColours)];
    std::string points;
    for (const auto& month : all[i].months) {
      points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", plane.x(month.first),
                            plane.y(month.second));
    }
    out += fmt::format(
        "<polyline stroke=\"{0}\" points=\"{1}\"/><text x=\"{2}\" y=\"{3:.1f}\" "
        "style=\"fill:{0}\">{4}</text>\n",
        colour, points, plane.right + 10, places[i], escaped(all[i].label));
  }
  return out + "</svg>\n";
}

std::vector<std::string> write_charts(const std::vector<Row>& rows, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw Failure(fmt::format("cannot make '{}': {}", directory, error.message()));
  const std::pair<const char*, std::string> charts[] = {
      {"ratios.svg", draw_ratios(rows)},
      {"years-written.svg", draw_months(rows, "write amplification",
                                        "Bytes written for each byte of text, month by month")},
      {"years-append.svg", draw_months(rows, "append rate", "Appends a second, month by month")}};
  std::vector<std::string> names;
  for (const auto& chart : charts) {
    if (chart.second.empty()) continue;
    names.push_back((std::filesystem::path(directory) / chart.first).string());
    write_file(names.back(), chart.second);
  }
  return names;
}

}  // namespace bcstore::bench
