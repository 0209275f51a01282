// The verbs of a batch on named places in the feed.
#include <utility>

#include "model/batch_arguments.h"
#include "model/core.h"

namespace bcstore::model {

void BatchBody::save_feed_cursor(std::string_view name, uint64_t seq, bool may_go_back) {
  Op op;
  op.verb = Verb::save_feed_cursor;
  op.number = seq;
  op.flag = may_go_back;
  Status checked = check_text("name", name, kMaxNameBytes, Empty::refused);
  Arguments arguments(*this, op.verb);
  if (checked.ok() && core_) {  // without a store the commit is refused
    arguments.text(name).number(seq).number(uint64_t{may_go_back});
    op.parent = format::text_hash(name, core_->salt());
    op.head = encoder_.feed_cursor(by(op), name, seq);
  }
  finish(std::move(op), arguments, std::move(checked));
}

void BatchBody::drop_feed_cursor(std::string_view name) {
  Op op;
  op.verb = Verb::drop_feed_cursor;
  Status checked = check_text("name", name, kMaxNameBytes, Empty::refused);
  Arguments arguments(*this, op.verb);
  if (checked.ok() && core_) {  // without a store the commit is refused
    arguments.text(name);
    op.parent = format::text_hash(name, core_->salt());
  }
  finish(std::move(op), arguments, std::move(checked));
}

}  // namespace bcstore::model
