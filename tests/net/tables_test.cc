// The tables of errors and APIs.
#include <gtest/gtest.h>

#include <algorithm>

#include "net/apis.h"
#include "net/errors.h"

namespace net {
namespace {

TEST(Errors, codes_are_ascending_without_holes) {
  std::int16_t next = -1;
  for (const ErrorFacts& error : all_errors()) EXPECT_EQ(static_cast<std::int16_t>(error.code), next++);
  EXPECT_EQ(next, 137);
}

TEST(Errors, a_code_has_its_facts) {
  EXPECT_EQ(name_of(ErrorCode::none), "NONE");
  EXPECT_EQ(name_of(ErrorCode::not_leader_or_follower), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_TRUE(facts(ErrorCode::not_leader_or_follower).retriable);
  EXPECT_EQ(facts(ErrorCode::not_leader_or_follower).remedy, ErrorRemedy::refresh_metadata);
  EXPECT_FALSE(facts(ErrorCode::unsupported_version).retriable);
  EXPECT_EQ(static_cast<int>(ErrorCode::unsupported_version), 35);
}

TEST(Errors, an_unknown_code_counts_as_unknown_server_error) {
  const auto future = static_cast<ErrorCode>(9999);
  EXPECT_EQ(text_of(future), "ERROR_9999");
  EXPECT_EQ(facts(future).code, ErrorCode::unknown_server_error);
}

TEST(Apis, keys_ascend_and_find_themselves) {
  EXPECT_TRUE(std::ranges::is_sorted(all_apis(), std::less{}, &ApiInfo::key));
  for (const ApiInfo& api : all_apis()) EXPECT_EQ(find_api(static_cast<std::int16_t>(api.key)), &api);
  EXPECT_EQ(find_api(-1), nullptr);
  EXPECT_EQ(find_api(4), nullptr);  // LeaderAndIsr went with ZooKeeper
  EXPECT_EQ(find_api(INT16_MAX), nullptr);
}

TEST(Apis, the_facts_of_a_few) {
  const ApiInfo& produce = info(ApiKey::produce);
  EXPECT_EQ(produce.versions, (VersionRange{3, 13}));
  EXPECT_EQ(produce.advertised_first, 0);
  EXPECT_EQ(produce.request_flexible_from, 9);
  const ApiInfo& init = info(ApiKey::init_producer_id);
  EXPECT_EQ(init.versions, (VersionRange{0, 6}));
  EXPECT_EQ(init.unstable_from, 6);
  EXPECT_TRUE(info(ApiKey::create_topics).forwarded);
  EXPECT_TRUE(info(ApiKey::vote).cluster_action);
  EXPECT_FALSE(info(ApiKey::vote).on_broker);
  EXPECT_EQ(info(ApiKey::sasl_handshake).request_flexible_from, kNeverFlexible);
}

}  // namespace
}  // namespace net
