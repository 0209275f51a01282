// What the model says of what is current, and of single things.
#include <algorithm>

#include "model_reference.h"

namespace bcstore::fixture {

namespace {

template <class Numbered>
std::string shown_if_there(const Numbered& objects, uint8_t n, const char* what, auto show) {
  const auto found = objects.find(n);
  if (found == objects.end()) return {};
  return ' ' + std::string(what) + number(n) + show(found->second) + '\n';
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += ' ' + text;
  return out;
}

}  // namespace

std::string Reference::read(const Owner& owner, const Action& x) {
  const auto document = owner.documents.find(x.object);
  if (document == owner.documents.end()) return "not_found";
  const std::vector<std::string>& revisions = document->second.revisions;
  if (rev_of(x) > revisions.size()) return "not_found";
  if (x.verb == Action::read_revision) return "ok " + revisions[rev_of(x) - 1];
  const auto sections = document->second.sections.find(rev_of(x));
  if (sections == document->second.sections.end()) return "not_found";
  const std::vector<Block>& blocks = sections->second;
  const auto block = std::find_if(blocks.begin(), blocks.end(),
                                  [&](const Block& b) { return b.id == block_id_of(x); });
  return block == blocks.end() ? "not_found"
                               : "ok" + number(static_cast<uint64_t>(block - blocks.begin()));
}

std::string Reference::state_of(const Owner& owner) {
  std::string out;
  for (uint8_t n = 0; n < kObjects; ++n) {
    out += shown_if_there(owner.projects, n, "project",
                          [](const Project& p) { return number(p.versions) + number(p.status); });
    out += shown_if_there(owner.documents, n, "document", [](const Document& d) {
      std::string text = number(d.version) + number(d.section) + number(d.is_locked ? 1 : 0);
      for (size_t rev = 1; rev <= d.revisions.size(); ++rev) {
        text += ' ' + d.revisions[rev - 1];
        if (!d.sections.contains(rev)) continue;
        for (const Block& block : d.sections.at(rev)) text += shown(block);
      }
      return text;
    });
    out += shown_if_there(owner.tasks, n, "task", [](const Task& t) {
      return number(t.activities) + number(t.is_complete ? 1 : 0) + joined(t.titles);
    });
    out += shown_if_there(owner.sessions, n, "session",
                          [](const Session& s) { return ' ' + s.title + joined(s.messages); });
    out += shown_if_there(owner.integrations, n, "integration", [](const Integration& i) {
      std::string text;
      for (size_t rev = i.history.size(); rev > 0; --rev) {
        text += number(rev) + ' ' + i.history[rev - 1] + number(i.type);
      }
      return i.secret ? text + ' ' + *i.secret : text;
    });
  }
  return out;
}

std::string Reference::current_state() const {
  std::string out = "# commits" + number(commits_) + '\n';
  for (size_t o = 0; o < owners_.size(); ++o) {
    if (!owners_[o].exists) continue;
    Owner owner = owners_[o];
    renew(owner, commit_time());  // a read computes it
    out += "# owner" + number(o) + " commits" + number(owner.commits) + '\n';
    out += "owner" + number(o) + number(owner.rev) + ' ' + owner.email +
           number(static_cast<uint64_t>(owner.allowance)) +
           number(static_cast<uint64_t>(owner.granted)) + (owner.is_unlimited ? " unlimited" : "") +
           (owner.reset_day ? number(static_cast<uint64_t>(*owner.reset_day)) : " never") +
           " events";
    for (const uint64_t id : owner.events) out += number(id);
    out += '\n' + state_of(owner);
  }
  for (const auto& [name, revisions] : public_) {
    if (revisions.empty()) continue;
    out += "public " + name;
    for (const PublicRevision& one : revisions) {
      out += (one.is_json ? " json " : " text ") + one.content;
    }
    out += '\n';
  }
  return out;
}

}  // namespace bcstore::fixture
