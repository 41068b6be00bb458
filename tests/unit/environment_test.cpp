#include "backends/environment.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace mooring::backends {
namespace {

TEST(Environment, is_that_of_the_process) {
  setenv("MOORING_TEST_A", "b=c", 1);
  setenv("MOORING_TEST_EMPTY", "", 1);
  const Environment environment = process_environment();
  unsetenv("MOORING_TEST_A");
  unsetenv("MOORING_TEST_EMPTY");
  EXPECT_EQ(variable(environment, "MOORING_TEST_A"), "b=c");
  EXPECT_EQ(environment.count("MOORING_TEST_EMPTY"), 1U);
  EXPECT_EQ(variable(environment, "MOORING_TEST_EMPTY"), "");
  EXPECT_EQ(variable(environment, "MOORING_TEST_NOT_SET"), "");
}

}  // namespace
}  // namespace mooring::backends
