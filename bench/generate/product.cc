#include "generate/product.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "document_data.h"
#include "generate/quantiles.h"

namespace bcstore::bench {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kMinuteUs = 60 * kSecondUs;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

// Of an owner who is as busy as the mean.
constexpr double kMeanSessions = 5;
constexpr double kMeanTasks = 14;

constexpr uint32_t kBlocksOfSection = 16;
constexpr uint32_t kDimension = 32;
constexpr int32_t kGrant = 50;

enum class What : uint8_t {
  sign_up,
  project,
  version,
  document,
  revision,
  task,
  activity,
  chat,
  message,
  integration,
  integration_revision,
  integration_end,
};

// One line of the agenda. What it says is drawn when its turn comes, from a seed of its own.
struct Entry {
  int64_t at_us;
  uint32_t owner;
  uint32_t thing;  // number of the project, document, task, chat or integration
  What what;
};

struct Project {
  RawId id;
  uint32_t version = 1;
  uint8_t sections = 0;  // of this version; each section has one document
};
struct Document {
  uint32_t project = 0;
  RawId id{};
  uint32_t rev = 0;
  bool has_sections = false;
  std::unique_ptr<EditedDocument> text{};
};
struct Task {
  uint32_t project = 0;
  RawId id{};
  bool is_done = false;
};
struct Chat {
  uint32_t project = 0;
  RawId id{};
  uint64_t last_seq = 0;
  bool expects_reply = false;
};
struct Integration {
  RawId id;
  uint8_t type = 1;
};

// Kinds of ids, beyond those of a Population.
enum : uint64_t { kOfUser = 16, kOfProject, kOfDocument, kOfTask, kOfChat, kOfIntegration };

int64_t next_month(int64_t at_us) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const year_month_day day(floor<days>(sys_time<microseconds>(microseconds(at_us))));
  const sys_days first = (day.year() / day.month() + months(1)) / 1;
  return duration_cast<microseconds>(first.time_since_epoch()).count();
}

class Product {
 public:
  Product(const ProductShape& shape, const Texts& texts, ProductSink& sink)
      : shape_(shape), texts_(texts), sink_(sink), random_(shape.seed ^ 0x9A0D0C7ull) {}

  ProductTotals run(std::vector<ProductBalance>* balances) {
    plan();
    std::stable_sort(agenda_.begin(), agenda_.end(),
                     [](const Entry& a, const Entry& b) { return a.at_us < b.at_us; });
    uint64_t number = 0;
    for (const Entry& entry : agenda_) {
      check_interrupted();
      Random random(shape_.seed ^ (++number * 0xA24BAED4963EE407ull));
      happen(entry, random);
    }
    for (ProductBalance& balance : balances_) {
      if (balance.renews_us < kProductEndUs) balance.allowance = balance.plan_allowance;
    }
    if (balances != nullptr) *balances = balances_;
    return totals_;
  }

 private:
  // --- the agenda
  // ---------------------------------------------------------------------------------

  void add(int64_t at_us, uint32_t owner, What what, size_t thing) {
    if (at_us < kProductEndUs)
      agenda_.push_back({at_us, owner, static_cast<uint32_t>(thing), what});
  }
  int64_t between(int64_t from_us, int64_t to_us) {
    const double span = static_cast<double>(std::max<int64_t>(to_us - from_us, 1));
    return from_us + static_cast<int64_t>(span * random_.unit());
  }
  RawId mint(uint64_t kind, int64_t at_us) {
    return timed_id(shape_.seed, kind, ++minted_, at_us / 1000);
  }

  void plan() {
    std::vector<uint32_t> rank_of(shape_.owners);
    double harmonic = 0;
    for (uint32_t i = 0; i < shape_.owners; ++i) {
      rank_of[i] = i + 1;
      harmonic += 1.0 / (i + 1);
    }
    for (uint32_t i = shape_.owners; i > 1; --i)
      std::swap(rank_of[i - 1], rank_of[random_.below(i)]);
    balances_.resize(shape_.owners);
    for (uint32_t owner = 0; owner < shape_.owners; ++owner) {
      plan_owner(owner, shape_.owners / harmonic / rank_of[owner]);
    }
  }

  // `weight`: 1 is the mean.
  void plan_owner(uint32_t owner, double weight) {
    const int64_t born_us = between(kProductBeginUs, kProductBeginUs + 20 * kDayUs);
    add(born_us, owner, What::sign_up, owner);
    std::vector<std::pair<size_t, int64_t>> own;  // projects and when
    const auto count = static_cast<size_t>(1 + std::log2(1 + weight));
    for (size_t i = 0; i < count; ++i) {
      const int64_t at_us = between(born_us, i == 0 ? born_us + kDayUs : kProductEndUs);
      own.emplace_back(projects_.size(), at_us);
      projects_.push_back({mint(kOfProject, at_us)});
      add(at_us, owner, What::project, own.back().first);
      plan_documents(owner, own.back().first, at_us);
    }
    const auto pick = [&] { return own[random_.below(static_cast<uint32_t>(own.size()))]; };
    const auto times = [&](double mean) {
      return static_cast<uint32_t>(mean * weight + random_.unit());
    };
    for (uint32_t i = times(kMeanTasks); i > 0; --i) plan_task(owner, pick());
    for (uint32_t i = 1 + times(kMeanSessions - 1); i > 0; --i) plan_chat(owner, pick());
    if (random_.below(10) < 3) plan_integrations(owner, born_us);
  }

  void plan_documents(uint32_t owner, size_t project, int64_t from_us) {
    for (uint32_t versions = random_.below(4); versions > 0; --versions) {
      add(between(from_us, kProductEndUs), owner, What::version, project);
    }
    for (uint32_t i = 1 + random_.below(3); i > 0; --i) {
      const int64_t at_us = between(from_us, from_us + 10 * kDayUs);
      const size_t document = documents_.size();
      documents_.push_back({.project = static_cast<uint32_t>(project),
                            .id = mint(kOfDocument, at_us),
                            .has_sections = random_.below(10) == 0});
      add(at_us, owner, What::document, document);
      for (uint32_t n = draw_whole(kRevisionsOfDocument, random_); n > 0; --n) {
        add(between(at_us + kSecondUs, kProductEndUs), owner, What::revision, document);
      }
    }
  }

  void plan_task(uint32_t owner, std::pair<size_t, int64_t> project) {
    int64_t at_us = between(project.second, kProductEndUs);
    tasks_.push_back({.project = static_cast<uint32_t>(project.first), .id = mint(kOfTask, at_us)});
    add(at_us, owner, What::task, tasks_.size() - 1);
    for (uint32_t n = draw_whole(kActivitiesOfTask, random_); n > 0; --n) {
      at_us = between(at_us, at_us + 7 * kDayUs);
      add(at_us, owner, What::activity, tasks_.size() - 1);
    }
  }

  void plan_chat(uint32_t owner, std::pair<size_t, int64_t> project) {
    int64_t at_us = between(project.second, kProductEndUs);
    chats_.push_back({.project = static_cast<uint32_t>(project.first), .id = mint(kOfChat, at_us)});
    add(at_us, owner, What::chat, chats_.size() - 1);
    const uint32_t count = draw_whole(kMessagesInSession, random_);
    // One in twenty is taken up again days later, and so may cross the end of a month.
    const uint32_t pause = random_.below(20) == 0 ? random_.below(count) : count;
    for (uint32_t i = 0; i < count; ++i) {
      if (i == pause) at_us += static_cast<int64_t>(random_.below(30)) * kDayUs;
      const bool is_typed = i % 2 == 0;
      at_us += (is_typed ? 10 : 3) * kSecondUs +
               static_cast<int64_t>(random_.below(is_typed ? 110 : 27)) * kSecondUs;
      add(at_us, owner, What::message, chats_.size() - 1);
    }
  }

  void plan_integrations(uint32_t owner, int64_t born_us) {
    for (uint32_t n = 1 + random_.below(3); n > 0; --n) {
      const int64_t at_us = between(born_us, kProductEndUs);
      const size_t number = integrations_.size();
      integrations_.push_back(
          {mint(kOfIntegration, at_us), static_cast<uint8_t>(1 + random_.below(3))});
      add(at_us, owner, What::integration, number);
      if (random_.below(4) == 0) {
        add(at_us + 5 * kMinuteUs, owner, What::integration_revision, number);
      }
      if (random_.below(10) == 0) add(at_us + kDayUs, owner, What::integration_end, number);
    }
  }

  // --- what happens
  // -------------------------------------------------------------------------------

  void happen(const Entry& entry, Random& random) {
    const Happening when{entry.at_us, entry.owner, user_id(entry.owner)};
    switch (entry.what) {
      case What::sign_up:
        return sign_up(when, random);
      case What::project:
        ++totals_.projects;
        return sink_.project(when, projects_[entry.thing].id, text(random, kTitleBytes),
                             texts_.words(random, 600));
      case What::version:
        return version(when, projects_[entry.thing], random);
      case What::document:
        return document(when, documents_[entry.thing], random);
      case What::revision:
        return revision(when, documents_[entry.thing]);
      case What::task:
        return task(when, tasks_[entry.thing], random);
      case What::activity:
        return activity(when, tasks_[entry.thing]);
      case What::chat:
        ++totals_.chats;
        return sink_.chat(when, chats_[entry.thing].id, projects_[chats_[entry.thing].project].id);
      case What::message:
        return message(when, chats_[entry.thing], random);
      case What::integration:
        ++totals_.integrations;
        return integration(when, integrations_[entry.thing], random);
      case What::integration_revision:
        return integration(when, integrations_[entry.thing], random);
      case What::integration_end:
        ++totals_.removed_integrations;
        return sink_.integration(when, integrations_[entry.thing].id,
                                 integrations_[entry.thing].type, std::nullopt);
    }
  }

  RawId user_id(uint32_t owner) const { return random_id(shape_.seed, kOfUser, owner); }
  std::string_view text(Random& random, std::span<const Quantile> bytes) const {
    return texts_.text(random, draw_whole(bytes, random));
  }

  void sign_up(const Happening& when, Random& random) {
    ProductBalance& balance = balances_[when.owner];
    const uint32_t plan = random.below(20);
    balance.is_unlimited = plan == 0;
    balance.plan_allowance = balance.allowance = plan < 3 ? 500 : 30;
    balance.renews_us = next_month(when.at_us);
    const std::string email = fmt::format("owner{}@example.invalid", when.owner);
    const std::string customer = fmt::format("cus_{:014}", when.owner);
    ++totals_.users;
    sink_.sign_up(
        when,
        {.email = email,
         .full_name = random.below(2) == 0 ? std::optional(texts_.words(random, 24)) : std::nullopt,
         .stripe_customer_id = plan < 3 ? std::optional<std::string_view>(customer) : std::nullopt,
         .allowance = balance.allowance,
         .is_unlimited = balance.is_unlimited,
         .resets_at_us = balance.renews_us});
  }

  void version(const Happening& when, Project& project, Random& random) {
    ++totals_.versions;
    project.sections = 0;
    sink_.version(when, project.id, ++project.version, texts_.words(random, 80));
  }

  void document(const Happening& when, Document& document, Random& random) {
    Project& project = projects_[document.project];
    // Three documents at most are planned for a project, so that there is a free one.
    auto section = static_cast<uint8_t>(random.below(5));
    while ((project.sections >> section & 1) != 0) {
      section = static_cast<uint8_t>((section + 1) % 5);
    }
    project.sections = static_cast<uint8_t>(project.sections | 1u << section);
    ++totals_.documents;
    sink_.document(when, document.id, project.id, project.version,
                   static_cast<uint8_t>(section + 1));
  }

  void revision(const Happening& when, Document& document) {
    if (document.text == nullptr) {
      Random random(shape_.seed ^ document.id[15] ^ uint64_t{document.id[14]} << 8 ^
                    uint64_t{document.id[13]} << 16);
      const size_t bytes = 1500 + random.below(3000) * (1 + random.below(8));
      document.text = std::make_unique<EditedDocument>(texts_, random.next(), bytes);
    } else {
      document.text->edit();
    }
    ++totals_.revisions;
    sink_.revision(when, document.id, ++document.rev, document.text->json());
    if (document.has_sections) sections(when, document);
  }

  void sections(const Happening& when, const Document& document) {
    const std::vector<std::string_view>& blocks = document.text->blocks();
    std::vector<std::string> bodies;
    std::vector<std::vector<float>> embeddings;
    std::vector<ProductSink::Section> sections;
    for (size_t i = 0; i < blocks.size(); i += kBlocksOfSection) {
      std::string body;
      for (size_t k = i; k < std::min(blocks.size(), i + kBlocksOfSection); ++k) {
        body.append(blocks[k]).append("\n\n");
      }
      embeddings.push_back(embedding(body));
      bodies.push_back(std::move(body));
    }
    for (size_t i = 0; i < bodies.size(); ++i) {
      sections.push_back({static_cast<uint32_t>(i + 1), bodies[i], embeddings[i]});
    }
    totals_.sections += sections.size();
    sink_.sections(when, document.id, document.rev, sections);
  }

  // Of length 1, and the same for the same text.
  static std::vector<float> embedding(std::string_view text) {
    uint64_t hash = 0xCBF29CE484222325ull;  // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
    Random random(hash);
    std::vector<float> values(kDimension);
    double square = 0;
    for (float& value : values) {
      value = static_cast<float>(random.unit() - 0.5);
      square += double{value} * double{value};
    }
    for (float& value : values) value = static_cast<float>(double{value} / std::sqrt(square));
    return values;
  }

  void task(const Happening& when, const Task& task, Random& random) {
    ++totals_.tasks;
    const auto phase = static_cast<int32_t>(random.below(10) < 8 ? 3 : random.below(6));
    const std::string_view title = text(random, kTitleBytes);
    sink_.task(when, task.id, projects_[task.project].id, phase, title,
               text(random, kDescriptionBytes));
  }

  void activity(const Happening& when, Task& task) {
    ++totals_.activities;
    task.is_done = !task.is_done;
    sink_.activity(when, task.id, task.is_done);
  }

  void message(const Happening& when, Chat& chat, Random& random) {
    const bool is_reply = chat.expects_reply;
    if (!is_reply && !can_pay(when, random)) {
      ++totals_.unanswered;
      return;
    }
    chat.expects_reply = !is_reply;
    const std::string_view content = text(random, is_reply ? kAssistantBytes : kUserBytes);
    ++totals_.messages;
    sink_.message(when, {.session = chat.id,
                         .seq = ++chat.last_seq,
                         .role = static_cast<uint8_t>(is_reply ? 2 : 1),
                         .content = content,
                         .token_count = static_cast<int32_t>(content.size() / 4)});
    if (is_reply && random.below(8) == 0) tool_call(when, chat, random);
  }

  void tool_call(const Happening& when, const Chat& chat, Random& random) {
    const RawId& project = projects_[chat.project].id;
    for (const std::string_view type : {"agent.tool_call", "agent.tool_result"}) {
      const std::string payload = fmt::format(R"({{"text":"{}"}})", text(random, kPayloadBytes));
      ++totals_.events;
      sink_.event(when, project, type, payload);
    }
  }

  // Spends a credit, the allowance first; buys more now and then.
  bool can_pay(const Happening& when, Random& random) {
    ProductBalance& balance = balances_[when.owner];
    if (when.at_us >= balance.renews_us) {
      balance.allowance = balance.plan_allowance;
      balance.renews_us = next_month(when.at_us);
    }
    if (!balance.is_unlimited && balance.allowance + balance.granted == 0) {
      if (random.below(4) != 0) return false;
      balance.granted = kGrant;
      ++totals_.grants;
      sink_.grant(when, kGrant);
    }
    ++totals_.spent;
    if (!balance.is_unlimited) --(balance.allowance > 0 ? balance.allowance : balance.granted);
    return true;
  }

  void integration(const Happening& when, const Integration& integration, Random& random) {
    const std::string metadata =
        fmt::format(R"({{"token":"tok_{:016x}{:016x}","scope":"{}"}})", random.next(),
                    random.next(), texts_.words(random, 40));
    sink_.integration(when, integration.id, integration.type, metadata);
  }

  const ProductShape shape_;
  const Texts& texts_;
  ProductSink& sink_;
  Random random_;  // of the agenda
  uint64_t minted_ = 0;
  std::vector<Entry> agenda_;
  std::vector<Project> projects_;
  std::vector<Document> documents_;
  std::vector<Task> tasks_;
  std::vector<Chat> chats_;
  std::vector<Integration> integrations_;
  std::vector<ProductBalance> balances_;
  ProductTotals totals_;
};

}  // namespace

ProductTotals generate_product(const ProductShape& shape, const Texts& texts, ProductSink& sink,
                               std::vector<ProductBalance>* balances) {
  return Product(shape, texts, sink).run(balances);
}

}  // namespace bcstore::bench
