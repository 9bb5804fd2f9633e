#include "net/uuid.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace net {
namespace {

TEST(Uuid, known_texts) {
  EXPECT_EQ(Uuid{}.text(), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ((Uuid{0, 1}.text()), "AAAAAAAAAAAAAAAAAAAAAQ");  // the topic id of __cluster_metadata
  EXPECT_EQ((Uuid{~0ULL, ~0ULL}.text()), "_____________________w");
  EXPECT_EQ((Uuid{0x0102030405060708, 0x090a0b0c0d0e0f10}.text()), "AQIDBAUGBwgJCgsMDQ4PEA");
}

RC_GTEST_PROP(Uuid, text_parses_back, (std::uint64_t high, std::uint64_t low)) {
  const Uuid id{high, low};
  RC_ASSERT(Uuid::parse(id.text()).value() == id);
}

TEST(Uuid, other_texts_are_refused) {
  for (const std::string_view text : {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB",
                                      "AAAAAAAAAA+AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA=="})
    EXPECT_TRUE(Uuid::parse(text).error().is(kernel::Errc::corrupt)) << text;
}

}  // namespace
}  // namespace net
