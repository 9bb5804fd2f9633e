#include "broker/config/subjects.h"

#include <gtest/gtest.h>

#include <set>

#include "broker/config/definition.h"

namespace broker::config {
namespace {

TEST(Subjects, ClaimEverySettingThatDoesSomethingOnce) {
  std::set<std::string_view> seen;
  for (const Subject& one : broker_settings_by_subject()) {
    EXPECT_NE(one.words, "Others") << one.names.front() << " belongs somewhere";
    for (const std::string_view name : one.names) EXPECT_TRUE(seen.insert(name).second) << name;
  }
  for (const Definition& one : broker_definitions())
    EXPECT_EQ(seen.contains(one.name), one.treatment == Treatment::honoured) << one.name;
}

}  // namespace
}  // namespace broker::config
