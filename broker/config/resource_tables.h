// Settings of groups and of subscriptions to client metrics, which are resources of their own.
// Kafka's facts, our words. Ordered by name.
#pragma once

#include "broker/config/reasons.h"

namespace broker::config::table {

using enum Importance;
using enum Mode;
using enum Treatment;

inline constexpr Definition kGroupResourceTable[] = {
    define("consumer.assignment.interval.ms", Type::int32, "1000", at_least(0), medium, cluster_wide, noticed,
           kNoGroups),
    define("consumer.assignor.offload.enable", Type::boolean, "true", kAny, medium, cluster_wide, noticed,
           kNoGroups),
    define("consumer.heartbeat.interval.ms", Type::int32, "5000", at_least(1), medium, cluster_wide, noticed,
           kNoGroups),
    define("consumer.session.timeout.ms", Type::int32, "45000", at_least(1), medium, cluster_wide, noticed,
           kNoGroups),
    define("errors.deadletterqueue.copy.record.enable", Type::boolean, "false", kAny, medium, cluster_wide, noticed,
           kNoShareGroups),
    define("errors.deadletterqueue.topic.name", Type::string, "", kAny, medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.assignment.interval.ms", Type::int32, "1000", at_least(0), medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.assignor.offload.enable", Type::boolean, "true", kAny, medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.auto.offset.reset", Type::string, "latest", kAny, medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.delivery.count.limit", Type::int32, "5", at_least(2), medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.heartbeat.interval.ms", Type::int32, "5000", at_least(1), medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.isolation.level", Type::string, "read_uncommitted", one_of("read_committed,read_uncommitted"),
           medium, cluster_wide, noticed, kNoShareGroups),
    define("share.partition.max.record.locks", Type::int32, "2000", at_least(100), medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.record.lock.duration.ms", Type::int32, "30000", at_least(1000), medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.renew.acknowledge.enable", Type::boolean, "true", kAny, medium, cluster_wide, noticed,
           kNoShareGroups),
    define("share.session.timeout.ms", Type::int32, "45000", at_least(1), medium, cluster_wide, noticed,
           kNoShareGroups),
    define("streams.acceptable.recovery.lag", Type::int64, "10000", at_least(0), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.assignment.interval.ms", Type::int32, "1000", at_least(0), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.assignor.name", Type::string, kUnset, kAny, medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.assignor.offload.enable", Type::boolean, "true", kAny, medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.heartbeat.interval.ms", Type::int32, "5000", at_least(1), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.initial.rebalance.delay.ms", Type::int32, "3000", at_least(0), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.num.standby.replicas", Type::int32, "0", at_least(0), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.num.warmup.replicas", Type::int32, "2", at_least(0), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.rack.aware.assignment.tags", Type::list, "", kAny, low, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.session.timeout.ms", Type::int32, "45000", at_least(1), medium, cluster_wide, noticed,
           kNoStreamsGroups),
    define("streams.task.offset.interval.ms", Type::int32, "60000", at_least(1), medium, cluster_wide, noticed,
           kNoStreamsGroups),
};

inline constexpr Definition kClientMetricsTable[] = {
    define("interval.ms", Type::int32, "300000", between(100, 3'600'000), medium, cluster_wide, noticed, kNoQuotas),
    define("match", Type::list, "", kAny, medium, cluster_wide, noticed, kNoQuotas),
    define("metrics", Type::list, "", kAny, medium, cluster_wide, noticed, kNoQuotas),
};

}  // namespace broker::config::table
