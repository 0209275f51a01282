// Keys that several parts of the model make.
#pragma once

#include <optional>

#include "format/key.h"
#include "format/record.h"

namespace bcstore::model {

inline format::Key with_id(UserId owner, format::Kind kind, const Uuid& id) {
  return format::Key(owner, kind).append(id);
}

// A long stream lies by month. Its month rows, one for each month that occurs, tell which month a
// number lies in.
struct MonthStream {
  format::Kind kind;
  format::Kind months;
  size_t group_bytes;  // of a key: what names the stream; then comes ~month(4), then ~number(8)

  // An id between the kind and the month.
  constexpr bool has_parent() const { return group_bytes > format::kKindOffset + 1; }
};
inline constexpr MonthStream kMessages{format::Kind::message, format::Kind::session_month, 33};
inline constexpr MonthStream kEvents{format::Kind::event, format::Kind::event_month, 17};
inline constexpr MonthStream kCalls{format::Kind::call, format::Kind::call_month, 17};
inline constexpr const MonthStream* kMonthStreams[] = {&kMessages, &kEvents, &kCalls};

// The stream whose facts or month rows are of this kind; kMessages for any other.
constexpr const MonthStream& month_stream(format::Kind kind) {
  for (const MonthStream* stream : kMonthStreams) {
    if (stream->kind == kind || stream->months == kind) return *stream;
  }
  return kMessages;
}

// Of a stream that has no parent but its owner.
inline format::Key in_month(UserId owner, const MonthStream& stream, uint32_t month,
                            uint64_t number) {
  return format::Key(owner, stream.kind).not_u32(month).not_u64(number);
}

// Where a task's head lies, as its place tells: its project, its age and whether it has a phase,
// and the phase.
inline constexpr uint64_t kHasPhase = uint64_t{1} << 63;

inline format::Key task_key(UserId owner, const format::Reference& place, const Uuid& task) {
  format::Key key = with_id(owner, format::Kind::task, place.id);
  std::optional<int32_t> phase;
  if ((place.number & kHasPhase) != 0) phase = static_cast<int32_t>(place.extra);
  append_phase(key, phase);
  return key.u64(place.number & ~kHasPhase).append(task);
}

inline format::Key section_key(UserId owner, const Uuid& document,
                               const format::SectionEntry& entry) {
  return with_id(owner, format::Kind::section_block, document).u64(entry.name).u64(entry.block);
}

inline format::Key vector_key(UserId owner, const format::SectionEntry& entry) {
  return format::Key(owner, format::Kind::vector).u64(entry.vector.high).u32(entry.vector.low);
}

// What is searched of a project: of one of its sections, and of one space.
inline format::Key search_head_key(UserId owner, const Uuid& project, uint8_t section) {
  return with_id(owner, format::Kind::search_head, project).u8(section);
}

inline format::Key in_space(UserId owner, format::Kind kind, const Uuid& project,
                            const Uuid& space) {
  return with_id(owner, kind, project).append(space);
}

// `at`: what in_space() made of the kind search_block. Without lists all blocks are in list 0 of
// generation 0.
inline format::Key block_key(format::Key at, uint32_t generation, uint32_t list, uint32_t block) {
  return at.u32(generation).u32(list).u32(block);
}

}  // namespace bcstore::model
