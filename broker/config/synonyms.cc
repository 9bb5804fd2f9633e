// Which setting supplies another one's value: topic settings from the broker's, and older names of broker settings.
#include "broker/config/definition.h"

namespace broker::config {
namespace {

struct Entry {
  std::string_view name;
  std::size_t count;
  Synonym sources[3];
};

constexpr Entry kTopicDefaults[] = {
    {"cleanup.policy", 1, {{"log.cleanup.policy"}}},
    {"compression.gzip.level", 1, {{"compression.gzip.level"}}},
    {"compression.lz4.level", 1, {{"compression.lz4.level"}}},
    {"compression.type", 1, {{"compression.type"}}},
    {"compression.zstd.level", 1, {{"compression.zstd.level"}}},
    {"delete.retention.ms", 1, {{"log.cleaner.delete.retention.ms"}}},
    {"file.delete.delay.ms", 1, {{"log.segment.delete.delay.ms"}}},
    {"flush.messages", 1, {{"log.flush.interval.messages"}}},
    {"flush.ms", 2, {{"log.flush.interval.ms"}, {"log.flush.scheduler.interval.ms"}}},
    {"index.interval.bytes", 1, {{"log.index.interval.bytes"}}},
    {"local.retention.bytes", 1, {{"log.local.retention.bytes"}}},
    {"local.retention.ms", 1, {{"log.local.retention.ms"}}},
    {"log.durability", 1, {{"log.durability"}}},
    {"log.validate.compressed", 1, {{"log.validate.compressed"}}},
    {"max.compaction.lag.ms", 1, {{"log.cleaner.max.compaction.lag.ms"}}},
    {"max.message.bytes", 1, {{"message.max.bytes"}}},
    {"message.timestamp.after.max.ms", 1, {{"log.message.timestamp.after.max.ms"}}},
    {"message.timestamp.before.max.ms", 1, {{"log.message.timestamp.before.max.ms"}}},
    {"message.timestamp.type", 1, {{"log.message.timestamp.type"}}},
    {"min.cleanable.dirty.ratio", 1, {{"log.cleaner.min.cleanable.ratio"}}},
    {"min.compaction.lag.ms", 1, {{"log.cleaner.min.compaction.lag.ms"}}},
    {"min.insync.replicas", 1, {{"min.insync.replicas"}}},
    {"preallocate", 1, {{"log.preallocate"}}},
    {"remote.copy.lag.bytes", 1, {{"log.remote.copy.lag.bytes"}}},
    {"remote.copy.lag.ms", 1, {{"log.remote.copy.lag.ms"}}},
    {"retention.bytes", 1, {{"log.retention.bytes"}}},
    {"retention.ms", 3, {{"log.retention.ms"}, {"log.retention.minutes", 60'000}, {"log.retention.hours", 3'600'000}}},
    {"segment.bytes", 1, {{"log.segment.bytes"}}},
    {"segment.index.bytes", 1, {{"log.index.size.max.bytes"}}},
    {"segment.jitter.ms", 2, {{"log.roll.jitter.ms"}, {"log.roll.jitter.hours", 3'600'000}}},
    {"segment.ms", 2, {{"log.roll.ms"}, {"log.roll.hours", 3'600'000}}},
    {"unclean.leader.election.enable", 1, {{"unclean.leader.election.enable"}}},
};

constexpr Entry kFallbacks[] = {
    {"log.flush.interval.ms", 1, {{"log.flush.scheduler.interval.ms"}}},
    {"log.dirs", 1, {{"log.dir"}}},
    {"log.retention.ms", 2, {{"log.retention.minutes", 60'000}, {"log.retention.hours", 3'600'000}}},
    {"log.roll.jitter.ms", 1, {{"log.roll.jitter.hours", 3'600'000}}},
    {"log.roll.ms", 1, {{"log.roll.hours", 3'600'000}}},
    {"node.id", 1, {{"broker.id"}}},
};

std::span<const Synonym> find(std::span<const Entry> entries, std::string_view name) {
  for (const Entry& entry : entries)
    if (entry.name == name) return {entry.sources, entry.count};
  return {};
}

}  // namespace

std::span<const Synonym> broker_synonyms(std::string_view topic_setting) { return find(kTopicDefaults, topic_setting); }
std::span<const Synonym> fallbacks(std::string_view broker_setting) { return find(kFallbacks, broker_setting); }

}  // namespace broker::config
