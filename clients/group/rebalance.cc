// The poller's side of a rebalance: partitions go and come here, and listeners hear of it.
#include "clients/group/state.h"

namespace clients::group {

using kernel::Fiber;
using kernel::Result;

bool GroupConsumer::State::needs_attention() const {
  return fatal || trouble || !unplaced.empty() || stage == Stage::to_prepare || stage == Stage::to_complete;
}

Result<> GroupConsumer::State::attend(Fiber& f) {
  while (!crew.stopped()) {
    if (f.cancelled()) return kernel::fail(kernel::Errc::cancelled);
    if (fatal) {
      if (std::exchange(lost, false)) give_up(f, Partitions(owned.begin(), owned.end()), /*were_lost=*/true);
      return std::unexpected(*fatal);
    }
    if (trouble) return std::unexpected(*std::exchange(trouble, std::nullopt));
    if (stage == Stage::to_prepare) prepare(f);
    else if (stage == Stage::to_complete) complete(f);
    else break;
  }
  return {};
}

void GroupConsumer::State::prepare(Fiber& f) {
  if (std::exchange(lost, false)) {
    give_up(f, Partitions(owned.begin(), owned.end()), /*were_lost=*/true);
  } else {
    commit_before_going(f);
    Partitions going;
    for (const TopicPartition& at : owned) {
      if (!cooperative || !topics.contains(at.topic)) going.push_back(at);
    }
    if (!going.empty()) give_up(f, going, lost);
  }
  if (f.cancelled()) return;  // whoever polls next goes on with it
  if (stage != Stage::to_prepare || lost) return;
  stage = Stage::joining;
  member_wake.notify_all();
}

void GroupConsumer::State::complete(Fiber& f) {
  const Partitions next = offered;
  const std::int32_t generation = self.generation;
  const std::set<TopicPartition> keeps{next.begin(), next.end()};
  Partitions going, coming;
  for (const TopicPartition& at : owned) {
    if (!keeps.contains(at)) going.push_back(at);
  }
  if (!going.empty()) {
    commit_before_going(f);
    if (f.cancelled()) return;
    give_up(f, going, /*were_lost=*/false);
    must_rejoin = true;  // only then others may have them
  }
  // Thrown out meanwhile: the assignment is void.
  if (stage != Stage::to_complete || self.generation != generation) return;
  for (const TopicPartition& at : next) {
    if (owned.insert(at).second) coming.push_back(at);
  }
  remembered = {next, generation};
  for (const TopicPartition& at : coming) await_start(at);
  stage = Stage::stable;
  offered.clear();
  if (config.auto_commit) auto_commit_due = std::min(auto_commit_due, kernel::saturating_add(f.now(), config.auto_commit_interval));
  if (listener.assigned) listener.assigned(f, coming);
  member_wake.notify_all();
}

void GroupConsumer::State::give_up(Fiber& f, const Partitions& going, bool were_lost) {
  if (were_lost) {
    // Nothing more of them may be handed out or committed, also not by the listener.
    forget(going);
    if (going.empty()) return;
    if (listener.lost) listener.lost(f, going);
    else if (listener.revoked) listener.revoked(f, going);
    return;
  }
  if (listener.revoked && !going.empty()) listener.revoked(f, going);
  forget(going);
}

void GroupConsumer::State::forget(const Partitions& going) {
  for (const TopicPartition& at : going) {
    owned.erase(at);
    awaiting.erase(at);
    paused.erase(at);
    std::erase(unplaced, at);
    reader->unassign(at);
  }
}

void GroupConsumer::State::let_go(Fiber& f) {
  const bool were_lost = std::exchange(lost, false);
  if (!were_lost) commit_before_going(f);
  if (mode == Mode::by_hand) forget(Partitions(owned.begin(), owned.end()));
  else give_up(f, Partitions(owned.begin(), owned.end()), were_lost);
}

void GroupConsumer::State::commit_before_going(Fiber& f) {
  if (!config.auto_commit || owned.empty()) return;
  const auto within = f.deadline_in(std::min(config.max_poll_interval, cluster->config().default_api_timeout));
  const auto outcome = enqueue(positions());
  (void)outcome->get(f);  // what is not committed is read again by the next owner
}

}  // namespace clients::group
