// Writing the lists of what is searched; see search_lists.h.
#include "model/execute.h"
#include "model/keys.h"

namespace bcstore::model {

using engine::Family;
using format::Key;
using format::Kind;
using format::kSearchBlockOrdinals;

// Rows of a generation that is not searched yet belong to no commit: they are dated as what they
// were made of. The step changes the head and nothing that a read could tell.
Status Executor::write_lists(const ListsWrite& lists) {
  const SearchPlace& place = lists.place;
  const Key head_key = place.key(Kind::search_space);
  HeadEntry* entry = nullptr;
  if (Status s = load(Kind::search_space, head_key, &entry); !s.ok()) return s;
  const Status changed(Code::failed_precondition, "the space is not what its lists were made of");
  if (!entry->exists) return changed;
  const auto* head = root<fb::SearchSpace>(entry->draft);
  SearchSpaceFields fields = fields_of(*head);
  if (!is_sound(fields)) return format::corrupt(head_key, "its numbers do not go together");
  if (fields.generation >= lists.generation) return changed;
  if (lists.is_first) {
    drop_lists(place, Kind::search_block, fields.generation + 1, UINT32_MAX);
    drop_lists(place, Kind::search_lists, fields.generation + 1, UINT32_MAX);
  }
  for (const auto& [key, draft] : lists.rows) {
    Draft row = draft.clone();
    auto* common = mutable_root<fb::Common>(row);
    const bool is_dated = common->mutate_commit_seq(head->commit_seq()) &&
                          common->mutate_created_at(head->effective_at()) &&
                          common->mutate_effective_at(head->effective_at());
    if (!is_dated) return Status(Code::internal, "a record without room for its times");
    changes_->put(Family::search, key, row.seal(key));
  }
  if (!lists.step) return Status();
  if (fields.folded < lists.step->listed) return changed;
  drop_lists(place, Kind::search_block, 1, lists.generation);
  drop_lists(place, Kind::search_lists, 1, lists.generation);
  const Key of_blocks = place.key(Kind::search_block);
  changes_->erase_range(Family::search, block_key(of_blocks, 0, 0, 0),
                        block_key(of_blocks, 0, 0, lists.step->listed / kSearchBlockOrdinals));
  fields.generation = lists.generation;
  fields.lists = lists.step->lists;
  fields.listed = lists.step->listed;
  fields.in_lists = lists.step->in_lists;
  fields.recall = lists.step->recall;
  const Actor actor = actor_of(*head, place.owner);
  Draft made = encoder_.search_space({actor, place.owner}, fields);
  auto* common = mutable_root<fb::Common>(made);
  if (!common->mutate_commit_seq(head->commit_seq()) ||
      !common->mutate_created_at(head->created_at()) ||
      !common->mutate_effective_at(head->effective_at())) {
    return Status(Code::internal, "a record without room for its times");
  }
  put_head(Kind::search_space, head_key, std::move(made));
  steps_lists_ = true;
  return Status();
}

// Those of generations from `first` to before `end`.
void Executor::drop_lists(const SearchPlace& place, Kind kind, uint32_t first, uint32_t end) {
  if (first >= end) return;
  const Key prefix = place.key(kind);
  changes_->erase_range(Family::search, Key(prefix).u32(first), Key(prefix).u32(end));
}

}  // namespace bcstore::model
