#include "engine/engine.h"

namespace bcstore::engine {

// These names are on disk: never change one.
std::string_view to_string(Family family) {
  switch (family) {
    case Family::system:
      return "default";
    case Family::heads:
      return "heads";
    case Family::history:
      return "history";
    case Family::revisions:
      return "revisions";
    case Family::months:
      return "months";
    case Family::index:
      return "index";
    case Family::log:
      return "log";
    case Family::credits:
      return "credits";
    case Family::sections:
      return "sections";
    case Family::vectors:
      return "vectors";
    case Family::secrets:
      return "secrets";
    case Family::search:
      return "search";
  }
  return "unknown";
}

}  // namespace bcstore::engine
