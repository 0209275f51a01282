// What the rules of every head have in common: a head is derived from its facts.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "model/check_walk.h"

namespace bcstore::model {

// The fact that the head counts up to is not there.
void missing_fact(CheckWalk& walk, const CheckedRecord& head, std::string_view rule,
                  uint64_t number);
// The other way round: the newest fact is above what the head counts.
void expect_count(CheckWalk& walk, const CheckedRecord& head, std::string_view rule,
                  uint64_t counted, uint64_t newest);
// The head's copy of the newest fact's effective_at.
void expect_effective(CheckWalk& walk, const CheckedRecord& head, std::string_view field,
                      int64_t copied, const CheckedRecord& newest);
// What the copy is while there is no fact.
void expect_no_effective(CheckWalk& walk, const CheckedRecord& head, std::string_view field,
                         int64_t copied);
// A head was made when, and by whom, its first fact was.
void compare_origin(CheckWalk& walk, const CheckedRecord& head, const CheckedRecord& first);
// A head was written last by the commit that wrote the newest of these facts.
void expect_commit(CheckWalk& walk, const CheckedRecord& head,
                   std::initializer_list<const CheckedRecord*> facts);
// What an event or a call refers to, and is not there.
void missing_reference(CheckWalk& walk, const CheckedRecord& record, std::string_view what,
                       const Uuid& id, uint64_t number);
// It is there; null refers to nothing.
Status expect_project(CheckWalk& walk, const CheckedRecord& record, const fb::Uuid* id);
Status expect_session(CheckWalk& walk, const CheckedRecord& record, const fb::Uuid* id,
                      uint64_t message_seq);
// An index entry whose record is not there, or says otherwise; nothing when it is damaged.
void stray_entry(CheckWalk& walk, const CheckedRecord& entry, const CheckRead& record);

}  // namespace bcstore::model
