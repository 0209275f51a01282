// Giving up what feeds show of old commits.
#pragma once

#include "bcstore/store.h"

namespace bcstore::model {

class Core;

Result<FeedTrimReport> trim_feed(Core& core, const FeedTrim& trim);

}  // namespace bcstore::model
