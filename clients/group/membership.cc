// The member fiber: keeps us in the group, and says when the one that polls has something to do.
#include "clients/group/state.h"
#include "kernel/node.h"
#include "net/messages/heartbeat.h"
#include "net/messages/leave_group.h"

namespace clients::group {

using core::Reason;
using kernel::Errc;
using kernel::Error;
using kernel::Fiber;
using kernel::Mono;
using kernel::Result;
using net::ErrorCode;

namespace {

constexpr std::int16_t kLeaveManyFirst = 3;
constexpr std::int16_t kStaticFirst = 3;  // of Heartbeat

/// Not worth a try again: settings, rights, or another member in our place.
bool is_fatal(const Error& error) {
  switch (core::broker_code(error)) {
    case ErrorCode::fenced_instance_id:
    case ErrorCode::inconsistent_group_protocol:
    case ErrorCode::invalid_session_timeout:
    case ErrorCode::invalid_group_id:
    case ErrorCode::group_authorization_failed:
    case ErrorCode::topic_authorization_failed:
    case ErrorCode::group_max_size_reached:
    case ErrorCode::unsupported_version:
    case ErrorCode::invalid_request: return true;
    default: return error.is(Reason::unsupported_version);
  }
}

}  // namespace

bool GroupConsumer::State::poll_overdue(Mono now) const {
  return !polling && is_member() && now > kernel::saturating_add(polled_at, config.max_poll_interval);
}

bool GroupConsumer::State::wants_rejoin() const {
  return must_rejoin || joined_topics != topics || (leads && counts_of(group_topics) != led_counts);
}

void GroupConsumer::State::lose_generation(bool member_id_too) {
  self.generation = kGenerationNone;
  if (member_id_too) self.member_id.clear();
  lost |= !owned.empty();
  leads = false;
  offered.clear();
  stage = Stage::idle;
  attention.notify_all();
  member_wake.notify_all();
}

void GroupConsumer::State::end_for_good(const Error& why) {
  if (fatal) return;
  fatal = why;
  lose_generation(true);
}

bool GroupConsumer::State::judge_membership(ErrorCode code, const MemberIdentity& as) {
  // While we join, the generation changes under what is still under way; the join itself will tell.
  const bool about_us = as.member_id == self.member_id && as.generation == self.generation && stage != Stage::joining;
  switch (code) {
    case ErrorCode::rebalance_in_progress:
      if (about_us) must_rejoin = true;
      member_wake.notify_all();
      return true;
    case ErrorCode::illegal_generation:
    case ErrorCode::unknown_member_id:
      if (about_us && is_member()) lose_generation(code == ErrorCode::unknown_member_id);
      return true;
    case ErrorCode::fenced_instance_id:
      if (as.member_id == self.member_id) end_for_good(core::fail_code(code).error());
      return true;
    default: return false;
  }
}

void GroupConsumer::State::take_part(Fiber& f) {
  core::Backoff backoff{cluster->config().retry_backoff, cluster->config().retry_backoff_max};
  while (!crew.stopped() && !f.cancelled()) {
    if (!subscribed() || !topics_known || fatal) {
      if (!member_wake.wait(f)) return;
      continue;
    }
    if (poll_overdue(f.now())) {
      f.log().warn("group_left_for_not_polling", {{"group", config.group_id}});
      (void)leave(f, "max.poll.interval.ms has passed without a poll");
      lose_generation(true);
    }
    switch (stage) {
      case Stage::idle:
        stage = Stage::to_prepare;
        attention.notify_all();
        break;
      case Stage::joining: {
        const std::uint64_t subscription = subscription_number;
        const auto joined = join_and_sync(f);
        if (f.cancelled()) return;
        if (subscription != subscription_number || stage != Stage::joining) break;
        if (joined) {
          backoff.reset();
          stage = Stage::to_complete;
          attention.notify_all();
          break;
        }
        if (is_fatal(joined.error())) {
          end_for_good(joined.error());
          break;
        }
        if (joined.error().is(Reason::malformed_assignment)) {
          trouble = joined.error();
          attention.notify_all();
        }
        if (!f.sleep(backoff.next(random))) return;
        break;
      }
      case Stage::stable:
        if (wants_rejoin()) {
          stage = Stage::idle;
          break;
        }
        [[fallthrough]];
      case Stage::to_prepare:
      case Stage::to_complete: keep_alive(f); break;
    }
  }
}

void GroupConsumer::State::keep_alive(Fiber& f) {
  if (is_member() && f.now() >= heartbeat_due) return heartbeat(f);
  Mono next = is_member() ? heartbeat_due : kernel::kNever;
  if (is_member() && !polling) next = std::min(next, kernel::saturating_add(polled_at, config.max_poll_interval + std::chrono::milliseconds{1}));
  const auto within = f.deadline_at(next);
  kernel::WaitAny some{f};
  some.add(member_wake);
  some.add(cluster->metadata_changed());
  (void)some.wait();
}

void GroupConsumer::State::heartbeat(Fiber& f) {
  const MemberIdentity as = self;
  const auto make = [&](std::int16_t version) {
    net::HeartbeatRequest request;
    request.group_id = config.group_id;
    request.generation_id = as.generation;
    request.member_id = as.member_id;
    if (as.instance_id && version >= kStaticFirst) request.group_instance_id = *as.instance_id;
    return request;
  };
  const auto answer = coordinator.ask_once<net::HeartbeatRequest>(
      f, make, {.lane = lane, .timeout = std::min(cluster->config().request_timeout, config.session_timeout)});
  const Mono now = f.now();
  // A topic that is not there yet is looked for sooner than metadata.max.age.ms.
  if (counts_of(topics).size() < topics.size()) cluster->want_refresh();
  const ErrorCode code = answer ? (*answer)->error_code : core::broker_code(answer.error());
  const bool heard = answer && (code == ErrorCode::none || code == ErrorCode::rebalance_in_progress);
  heartbeat_due = kernel::saturating_add(now, heard ? config.heartbeat_interval
                                                    : std::min(config.heartbeat_interval, cluster->config().retry_backoff_max));
  if (judge_membership(code, as)) return;
  if (!answer || core::coordinator_news(code) == core::CoordinatorNews::moved) coordinator.forget();
  if (code != ErrorCode::none && is_fatal(core::fail_code(code).error())) end_for_good(core::fail_code(code).error());
}

Result<> GroupConsumer::State::leave(Fiber& f, std::string_view reason) {
  const MemberIdentity as = self;
  if (as.member_id.empty() || as.instance_id) return {};
  net::Arena arena;
  const auto make = [&](std::int16_t version) {
    net::LeaveGroupRequest request;
    request.group_id = config.group_id;
    if (version < kLeaveManyFirst) {
      request.member_id = as.member_id;
      return request;
    }
    auto& one = arena.push_back(request.members, {});
    one.member_id = as.member_id;
    one.reason = reason;
    return request;
  };
  const auto answer = TRY(coordinator.ask_once<net::LeaveGroupRequest>(f, make, {.lane = lane}));
  return answer->error_code == ErrorCode::none ? Result<>{} : core::fail_code(answer->error_code);
}

}  // namespace clients::group
