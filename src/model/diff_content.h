// What changed between two contents of a document.
#pragma once

#include <string_view>

#include "bcstore/diff.h"

namespace bcstore::model {

// `is_json`: both are.
ContentDiff diff_contents(std::string_view before, std::string_view after, bool is_json);

}  // namespace bcstore::model
