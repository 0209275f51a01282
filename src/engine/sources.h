// The parts of random_ids() that a test stands in for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bcstore/options.h"

namespace bcstore::engine {

// Fills `size` bytes from the operating system; false when it cannot.
using Entropy = bool (*)(uint8_t* bytes, size_t size);

bool system_entropy(uint8_t* bytes, size_t size);
std::shared_ptr<IdSource> ids_from(std::shared_ptr<Clock> clock, Entropy entropy);

}  // namespace bcstore::engine
