// Becoming a member, or saying so again.
#include <algorithm>

#include "broker/coordinators/group/group.h"

namespace broker::coordinators::group {
namespace {

/// Kafka's limit of a string in a record.
constexpr std::size_t kIdBytesMax = INT16_MAX;

bool same_protocols(const std::vector<Protocol>& a, const std::vector<Protocol>& b) {
  return std::ranges::equal(a, b, [](const Protocol& x, const Protocol& y) {
    return x.name == y.name && same_bytes(x.metadata, y.metadata);
  });
}

}  // namespace

bool Group::has_room_for(std::string_view member_id) const {
  const auto max = static_cast<std::size_t>(rules_->size_max);
  const auto known = members_.find(member_id);
  switch (phase_) {
    case Phase::empty:
    case Phase::dead: return true;
    case Phase::preparing: {
      // A group that is over its bound keeps those who come first.
      if (known != members_.end() && known->second.join != 0) return true;
      const auto joined = std::ranges::count_if(members_, [](const auto& one) { return one.second.join != 0; });
      return static_cast<std::size_t>(joined) < max;
    }
    case Phase::completing:
    case Phase::stable: return known != members_.end() || members_.size() < max;
  }
  std::unreachable();
}

bool Group::supports(std::string_view protocol_type, const std::vector<Protocol>& protocols) const {
  if (protocol_type.empty() || protocols.empty()) return false;
  if (members_.empty()) return true;
  if (protocol_type_ != protocol_type) return false;
  return std::ranges::any_of(protocols, [&](const Protocol& wanted) {
    return std::ranges::all_of(members_, [&](const auto& one) {
      return std::ranges::find(one.second.protocols, wanted.name, &Protocol::name) != one.second.protocols.end();
    });
  });
}

void Group::join(const JoinRequest& request, Ticket ticket, const Moment& at, Effects& out) {
  const auto refuse = [&](ErrorCode code, std::string_view member_id) {
    out.joins.emplace_back(ticket, JoinReply{.error = code, .member_id = std::string{member_id}});
  };
  if (!has_room_for(request.member_id)) {
    remove(request.member_id, ErrorCode::group_max_size_reached, out);
    refuse(ErrorCode::group_max_size_reached, "");
    if (phase_ == Phase::preparing) complete_if_all_joined(at, out);
    return;
  }
  if (phase_ == Phase::dead) return refuse(ErrorCode::coordinator_not_available, request.member_id);
  if (!supports(request.protocol_type, request.protocols))
    return refuse(ErrorCode::inconsistent_group_protocol, request.member_id);
  // No generation with it could be written. Kafka says so when it tries, to all members; here the others go on.
  if (std::ranges::any_of(request.protocols, [&](const Protocol& one) { return one.metadata.size() > rules_->record_bytes_max; }))
    return refuse(ErrorCode::unknown_server_error, request.member_id);
  if (request.member_id.empty()) return join_new(request, ticket, at, out);
  join_known(request, ticket, at, out);
}

void Group::join_new(const JoinRequest& request, Ticket ticket, const Moment& at, Effects& out) {
  const std::string id = fmt::format("{}-{}", request.instance_id.value_or(request.client_id), request.fresh_id);
  if (id.size() > kIdBytesMax)
    return out.joins.emplace_back(ticket, JoinReply{.error = ErrorCode::unknown_server_error}), void();
  if (request.instance_id) {
    const auto known = static_members_.find(*request.instance_id);
    if (known == static_members_.end()) return add_member(request, id, ticket, at, out);
    return replace_static(known->second, id, request, ticket, at, out);
  }
  if (!request.requires_known_id) return add_member(request, id, ticket, at, out);
  // Counted once it comes back with the id: who never does leaves nothing behind but this, for a while.
  const kernel::Mono until =
      kernel::saturating_add(at.now, std::chrono::milliseconds{std::max(request.session_timeout_ms, 0)});
  pending_.add(id, until);
  due_at(until);
  out.joins.emplace_back(ticket, JoinReply{.error = ErrorCode::member_id_required, .member_id = id});
}

void Group::join_known(const JoinRequest& request, Ticket ticket, const Moment& at, Effects& out) {
  const auto refuse = [&](ErrorCode code) {
    out.joins.emplace_back(ticket, JoinReply{.error = code, .member_id = request.member_id});
  };
  if (pending_.contains(request.member_id)) {
    if (request.instance_id) return refuse(ErrorCode::unknown_server_error);  // static members are never asked to
    return add_member(request, request.member_id, ticket, at, out);
  }
  std::optional<std::string_view> instance_id;
  if (request.instance_id) instance_id = *request.instance_id;
  if (const ErrorCode code = check_member(request.member_id, instance_id); code != ErrorCode::none)
    return refuse(code);
  Member& member = *find(request.member_id);
  const bool says_the_same = same_protocols(member.protocols, request.protocols);
  switch (phase_) {
    case Phase::preparing:
      update_member(member, request, ticket, out);
      return complete_if_all_joined(at, out);
    case Phase::completing:
      // It did not hear our answer, unless it has something new to say.
      if (says_the_same) return out.joins.emplace_back(ticket, reply_for(member)), void();
      update_member(member, request, ticket, out);
      return prepare(at, out);
    case Phase::stable:
      // The leader joins again when what it leads by has changed (partitions, subscriptions).
      if (leader_ == member.id || !says_the_same) {
        update_member(member, request, ticket, out);
        return prepare(at, out);
      }
      return out.joins.emplace_back(ticket, reply_for(member)), void();
    case Phase::empty:
    case Phase::dead: return refuse(ErrorCode::unknown_member_id);
  }
  std::unreachable();
}

void Group::add_member(const JoinRequest& request, std::string member_id, Ticket ticket, const Moment& at,
                       Effects& out) {
  pending_.erase(member_id);
  if (members_.empty()) protocol_type_ = request.protocol_type;
  Member member{.id = member_id,
                .instance_id = request.instance_id,
                .client_id = request.client_id,
                .client_host = request.client_host,
                .is_new = true,
                .session_end = kernel::saturating_add(at.now, kNewMemberJoinMax)};
  if (member.instance_id) static_members_[*member.instance_id] = member_id;
  if (!leader_) leader_ = member_id;
  due_at(member.session_end);
  Member& added = put(std::move(member));
  update_member(added, request, ticket, out);
  if (phase_ == Phase::preparing && join_end_.initial) newcomers_ = true;
  rebalance_or_complete(at, out);
}

void Group::update_member(Member& member, const JoinRequest& request, Ticket ticket, Effects& out) {
  // A join of the same member that still waits was given up by its sender.
  answer_join(member, {.error = ErrorCode::rebalance_in_progress, .member_id = member.id}, out);
  member_bytes_ += bytes_of(request.protocols) - bytes_of(member.protocols);
  member.protocols = request.protocols;
  member.rebalance_timeout_ms = std::max(request.rebalance_timeout_ms, 0);
  member.session_timeout_ms = request.session_timeout_ms;
  member.join = ticket;
}

JoinReply Group::reply_for(const Member& member) const {
  JoinReply reply{.generation = generation_,
                  .protocol_type = protocol_type_,
                  .protocol = protocol_,
                  .leader = leader_.value_or(""),
                  .member_id = member.id};
  // In a stable group everybody has its assignment: nobody is to make another.
  if (leader_ != member.id || phase_ == Phase::stable) return reply;
  for (const StoredMember& one : snapshot().members) reply.members.push_back({one.id, one.instance_id, one.subscription});
  return reply;
}

void Group::replace_static(const std::string& former_id, std::string new_id, const JoinRequest& request,
                           Ticket ticket, const Moment& at, Effects& out) {
  Store store{.why = Store::Why::replaced_static,
              .content = {},
              .member_id = new_id,
              .former_member_id = former_id,
              .former_leader = leader_.value_or(""),
              .former = *find(former_id),
              .join = ticket,
              .may_skip_assignment = request.may_skip_assignment};
  const bool leads = leader_ == former_id;
  // Whoever still acts under the old id is fenced for good.
  Member member = take(store.former_member_id);
  answer_join(member, {.error = ErrorCode::fenced_instance_id, .member_id = member.id}, out);
  answer_sync(member, {.error = ErrorCode::fenced_instance_id}, out);
  if (not_synced_.erase(store.former_member_id) != 0) not_synced_.insert(new_id);
  member.id = new_id;
  static_members_[*member.instance_id] = new_id;
  if (leads) leader_ = new_id;
  member.client_id = request.client_id;
  member.client_host = request.client_host;
  Member& added = put(std::move(member));
  update_member(added, request, ticket, out);
  touch(added, at);
  store.former.join = 0;
  store.former.sync = 0;
  switch (phase_) {
    case Phase::stable:
      if (choose_protocol() != protocol_) return prepare(at, out);
      // The work stays divided as it is; only the new id has to be known, here and after a restart.
      store.content = snapshot();
      out.stores.push_back(std::move(store));
      return;
    case Phase::completing: return prepare(at, out);  // the leader may be dividing among ids that are no more
    case Phase::preparing: return complete_if_all_joined(at, out);
    case Phase::empty:
    case Phase::dead: CHECK(false);
  }
}

void Group::stored_static(const Store& store, ErrorCode outcome, const Moment& at, Effects& out) {
  Member* member = find(store.member_id);
  if (member == nullptr || member->join != store.join) return;  // it has left, or joined anew
  if (phase_ != Phase::stable || generation_ != store.content.generation) return;  // the rebalance will answer it
  touch(*member, at);
  if (outcome != ErrorCode::none) {
    answer_join(*member, {.error = outcome, .member_id = ""}, out);
    Member former = store.former;
    const bool leads = leader_ == store.member_id;
    static_cast<void>(take(store.member_id));
    static_members_[*former.instance_id] = former.id;
    if (leads) leader_ = former.id;
    touch(put(std::move(former)), at);
    return;
  }
  JoinReply reply = reply_for(*member);
  if (!store.may_skip_assignment) {
    // It must not believe that it leads: it would divide the work anew, and nobody waits for that.
    reply.leader = store.former_leader;
    return answer_join(*member, std::move(reply), out);
  }
  if (leader_ == member->id) {
    reply.skip_assignment = true;
    for (const StoredMember& one : snapshot().members)
      reply.members.push_back({one.id, one.instance_id, one.subscription});
  }
  answer_join(*member, std::move(reply), out);
}

}  // namespace broker::coordinators::group
