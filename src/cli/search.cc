// search: the sections of a project that are nearest to a vector.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "cli/display.h"
#include "cli/json_out.h"
#include "cli/vectors.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

void write_hit(JsonWriter& json, const SearchHit& hit) {
  json.begin_object().key("document").text(to_string(hit.document));
  json.key("section").text(to_string(hit.section)).key("rev").number(hit.rev);
  json.key("ordinal").number(hit.ordinal).key("block_id").text(hit.block.block_id());
  json.key("heading");
  if (const auto heading = hit.block.heading()) {
    json.text(*heading);
  } else {
    json.null();
  }
  json.key("distance").real(hit.distance).end_object();
}

void print_hit(const SearchHit& hit, std::ostream& out) {
  constexpr size_t kColumns = 60;
  const std::string_view id = hit.block.block_id();
  fmt::print(out, "{:.6f}  {} rev {}  {}\n", hit.distance, to_string(hit.document), hit.rev,
             one_line(hit.block.heading().value_or(id), kColumns));
}

}  // namespace

int run_search(const SearchArgs& args, std::ostream& out, std::ostream& err) {
  Result<Vectors> vectors = Vectors::read(args.vector_file);
  if (!vectors) return failed(vectors.status(), err);
  if (args.row >= vectors->size()) {
    return failed(
        Status(Code::invalid_argument, fmt::format("{} has no row {}, it has {}", args.vector_file,
                                                   args.row, vectors->size())),
        err);
  }
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  SearchOptions options = args.options;
  options.space = args.space;
  Result<std::vector<SearchHit>> hits =
      store->tenant(args.user).search(args.project, vectors->row(args.row), options);
  if (!hits) return failed(hits.status(), err);
  JsonWriter json;
  json.begin_object().key("hits").begin_array();
  for (const SearchHit& hit : *hits) {
    if (args.json) {
      write_hit(json, hit);
    } else {
      print_hit(hit, out);
    }
  }
  if (args.json) out << json.end_array().end_object().str() << '\n';
  return 0;
}

}  // namespace bcstore::cli
