// Maintenance: dropping what time has ended.
#pragma once

#include "bcstore/store.h"

namespace bcstore::model {

class Core;

Result<MaintainReport> maintain(Core& core, const MaintainOptions& options);

}  // namespace bcstore::model
