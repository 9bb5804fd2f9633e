// Calls that look at groups and change what they have committed. Each asks the groups' coordinators and repeats while
// those are not ready.
//
//   for (const auto& group : TRY(describe_groups(f, cluster, {"billing"}))) use(group.state, group.members);
//   const auto steps = TRY(plan_reset(f, cluster, "billing", partitions, ToTime{noon_ms}));
//
// All suspend. Errors of all: those of Coordinator::ask; what the broker says of one group is in the answers.
#pragma once

#include <variant>

#include "clients/admin/admin.h"
#include "clients/group/offsets.h"

namespace clients::admin {

using ClusterRef = std::shared_ptr<core::Cluster>;
using core::TopicPartition;
using group::Offsets;
using group::Partitions;

struct GroupListing {
  std::string id;
  std::string state;          ///< empty where the broker does not tell
  std::string protocol_type;  ///< "consumer"; empty for a group that only commits
  std::string type;           ///< "classic", …
};
/// Of all brokers, by id. `states` (Kafka's words) are a filter; empty: all.
kernel::Result<std::vector<GroupListing>> list_groups(kernel::Fiber& f, core::Cluster& cluster,
                                                      const std::vector<std::string>& states = {});

struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  Partitions assigned;
};
struct GroupDescription : Verdict {
  std::string state;
  std::string protocol_type;
  std::string protocol;  ///< the assignor in use
  net::BrokerId coordinator = net::kBrokerIdNone;
  std::vector<GroupMember> members;
  /// There is no such group: it has neither members nor offsets.
  [[nodiscard]] bool missing() const { return code == net::ErrorCode::group_id_not_found || state == "Dead"; }
};
kernel::Result<GroupDescription> describe_group(kernel::Fiber& f, const ClusterRef& cluster, const std::string& id);
/// NON_EMPTY_GROUP while it has members.
kernel::Result<Verdict> delete_group(kernel::Fiber& f, const ClusterRef& cluster, const std::string& id);

kernel::Result<Offsets> list_group_offsets(kernel::Fiber& f, const ClusterRef& cluster, const std::string& id);
/// UNKNOWN_MEMBER_ID while the group has members.
kernel::Result<group::Verdicts> alter_group_offsets(kernel::Fiber& f, const ClusterRef& cluster, const std::string& id,
                                                    const Offsets& offsets);
kernel::Result<group::Verdicts> delete_group_offsets(kernel::Fiber& f, const ClusterRef& cluster, const std::string& id,
                                                     const Partitions& partitions);

// Where a group could be set to.
struct ToEarliest {};
struct ToLatest {};
/// Where it is; to the end where it has committed nothing.
struct ToCurrent {};
struct ToOffset {
  std::int64_t offset = 0;
};
/// From the committed offset, forwards or backwards; nothing for partitions without one.
struct ShiftBy {
  std::int64_t records = 0;
};
/// To the first record that is not older, or the end.
struct ToTime {
  std::int64_t timestamp_ms = 0;
};
struct ToGiven {
  std::map<TopicPartition, std::int64_t> offsets;
};
using ResetTarget = std::variant<ToEarliest, ToLatest, ToCurrent, ToOffset, ShiftBy, ToTime, ToGiven>;

struct ResetStep {
  TopicPartition at;
  std::optional<net::Offset> from;  ///< committed now
  net::Offset to{0};
  bool moved_into_log = false;      ///< what was asked for is not on the log; `to` is the nearest end of it
};
/// What a reset would do; nothing is changed. Errors also: those of consumer::list_offsets.
kernel::Result<std::vector<ResetStep>> plan_reset(kernel::Fiber& f, const ClusterRef& cluster, const std::string& id,
                                                  const Partitions& partitions, const ResetTarget& target);

}  // namespace clients::admin
