// kalda consume --group: one member of a group
#include <fmt/format.h>

#include "clients/cli/consume.h"
#include "clients/cli/progress.h"
#include "clients/group/group_consumer.h"

namespace clients::cli {

using group::GroupConsumer;
using group::Partitions;
using kernel::Fiber;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kCommitEvery = 1s;
constexpr kernel::Duration kCloseWait = 5s;

class GroupRun {
 public:
  GroupRun(Fiber& f, core::Cluster& cluster, const ConsumeOptions& options, const Wanted& wanted, const Stop& stop, GroupConsumer& from)
      : f_{f}, cluster_{cluster}, options_{options}, wanted_{wanted}, stop_{stop}, from_{from}, bounds_{wanted.bounds(options)},
        out_{f}, progress_{f, options.progress, /*quiet_on_terminal=*/true} {}

  int all() {
    from_.subscribe(options_.topics, {.revoked = [this](Fiber&, const Partitions&) { settled_ = false; },
                                      .assigned = [this](Fiber&, const Partitions& coming) { arrive(coming); }});
    while (!stop_.asked && !f_.cancelled()) {
      // A poll says that the records before are done with: they must have reached who reads our output.
      if (!out_.flush()) return kDone;
      auto polled = from_.poll(f_, kPollWait);
      if (!polled) return f_.cancelled() ? kDone : complain_of(polled.error());
      if (trouble_) return complain_of(*trouble_);
      if (*polled && (*polled)->error) {
        return complain(f_, fmt::format("cannot read {} partition {} at offset {}: {}", (*polled)->at.topic,
                                        (*polled)->at.partition.raw(), (*polled)->next_offset.raw(), core::explain(*(*polled)->error)));
      }
      if (*polled && !show(**polled)) return kDone;
      if (options_.count > 0 && shown_records_ >= options_.count) break;
      if (!*polled && (wanted_.to || !options_.follow) && at_ends()) break;
    }
    (void)out_.flush();
    progress_.end(fmt::format("{} records read in {:.1f} s", shown_records_, progress_.seconds()));
    return kDone;
  }

 private:
  /// These are ours now. Where nothing is committed, reading begins at --from.
  void arrive(const Partitions& coming) {
    settled_ = true;
    if (coming.empty()) return;
    if (wanted_.to) {
      if (const auto found = bounds_.add(f_, cluster_, coming); !found) trouble_ = found.error();
    }
    if (std::holds_alternative<consumer::Beginning>(wanted_.from) || std::holds_alternative<consumer::End>(wanted_.from)) return;
    const auto committed = from_.committed(f_, coming);
    if (!committed) {
      trouble_ = committed.error();
      return;
    }
    for (const auto& at : coming) {
      if (!committed->contains(at)) from_.seek(at, wanted_.from);
    }
  }
  bool show(const consumer::Polled& polled) {
    for (const auto& record : polled.records) {
      if (options_.count > 0 && shown_records_ >= options_.count) {
        from_.seek(polled.at, record.offset);  // the rest is not ours to commit
        break;
      }
      if (wanted_.to && bounds_.is_past(polled.at, record)) {
        from_.seek(polled.at, record.offset);
        from_.pause(polled.at);
        break;
      }
      if (options_.rate > 0 && (!out_.flush() || !keep_to_rate(f_, began_, shown_records_, options_.rate))) return false;
      ++shown_records_;
      if (!out_.put(print(polled.at, record, options_.form, wanted_.shown))) return false;
      progress_.tell("records read", shown_records_);
    }
    return true;
  }
  /// Everything that is ours has been read to --to, or to where the logs end now.
  bool at_ends() {
    if (!settled_) return false;
    const Partitions ours = from_.assignment();
    for (const auto& at : ours) {
      if (!from_.position(at)) return false;
    }
    if (wanted_.to) return std::ranges::all_of(ours, [&](const auto& at) { return bounds_.is_done(at, from_.position(at)); });
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
  core::Cluster& cluster_;
  const ConsumeOptions& options_;
  const Wanted& wanted_;
  const Stop& stop_;
  GroupConsumer& from_;
  Bounds bounds_;
  Out out_;
  Progress progress_;
  std::optional<kernel::Error> trouble_;
  kernel::Mono began_ = f_.now();
  bool settled_ = false;  ///< we know what is ours
  std::uint64_t shown_records_ = 0;
};

}  // namespace

int consume_in_group(Fiber& f, const ConsumeOptions& options, const Wanted& wanted) {
  if (!options.partitions.empty()) {
    complain(f, "--partition and --group exclude each other: the group divides the partitions; leave one of them out");
    return kUsage;
  }
  const bool end = std::holds_alternative<consumer::End>(wanted.from);
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
    GroupRun member{w, *cluster, options, wanted, stop, **from};
    const int status = member.all();
    (void)(*from)->close(w, kCloseWait);
    return status;
  }, /*create_topics=*/false, &stop);
}

}  // namespace clients::cli
