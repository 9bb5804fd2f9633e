#include "kernel/result.h"

#include <gtest/gtest.h>

namespace kernel {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Errc::invalid_argument, n);
  return n / 2;
}
Result<int> quarter(int n) { return TRY(half(TRY(half(n)))); }

TEST(Result, try_passes_the_value_on_or_leaves_with_the_first_error) {
  EXPECT_EQ(quarter(8).value(), 2);
  const auto odd = quarter(6);
  ASSERT_FALSE(odd.has_value());
  EXPECT_TRUE(odd.error().is(Errc::invalid_argument));
  EXPECT_EQ(odd.error().detail, 3);
}

TEST(Result, a_failed_system_call_keeps_its_number) {
  const Error full = fail_errno(ENOSPC).error();
  EXPECT_TRUE(full.is(Errc::disk_full));
  EXPECT_EQ(full.system_errno, ENOSPC);
}

}  // namespace
}  // namespace kernel
