// Coding the revisions of a batch before it lines up, in the caller's thread.
#include <algorithm>
#include <map>
#include <utility>

#include "model/batch.h"
#include "model/core.h"
#include "model/revision_chain.h"

namespace bcstore::model {

namespace {

// The newest content of a document, as far as this caller knows: committed, or of this batch.
struct Newest {
  KnownContent known;
  const RevisionOp* op = nullptr;
};

Newest find_newest(Core& core, UserId owner, const Uuid& document) {
  if (auto cached = core.contents().find(owner, document)) return {*std::move(cached), nullptr};
  auto read = read_newest_content(core, owner, document);
  // What is damaged, or cannot be read, is no parent; the next revision begins a chain of its own.
  if (!read.ok() || !*read) return {};
  core.contents().put(owner, document, **read);
  return {**std::move(read), nullptr};
}

}  // namespace

Draft recoded(const Draft& from, std::string_view content, const CodedContent& coded) {
  const bool is_plain = coded.coding == format::Coding::plain;
  return Draft(format::Kind::revision, {from.meta(), from.meta_bytes()},
               is_plain ? content : std::string_view(coded.bytes), coded.coding);
}

void BatchBody::prepare() {
  const bool has_revisions =
      std::any_of(ops_.begin(), ops_.end(), [](const Op& op) { return op.revision != nullptr; });
  if (!core_ || !status_.ok() || !has_revisions) return;
  // After a fork a mutex of ours may be held by a thread that is not there; the queue refuses.
  if (core_->engine().health().code() == Code::wrong_process) return;
  std::map<Uuid, Newest> documents;
  for (size_t i = 0; i < ops_.size(); ++i) {
    Op& op = ops_[i];
    if (!op.revision || (importing_ && !row_status_[i].ok())) continue;
    RevisionOp& revision = *op.revision;
    const bool is_first = op.verb == Verb::create_document;
    const Uuid& document = is_first ? op.id : op.parent;
    auto known = documents.find(document);
    if (known == documents.end()) {
      Newest newest = is_first ? Newest() : find_newest(*core_, owner_, document);
      known = documents.emplace(document, std::move(newest)).first;
    }
    Newest& newest = known->second;
    const uint32_t rev = newest.known.place.rev + 1;
    revision.is_coded = false;
    revision.written_rev = 0;
    // An imported revision that is here is only compared; one that leaves a gap is refused.
    if (!is_first && op.number_given && op.number != rev) continue;
    const std::string_view parent =
        newest.known.content ? std::string_view(*newest.known.content) : std::string_view();
    const CodedContent coded =
        core_->coder().code(*revision.content, parent, newest.known.place, &revision.place);
    op.fact = recoded(op.fact, *revision.content, coded);
    revision.is_coded = true;
    revision.parent = newest.op;
    revision.parent_rev = coded.coding == format::Coding::delta ? newest.known.place.rev : 0;
    newest = {{revision.place, Uuid(), revision.content}, &revision};
  }
}

}  // namespace bcstore::model
