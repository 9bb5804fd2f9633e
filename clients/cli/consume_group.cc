// kalda consume --group: one member of a group
#include <fmt/format.h>

#include "clients/cli/consume.h"
#include "clients/group/group_consumer.h"

namespace clients::cli {

using group::GroupConsumer;
using group::Partitions;
using kernel::Fiber;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kPollWait = 200ms;
constexpr kernel::Duration kCommitEvery = 1s;
constexpr kernel::Duration kCloseWait = 5s;

class GroupRun {
 public:
  GroupRun(Fiber& f, const ConsumeOptions& options, const Shown& shown, const Stop& stop, GroupConsumer& from)
      : f_{f}, options_{options}, shown_{shown}, stop_{stop}, from_{from}, out_{f} {}

  int all() {
    from_.subscribe(options_.topics, {.revoked = [this](Fiber&, const Partitions&) { settled_ = false; },
                                      .assigned = [this](Fiber&, const Partitions&) { settled_ = true; }});
    while (!stop_.asked && !f_.cancelled()) {
      // A poll says that the records before are done with: they must have reached who reads our output.
      if (!out_.flush()) return kDone;
      auto polled = from_.poll(f_, kPollWait);
      if (!polled) return f_.cancelled() ? kDone : complain_of(polled.error());
      if (*polled && (*polled)->error) {
        return complain(f_, fmt::format("cannot read {} partition {} at offset {}: {}", (*polled)->at.topic,
                                        (*polled)->at.partition.raw(), (*polled)->next_offset.raw(), core::explain(*(*polled)->error)));
      }
      if (*polled && !show(**polled)) return kDone;
      if (options_.count > 0 && shown_records_ >= options_.count) break;
      if (!options_.follow && !*polled && at_ends()) break;
    }
    (void)out_.flush();
    return kDone;
  }

 private:
  bool show(const consumer::Polled& polled) {
    for (const auto& record : polled.records) {
      if (options_.count > 0 && shown_records_ >= options_.count) {
        from_.seek(polled.at, record.offset);  // the rest is not ours to commit
        break;
      }
      ++shown_records_;
      if (!out_.put(print(polled.at, record, options_.form, shown_))) return false;
    }
    return true;
  }
  /// Everything that is ours has been read to where the logs end now.
  bool at_ends() {
    if (!settled_) return false;
    const Partitions ours = from_.assignment();
    for (const auto& at : ours) {
      if (!from_.position(at)) return false;
    }
    if (ours.empty()) return true;
    const auto ends = from_.end_offsets(f_, ours);
    if (!ends) return false;
    return std::ranges::all_of(*ends, [&](const auto& end) {
      const auto position = from_.position(end.first);
      return !position || *position >= end.second;
    });
  }
  int complain_of(const kernel::Error& error) {
    const auto code = core::broker_code(error);
    if (code == net::ErrorCode::fenced_instance_id)
      return complain(f_, fmt::format("another member of group {} has taken our --instance-id {}; choose another for one of them", options_.group, options_.instance_id));
    if (code == net::ErrorCode::inconsistent_group_protocol)
      return complain(f_, fmt::format("the members of group {} know none of our assignors; see `kalda group describe {}` and choose with --assignor", options_.group, options_.group));
    return complain(f_, fmt::format("cannot read as a member of group {}", options_.group), error, options_.cluster);
  }

  Fiber& f_;
  const ConsumeOptions& options_;
  const Shown& shown_;
  const Stop& stop_;
  GroupConsumer& from_;
  Out out_;
  bool settled_ = false;  ///< we know what is ours
  std::uint64_t shown_records_ = 0;
};

}  // namespace

int consume_in_group(Fiber& f, const ConsumeOptions& options, const consumer::Start& start, const Shown& shown) {
  const bool end = std::holds_alternative<consumer::End>(start);
  if ((!end && !std::holds_alternative<consumer::Beginning>(start)) || !options.partitions.empty()) {
    complain(f, options.partitions.empty()
                    ? fmt::format("--group reads on from what is committed: --from may be beginning or end; to move the group use `kalda group reset {}`", options.group)
                    : "--partition and --group exclude each other: the group divides the partitions");
    return kUsage;
  }
  group::GroupConfig config{.group_id = options.group, .auto_commit_interval = kCommitEvery};
  config.session_timeout = from_seconds(options.session_timeout_seconds);
  config.heartbeat_interval = std::min<kernel::Duration>(config.heartbeat_interval, config.session_timeout / 3);
  if (!options.instance_id.empty()) config.instance_id = options.instance_id;
  if (!options.assignors.empty()) config.assignors.clear();
  for (const std::string& name : options.assignors) config.assignors.push_back(*group::assignor_named(name));
  config.reading.offset_reset = end ? consumer::OffsetReset::latest : consumer::OffsetReset::earliest;
  if (options.read_committed) config.reading.isolation = consumer::IsolationLevel::read_committed;
  Stop stop;
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    for (const std::string& name : options.topics) {
      const auto topic = cluster->topic(w, name);
      if (!topic) return complain(w, fmt::format("cannot read topic {}", name), topic.error(), options.cluster);
    }
    auto from = GroupConsumer::open(scope, cluster, config);
    if (!from) return complain(w, "cannot read", from.error(), options.cluster);
    GroupRun member{w, options, shown, stop, **from};
    const int status = member.all();
    (void)(*from)->close(w, kCloseWait);
    return status;
  }, /*create_topics=*/false, &stop);
}

}  // namespace clients::cli
