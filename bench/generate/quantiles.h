// Drawing numbers whose quantiles are those that were measured somewhere.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "data.h"

namespace bcstore::bench {

struct Quantile {
  double share;  // of the numbers that are no greater
  double value;
};

// The inverse of the distribution function, straight between the points on a logarithmic scale.
inline double draw(std::span<const Quantile> points, Random& random) {
  const double share = random.unit();
  size_t next = 1;
  while (next + 1 < points.size() && points[next].share < share) ++next;
  const Quantile& low = points[next - 1];
  const Quantile& high = points[next];
  const double part = (share - low.share) / (high.share - low.share);
  return std::expm1(std::log1p(low.value) +
                    part * (std::log1p(high.value) - std::log1p(low.value)));
}

inline uint32_t draw_whole(std::span<const Quantile> points, Random& random) {
  return static_cast<uint32_t>(std::lround(draw(points, random)));
}

// Measured on the real histories: 2,933 sessions, 19,878 messages, 13,709 tasks, 37 documents of
// 3,646 revisions, 1,804 events. Bytes are of UTF-8.
inline constexpr Quantile kMessagesInSession[] = {{0, 1},    {.05, 2},  {.50, 2},  {.75, 12},
                                                  {.90, 18}, {.95, 22}, {.99, 30}, {1, 59}};
inline constexpr Quantile kUserBytes[] = {{0, 1},     {.05, 24},   {.25, 48},
                                          {.50, 82},  {.75, 123},  {.90, 191},
                                          {.95, 417}, {.99, 2578}, {1, 27'586}};
inline constexpr Quantile kAssistantBytes[] = {{0, 1},      {.05, 15},   {.25, 42},
                                               {.50, 89},   {.75, 278},  {.90, 1631},
                                               {.95, 2576}, {.99, 6746}, {1, 28'442}};
inline constexpr Quantile kTitleBytes[] = {{0, 5},    {.05, 15}, {.50, 22}, {.75, 25},
                                           {.90, 46}, {.99, 73}, {1, 128}};
inline constexpr Quantile kDescriptionBytes[] = {{0, 0},     {.406, 0},   {.50, 18},   {.75, 58},
                                                 {.90, 648}, {.95, 1157}, {.99, 2735}, {1, 7876}};
inline constexpr Quantile kActivitiesOfTask[] = {{0, 0}, {.53, 0}, {.94, 1}, {.97, 3}, {1, 17}};
// An eighth of what was measured, so that a thousand owners stay a set of moderate size.
inline constexpr Quantile kRevisionsOfDocument[] = {{0, 1},    {.10, 1},  {.25, 4},  {.50, 7},
                                                    {.75, 13}, {.90, 23}, {.95, 43}, {1, 105}};
inline constexpr Quantile kPayloadBytes[] = {{0, 20},    {.25, 60},   {.50, 170},
                                             {.90, 995}, {.99, 3164}, {1, 9275}};

}  // namespace bcstore::bench
