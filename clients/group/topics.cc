// Which topics are ours, and which the group's, as metadata has them.
#include "clients/admin/admin.h"
#include "clients/group/state.h"

namespace clients::group {

using kernel::Fiber;

namespace {

void watch_instead(core::Cluster& cluster, std::set<std::string>& watched, std::set<std::string> wanted) {
  bool news = false;
  for (const std::string& topic : wanted) {
    if (watched.contains(topic)) continue;
    cluster.watch(topic);
    news |= cluster.metadata().topic(topic) == nullptr;
  }
  for (const std::string& topic : watched) {
    if (!wanted.contains(topic)) cluster.unwatch(topic);
  }
  watched = std::move(wanted);
  if (news) cluster.want_refresh();
}

}  // namespace

void GroupConsumer::State::set_topics(std::set<std::string> wanted) {
  watch_instead(*cluster, topics, std::move(wanted));
  topics_known = true;
  member_wake.notify_all();
}

void GroupConsumer::State::lead_topics(std::set<std::string> wanted) {
  watch_instead(*cluster, group_topics, std::move(wanted));
}

PartitionCounts GroupConsumer::State::counts_of(const std::set<std::string>& wanted) const {
  PartitionCounts counts;
  for (const std::string& name : wanted) {
    const core::TopicInfo* topic = cluster->metadata().topic(name);
    if (topic != nullptr && !topic->partitions.empty())
      counts[name] = static_cast<std::int32_t>(topic->partitions.size());
  }
  return counts;
}

void GroupConsumer::State::follow_pattern(Fiber& f) {
  while (!crew.stopped()) {
    const std::uint64_t subscription = subscription_number;
    if (mode == Mode::pattern) {
      const auto all = admin::describe_topics(f, *cluster, {});
      if (all && mode == Mode::pattern && subscription == subscription_number) {
        std::set<std::string> wanted;
        for (const auto& topic : *all) {
          if (topic.ok() && !topic.info.internal && pattern->matches(topic.name)) wanted.insert(topic.name);
        }
        set_topics(std::move(wanted));
      }
    }
    if (subscription != subscription_number) continue;
    const auto within = f.deadline_in(cluster->config().metadata_max_age);
    const auto woken = pattern_changed.wait(f);
    if (!woken && !woken.error().is(kernel::Errc::deadline)) return;
  }
}

}  // namespace clients::group
