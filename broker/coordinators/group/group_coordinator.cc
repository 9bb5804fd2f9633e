#include "broker/coordinators/group/group_coordinator.h"

#include <fmt/format.h>

namespace broker::coordinators::group {

using kernel::Fiber;
using kernel::Result;

namespace {

/// A request that waits; leaves the table when it goes, whatever ends it.
template <class Reply>
class Waiting {
 public:
  Waiting(std::map<Ticket, kernel::Future<Reply>*>& table, Ticket ticket) : table_{table}, ticket_{ticket} {
    table_[ticket] = &reply_;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { table_.erase(ticket_); }
  /// Suspends. A wait that is broken off leaves the member where it is; it will ask again, or expire.
  Reply get(Fiber& f) {
    const auto got = reply_.get(f);
    return got ? std::move(**got) : Reply{.error = ErrorCode::coordinator_not_available};
  }

 private:
  std::map<Ticket, kernel::Future<Reply>*>& table_;
  Ticket ticket_;
  kernel::Future<Reply> reply_;
};

template <class Reply>
void deliver(std::map<Ticket, kernel::Future<Reply>*>& table, std::vector<std::pair<Ticket, Reply>>& replies) {
  for (auto& [ticket, reply] : replies) {
    const auto at = table.find(ticket);
    if (at != table.end() && !at->second->is_set()) at->second->set(std::move(reply));
  }
}

}  // namespace

ErrorCode code_of_write(const Result<>& outcome) {
  if (outcome) return ErrorCode::none;
  const kernel::Error& error = outcome.error();
  if (error.is(CoordinatorReason::not_coordinator) || error.is(log::LogReason::directory_offline))
    return ErrorCode::not_coordinator;
  if (error.is(kernel::Errc::too_large) || error.is(log::LogReason::too_large_for_segment))
    return ErrorCode::unknown_server_error;
  return ErrorCode::coordinator_not_available;
}

ErrorCode GroupCoordinator::readiness() const {
  if (ready()) return ErrorCode::none;
  return loading() ? ErrorCode::coordinator_load_in_progress : ErrorCode::not_coordinator;
}

Group* GroupCoordinator::find(std::string_view group_id) {
  const auto at = groups_.find(group_id);
  return at == groups_.end() ? nullptr : &at->second.group;
}
const Group* GroupCoordinator::find(std::string_view group_id) const {
  const auto at = groups_.find(group_id);
  return at == groups_.end() ? nullptr : &at->second.group;
}

GroupCoordinator::Live& GroupCoordinator::find_or_add(std::string_view group_id) {
  const auto at = groups_.find(group_id);
  if (at != groups_.end()) return at->second;
  std::string id{group_id};
  Group group{id, rules_};
  metrics_.groups.add(1);
  return groups_.emplace(std::move(id), Live{.group = std::move(group)}).first->second;
}

void GroupCoordinator::loaded(const Moment& at, kernel::Duration taken) {
  metrics_.load_seconds.record(taken);
  check_due_ = kernel::saturating_add(at.now, settings_.offsets_retention_check);
  for (const auto& [id, entry] : state_.groups()) {
    if (!entry.group) {
      find_or_add(id);
      continue;
    }
    Effects out;
    groups_.emplace(id, Live{.group = Group{id, rules_, *entry.group, at, out}});
    metrics_.groups.add(1);
    carry_out(id, std::move(out), at);
  }
}

void GroupCoordinator::closed(const Moment& at) {
  // Waits of members end with their requests; what is left here is of no use to anybody.
  Effects out;
  for (auto& [id, live] : groups_) live.group.abandon(ErrorCode::not_coordinator, out);
  static_cast<void>(at);
  deliver(joins_, out.joins);
  deliver(syncs_, out.syncs);
  metrics_.groups.add(-static_cast<std::int64_t>(groups_.size()));
  for (auto& [id, live] : groups_) count(live, 0);
  groups_.clear();
  schedule_.clear();
  state_ = {};
}

kernel::Mono GroupCoordinator::next_due() const {
  const kernel::Mono group = schedule_.empty() ? kernel::kNever : schedule_.begin()->first;
  return groups_.empty() ? group : std::min(group, check_due_);
}

void GroupCoordinator::on_time(const Moment& at) {
  while (!schedule_.empty() && schedule_.begin()->first <= at.now) {
    const std::string id = schedule_.begin()->second;
    Effects out;
    groups_.at(id).group.on_time(at, out);
    carry_out(id, std::move(out), at);
  }
  if (check_due_ > at.now) return;
  check_due_ = kernel::saturating_add(at.now, settings_.offsets_retention_check);
  expire(at);
}

void GroupCoordinator::reschedule(const std::string& group_id) {
  const auto at = groups_.find(group_id);
  if (at == groups_.end()) return;
  Live& live = at->second;
  // Nothing was or will be written of it: it was only looked in at.
  const bool is_nothing = live.group.is_deserted() && live.group.generation() == 0 && state_.find(group_id) == nullptr;
  const kernel::Mono due = is_nothing ? kernel::kNever : live.group.next_due();
  if (due != live.scheduled) {
    if (live.scheduled != kernel::kNever) schedule_.erase({live.scheduled, group_id});
    if (due != kernel::kNever) schedule_.insert({due, group_id});
    live.scheduled = due;
  }
  if (is_nothing) forget(group_id);
  else if (kernel::kVerify) live.group.invariants();
  due_changed();
}

void GroupCoordinator::forget(const std::string& group_id) {
  const auto live = groups_.find(group_id);
  if (live->second.scheduled != kernel::kNever) schedule_.erase({live->second.scheduled, group_id});
  count(live->second, 0);
  groups_.erase(live);
  metrics_.groups.add(-1);
}

void GroupCoordinator::count(Live& live, std::uint64_t bytes) {
  memory_.used += bytes - live.counted;
  metrics_.member_bytes.add(static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(live.counted));
  live.counted = bytes;
}

bool GroupCoordinator::has_memory_for(const JoinRequest& request) const {
  const std::uint64_t wanted = bytes_of(request);
  std::uint64_t had = 0;
  if (const Group* group = find(request.group_id); group != nullptr) {
    const auto member = group->members().find(request.member_id);
    if (member != group->members().end()) had = bytes_of(member->second);
  }
  return wanted <= had || memory_.used + (wanted - had) <= settings_.member_bytes_max;
}

std::shared_ptr<GroupCoordinator::Outcome> GroupCoordinator::carry_out(const std::string& group_id, Effects out,
                                                                       const Moment& at) {
  deliver(joins_, out.joins);
  deliver(syncs_, out.syncs);
  std::shared_ptr<Outcome> last;
  for (Store& store : out.stores) {
    auto record = group_record(group_id, store.content);
    last = std::make_shared<Outcome>();
    write(at, {std::move(record)},
          [this, group_id, store = std::move(store), told = last](const Moment& then, const Result<>& outcome) {
            const ErrorCode code = code_of_write(outcome);
            told->set(code);
            if (outcome && store.why == Store::Why::assignment) metrics_.rebalances_total.add();
            Group* group = find(group_id);
            if (group == nullptr) return;
            Effects more;
            group->stored(store, code, then, more);
            carry_out(group_id, std::move(more), then);
          });
  }
  if (const auto live = groups_.find(group_id); live != groups_.end()) count(live->second, live->second.group.bytes());
  reschedule(group_id);
  return last;
}

ErrorCode GroupCoordinator::wait_for(Fiber& f, const std::shared_ptr<Outcome>& outcome) const {
  const auto within = f.deadline_in(settings_.commit_timeout);
  const auto code = outcome->get(f);
  return code ? **code : ErrorCode::coordinator_not_available;
}

std::string GroupCoordinator::fresh_id() {
  const std::uint64_t high = random_.u64(), low = random_.u64();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xfff,
                     0x8000 | (low >> 48 & 0x3fff), low & 0xffffffffffff);
}

JoinReply GroupCoordinator::join(Fiber& f, JoinRequest request) {
  const auto refuse = [](ErrorCode code) { return JoinReply{.error = code}; };
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return refuse(code);
  if (request.group_id.empty()) return refuse(ErrorCode::invalid_group_id);
  if (request.session_timeout_ms < settings_.session_timeout_min.count() ||
      request.session_timeout_ms > settings_.session_timeout_max.count())
    return refuse(ErrorCode::invalid_session_timeout);
  if (!request.member_id.empty() && find(request.group_id) == nullptr) {
    JoinReply unknown{.error = ErrorCode::unknown_member_id};
    unknown.member_id = request.member_id;
    return unknown;
  }
  if (!has_memory_for(request)) {
    metrics_.joins_put_off_total.add();
    return refuse(ErrorCode::coordinator_not_available);
  }
  request.fresh_id = fresh_id();
  const Moment at = moment_of(f);
  Waiting<JoinReply> waiting{joins_, ++last_ticket_};
  Effects out;
  find_or_add(request.group_id).group.join(request, last_ticket_, at, out);
  carry_out(request.group_id, std::move(out), at);
  request = {};  // the wait may be long
  return waiting.get(f);
}

SyncReply GroupCoordinator::sync(Fiber& f, SyncRequest request) {
  const auto refuse = [](ErrorCode code) { return SyncReply{.error = code}; };
  if (const ErrorCode code = readiness(); code != ErrorCode::none)
    // The member would find its group as it was before: it has to join again anyway.
    return refuse(code == ErrorCode::coordinator_load_in_progress ? ErrorCode::rebalance_in_progress : code);
  if (request.group_id.empty()) return refuse(ErrorCode::invalid_group_id);
  Group* group = find(request.group_id);
  if (group == nullptr) return refuse(ErrorCode::unknown_member_id);
  const Moment at = moment_of(f);
  Waiting<SyncReply> waiting{syncs_, ++last_ticket_};
  Effects out;
  group->sync(request, last_ticket_, at, out);
  carry_out(request.group_id, std::move(out), at);
  request = {};
  return waiting.get(f);
}

ErrorCode GroupCoordinator::heartbeat(Fiber& f, const HeartbeatRequest& request) {
  const ErrorCode code = readiness();
  // Members of a group that is being loaded are members still.
  if (code == ErrorCode::coordinator_load_in_progress) return ErrorCode::none;
  if (code != ErrorCode::none) return code;
  if (request.group_id.empty()) return ErrorCode::invalid_group_id;
  Group* group = find(request.group_id);
  if (group == nullptr) return ErrorCode::unknown_member_id;
  const ErrorCode answer = group->heartbeat(request, moment_of(f));
  reschedule(std::string{request.group_id});
  return answer;
}

GroupCoordinator::LeaveReply GroupCoordinator::leave(Fiber& f, std::string_view group_id,
                                                     const std::vector<Leaving>& leaving) {
  if (const ErrorCode code = readiness(); code != ErrorCode::none) return {.error = code};
  if (group_id.empty()) return {.error = ErrorCode::invalid_group_id};
  Group* group = find(group_id);
  if (group == nullptr) return {.members = std::vector(leaving.size(), ErrorCode::unknown_member_id)};
  if (group->phase() == Phase::dead) return {.error = ErrorCode::coordinator_not_available};
  const Moment at = moment_of(f);
  Effects out;
  LeaveReply reply{.members = group->leave(leaving, at, out)};
  const auto written = carry_out(std::string{group_id}, std::move(out), at);
  if (written != nullptr) reply.error = wait_for(f, written);
  return reply;
}

}  // namespace broker::coordinators::group
