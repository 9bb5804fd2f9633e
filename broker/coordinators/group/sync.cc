// The leader says who does what; everybody hears it once it is on the log.
#include "broker/coordinators/group/group.h"

namespace broker::coordinators::group {

ErrorCode Group::check_sync(const SyncRequest& request) const {
  if (phase_ == Phase::dead) return ErrorCode::coordinator_not_available;
  std::optional<std::string_view> instance_id;
  if (request.instance_id) instance_id = *request.instance_id;
  if (const ErrorCode code = check_member(request.member_id, instance_id); code != ErrorCode::none) return code;
  if (request.generation != generation_) return ErrorCode::illegal_generation;
  if ((request.protocol_type && request.protocol_type != protocol_type_) ||
      (request.protocol && request.protocol != protocol_))
    return ErrorCode::inconsistent_group_protocol;
  return ErrorCode::none;
}

void Group::note_sync(std::string_view member_id) {
  if (const auto at = not_synced_.find(member_id); at != not_synced_.end()) not_synced_.erase(at);
  if (not_synced_.empty()) sync_end_ = kernel::kNever;
}

void Group::sync(const SyncRequest& request, Ticket ticket, const Moment& at, Effects& out) {
  const auto refuse = [&](ErrorCode code) { out.syncs.emplace_back(ticket, SyncReply{.error = code}); };
  if (const ErrorCode code = check_sync(request); code != ErrorCode::none) return refuse(code);
  Member& member = *find(request.member_id);
  switch (phase_) {
    case Phase::empty:
    case Phase::dead: return refuse(ErrorCode::unknown_member_id);
    case Phase::preparing: return refuse(ErrorCode::rebalance_in_progress);
    case Phase::stable:
      note_sync(member.id);
      touch(member, at);
      out.syncs.emplace_back(ticket, SyncReply{.protocol_type = protocol_type_, .protocol = protocol_,
                                               .assignment = member.assignment});
      return;
    case Phase::completing: break;
  }
  answer_sync(member, {.error = ErrorCode::rebalance_in_progress}, out);  // one before it was given up by its sender
  member.sync = ticket;
  note_sync(member.id);
  if (leader_ != member.id || storing_generation_ == generation_) return;
  std::size_t assigned_bytes = 0;
  for (const auto& [id, assignment] : request.assignments) assigned_bytes += assignment.size();
  if (assigned_bytes > rules_->record_bytes_max) {  // it could not be written, and is not kept until that is seen
    fail_syncs(ErrorCode::unknown_server_error, at, out);
    return prepare(at, out);
  }
  storing_generation_ = generation_;
  Store store{.why = Store::Why::assignment, .content = snapshot()};
  store.content.state_timestamp_ms = at.wall_ms;
  for (StoredMember& one : store.content.members) {
    one.assignment = {};
    // Ids that are nobody's are passed over; of two for one member the last counts.
    for (const auto& [id, assignment] : request.assignments) {
      if (id == one.id) one.assignment = assignment;
    }
  }
  out.stores.push_back(std::move(store));
}

void Group::stored_assignment(const Store& store, ErrorCode outcome, const Moment& at, Effects& out) {
  // A rebalance may have begun meanwhile: then nobody waits for this any more.
  if (phase_ != Phase::completing || generation_ != store.content.generation) return;
  storing_generation_.reset();
  if (outcome != ErrorCode::none) {
    fail_syncs(outcome, at, out);
    return prepare(at, out);
  }
  enter(Phase::stable, at);
  phase_since_ms_ = store.content.state_timestamp_ms;
  for (const StoredMember& one : store.content.members) {
    Member* member = find(one.id);
    if (member == nullptr) continue;
    assign(*member, one.assignment);
    if (member->sync == 0) continue;
    answer_sync(*member, {.protocol_type = protocol_type_, .protocol = protocol_, .assignment = one.assignment}, out);
    touch(*member, at);
  }
}

void Group::fail_syncs(ErrorCode error, const Moment& at, Effects& out) {
  for (auto& [id, member] : members_) {
    assign(member, {});
    if (member.sync == 0) continue;
    answer_sync(member, {.error = error}, out);
    touch(member, at);
  }
}

}  // namespace broker::coordinators::group
