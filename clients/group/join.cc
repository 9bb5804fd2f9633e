// Joining: what we say of ourselves, the division of the work where we lead, and what we get of it.
#include "clients/group/state.h"
#include "kernel/node.h"
#include "net/messages/sync_group.h"

namespace clients::group {

using core::Reason;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;

namespace {

constexpr std::int16_t kJoinStaticFirst = 5;
constexpr std::int16_t kSyncStaticFirst = 3;
constexpr std::int16_t kSyncProtocolFirst = 5;
/// Beyond what the coordinator waits for the others.
constexpr kernel::Duration kJoinSlack = std::chrono::seconds{5};

std::int32_t ms_of(kernel::Duration duration) {
  return static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Bytes GroupConsumer::State::subscription_for(AssignorKind kind) const {
  Subscription said;
  said.topics.assign(topics.begin(), topics.end());
  said.user_data = user_data(kind, remembered);
  said.owned.assign(owned.begin(), owned.end());
  said.generation = remembered.generation;
  return encode_subscription(said);
}

/// What a code of Join or SyncGroup means for the next attempt; the error itself goes to whoever asked.
Result<> GroupConsumer::State::join_again_with(ErrorCode code) {
  if (core::coordinator_news(code) == core::CoordinatorNews::moved) coordinator.forget();
  if (code == ErrorCode::unknown_member_id || code == ErrorCode::illegal_generation)
    lose_generation(code == ErrorCode::unknown_member_id);
  return core::fail_code(code);
}

Result<> GroupConsumer::State::join_and_sync(Fiber& f) {
  const std::set<std::string> topics_now = topics;
  must_rejoin = false;
  std::vector<Bytes> said;
  for (const AssignorKind kind : config.assignors) said.push_back(subscription_for(kind));
  net::Arena arena;
  const auto make = [&](std::int16_t version) {
    net::JoinGroupRequest request;
    request.group_id = config.group_id;
    request.session_timeout_ms = ms_of(config.session_timeout);
    request.rebalance_timeout_ms = ms_of(config.max_poll_interval);
    request.member_id = arena.copy(self.member_id);
    if (config.instance_id && version >= kJoinStaticFirst) request.group_instance_id = *config.instance_id;
    request.protocol_type = kProtocolType;
    for (std::size_t i = 0; i < said.size(); ++i)
      arena.push_back(request.protocols, {.name = name_of(config.assignors[i]), .metadata = kernel::ByteView{said[i]}});
    return request;
  };
  const auto ask = [&] {
    return coordinator.ask_once<net::JoinGroupRequest>(
        f, make, {.lane = join_lane, .timeout = std::max(cluster->config().request_timeout, config.max_poll_interval + kJoinSlack)});
  };
  const std::uint64_t subscription = subscription_number;
  auto joined = ask();
  if (joined && (*joined)->error_code == ErrorCode::member_id_required) {
    self.member_id = (*joined)->member_id;
    joined = ask();
  }
  if (subscription != subscription_number || stage != Stage::joining) return fail(kernel::Errc::closed);
  if (!joined) {
    coordinator.forget();
    return std::unexpected(joined.error());
  }
  const net::JoinGroupResponse& answer = joined->message;
  if (answer.error_code != ErrorCode::none) return join_again_with(answer.error_code);
  if (answer.protocol_type && *answer.protocol_type != kProtocolType)
    return core::fail_code(ErrorCode::inconsistent_group_protocol);
  self = {std::string{answer.member_id}, config.instance_id, answer.generation_id};
  heartbeat_due = kernel::saturating_add(f.now(), config.heartbeat_interval);
  joined_topics = topics_now;
  leads = answer.leader == answer.member_id;
  std::map<std::string, Bytes> all;
  if (leads) {
    auto divided = divide(f, answer);
    if (!divided) return std::unexpected(divided.error());
    // A static leader that came back may have to leave the division as it is (KIP-814).
    if (!answer.skip_assignment) all = std::move(*divided);
  } else {
    lead_topics({});
  }
  const Bytes bytes = TRY(sync(f, std::string{answer.protocol_name.value_or("")}, all));
  if (subscription != subscription_number || stage != Stage::joining) return fail(kernel::Errc::closed);
  auto mine = judge_assignment(bytes);
  if (!mine) return std::unexpected(mine.error());
  offered = std::move(*mine);
  ++stats.rebalances;
  return {};
}

Result<std::map<std::string, Bytes>> GroupConsumer::State::divide(Fiber& f, const net::JoinGroupResponse& joined) {
  const auto kind = assignor_named(joined.protocol_name.value_or(""));
  if (!kind) return core::fail_code(ErrorCode::inconsistent_group_protocol);
  std::vector<Member> members;
  std::set<std::string> wanted;
  for (const auto& one : joined.members) {
    Member& member = members.emplace_back();
    member.id = one.member_id;
    if (one.group_instance_id) member.instance_id.emplace(*one.group_instance_id);
    auto said = parse_subscription(one.metadata);
    if (said) {
      member.subscription = std::move(*said);
      wanted.insert(member.subscription.topics.begin(), member.subscription.topics.end());
      continue;
    }
    // It gets nothing; the others must not stand still for it.
    ++stats.members_unreadable;
    f.log().warn("group_member_unreadable", {{"group", config.group_id}, {"member", member.id}, {"error", said.error()}});
  }
  const bool news = wanted != group_topics || counts_of(wanted).size() < wanted.size();
  lead_topics(wanted);
  if (news) TRY(cluster->refresh(f));
  led_counts = counts_of(group_topics);
  std::map<std::string, Bytes> all;
  for (auto& [id, partitions] : group::assign(*kind, std::move(members), led_counts))
    all.emplace(id, encode_assignment(std::move(partitions)));
  return all;
}

Result<Bytes> GroupConsumer::State::sync(Fiber& f, const std::string& protocol, const std::map<std::string, Bytes>& all) {
  net::Arena arena;
  const MemberIdentity as = self;
  const auto make = [&](std::int16_t version) {
    net::SyncGroupRequest request;
    request.group_id = config.group_id;
    request.generation_id = as.generation;
    request.member_id = as.member_id;
    if (as.instance_id && version >= kSyncStaticFirst) request.group_instance_id = *as.instance_id;
    if (version >= kSyncProtocolFirst) {
      request.protocol_type = kProtocolType;
      request.protocol_name = protocol;
    }
    for (const auto& [id, bytes] : all)
      arena.push_back(request.assignments, {.member_id = id, .assignment = kernel::ByteView{bytes}});
    return request;
  };
  const auto answer = coordinator.ask_once<net::SyncGroupRequest>(
      f, make, {.lane = join_lane, .timeout = std::max(cluster->config().request_timeout, config.max_poll_interval + kJoinSlack)});
  if (!answer) {
    coordinator.forget();
    return std::unexpected(answer.error());
  }
  if ((*answer)->error_code != ErrorCode::none) {
    (void)join_again_with((*answer)->error_code);
    return core::fail_code((*answer)->error_code);
  }
  if ((*answer)->protocol_name && *(*answer)->protocol_name != protocol)
    return core::fail_code(ErrorCode::inconsistent_group_protocol);
  return Bytes{(*answer)->assignment.begin(), (*answer)->assignment.end()};
}

Result<Partitions> GroupConsumer::State::judge_assignment(const Bytes& bytes) const {
  Partitions mine = TRY(parse_assignment(bytes));
  for (const TopicPartition& at : mine) {
    // Another's topic: reading it would be somebody else's work done twice.
    if (!joined_topics.contains(at.topic)) return fail(Reason::malformed_assignment, static_cast<std::int64_t>(bytes.size()));
  }
  return mine;
}

}  // namespace clients::group
