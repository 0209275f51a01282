// user list and user find.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "cli/display.h"
#include "cli/json_out.h"
#include "cli/pages.h"
#include "cli/verbs.h"

namespace bcstore::cli {
namespace {

void write_optional(JsonWriter& json, std::optional<std::string_view> text) {
  if (text) {
    json.text(*text);
  } else {
    json.null();
  }
}

void write_user(JsonWriter& json, const User& user) {
  json.begin_object().key("id").text(to_string(user.id())).key("email").text(user.email());
  write_optional(json.key("full_name"), user.full_name());
  write_optional(json.key("stripe_customer_id"), user.stripe_customer_id());
  json.key("is_pro").flag(user.is_pro());
  json.key("created_at").text(to_string(user.joined_at())).end_object();
}

void print_user(const User& user, std::ostream& out) {
  constexpr size_t kColumns = 60;
  std::optional<std::string_view> name = user.full_name();
  fmt::print(out, "{}  {}{}{}\n", to_string(user.id()), one_line(user.email(), kColumns),
             name ? "  " : "", name ? one_line(*name, kColumns) : "");
}

}  // namespace

int run_user_list(const UserListArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  JsonWriter json;
  json.begin_array();
  Status status = each_user(store->service("list of users"), [&](const User& user) {
    if (args.json) {
      write_user(json, user);
    } else {
      print_user(user, out);
    }
    return out.good();
  });
  if (!status.ok()) return failed(status, err);
  if (args.json) out << json.end_array().str() << '\n';
  return 0;
}

int run_user_find(const UserFindArgs& args, std::ostream& out, std::ostream& err) {
  Result<Store> store = open_existing(args.db, err);
  if (!store) return 1;
  Service service = store->service("look-up of a user");
  Result<UserId> id = service.find_user_by_email(args.email);
  if (!id) return failed(id.status(), err);
  Result<User> user = service.tenant(*id).profile();
  if (!user) return failed(user.status(), err);
  if (args.json) {
    JsonWriter json;
    write_user(json, *user);
    out << json.str() << '\n';
  } else {
    print_user(*user, out);
  }
  return 0;
}

}  // namespace bcstore::cli
