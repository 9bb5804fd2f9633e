// How far a group is behind: in records, and in time.
//
//   for (const PartitionLag& one : TRY(group_lag(f, scope, cluster, "billing"))) use(one.records, one.age);
#pragma once

#include "clients/admin/groups.h"

namespace clients::admin {

struct PartitionLag {
  TopicPartition at;
  std::optional<group::OffsetAndMetadata> committed;
  net::Offset end{0};
  std::optional<std::int64_t> records;         ///< up to the end; nothing without a commit
  /// How old the oldest record is that was not consumed, by its timestamp; zero at the end; nothing without a commit
  /// or when it could not be read in time.
  std::optional<std::chrono::milliseconds> age;
  std::optional<GroupMember> member;           ///< who reads it
};
/// All partitions that the group has committed or that a member reads, sorted. Reads one batch of each that lags;
/// `scope` is the reader's. Errors: those of describe_group and consumer::list_offsets.
kernel::Result<std::vector<PartitionLag>> group_lag(kernel::Fiber& f, kernel::Scope& scope, const ClusterRef& cluster,
                                                    const GroupDescription& group);

}  // namespace clients::admin
