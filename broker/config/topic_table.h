// Topic settings.
// Kafka's facts, our words. Ordered by name.
#pragma once

#include "broker/config/reasons.h"

namespace broker::config::table {

using enum Importance;
using enum Mode;
using enum Treatment;

inline constexpr Definition kTopicTable[] = {
    define("cleanup.policy", Type::list, "delete", one_of("compact,delete"), medium, cluster_wide, honoured,
           "What becomes of old records: delete, compact or both. Compacted topics take records with keys only."),
    define("compression.gzip.level", Type::int32, "-1", between_or_minus1(1, 9), medium, cluster_wide, honoured,
           "How hard gzip tries where records are compressed here."),
    define("compression.lz4.level", Type::int32, "9", between(1, 17), medium, cluster_wide, honoured,
           "How hard lz4 tries where records are compressed here."),
    define("compression.type", Type::string, "producer", one_of("uncompressed,zstd,lz4,snappy,gzip,producer"), medium,
           cluster_wide, honoured, "How records are stored: one codec for all, or as the producer sent them."),
    define("compression.zstd.level", Type::int32, "3", between(-131072, 22), medium, cluster_wide, honoured,
           "How hard zstd tries where records are compressed here."),
    define("delete.retention.ms", Type::int64, "86400000", at_least(0), medium, cluster_wide, honoured,
           "How long a compaction keeps tombstones from when it could have removed them on."),
    define("errors.deadletterqueue.group.enable", Type::boolean, "false", kAny, medium, cluster_wide, noticed,
           kNoShareGroups),
    define("file.delete.delay.ms", Type::int64, "60000", at_least(0), medium, cluster_wide, honoured,
           "How long the files of a deleted segment stay on disk."),
    define("flush.messages", Type::int64, "9223372036854775807", at_least(1), medium, cluster_wide, noticed, kNoFlush),
    define("flush.ms", Type::int64, "9223372036854775807", at_least(0), medium, cluster_wide, noticed, kNoFlush),
    define("follower.replication.throttled.replicas", Type::list, "", kAny, medium, cluster_wide, noticed, kOneNode),
    define("index.interval.bytes", Type::int32, "4096", at_least(0), medium, cluster_wide, honoured,
           "Bytes of records between two entries of a segment index."),
    define("internal.segment.bytes", Type::int32, kUnset, kAny, medium, cluster_wide, honoured,
           "As segment.bytes without its lower bound, for tests."),
    define("leader.replication.throttled.replicas", Type::list, "", kAny, medium, cluster_wide, noticed, kOneNode),
    define("local.retention.bytes", Type::int64, "-2", at_least(-2), medium, cluster_wide, noticed, kNoTiering),
    define("local.retention.ms", Type::int64, "-2", at_least(-2), medium, cluster_wide, noticed, kNoTiering),
    define("log.durability", Type::string, "durable", one_of("durable,relaxed"), medium, cluster_wide, honoured,
           "When a record counts as stored: synced to disk (durable), or written to the page cache as in Kafka "
           "(relaxed)."),
    define("log.validate.compressed", Type::boolean, "false", kAny, medium, cluster_wide, honoured,
           "Whether compressed batches are unpacked and checked record by record when they arrive."),
    define("max.compaction.lag.ms", Type::int64, "9223372036854775807", at_least(1), medium, cluster_wide, honoured,
           "Age of a record at which its log is compacted, however few bytes are dirty."),
    define("max.message.bytes", Type::int32, "1048588", at_least(0), medium, cluster_wide, honoured,
           "Largest record batch that is taken, as it is stored."),
    define("message.timestamp.after.max.ms", Type::int64, "3600000", at_least(0), medium, cluster_wide, honoured,
           "How far in the future a record may say it was made."),
    define("message.timestamp.before.max.ms", Type::int64, "9223372036854775807", at_least(0), medium, cluster_wide,
           honoured, "How far in the past a record may say it was made."),
    define("message.timestamp.type", Type::string, "CreateTime", one_of("CreateTime,LogAppendTime"), medium,
           cluster_wide, honoured, "Whether records keep the time they were made or get the time they arrived."),
    define("min.cleanable.dirty.ratio", Type::float64, "0.5", fraction_up_to(1), medium, cluster_wide, honoured,
           "Share of dirty bytes above which a log is compacted."),
    define("min.compaction.lag.ms", Type::int64, "0", at_least(0), medium, cluster_wide, honoured,
           "Age below which a record is not compacted away."),
    define("min.insync.replicas", Type::int32, "1", at_least(1), medium, cluster_wide, honoured,
           "Replicas that must hold a record before acks=all is answered."),
    define("preallocate", Type::boolean, "false", kAny, medium, cluster_wide, noticed,
           "Segments grow as they are written."),
    define("remote.copy.lag.bytes", Type::int64, "-1", at_least(-1), medium, cluster_wide, noticed, kNoTiering),
    define("remote.copy.lag.ms", Type::int64, "0", at_least(-1), medium, cluster_wide, noticed, kNoTiering),
    define("remote.log.copy.disable", Type::boolean, "false", kAny, medium, cluster_wide, noticed, kNoTiering),
    define("remote.log.delete.on.disable", Type::boolean, "false", kAny, medium, cluster_wide, noticed, kNoTiering),
    define("remote.storage.enable", Type::boolean, "false", kAny, medium, cluster_wide, refused,
           "Tiered storage is not implemented."),
    define("retention.bytes", Type::int64, "-1", kAny, medium, cluster_wide, honoured,
           "Size of a partition above which its oldest segments are deleted; -1 for no bound."),
    define("retention.ms", Type::int64, "604800000", at_least(-1), medium, cluster_wide, honoured,
           "Age at which segments are deleted; -1 for never."),
    define("segment.bytes", Type::int32, "1073741824", at_least(1048576), medium, cluster_wide, honoured,
           "Size at which a segment is closed and a new one begun."),
    define("segment.index.bytes", Type::int32, "10485760", at_least(4), medium, cluster_wide, honoured,
           "Size of a segment index at which the segment is closed."),
    define("segment.jitter.ms", Type::int64, "0", at_least(0), medium, cluster_wide, honoured,
           "Up to so much is taken off segment.ms, by chance."),
    define("segment.ms", Type::int64, "604800000", at_least(1), medium, cluster_wide, honoured,
           "Age at which a segment is closed and a new one begun."),
    define("unclean.leader.election.enable", Type::boolean, "false", kAny, medium, cluster_wide, noticed, kOneNode),
};

}  // namespace broker::config::table
