// The ids of numbered owners and objects, as a store is told them.
#pragma once

#include <cstdint>

#include "bcstore/bcstore.h"

namespace bcstore::fixture {

inline Uuid id_of(uint8_t kind, uint8_t number) {
  Uuid id;
  id.bytes.fill(0x30);
  id.bytes[0] = kind;
  id.bytes[15] = number;
  return id;
}
inline UserId user_of(uint8_t owner) { return UserId(id_of(0x51, owner)); }
template <class SomeId>
SomeId object(uint8_t number) {
  return SomeId(id_of(0x61, number));
}

}  // namespace bcstore::fixture
