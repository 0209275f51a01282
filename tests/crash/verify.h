// Holds a store against the ledger.
//
// What is in the store is found without trusting an acknowledgement: every record names the plan
// that it came from. The plans that are there, applied in commit order to the reference, must give
// exactly the records, numbers and current states that the store shows; then the acknowledgements
// must agree with what is there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crash/image.h"
#include "crash/ledger.h"

namespace bcstore::crash {

struct Verdict {
  uint64_t lost = 0;                   // acknowledged, and not there
  uint64_t torn = 0;                   // there in part, or with other content
  uint64_t uncovered = 0;              // acknowledged as durable before a sync covered it
  uint64_t violations = 0;             // any other rule
  std::vector<std::string> details{};  // the first few

  void add(uint64_t* count, std::string detail);
  void merge(const Verdict& other);
  bool clean() const { return lost + torn + uncovered + violations == 0; }
};

enum class After : uint8_t {
  kill,       // relaxed commits survive as durable ones do
  power_cut,  // relaxed commits form a prefix
};

// What happened to the plans since the last look.
struct Tally {
  uint64_t landed = 0;       // in flight, and there
  uint64_t vanished = 0;     // in flight, and not there
  uint64_t rolled_back = 0;  // relaxed, acknowledged, and gone with the power
};

// Afterwards no plan is pending.
Verdict verify(const Store& store, After after, Ledger* ledger, Tally* tally);

// Commits again, with the same idempotency keys, what was in flight or is gone, and some of what
// was acknowledged: each must have one effect. `candidates` are plans as they stood before verify()
// settled them. The store is to be verified again afterwards.
Verdict retry(const Store& store, const std::vector<uint64_t>& candidates, Ledger* ledger,
              uint64_t* retried);

}  // namespace bcstore::crash
