#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/load.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

constexpr int kUsageError = 2;

// What the words on the command line said; `run` is the verb that was named.
struct Words {
  LoadArgs load{};
  CheckArgs check{};
  HashArgs hash{};
  CompactArgs compact{};
  StatsArgs stats{};
  DocShowArgs doc{};
  ShowArgs show{};
  SearchArgs search{};
  UserListArgs user_list{};
  UserFindArgs user_find{};
  StripeReplayArgs replay{};
  ContextArgs context{};
  DiffArgs diff{};
  std::string before{}, after{};
  FeedArgs feed{};
  StandbyArgs standby{};
  PromoteArgs promote{};
  std::vector<std::string> kinds{};
  std::string document{};
  std::string user{};
  std::string project{};
  std::vector<std::string> tables{};
  uint32_t rev = 0;
  std::function<int(std::ostream& out, std::ostream& err)> run{};
};

std::string check_id(const std::string& text) {
  return parse_uuid(text) ? std::string() : text + " is not an id";
}

std::string check_as_of(const std::string& text) {
  return parse_as_of(text) ? std::string()
                           : text + " is no date or time, nor commit:N, nor version:N";
}

std::string check_kind(const std::string& text) {
  return parse_change_kind(text) ? std::string() : "there is no kind of change " + text;
}

std::string check_table(const std::string& text) {
  return parse_table(text) ? std::string() : "there is no table " + text;
}

template <class AnyId>
AnyId id_of(const std::string& text) {
  return AnyId::parse(text).value_or(AnyId());
}

void add_db(CLI::App* verb, std::string& db) {
  verb->add_option("--db", db, "Directory of the store")->required()->type_name("PATH");
}

void add_json(CLI::App* verb, bool& json) { verb->add_flag("--json", json, "Answer in JSON"); }

CLI::Option* add_id(CLI::App* verb, const char* name, std::string& id, const char* help) {
  return verb->add_option(name, id, help)->check(check_id)->type_name("ID");
}

void add_load(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("load", "Load the JSON Lines of a directory into a store");
  verb->add_option("DIR", words.load.directory, "Directory with users.jsonl.zst and so on")
      ->required();
  add_db(verb, words.load.db);
  add_json(verb, words.load.json);
  verb->add_flag("--strict", words.load.is_strict, "End at the first row that is refused");
  verb->add_flag("--allow-system-roles", words.load.allow_system_roles,
                 "Take messages of the roles system and tool");
  verb->add_option("--tables", words.tables, "Only these tables")
      ->delimiter(',')
      ->check(check_table)
      ->type_name("A,B");
  verb->callback([&words] {
    for (const std::string& name : words.tables) words.load.tables.push_back(*parse_table(name));
    words.run = [&words](auto& out, auto& err) { return run_load(words.load, out, err); };
  });
}

void add_check(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("check", "Verify every record of a store");
  add_db(verb, words.check.db);
  add_json(verb, words.check.json);
  verb->add_flag("--deep", words.check.is_deep, "Read every block of every file too");
  verb->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_check(words.check, out, err); };
  });
}

void add_stats(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("stats", "Sizes and sequences of a store");
  add_db(verb, words.stats.db);
  add_json(verb, words.stats.json);
  verb->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_stats(words.stats, out, err); };
  });
}

void add_compact(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("compact", "Merge a store's files, and pack them");
  add_db(verb, words.compact.db);
  verb->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_compact(words.compact, out, err); };
  });
}

void add_hash(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("hash", "One number for what a store holds");
  add_db(verb, words.hash.db);
  verb->add_option("--scope", words.hash.scope, "content: every record's facts; state: what is now")
      ->transform(CLI::Transformer(std::map<std::string, HashScope>{{"content", HashScope::content},
                                                                    {"state", HashScope::state}}))
      ->type_name("content|state");
  verb->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_hash(words.hash, out, err); };
  });
}

void add_doc(CLI::App& app, Words& words) {
  CLI::App* doc = app.add_subcommand("doc", "Documents")->require_subcommand(1);
  CLI::App* verb = doc->add_subcommand("show", "Write the exact bytes of a revision");
  add_id(verb, "DOCUMENT", words.document, "The document's id")->required();
  add_id(verb, "--user", words.user, "The owner's id")->required();
  add_db(verb, words.doc.db);
  CLI::Option* rev = verb->add_option("--rev", words.rev, "Revision (default: the newest)");
  rev->type_name("N");
  verb->callback([&words, rev] {
    words.doc.document = id_of<DocumentId>(words.document);
    words.doc.user = id_of<UserId>(words.user);
    if (rev->count() > 0) words.doc.rev = words.rev;
    words.run = [&words](auto& out, auto& err) { return run_doc_show(words.doc, out, err); };
  });
}

void add_show(CLI::App& app, Words& words) {
  CLI::App* verb =
      app.add_subcommand("show", "A project's documents, open tasks and last messages");
  add_db(verb, words.show.db);
  add_id(verb, "--user", words.user, "The owner's id");
  add_id(verb, "--project", words.project, "The project's id (default: one with much to show)");
  verb->callback([&words] {
    if (!words.user.empty()) words.show.user = id_of<UserId>(words.user);
    if (!words.project.empty()) words.show.project = id_of<ProjectId>(words.project);
    words.run = [&words](auto& out, auto& err) { return run_show(words.show, out, err); };
  });
}

void add_search(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("search", "The sections that are nearest to a vector");
  add_db(verb, words.search.db);
  add_id(verb, "--user", words.user, "The owner's id")->required();
  add_id(verb, "--project", words.project, "The project's id")->required();
  verb->add_option("--vector-file", words.search.vector_file, "Vectors, .fvecs, packed or not")
      ->required()
      ->type_name("FILE");
  verb->add_option("--row", words.search.row, "Which of them is the query, from 0");
  verb->add_option("-k,--hits", words.search.options.k, "How many (default 10)");
  verb->add_option("--space", words.search.space, "The vector space's name (default: unnamed)");
  verb->add_flag("--exact", words.search.options.is_exact, "Measure every embedding by its floats");
  add_json(verb, words.search.json);
  verb->callback([&words] {
    words.search.user = id_of<UserId>(words.user);
    words.search.project = id_of<ProjectId>(words.project);
    words.run = [&words](auto& out, auto& err) { return run_search(words.search, out, err); };
  });
}

void add_user(CLI::App& app, Words& words) {
  CLI::App* user = app.add_subcommand("user", "Users")->require_subcommand(1);
  CLI::App* list = user->add_subcommand("list", "Every user, one a line");
  add_db(list, words.user_list.db);
  add_json(list, words.user_list.json);
  list->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_user_list(words.user_list, out, err); };
  });
  CLI::App* find = user->add_subcommand("find", "The user with an e-mail address");
  find->add_option("EMAIL", words.user_find.email, "The address")->required();
  add_db(find, words.user_find.db);
  add_json(find, words.user_find.json);
  find->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_user_find(words.user_find, out, err); };
  });
}

CLI::Option* add_as_of(CLI::App* verb, const char* name, std::string& text, const char* help) {
  return verb->add_option(name, text, help)
      ->check(check_as_of)
      ->type_name("TIME|commit:N|version:N");
}

void add_context(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("context", "What a model is told of a project");
  add_id(verb, "PROJECT", words.project, "The project's id")->required();
  add_id(verb, "--user", words.user, "The owner's id")->required();
  verb->add_option("--budget", words.context.budget, "Tokens at most (default: 8000)");
  CLI::Option* as_of = add_as_of(verb, "--as-of", words.before, "A moment of the past");
  verb->add_option("--again", words.context.again, "The id of a context that was given before")
      ->excludes(as_of)
      ->type_name("ID");
  add_db(verb, words.context.db);
  add_json(verb, words.context.json);
  verb->callback([&words, as_of] {
    words.context.project = id_of<ProjectId>(words.project);
    words.context.user = id_of<UserId>(words.user);
    if (as_of->count() > 0) words.context.as_of = *parse_as_of(words.before);
    words.run = [&words](auto& out, auto& err) { return run_context(words.context, out, err); };
  });
}

void add_diff(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("diff", "What changed in a project");
  add_id(verb, "PROJECT", words.project, "The project's id")->required();
  add_id(verb, "--user", words.user, "The owner's id")->required();
  add_as_of(verb, "--from", words.before, "Since then")->required();
  CLI::Option* to = add_as_of(verb, "--to", words.after, "Until then (default: now)");
  add_db(verb, words.diff.db);
  add_json(verb, words.diff.json);
  verb->callback([&words, to] {
    words.diff.project = id_of<ProjectId>(words.project);
    words.diff.user = id_of<UserId>(words.user);
    words.diff.before = *parse_as_of(words.before);
    if (to->count() > 0) words.diff.after = *parse_as_of(words.after);
    words.run = [&words](auto& out, auto& err) { return run_diff(words.diff, out, err); };
  });
}

void add_replay(CLI::App& app, Words& words) {
  CLI::App* verb =
      app.add_subcommand("stripe-replay", "Apply recorded deliveries of Stripe's webhooks");
  verb->add_option("FILE", words.replay.file,
                   "JSON Lines with payload, signature_header, secret "
                   "and timestamp, packed or not")
      ->required();
  add_db(verb, words.replay.db);
  add_json(verb, words.replay.json);
  verb->add_flag("--reverse", words.replay.in_reverse, "The last delivery first");
  verb->callback([&words] {
    words.run = [&words](auto& out, auto& err) {
      return run_stripe_replay(words.replay, out, err);
    };
  });
}

void add_feed(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("feed", "What was committed, in order, one commit a line");
  add_db(verb, words.feed.db);
  add_json(verb, words.feed.json);
  add_id(verb, "--user", words.user, "Only this owner's commits (default: everybody's)");
  verb->add_option("--after", words.feed.after_seq, "Commits after this number")->type_name("N");
  verb->add_option("--kinds", words.kinds, "Only changes of these kinds")
      ->delimiter(',')
      ->check(check_kind)
      ->type_name("A,B");
  verb->add_flag("--all", words.feed.with_bookkeeping, "With audits of reads, and named cursors");
  verb->add_flag("--follow", words.feed.is_following, "Look for more again and again");
  verb->add_option("--interval", words.feed.interval_ms, "How often, in milliseconds")
      ->type_name("MS");
  verb->add_option("--rounds", words.feed.rounds, "End after so many looks")->type_name("N");
  verb->callback([&words] {
    if (!words.user.empty()) words.feed.user = id_of<UserId>(words.user);
    for (const std::string& name : words.kinds) {
      words.feed.kinds.push_back(*parse_change_kind(name));
    }
    words.run = [&words](auto& out, auto& err) { return run_feed(words.feed, out, err); };
  });
}

void add_standby(CLI::App& app, Words& words) {
  CLI::App* verb = app.add_subcommand("standby", "Make a store what another one is");
  verb->add_option("--from", words.standby.from, "The store to follow")
      ->required()
      ->type_name("PATH");
  CLI::Option_group* what = verb->add_option_group("what");
  what->add_option("--to", words.standby.to, "The standby; made if it is not there")
      ->type_name("PATH");
  what->add_flag("--drop", words.standby.drops, "Keep nothing for standbys any more");
  what->require_option(1);
  verb->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_standby(words.standby, out, err); };
  });
  CLI::App* promote = app.add_subcommand("promote", "Let a standby take commits");
  add_db(promote, words.promote.db);
  promote->callback([&words] {
    words.run = [&words](auto& out, auto& err) { return run_promote(words.promote, out, err); };
  });
}

}  // namespace

int run_command(int argc, const char* const* argv, const Terminal& terminal, std::ostream& out,
                std::ostream& err) {
  CLI::App app("bcstore: an embedded store for the data of AI products", "bcstore");
  app.set_version_flag("--version", "bcstore " BCSTORE_VERSION);
  app.require_subcommand(1);
  Words words;
  words.load.with_progress = terminal.err_is_terminal;
  add_load(app, words);
  add_check(app, words);
  add_stats(app, words);
  add_hash(app, words);
  add_compact(app, words);
  add_show(app, words);
  add_search(app, words);
  add_doc(app, words);
  add_user(app, words);
  add_replay(app, words);
  add_context(app, words);
  add_diff(app, words);
  add_feed(app, words);
  add_standby(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? 0 : kUsageError;
  }
  int code = words.run(out, err);
  out.flush();
  if (out.good()) return code;
  err << "bcstore: the output could not be written\n";
  return 1;
}

}  // namespace bcstore::cli
