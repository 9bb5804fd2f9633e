// Commits, one after the other: a later one never overtakes an earlier one, so progress does not go backwards.
#include "clients/group/state.h"

namespace clients::group {

using kernel::Fiber;
using kernel::Result;

Offsets GroupConsumer::State::positions() const {
  Offsets out;
  for (const TopicPartition& at : owned) {
    const auto position = reader->position(at);
    if (position) out[at] = {*position, reader->position_epoch(at), {}};
  }
  return out;
}

std::shared_ptr<kernel::Future<Result<>>> GroupConsumer::State::enqueue(Offsets offsets) {
  auto outcome = std::make_shared<kernel::Future<Result<>>>();
  if (crew.stopped()) outcome->set(kernel::fail(core::Reason::closed));
  else if (offsets.empty()) outcome->set(Result<>{});
  else if (subscribed() && !is_member()) outcome->set(core::fail_code(net::ErrorCode::unknown_member_id));
  else {
    commits.push_back({subscribed() ? self : MemberIdentity{}, std::move(offsets), outcome});
    commits_wanted.notify_all();
  }
  return outcome;
}

void GroupConsumer::State::write_commits(Fiber& f) {
  while (!crew.stopped()) {
    if (commits.empty()) {
      if (!commits_wanted.wait(f)) break;
      continue;
    }
    const Commit next = std::move(commits.front());
    commits.pop_front();
    const auto verdicts = commit_offsets(f, coordinator, next.as, next.offsets, lane);
    Result<> outcome = verdicts ? first_problem(*verdicts) : Result<>{std::unexpected(verdicts.error())};
    if (outcome) ++stats.commits;
    else if (subscribed()) judge_membership(core::broker_code(outcome.error()), next.as);
    next.outcome->set(std::move(outcome));
  }
  refuse_commits();
}

void GroupConsumer::State::refuse_commits() {
  for (const Commit& one : std::exchange(commits, {})) one.outcome->set(kernel::fail(core::Reason::closed));
}

void GroupConsumer::State::auto_commit(kernel::Mono now) {
  if (!config.auto_commit || now < auto_commit_due) return;
  auto_commit_due = kernel::saturating_add(now, config.auto_commit_interval);
  // One at a time: with a coordinator that is slow to answer they would pile up, each worth less than the next.
  if (commits.empty() && !lost) (void)enqueue(positions());
}

}  // namespace clients::group
