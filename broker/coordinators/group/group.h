// One group of the classic protocol, as its coordinator has it in memory: who is a member, in which phase, what is
// waited for. Pure: no clock, no log, no fiber; what a call leads to comes out as Effects.
//
//   Effects out;
//   group.join(request, ticket, at, out);       // answers now or later: out.joins, by ticket
//   group.on_time(at, out);                     // when next_due() has come
//   for (Store& one : out.stores) ...write one.content; then group.stored(one, outcome, at, out)
//
// Phases and what moves between them:
//
//   empty       -join->                         preparing (waits group.initial.rebalance.delay.ms for others)
//   preparing   -all joined, or time is up->    completing (a new generation), or empty when nobody is left
//   completing  -the leader's sync is stored->  stable
//   stable, completing -join, leave, expiry->   preparing
//   any         -deletion->                     dead
//
// A request waits under its ticket. A member has at most one join and one sync that wait: another one ends the former.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/coordinators/group/pending_ids.h"
#include "broker/coordinators/group/requests.h"
#include "broker/coordinators/group/stored.h"
#include "broker/coordinators/moment.h"

namespace broker::coordinators::group {

/// A request that waits for its answer; 0: none.
using Ticket = std::uint64_t;

enum class Phase : std::uint8_t { empty, preparing, completing, stable, dead };
/// Kafka's words for them.
std::string_view name_of(Phase phase);

struct GroupRules {
  std::int32_t size_max = INT32_MAX;                       ///< group.max.size
  kernel::Duration initial_delay = std::chrono::seconds{3};  ///< group.initial.rebalance.delay.ms
  std::size_t record_bytes_max = SIZE_MAX;  ///< what is larger cannot be kept of a group
};
/// A new member cannot send heartbeats while its first join waits; one that has gone must not stay for ever.
inline constexpr std::chrono::minutes kNewMemberJoinMax{5};

struct Member {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::vector<Protocol> protocols;
  kernel::Buffer assignment;
  bool is_new = false;       ///< its first join waits
  Ticket join = 0;
  Ticket sync = 0;
  kernel::Mono session_end{};
  [[nodiscard]] bool awaits() const { return join != 0 || sync != 0; }
};

/// What is kept of it (see Group::bytes), or would be of who asks for it.
[[nodiscard]] std::uint64_t bytes_of(const std::vector<Protocol>& protocols);
[[nodiscard]] std::uint64_t bytes_of(const Member& member);
[[nodiscard]] std::uint64_t bytes_of(const JoinRequest& request);

/// A group record to be written, and why: what stored() goes on with.
struct Store {
  enum class Why : std::uint8_t { assignment, emptied, replaced_static };
  Why why = Why::emptied;
  StoredGroup content;
  // replaced_static:
  std::string member_id;         ///< the new one
  std::string former_member_id;
  std::string former_leader;
  Member former;                 ///< to go back to
  Ticket join = 0;
  bool may_skip_assignment = false;
};

struct Effects {
  std::vector<std::pair<Ticket, JoinReply>> joins;
  std::vector<std::pair<Ticket, SyncReply>> syncs;
  std::vector<Store> stores;
};

class Group {
 public:
  Group(std::string id, const GroupRules& rules) : id_{std::move(id)}, rules_{&rules} {}
  /// As the log has it: everybody has the session timeout to say so that they are still there.
  Group(std::string id, const GroupRules& rules, const StoredGroup& stored, const Moment& at, Effects& out);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  [[nodiscard]] const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  [[nodiscard]] const std::optional<std::string>& protocol() const { return protocol_; }
  [[nodiscard]] const std::optional<std::string>& leader() const { return leader_; }
  [[nodiscard]] const std::map<std::string, Member, std::less<>>& members() const { return members_; }
  /// Members that were given an id and have not joined with it.
  [[nodiscard]] std::size_t pending_count() const { return pending_.size(); }
  /// Since when it has been in its phase; -1 when the log does not say.
  [[nodiscard]] std::int64_t phase_since_ms() const { return phase_since_ms_; }
  [[nodiscard]] DescribedGroup describe() const;
  /// Topics that its members read, if it is a group of consumers and every subscription could be read.
  [[nodiscard]] std::optional<std::set<std::string, std::less<>>> subscribed_topics() const;
  [[nodiscard]] bool is_consumer_group() const { return protocol_type_ == "consumer"; }
  /// What it keeps of members and of ids given out, as it came over the wire, with a round figure for each of them.
  [[nodiscard]] std::uint64_t bytes() const;
  /// Nobody is in it or about to be.
  [[nodiscard]] bool is_deserted() const { return phase_ == Phase::empty && members_.empty() && pending_.empty(); }

  /// Answers `ticket` in `out.joins`, at once or with a later call.
  void join(const JoinRequest& request, Ticket ticket, const Moment& at, Effects& out);
  void sync(const SyncRequest& request, Ticket ticket, const Moment& at, Effects& out);
  [[nodiscard]] ErrorCode heartbeat(const HeartbeatRequest& request, const Moment& at);
  /// One code for each; group-wide trouble is not among them (the caller looks at phase()).
  std::vector<ErrorCode> leave(const std::vector<Leaving>& leaving, const Moment& at, Effects& out);
  /// Whether offsets may be committed with these claims. Counts as a heartbeat of the member.
  [[nodiscard]] ErrorCode commit(std::string_view member_id, std::optional<std::string_view> instance_id,
                                 std::int32_t generation, const Moment& at);
  /// What became of a Store, in the order they were given.
  void stored(const Store& store, ErrorCode outcome, const Moment& at, Effects& out);

  /// Nothing happens by itself before it; may be too early, never too late.
  [[nodiscard]] kernel::Mono next_due() const { return due_; }
  void on_time(const Moment& at, Effects& out);

  /// While its deletion is being written; `alive` takes that back.
  void set_dead(bool dead) { phase_ = dead ? Phase::dead : Phase::empty; }
  /// Everybody who waits is told `error` and the group is of no further use.
  void abandon(ErrorCode error, Effects& out);
  void invariants() const;

 private:
  struct NextJoinEnd {
    kernel::Mono due = kernel::kNever;
    bool initial = false;
    kernel::Duration remaining{0};  ///< how much longer newcomers may prolong the initial delay
  };

  // join.cc
  [[nodiscard]] bool has_room_for(std::string_view member_id) const;
  [[nodiscard]] bool supports(std::string_view protocol_type, const std::vector<Protocol>& protocols) const;
  void join_new(const JoinRequest& request, Ticket ticket, const Moment& at, Effects& out);
  void join_known(const JoinRequest& request, Ticket ticket, const Moment& at, Effects& out);
  void add_member(const JoinRequest& request, std::string member_id, Ticket ticket, const Moment& at, Effects& out);
  void update_member(Member& member, const JoinRequest& request, Ticket ticket, Effects& out);
  void replace_static(const std::string& former_id, std::string new_id, const JoinRequest& request, Ticket ticket,
                      const Moment& at, Effects& out);
  [[nodiscard]] JoinReply reply_for(const Member& member) const;
  void stored_static(const Store& store, ErrorCode outcome, const Moment& at, Effects& out);

  // rebalance.cc
  void rebalance_or_complete(const Moment& at, Effects& out);
  void prepare(const Moment& at, Effects& out);
  void complete_if_all_joined(const Moment& at, Effects& out);
  void complete_join(const Moment& at, Effects& out);
  void end_initial_delay(const Moment& at, Effects& out);
  [[nodiscard]] bool elect_joined_leader();
  void begin_generation(const Moment& at);
  [[nodiscard]] bool all_joined() const;
  void expire_sync(const Moment& at, Effects& out);
  [[nodiscard]] std::optional<std::string> choose_protocol() const;
  [[nodiscard]] std::chrono::milliseconds rebalance_timeout() const;

  // sync.cc
  [[nodiscard]] ErrorCode check_sync(const SyncRequest& request) const;
  void note_sync(std::string_view member_id);
  void fail_syncs(ErrorCode error, const Moment& at, Effects& out);
  void stored_assignment(const Store& store, ErrorCode outcome, const Moment& at, Effects& out);

  // group.cc
  [[nodiscard]] ErrorCode check_member(std::string_view member_id, std::optional<std::string_view> instance_id) const;
  [[nodiscard]] Member* find(std::string_view member_id);
  // members_ changes through these only, so that member_bytes_ follows.
  Member& put(Member member);
  Member take(std::string_view member_id);
  void assign(Member& member, const kernel::Buffer& assignment);
  /// Takes it out of everything; who waits in its name is told `error`.
  void remove(std::string_view member_id, ErrorCode error, Effects& out);
  void answer_join(Member& member, JoinReply reply, Effects& out);
  void answer_sync(Member& member, SyncReply reply, Effects& out);
  void enter(Phase phase, const Moment& at);
  void touch(Member& member, const Moment& at);
  void due_at(kernel::Mono when) { due_ = std::min(due_, when); }
  [[nodiscard]] kernel::Mono exact_due() const;
  [[nodiscard]] StoredGroup snapshot() const;
  [[nodiscard]] bool is_expired(const Member& member, kernel::Mono now) const;

  std::string id_;
  const GroupRules* rules_;
  Phase phase_ = Phase::empty;
  Phase previous_phase_ = Phase::empty;
  std::int64_t phase_since_ms_ = -1;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_;
  std::optional<std::string> leader_;
  std::map<std::string, Member, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> static_members_;   ///< member id by instance id
  std::uint64_t member_bytes_ = 0;
  PendingIds pending_;
  std::set<std::string, std::less<>> not_synced_;                    ///< of this generation
  bool newcomers_ = false;                                           ///< since the initial delay began anew
  std::optional<std::int32_t> storing_generation_;                   ///< whose assignment is being written
  NextJoinEnd join_end_;
  kernel::Mono sync_end_ = kernel::kNever;
  kernel::Mono due_ = kernel::kNever;
};

}  // namespace broker::coordinators::group
