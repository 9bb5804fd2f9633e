// How a group comes from one generation to the next.
#include <algorithm>

#include "broker/coordinators/group/group.h"

namespace broker::coordinators::group {

using std::chrono::milliseconds;

milliseconds Group::rebalance_timeout() const {
  std::int32_t longest = 0;
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout_ms);
  return milliseconds{longest};
}

bool Group::all_joined() const {
  return pending_.empty() &&
         std::ranges::all_of(members_, [](const auto& one) { return one.second.join != 0; });
}

void Group::rebalance_or_complete(const Moment& at, Effects& out) {
  if (phase_ == Phase::preparing) complete_if_all_joined(at, out);
  else prepare(at, out);
}

void Group::prepare(const Moment& at, Effects& out) {
  if (phase_ == Phase::completing) fail_syncs(ErrorCode::rebalance_in_progress, at, out);
  not_synced_.clear();
  sync_end_ = kernel::kNever;
  storing_generation_.reset();
  const bool is_initial = phase_ == Phase::empty;
  enter(Phase::preparing, at);
  if (is_initial) {
    // The group is new, or begins anew: others are about to start too.
    const kernel::Duration delay = rules_->initial_delay;
    join_end_ = {.due = kernel::saturating_add(at.now, delay),
                 .initial = true,
                 .remaining = std::max<kernel::Duration>(rebalance_timeout() - delay, {})};
    due_at(join_end_.due);
    newcomers_ = false;
    return;
  }
  if (all_joined()) return complete_join(at, out);
  join_end_ = {.due = kernel::saturating_add(at.now, rebalance_timeout())};
  due_at(join_end_.due);
}

void Group::complete_if_all_joined(const Moment& at, Effects& out) {
  // The initial delay is waited for even when everybody we know of is there.
  if (phase_ == Phase::preparing && !join_end_.initial && all_joined()) complete_join(at, out);
}

void Group::end_initial_delay(const Moment& at, Effects& out) {
  if (!newcomers_ || join_end_.remaining.count() == 0) return complete_join(at, out);
  newcomers_ = false;
  const kernel::Duration delay = std::min<kernel::Duration>(rules_->initial_delay, join_end_.remaining);
  join_end_ = {.due = kernel::saturating_add(at.now, delay),
               .initial = true,
               .remaining = std::max<kernel::Duration>(join_end_.remaining - delay, {})};
  due_at(join_end_.due);
}

bool Group::elect_joined_leader() {
  if (!leader_) return false;
  if (find(*leader_)->join != 0) return true;
  const auto joined = std::ranges::find_if(members_, [](const auto& one) { return one.second.join != 0; });
  if (joined == members_.end()) return false;
  leader_ = joined->first;
  return true;
}

std::optional<std::string> Group::choose_protocol() const {
  // What everybody knows is up for choice; each votes for the first of its own that is.
  if (members_.empty()) return std::nullopt;
  const auto known_to_all = [&](std::string_view name) {
    return std::ranges::all_of(members_, [&](const auto& one) {
      return std::ranges::find(one.second.protocols, name, &Protocol::name) != one.second.protocols.end();
    });
  };
  std::map<std::string, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    const auto liked = std::ranges::find_if(member.protocols, [&](const Protocol& p) { return known_to_all(p.name); });
    if (liked != member.protocols.end()) ++votes[liked->name];
  }
  const auto most = std::ranges::max_element(votes, {}, [](const auto& one) { return one.second; });
  return most == votes.end() ? std::nullopt : std::optional{most->first};
}

void Group::begin_generation(const Moment& at) {
  if (!BUG(at, "groups.generation_not_bumped")) ++generation_;
  protocol_ = choose_protocol();
  enter(members_.empty() ? Phase::empty : Phase::completing, at);
  if (members_.empty()) leader_.reset();
}

void Group::complete_join(const Moment& at, Effects& out) {
  CHECK(phase_ == Phase::preparing);
  join_end_ = {};
  std::vector<std::string> left;
  for (const auto& [id, member] : members_) {
    // Static members keep their place until their session ends: they are restarting.
    if (member.join == 0 && !member.instance_id) left.push_back(id);
  }
  for (const std::string& id : left) remove(id, ErrorCode::unknown_member_id, out);
  if (!members_.empty() && !elect_joined_leader()) {
    // Nobody is there who could lead: the static ones come back, or their sessions end.
    join_end_ = {.due = kernel::saturating_add(at.now, std::max<kernel::Duration>(rebalance_timeout(), milliseconds{1}))};
    due_at(join_end_.due);
    return;
  }
  begin_generation(at);
  if (members_.empty()) {
    if (!BUG(at, "groups.emptied_without_record")) out.stores.push_back({.why = Store::Why::emptied, .content = snapshot()});
    return;
  }
  for (auto& [id, member] : members_) {
    answer_join(member, reply_for(member), out);
    touch(member, at);
    member.is_new = false;
    not_synced_.insert(id);
  }
  sync_end_ = kernel::saturating_add(at.now, rebalance_timeout());
  due_at(sync_end_);
}

void Group::expire_sync(const Moment& at, Effects& out) {
  sync_end_ = kernel::kNever;
  if (phase_ != Phase::completing && phase_ != Phase::stable) return;
  const std::set<std::string, std::less<>> late = std::exchange(not_synced_, {});
  if (late.empty()) return;
  for (const std::string& id : late) remove(id, ErrorCode::unknown_member_id, out);
  prepare(at, out);
}

}  // namespace broker::coordinators::group
