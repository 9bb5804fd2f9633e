#include "broker/config/subjects.h"

#include <algorithm>

#include "broker/config/definition.h"

namespace broker::config {
namespace {

struct Claim {
  std::string_view subject;
  std::string_view prefix;  ///< the longest one that fits counts
};
constexpr std::string_view kNode = "The node and its listeners", kRequests = "Connections and requests",
                           kTopics = "Topics, where they do not say it themselves",
                           kLogs = "Log directories and segments", kKept = "How long records are kept",
                           kCompaction = "Compaction", kGroups = "Groups and their offsets", kProducers = "Producers",
                           kMetadata = "The metadata log", kOwn = "Kalda's own", kOthers = "Others";
constexpr std::string_view kSubjects[] = {kNode, kRequests, kTopics, kLogs, kKept, kCompaction, kGroups, kProducers,
                                          kMetadata, kOwn, kOthers};
constexpr Claim kClaims[] = {
    {kNode, "node."}, {kNode, "broker."}, {kNode, "process."}, {kNode, "listener"}, {kNode, "advertised."},
    {kNode, "controller."}, {kRequests, "connections."}, {kRequests, "socket."}, {kRequests, "queued."},
    {kRequests, "fetch."}, {kRequests, "max.incremental."}, {kRequests, "max.request."}, {kTopics, "auto.create."},
    {kTopics, "delete.topic."}, {kTopics, "num.partitions"}, {kTopics, "default.replication."},
    {kTopics, "min.insync."}, {kTopics, "message.max."}, {kTopics, "compression."}, {kTopics, "log.message."},
    {kLogs, "log."}, {kKept, "log.retention."}, {kKept, "log.cleanup."}, {kKept, "log.segment.delete."},
    {kCompaction, "log.cleaner."}, {kGroups, "group."}, {kGroups, "offset"}, {kProducers, "producer."},
    {kMetadata, "metadata."}, {kOwn, "kalda."}, {kOwn, "log.durability"}, {kOthers, ""},
};

std::string_view subject_of(std::string_view name) {
  const Claim* best = nullptr;
  for (const Claim& one : kClaims) {
    if (name.starts_with(one.prefix) && (best == nullptr || one.prefix.size() > best->prefix.size())) best = &one;
  }
  return best->subject;
}

}  // namespace

std::vector<Subject> broker_settings_by_subject() {
  std::vector<Subject> out;
  for (const std::string_view words : kSubjects) {
    Subject subject{words, {}};
    for (const Definition& one : broker_definitions()) {
      if (one.treatment == Treatment::honoured && subject_of(one.name) == words) subject.names.push_back(one.name);
    }
    if (!subject.names.empty()) out.push_back(std::move(subject));
  }
  return out;
}

}  // namespace broker::config
