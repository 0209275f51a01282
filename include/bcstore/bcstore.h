// bcstore: the memory of an AI product, in the application's own process.
//
// Include this one header. The parts: store.h (open, check, stats), tenant.h (one user's data),
// service.h (the audited role across users), billing.h (subscriptions), write_batch.h (writes are
// values), records.h (what reads give back), options.h (limits, injection), status.h (errors are
// values).
#pragma once

#include "bcstore/billing.h"
#include "bcstore/context.h"
#include "bcstore/diff.h"
#include "bcstore/feed.h"
#include "bcstore/file_system.h"
#include "bcstore/id.h"
#include "bcstore/options.h"
#include "bcstore/rate_limit.h"
#include "bcstore/records.h"
#include "bcstore/search.h"
#include "bcstore/service.h"
#include "bcstore/status.h"
#include "bcstore/store.h"
#include "bcstore/tenant.h"
#include "bcstore/types.h"
#include "bcstore/write_batch.h"
