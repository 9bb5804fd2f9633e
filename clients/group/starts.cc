// Where assigned partitions begin: at the committed offset, or where the policy says.
#include "clients/group/state.h"

namespace clients::group {

using consumer::OffsetReset;
using kernel::Fiber;

void GroupConsumer::State::await_start(const TopicPartition& at) {
  awaiting[at] = next_awaiting++;
  starts_wanted.notify_all();
}

void GroupConsumer::State::find_starts(Fiber& f) {
  core::Backoff backoff{cluster->config().retry_backoff, cluster->config().retry_backoff_max};
  while (!crew.stopped()) {
    if (awaiting.empty()) {
      if (!starts_wanted.wait(f)) return;
      continue;
    }
    const auto asked = awaiting;
    Partitions wanted;
    for (const auto& [at, number] : asked) wanted.push_back(at);
    const auto found = fetch_offsets(f, coordinator, wanted, lane);
    if (f.cancelled()) return;
    if (!found) {
      if (!core::is_passing(found.error()) && !found.error().is(kernel::Errc::deadline)) trouble = found.error();
      attention.notify_all();
      if (!f.sleep(backoff.next(random))) return;
      continue;
    }
    backoff.reset();
    for (const auto& [at, number] : asked) {
      const auto still = awaiting.find(at);
      if (still == awaiting.end() || still->second != number) continue;  // sought elsewhere, or given up
      const auto committed = found->find(at);
      begin_at(at, committed == found->end() ? nullptr : &committed->second);
    }
  }
}

void GroupConsumer::State::begin_at(const TopicPartition& at, const OffsetAndMetadata* committed) {
  if (committed != nullptr) return read_from(at, committed->offset, committed->leader_epoch);
  switch (config.reading.offset_reset) {
    case OffsetReset::earliest: return read_from(at, consumer::Beginning{}, net::kLeaderEpochNone);
    case OffsetReset::latest: return read_from(at, consumer::End{}, net::kLeaderEpochNone);
    case OffsetReset::none:
      awaiting.erase(at);
      unplaced.push_back(at);
      attention.notify_all();
      return;
  }
}

void GroupConsumer::State::read_from(const TopicPartition& at, Start start, net::LeaderEpoch epoch) {
  awaiting.erase(at);
  std::erase(unplaced, at);
  reader->assign(at, start, epoch);
  if (paused.contains(at)) reader->pause(at);
}

}  // namespace clients::group
