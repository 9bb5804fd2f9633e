#include "broker/coordinators/group/group.h"

#include <algorithm>

#include "net/messages/consumer_protocol.h"

namespace broker::coordinators::group {

namespace {

/// For what a member, a group or an id takes beside the bytes that came.
constexpr std::uint64_t kOverheadBytes = 256;

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::empty: return "Empty";
    case Phase::preparing: return "PreparingRebalance";
    case Phase::completing: return "CompletingRebalance";
    case Phase::stable: return "Stable";
    case Phase::dead: return "Dead";
  }
  std::unreachable();
}

std::uint64_t bytes_of(const std::vector<Protocol>& protocols) {
  std::uint64_t sum = 0;
  for (const Protocol& one : protocols) sum += one.name.size() + one.metadata.size();
  return sum;
}

std::uint64_t bytes_of(const Member& member) {
  return kOverheadBytes + member.id.size() + member.instance_id.value_or("").size() + member.client_id.size() + bytes_of(member.protocols) +
         member.assignment.size();
}

std::uint64_t bytes_of(const JoinRequest& request) {
  return kOverheadBytes + request.member_id.size() + request.instance_id.value_or("").size() + request.client_id.size() + bytes_of(request.protocols);
}

Group::Group(std::string id, const GroupRules& rules, const StoredGroup& stored, const Moment& at, Effects& out)
    : id_{std::move(id)},
      rules_{&rules},
      phase_{stored.members.empty() ? Phase::empty : Phase::stable},
      phase_since_ms_{stored.state_timestamp_ms},
      generation_{stored.generation},
      protocol_{stored.protocol},
      leader_{stored.leader} {
  if (!stored.protocol_type.empty()) protocol_type_ = stored.protocol_type;
  previous_phase_ = phase_;
  for (const StoredMember& one : stored.members) {
    Member member{.id = one.id,
                  .instance_id = one.instance_id,
                  .client_id = one.client_id,
                  .client_host = one.client_host,
                  .rebalance_timeout_ms = one.rebalance_timeout_ms,
                  .session_timeout_ms = one.session_timeout_ms,
                  .protocols = {{stored.protocol.value_or(""), one.subscription}},
                  .assignment = one.assignment};
    if (member.instance_id) static_members_[*member.instance_id] = member.id;
    if (members_.contains(one.id)) static_cast<void>(take(one.id));  // another program's log: the last counts
    touch(put(std::move(member)), at);
  }
  if (leader_ && !members_.contains(*leader_)) leader_.reset();
  // The bound was lowered: those who join again first stay.
  if (members_.size() > static_cast<std::size_t>(rules.size_max)) prepare(at, out);
}

Member* Group::find(std::string_view member_id) {
  const auto at = members_.find(member_id);
  return at == members_.end() ? nullptr : &at->second;
}

Member& Group::put(Member member) {
  member_bytes_ += bytes_of(member);
  std::string id = member.id;
  const auto [at, added] = members_.emplace(std::move(id), std::move(member));
  CHECK(added);
  return at->second;
}

Member Group::take(std::string_view member_id) {
  const auto at = members_.find(member_id);
  Member member = std::move(at->second);
  members_.erase(at);
  member_bytes_ -= bytes_of(member);
  return member;
}

void Group::assign(Member& member, const kernel::Buffer& assignment) {
  member_bytes_ += assignment.size() - member.assignment.size();
  member.assignment = assignment;
}

ErrorCode Group::check_member(std::string_view member_id, std::optional<std::string_view> instance_id) const {
  if (instance_id) {
    const auto known = static_members_.find(*instance_id);
    if (known == static_members_.end()) return ErrorCode::unknown_member_id;
    if (known->second != member_id) return ErrorCode::fenced_instance_id;
  }
  return members_.contains(member_id) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

void Group::enter(Phase phase, const Moment& at) {
  previous_phase_ = phase_;
  phase_ = phase;
  phase_since_ms_ = at.wall_ms;
}

void Group::touch(Member& member, const Moment& at) {
  member.session_end =
      kernel::saturating_add(at.now, std::chrono::milliseconds{std::max(member.session_timeout_ms, 0)});
  due_at(member.session_end);
}

void Group::answer_join(Member& member, JoinReply reply, Effects& out) {
  if (member.join == 0) return;
  out.joins.emplace_back(std::exchange(member.join, 0), std::move(reply));
}

void Group::answer_sync(Member& member, SyncReply reply, Effects& out) {
  if (member.sync == 0) return;
  out.syncs.emplace_back(std::exchange(member.sync, 0), std::move(reply));
}

void Group::remove(std::string_view member_id, ErrorCode error, Effects& out) {
  pending_.erase(member_id);
  if (const auto at = not_synced_.find(member_id); at != not_synced_.end()) not_synced_.erase(at);
  if (not_synced_.empty()) sync_end_ = kernel::kNever;
  if (!members_.contains(member_id)) return;
  Member member = take(member_id);
  answer_join(member, {.error = error}, out);
  answer_sync(member, {.error = error}, out);
  if (member.instance_id) {
    const auto known = static_members_.find(*member.instance_id);
    if (known != static_members_.end() && known->second == member.id) static_members_.erase(known);
  }
  if (leader_ == member.id) {
    leader_.reset();
    if (!members_.empty()) leader_ = members_.begin()->first;
  }
}

std::vector<ErrorCode> Group::leave(const std::vector<Leaving>& leaving, const Moment& at, Effects& out) {
  std::vector<ErrorCode> codes;
  bool anybody = false;
  for (const Leaving& one : leaving) {
    ErrorCode code = ErrorCode::none;
    std::string id{one.member_id};
    if (id.empty()) {  // an administrator removes a static member, whatever id it has
      const auto known = one.instance_id ? static_members_.find(*one.instance_id) : static_members_.end();
      if (known == static_members_.end()) code = ErrorCode::unknown_member_id;
      else id = known->second;
    } else if (!pending_.contains(id)) {
      code = check_member(id, one.instance_id);
    }
    if (code == ErrorCode::none) {
      anybody = true;
      remove(id, ErrorCode::unknown_member_id, out);
    }
    codes.push_back(code);
  }
  if (!anybody) return codes;
  if (phase_ == Phase::stable || phase_ == Phase::completing) rebalance_or_complete(at, out);
  else if (phase_ == Phase::preparing) complete_if_all_joined(at, out);
  return codes;
}

ErrorCode Group::heartbeat(const HeartbeatRequest& request, const Moment& at) {
  if (phase_ == Phase::dead) return ErrorCode::coordinator_not_available;
  if (const ErrorCode code = check_member(request.member_id, request.instance_id); code != ErrorCode::none) {
    if (!BUG(at, "groups.member_not_fenced") || code != ErrorCode::fenced_instance_id) return code;
    return ErrorCode::none;
  }
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  if (phase_ == Phase::empty) return ErrorCode::unknown_member_id;
  touch(*find(request.member_id), at);
  return phase_ == Phase::preparing ? ErrorCode::rebalance_in_progress : ErrorCode::none;
}

ErrorCode Group::commit(std::string_view member_id, std::optional<std::string_view> instance_id,
                        std::int32_t generation, const Moment& at) {
  if (phase_ == Phase::dead) return ErrorCode::coordinator_not_available;
  // Tools, and consumers that assign themselves: nobody's business while there are no members.
  if (generation < 0 && phase_ == Phase::empty) return ErrorCode::none;
  const bool claims = generation >= 0 || !member_id.empty() || instance_id;
  if (!claims) return phase_ == Phase::empty ? ErrorCode::none : ErrorCode::unknown_member_id;
  if (const ErrorCode code = check_member(member_id, instance_id); code != ErrorCode::none) return code;
  if (generation != generation_ && !BUG(at, "groups.stale_commit_accepted")) return ErrorCode::illegal_generation;
  if (phase_ == Phase::completing) return ErrorCode::rebalance_in_progress;
  touch(*find(member_id), at);
  return ErrorCode::none;
}

bool Group::is_expired(const Member& member, kernel::Mono now) const {
  // Who waits for an answer of ours cannot send heartbeats; a new member's first wait is bounded all the same.
  if (!member.is_new && member.awaits()) return false;
  return member.session_end <= now;
}

kernel::Mono Group::exact_due() const {
  kernel::Mono due = std::min(join_end_.due, sync_end_);
  for (const auto& [id, member] : members_) {
    if (member.is_new || !member.awaits()) due = std::min(due, member.session_end);
  }
  return std::min(due, pending_.next_end());
}

void Group::on_time(const Moment& at, Effects& out) {
  if (at.now < due_) return;
  std::vector<std::string> gone;
  for (std::string& id : pending_.ended(at.now)) {
    if (BUG(at, "groups.rebalance_waits_for_pending")) pending_.add(id, kernel::kNever);
    else gone.push_back(std::move(id));
  }
  if (!pending_.empty() && BUG(at, "groups.rebalance_waits_for_pending")) join_end_.due = kernel::kNever;
  for (const auto& [id, member] : members_) {
    if (is_expired(member, at.now)) gone.push_back(id);
  }
  for (const std::string& id : gone) remove(id, ErrorCode::unknown_member_id, out);
  if (!gone.empty()) {
    if (phase_ == Phase::stable || phase_ == Phase::completing) rebalance_or_complete(at, out);
    else if (phase_ == Phase::preparing) complete_if_all_joined(at, out);
  }
  if (join_end_.due <= at.now) {
    if (join_end_.initial) end_initial_delay(at, out);
    else complete_join(at, out);
  }
  if (sync_end_ <= at.now) expire_sync(at, out);
  due_ = exact_due();
}

StoredGroup Group::snapshot() const {
  StoredGroup out{.protocol_type = protocol_type_.value_or(""),
                  .generation = generation_,
                  .protocol = protocol_,
                  .leader = leader_,
                  .state_timestamp_ms = phase_since_ms_,
                  .members = {}};
  for (const auto& [id, member] : members_) {
    StoredMember& one = out.members.emplace_back(StoredMember{.id = id,
                                                              .instance_id = member.instance_id,
                                                              .client_id = member.client_id,
                                                              .client_host = member.client_host,
                                                              .rebalance_timeout_ms = member.rebalance_timeout_ms,
                                                              .session_timeout_ms = member.session_timeout_ms,
                                                              .subscription = {},
                                                              .assignment = member.assignment});
    const auto chosen = std::ranges::find_if(member.protocols, [&](const Protocol& p) { return p.name == protocol_; });
    if (chosen != member.protocols.end()) one.subscription = chosen->metadata;
  }
  return out;
}

void Group::stored(const Store& store, ErrorCode outcome, const Moment& at, Effects& out) {
  switch (store.why) {
    case Store::Why::assignment: return stored_assignment(store, outcome, at, out);
    case Store::Why::replaced_static: return stored_static(store, outcome, at, out);
    case Store::Why::emptied: return;  // the group is empty all the same; a later load would expire its members again
  }
}

std::uint64_t Group::bytes() const {
  return kOverheadBytes + id_.size() + pending_.bytes() + pending_.size() * kOverheadBytes + member_bytes_;
}

void Group::abandon(ErrorCode error, Effects& out) {
  for (auto& [id, member] : members_) {
    answer_join(member, {.error = error, .member_id = id}, out);
    answer_sync(member, {.error = error}, out);
  }
  phase_ = Phase::dead;
  due_ = kernel::kNever;
}

DescribedGroup Group::describe() const {
  DescribedGroup out{.state = std::string{name_of(phase_)}, .protocol_type = protocol_type_.value_or("")};
  const bool is_stable = phase_ == Phase::stable;
  if (is_stable) out.protocol = protocol_.value_or("");
  for (const StoredMember& one : snapshot().members) {
    DescribedMember& member = out.members.emplace_back();
    member.id = one.id;
    member.instance_id = one.instance_id;
    member.client_id = one.client_id;
    member.client_host = one.client_host;
    if (!is_stable) continue;
    member.metadata = one.subscription;
    member.assignment = one.assignment;
  }
  return out;
}

std::optional<std::set<std::string, std::less<>>> Group::subscribed_topics() const {
  if (!is_consumer_group()) return std::nullopt;
  std::set<std::string, std::less<>> topics;
  for (const StoredMember& member : snapshot().members) {
    net::Arena arena;
    const kernel::ByteView bytes = member.subscription.view();
    if (bytes.size() < sizeof(std::int16_t)) return std::nullopt;
    const auto version = kernel::load_be<std::int16_t>(bytes.data());
    if (version < 0) return std::nullopt;
    // A newer version begins with all we know of.
    net::Reader reader{bytes.subspan(sizeof version), arena};
    const auto subscription = net::decode<net::ConsumerProtocolSubscription>(
        reader, std::min(version, net::ConsumerProtocolSubscription::kVersions.last));
    if (!subscription) return std::nullopt;
    for (const std::string_view topic : subscription->topics) topics.emplace(topic);
  }
  return topics;
}

void Group::invariants() const {
  std::uint64_t bytes = 0;
  for (const auto& [id, member] : members_) {
    CHECK(id == member.id);
    bytes += bytes_of(member);
    CHECK(!pending_.contains(id));
    if (member.instance_id) CHECK(static_members_.at(*member.instance_id) == id);
    if (member.join != 0) CHECK(phase_ == Phase::preparing || phase_ == Phase::stable);
    if (member.sync != 0) CHECK(phase_ == Phase::completing);
  }
  CHECK(bytes == member_bytes_);
  for (const auto& [instance, id] : static_members_) CHECK(members_.contains(id));
  if (leader_) CHECK(members_.contains(*leader_));
  if (phase_ == Phase::empty) CHECK(members_.empty());
  if (phase_ == Phase::stable || phase_ == Phase::completing) CHECK(leader_.has_value() && protocol_.has_value());
  for (const std::string& id : not_synced_) CHECK(members_.contains(id));
  CHECK(due_ <= exact_due());
}

}  // namespace broker::coordinators::group
