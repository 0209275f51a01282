// Whole lists, page by page.
#pragma once

#include <string>

#include "bcstore/bcstore.h"

namespace bcstore::cli {

// Calls visit(row) for every row of the list that page(after) answers a Cursor of, kMaxPageRows at
// a time. `visit` answers false to stop.
template <class Page, class Visit>
Status each_row(const Page& page, const Visit& visit) {
  for (std::string after;;) {
    auto cursor = page(std::string_view(after));
    size_t rows = 0;
    std::string token;
    while (cursor.next()) {
      if (!visit(*cursor)) return {};
      if (++rows == kMaxPageRows) token = cursor.token();
    }
    if (!cursor.status().ok() || rows < kMaxPageRows) return cursor.status();
    after = std::move(token);
  }
}

template <class Visit>
Status each_user(const Service& service, const Visit& visit) {
  auto page = [&](std::string_view after) {
    return service.users({.limit = kMaxPageRows, .after = after});
  };
  return each_row(page, visit);
}

template <class Visit>
Status each_project(const Tenant& tenant, const Visit& visit) {
  auto page = [&](std::string_view after) {
    return tenant.projects({.limit = kMaxPageRows, .after = after});
  };
  return each_row(page, visit);
}

template <class Visit>
Status each_session(const Tenant& tenant, ProjectId project, const Visit& visit) {
  auto page = [&](std::string_view after) {
    return tenant.sessions(project, {.limit = kMaxPageRows, .after = after});
  };
  return each_row(page, visit);
}

}  // namespace bcstore::cli
