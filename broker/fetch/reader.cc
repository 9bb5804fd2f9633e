#include "broker/fetch/reader.h"

#include <algorithm>

#include "broker/broker.h"
#include "broker/handlers/wire_code.h"
#include "kernel/bug.h"
#include "kernel/node.h"
#include "kernel/notify.h"

namespace broker::fetch {

using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;

Reader::Reader(BrokerShard& shard, std::vector<Target>& targets) : shard_{shard} {
  for (Target& target : targets) {
    if (target.error != ErrorCode::none) continue;
    BrokerShard& home = shard.broker().home_of(target.key);
    auto group = std::ranges::find(groups_, &home, &Group::home);
    if (group == groups_.end()) group = groups_.insert(groups_.end(), Group{&home, {}});
    group->targets.push_back(&target);
  }
  group_bytes_.resize(groups_.size());
}

/// Whether there is something to read from; an error or a divergence is the target's answer otherwise.
bool Reader::judge(BrokerShard& home, Target& target, replication::Partition*& partition) {
  Hosted* hosted = home.find(target.key);
  if (hosted == nullptr || (hosted->partition != nullptr && hosted->partition->deleted())) {
    target.error = ErrorCode::not_leader_or_follower;
    return false;
  }
  if (hosted->partition == nullptr) {
    target.error = handlers::wire_code(hosted->why_offline);
    return false;
  }
  partition = hosted->partition.get();
  target.leader_epoch = partition->epoch();
  if (const auto epoch = partition->check_epoch(target.current_leader_epoch); !epoch) {
    target.error = handlers::wire_code(epoch.error());
    return false;
  }
  const net::Offset end = partition->log().written_end();
  target.high_watermark = BUG(home.shard(), "fetch.unsynced_shown") ? end : partition->high_watermark();
  target.last_stable_offset = partition->last_stable_offset();
  target.log_start = partition->log_start();
  if (target.last_fetched_epoch != net::LeaderEpoch{-1}) {
    const auto agreed = partition->log().epochs().end_of(target.last_fetched_epoch, end);
    if (!agreed) {
      target.error = ErrorCode::offset_out_of_range;
      return false;
    }
    if (agreed->epoch < target.last_fetched_epoch || agreed->end < target.offset) {
      target.diverging = *agreed;
      return false;
    }
  }
  if (target.offset < target.log_start || target.offset > end) {
    target.error = ErrorCode::offset_out_of_range;
    return false;
  }
  return true;
}

Reader::Seen Reader::look_at(BrokerShard& home, const Group& group) {
  Seen seen;
  for (Target* target : group.targets) {
    replication::Partition* partition = nullptr;
    if (target->error != ErrorCode::none || !judge(home, *target, partition)) {
      seen.ready = true;
      continue;
    }
    const net::Offset end = target->read_committed ? target->last_stable_offset : partition->high_watermark();
    target->readable_bytes = partition->log().readable_bytes(target->offset, end, target->bytes_max);
    seen.withheld = seen.withheld || end < partition->high_watermark();
    seen.bytes += target->readable_bytes;
  }
  return seen;
}

Reader::Seen Reader::look(Fiber& f) {
  Seen all;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    Group& group = groups_[i];
    const Seen seen = kernel::call_on(f, group.home->shard(), [&](Fiber&) { return look_at(*group.home, group); });
    group_bytes_[i] = seen.bytes;
    all.bytes += seen.bytes;
    all.ready = all.ready || seen.ready;
  }
  return all;
}

Result<> Reader::wait_for_change(Fiber& f, std::size_t missing) {
  // Suspends on the group's own shard until bytes are announced there that were not seen yet.
  const auto wait_there = [](Fiber& there, Group& group, std::size_t seen, std::size_t wanted) -> Result<> {
    const Seen now = look_at(*group.home, group);
    if ((now.ready || now.bytes > seen) && !BUG(there, "fetch.lost_wake_up")) return {};
    kernel::WaitAny some{there, now.withheld ? 1 : static_cast<std::int64_t>(wanted)};
    std::vector<std::shared_ptr<replication::Partition>> held;
    for (Target* target : group.targets) {
      Hosted* hosted = group.home->find(target->key);
      if (hosted == nullptr || hosted->partition == nullptr) return {};
      held.push_back(hosted->partition);
      some.add(hosted->partition->readable());
    }
    return some.wait();
  };
  if (groups_.empty()) return f.sleep_until(f.deadline());
  if (groups_.size() == 1) {
    Group& group = groups_.front();
    return kernel::call_on(f, group.home->shard(), [&](Fiber& there) {
      return wait_there(there, group, group_bytes_[0], missing);
    });
  }
  kernel::Scope scope{f};
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    scope.spawn("fetch wait", [&, i](Fiber& child) -> Result<> {
      const auto within = child.deadline_at(f.deadline());  // a child has none of its own, and join() waits for it
      const auto waited = kernel::call_on(child, groups_[i].home->shard(), [&](Fiber& there) {
        return wait_there(there, groups_[i], group_bytes_[i], 1);
      });
      if (waited) scope.cancel();  // one change is enough to look again
      return waited;
    });
  }
  const Result<> joined = scope.join(f);
  if (f.cancelled()) return kernel::fail(kernel::Errc::cancelled);
  return joined;
}

Result<> Reader::wait_for(Fiber& f, std::size_t bytes_min, kernel::Mono deadline) {
  const auto within = f.deadline_at(deadline);
  for (;;) {
    const Seen seen = look(f);
    if (seen.ready || seen.bytes >= bytes_min || f.now() >= deadline || f.nudge("fetch.early_answer")) return {};
    const Result<> changed = wait_for_change(f, bytes_min - seen.bytes);
    if (changed) continue;
    if (changed.error().is(kernel::Errc::deadline)) {
      look(f);
      return {};
    }
    return changed;
  }
}

void Reader::read_group(Fiber& there, Group& group, std::size_t bytes_max, std::size_t& taken) {
  for (Target* target : group.targets) {
    target->slice = {};
    target->aborted.clear();
    if (target->error != ErrorCode::none || target->diverging) continue;
    replication::Partition* partition = nullptr;
    if (!judge(*group.home, *target, partition)) continue;
    const std::size_t left = taken < bytes_max ? bytes_max - taken : 0;
    if (left == 0 && taken > 0) continue;
    const net::Offset end = target->read_committed ? target->last_stable_offset : target->high_watermark;
    const net::Offset shown =
        BUG(there, "fetch.reads_above_high_watermark") ? partition->log().written_end() : end;
    if (target->offset >= shown) continue;
    const auto keep = group.home->find(target->key)->partition;  // it may be deleted while we read
    auto slice = keep->log().read(there, target->offset,
                                  {.bytes_max = std::min(left, target->bytes_max),
                                   .end = shown,
                                   .at_least_one_batch = taken == 0});
    if (!slice) {
      target->error = handlers::wire_code(slice.error());
      continue;
    }
    if (target->read_committed && slice->size > 0) {
      auto aborted = keep->log().aborted_transactions(there, target->offset, slice->end);
      if (!aborted) {
        target->error = handlers::wire_code(aborted.error());
        continue;
      }
      target->aborted = std::move(*aborted);
    }
    taken += slice->size;
    target->slice = std::move(*slice);
  }
}

std::size_t Reader::read(Fiber& f, std::size_t bytes_max) {
  std::size_t taken = 0;
  for (Group& group : groups_) {
    taken = kernel::call_on(f, group.home->shard(), [&](Fiber& there) {
      std::size_t bytes = taken;
      read_group(there, group, bytes_max, bytes);
      return bytes;
    });
  }
  return taken;
}

}  // namespace broker::fetch
