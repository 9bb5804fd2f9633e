#include "clients/group/group_consumer.h"

#include "clients/group/state.h"

namespace clients::group {

using core::Reason;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::Offset;

Result<> check(const GroupConfig& config) {
  const bool fine = !config.group_id.empty() && !config.assignors.empty() && config.session_timeout.count() > 0 &&
                    config.heartbeat_interval.count() > 0 && config.heartbeat_interval < config.session_timeout &&
                    config.max_poll_interval.count() > 0 && config.auto_commit_interval.count() >= 0 &&
                    (!config.instance_id || !config.instance_id->empty());
  return fine ? Result<>{} : fail(Reason::invalid_config);
}

GroupConsumer::State::State(kernel::Scope& scope, ClusterRef c, GroupConfig p, std::unique_ptr<consumer::Consumer> r)
    : cluster{std::move(c)},
      config{std::move(p)},
      crew{scope},
      reader{std::move(r)},
      coordinator{cluster, config.group_id},
      join_lane{cluster->new_lane()},
      lane{cluster->new_lane()},
      random{cluster->random("group")},
      cooperative{std::ranges::all_of(config.assignors, [](AssignorKind kind) { return kind == AssignorKind::cooperative_sticky; })} {
  self.instance_id = config.instance_id;
}

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::open(kernel::Scope& scope, ClusterRef cluster, GroupConfig config) {
  TRY(check(config));
  auto reader = TRY(consumer::Consumer::open(scope, cluster, config.reading));
  auto state = std::make_shared<State>(scope, std::move(cluster), std::move(config), std::move(reader));
  State* at = state.get();
  state->crew.spawn("group-member", state, [at](Fiber& f) { at->take_part(f); });
  state->crew.spawn("group-starts", state, [at](Fiber& f) { at->find_starts(f); });
  state->crew.spawn("group-commits", state, [at](Fiber& f) { at->write_commits(f); });
  return std::unique_ptr<GroupConsumer>{new GroupConsumer{std::move(state)}};
}

GroupConsumer::~GroupConsumer() {
  state_->crew.stop();
  state_->refuse_commits();
  state_->set_topics({});
  state_->lead_topics({});
}

Result<> CommitFuture::get(Fiber& f) const {
  const auto state = state_;
  return *TRY(state->get(f));
}

void GroupConsumer::subscribe(std::vector<std::string> topics, RebalanceListener listener) {
  CHECK(state_->mode != Mode::by_hand);
  if (state_->mode == Mode::pattern) ++state_->subscription_number;
  state_->mode = Mode::topics;
  state_->listener = std::move(listener);
  state_->set_topics({topics.begin(), topics.end()});
}

void GroupConsumer::subscribe(TopicPattern pattern, RebalanceListener listener) {
  CHECK(state_->mode != Mode::by_hand);
  State* at = state_.get();
  const bool first = !state_->pattern;
  state_->mode = Mode::pattern;
  state_->pattern = std::move(pattern);
  state_->listener = std::move(listener);
  if (first) state_->crew.spawn("group-topics", state_, [at](Fiber& f) { at->follow_pattern(f); });
  state_->pattern_changed.notify_all();
  state_->member_wake.notify_all();
}

void GroupConsumer::assign(const Partitions& partitions) {
  CHECK(!state_->subscribed());
  State& state = *state_;
  state.mode = Mode::by_hand;
  const std::set<TopicPartition> wanted{partitions.begin(), partitions.end()};
  Partitions going;
  for (const TopicPartition& at : state.owned) {
    if (!wanted.contains(at)) going.push_back(at);
  }
  state.forget(going);
  for (const TopicPartition& at : wanted) {
    if (state.owned.insert(at).second) state.await_start(at);
  }
  state.auto_commit_due = {};
}

Result<> GroupConsumer::unsubscribe(Fiber& f) {
  const auto state = state_;
  state->let_go(f);
  (void)state->leave(f, "unsubscribed");
  state->mode = Mode::none;
  ++state->subscription_number;
  state->lose_generation(true);
  state->lost = false;
  state->joined_topics.clear();
  state->set_topics({});
  state->lead_topics({});
  return f.cancelled() ? fail(Errc::cancelled) : Result<>{};
}

Partitions GroupConsumer::assignment() const { return {state_->owned.begin(), state_->owned.end()}; }
MemberIdentity GroupConsumer::identity() const { return state_->self; }
const GroupConsumer::Stats& GroupConsumer::stats() const { return state_->stats; }

Result<std::optional<Polled>> GroupConsumer::poll(Fiber& f, kernel::Duration wait_max) {
  const auto state = state_;
  struct Polling {
    Polling(State& s, Fiber& fiber) : state{s}, f{fiber} {
      state.polling = true;
      state.member_wake.notify_all();
    }
    ~Polling() {
      state.polling = false;
      state.polled_at = f.now();
    }
    State& state;
    Fiber& f;
  } const in_poll{*state, f};
  const kernel::Mono due = kernel::saturating_add(f.now(), wait_max);
  state->auto_commit(f.now());
  for (;;) {
    if (state->crew.stopped()) return fail(Reason::closed);
    TRY(state->attend(f));
    if (!state->unplaced.empty()) {
      Polled polled;
      polled.at = state->unplaced.front();
      polled.next_offset = Offset{-1};
      polled.error = fail(Reason::no_committed_offset, polled.at.partition.raw()).error();
      state->unplaced.pop_front();
      return std::optional<Polled>{std::move(polled)};
    }
    if (state->reader->has_pollable()) {
      auto polled = TRY(state->reader->poll(f, kernel::Duration{0}));
      if (polled) return std::optional<Polled>{std::move(*polled)};
      continue;
    }
    if (state->needs_attention()) continue;
    if (f.now() >= due) return std::optional<Polled>{};
    const bool ours_is_first = due < f.deadline();
    const auto within = f.deadline_at(due);
    kernel::WaitAny some{f};
    some.add(state->attention);
    some.add(state->reader->arrived());
    const auto woken = some.wait();
    if (!woken && !(woken.error().is(Errc::deadline) && ours_is_first)) return std::unexpected(woken.error());
  }
}

CommitFuture GroupConsumer::commit_async() { return commit_async(state_->positions()); }
CommitFuture GroupConsumer::commit_async(Offsets offsets) { return CommitFuture{state_->enqueue(std::move(offsets))}; }
Result<> GroupConsumer::commit(Fiber& f) { return commit_async().get(f); }
Result<> GroupConsumer::commit(Fiber& f, Offsets offsets) { return commit_async(std::move(offsets)).get(f); }

Result<Offsets> GroupConsumer::committed(Fiber& f, const Partitions& partitions) {
  const auto state = state_;
  return fetch_offsets(f, state->coordinator, partitions, state->lane);
}

void GroupConsumer::seek(const TopicPartition& at, Start start) {
  CHECK(state_->owned.contains(at));
  state_->read_from(at, start, net::kLeaderEpochNone);
}

void GroupConsumer::pause(const TopicPartition& at) {
  CHECK(state_->owned.contains(at));
  state_->paused.insert(at);
  if (!state_->awaiting.contains(at) && state_->reader->is_assigned(at)) state_->reader->pause(at);
}

void GroupConsumer::resume(const TopicPartition& at) {
  CHECK(state_->owned.contains(at));
  state_->paused.erase(at);
  if (!state_->awaiting.contains(at) && state_->reader->is_assigned(at)) state_->reader->resume(at);
}

std::optional<Offset> GroupConsumer::position(const TopicPartition& at) const { return state_->reader->position(at); }

Result<std::map<TopicPartition, Offset>> GroupConsumer::end_offsets(Fiber& f, const Partitions& partitions) {
  return state_->reader->end_offsets(f, partitions);
}

Result<std::map<TopicPartition, Offset>> GroupConsumer::beginning_offsets(Fiber& f, const Partitions& partitions) {
  return state_->reader->beginning_offsets(f, partitions);
}

Result<std::map<TopicPartition, consumer::FoundOffset>> GroupConsumer::offsets_for_times(
    Fiber& f, const std::map<TopicPartition, std::int64_t>& timestamps_ms) {
  const auto state = state_;
  consumer::OffsetQuery query;
  for (const auto& [at, timestamp_ms] : timestamps_ms) query.emplace(at, consumer::AtTime{timestamp_ms});
  return consumer::list_offsets(f, *state->cluster, std::move(query), state->config.reading.isolation);
}

Result<> GroupConsumer::close(Fiber& f, kernel::Duration wait_max) {
  const auto state = state_;
  {
    const auto within = f.deadline_in(wait_max);
    state->let_go(f);
    state->crew.stop();
    // With nobody left to join again, leaving is final.
    (void)state->leave(f, "the consumer was closed");
  }
  state->refuse_commits();
  TRY(state->crew.wait_empty(f));
  return state->reader->close(f);
}

}  // namespace clients::group
