// Runs the tests. A filter that selects no test fails: a renamed test must not pass unseen.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

namespace {

unsigned selected = 0;

// Only here to learn how many tests the filter let through.
class Count : public doctest::IReporter {
 public:
  explicit Count(const doctest::ContextOptions&) {}
  void test_run_end(const doctest::TestRunStats& run) override {
    selected = run.numTestCasesPassingFilters;
  }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

DOCTEST_REGISTER_LISTENER("count", 1, Count);

}  // namespace

int main(int argc, char** argv) {
  // Where the real data lies, unless the caller says otherwise.
  setenv("BCSTORE_DATA", BCSTORE_DEFAULT_DATA, 0);
  doctest::Context context(argc, argv);
  int result = context.run();
  if (context.shouldExit()) return result;
  return result != 0 ? result : selected == 0 ? 1 : 0;
}
