// A group without a broker around it: time is passed by hand, what it writes is kept and settled by hand.
//
//   Room room;
//   const Ticket a = room.join("a");  room.pass(3s);  room.joined(a).generation == 1
#pragma once

#include <gtest/gtest.h>

#include "broker/coordinators/group/group.h"

namespace broker::coordinators::group::testing {

using namespace std::chrono_literals;

inline kernel::Buffer bytes(std::string_view text) { return kernel::Buffer::copy_of(text); }
inline std::string text_of(const kernel::Buffer& buffer) { return std::string{kernel::as_text(buffer.view())}; }

struct Room {
  GroupRules rules{.size_max = 100, .initial_delay = 3s};
  Group group{"orders", rules};
  Moment at{.now = kernel::Mono{} + 1000s, .wall_ms = 1'700'000'000'000};
  Ticket last = 0;
  int ids = 0;
  std::map<Ticket, JoinReply> joins;
  std::map<Ticket, SyncReply> syncs;
  std::deque<Store> stores;
  State state;  ///< the fold of what was stored
  net::Offset next{0};

  explicit Room(GroupRules given = {.size_max = 100, .initial_delay = 3s}) : rules{given} {}

  static JoinRequest request(std::string member_id, std::vector<std::string> protocols = {"range"}) {
    JoinRequest out;
    out.group_id = "orders";
    out.member_id = std::move(member_id);
    out.client_id = "client";
    out.client_host = "/10.0.0.1";
    out.protocol_type = "consumer";
    for (const std::string& name : protocols) out.protocols.push_back({name, bytes("metadata of " + name)});
    out.session_timeout_ms = 10'000;
    out.rebalance_timeout_ms = 60'000;
    return out;
  }
  Ticket join(JoinRequest wish) {
    wish.fresh_id = fmt::format("id{}", ++ids);
    Effects out;
    group.join(wish, ++last, at, out);
    take(out);
    return last;
  }
  Ticket join(std::string member_id = "") { return join(request(std::move(member_id))); }
  static JoinRequest static_request(std::string instance, std::string member_id = "") {
    JoinRequest out = request(std::move(member_id));
    out.instance_id = std::move(instance);
    return out;
  }
  Ticket sync(std::string member_id, std::vector<std::pair<std::string, std::string>> assignments = {},
              std::optional<std::int32_t> generation = std::nullopt, std::optional<std::string> instance = std::nullopt) {
    SyncRequest wish{.group_id = "orders", .generation = generation.value_or(group.generation()),
                     .member_id = std::move(member_id), .instance_id = std::move(instance)};
    for (const auto& [id, what] : assignments) wish.assignments.emplace_back(id, bytes(what));
    Effects out;
    group.sync(wish, ++last, at, out);
    take(out);
    return last;
  }
  ErrorCode beat(std::string_view member_id, std::optional<std::int32_t> generation = std::nullopt,
                 std::optional<std::string_view> instance = std::nullopt) {
    return group.heartbeat({.group_id = "orders", .generation = generation.value_or(group.generation()),
                            .member_id = member_id, .instance_id = instance}, at);
  }
  std::vector<ErrorCode> leave(std::vector<Leaving> who) {
    Effects out;
    auto codes = group.leave(who, at, out);
    take(out);
    return codes;
  }
  /// Moves time on, to each deadline in turn; members in `alive` send heartbeats all along.
  void pass(kernel::Duration by, std::vector<std::string> alive = {}) {
    const kernel::Mono end = at.now + by;
    while (at.now < end) {
      const kernel::Mono to = std::min({end, std::max(group.next_due(), at.now), at.now + 1s});
      at.wall_ms += (to - at.now) / 1ms;
      at.now = to;
      for (const std::string& id : alive) static_cast<void>(beat(id));
      Effects out;
      group.on_time(at, out);
      take(out);
    }
  }
  /// Ends the writes that are under way.
  void settle(ErrorCode outcome = ErrorCode::none) {
    while (!stores.empty()) {
      const Store one = std::move(stores.front());
      stores.pop_front();
      if (outcome == ErrorCode::none) {
        const NewRecord record = group_record("orders", one.content);
        EXPECT_TRUE(state.apply({.offset = next, .key = kernel::ByteView{record.key},
                                 .value = kernel::ByteView{*record.value}}));
        next = next + 1;
      }
      Effects out;
      group.stored(one, outcome, at, out);
      take(out);
    }
  }
  void take(Effects& out) {
    for (auto& [ticket, reply] : out.joins) EXPECT_TRUE(joins.emplace(ticket, std::move(reply)).second) << "answered twice";
    for (auto& [ticket, reply] : out.syncs) EXPECT_TRUE(syncs.emplace(ticket, std::move(reply)).second) << "answered twice";
    for (Store& one : out.stores) stores.push_back(std::move(one));
    group.invariants();
  }
  bool waits(Ticket ticket) const { return !joins.contains(ticket) && !syncs.contains(ticket); }
  const JoinReply& joined(Ticket ticket) const { return joins.at(ticket); }
  const SyncReply& synced(Ticket ticket) const { return syncs.at(ticket); }

  /// A stable group of `count` dynamic members, the leader first.
  std::vector<std::string> stable(int count) {
    std::vector<Ticket> tickets;
    for (int i = 0; i < count; ++i) tickets.push_back(join());
    for (int i = 0; i < 1000 && waits(last); ++i) pass(500ms);
    std::vector<std::string> ids;
    for (const Ticket ticket : tickets) {
      EXPECT_FALSE(waits(ticket));
      const std::string& id = joined(ticket).member_id;
      if (joined(ticket).leader == id) ids.insert(ids.begin(), id);
      else ids.push_back(id);
    }
    divide(ids);
    return ids;
  }
  /// Everybody syncs; the leader, who is first, gives each its own name to do.
  void divide(const std::vector<std::string>& ids) {
    std::vector<std::pair<std::string, std::string>> work;
    for (const std::string& id : ids) work.emplace_back(id, "work of " + id);
    for (const std::string& id : ids) sync(id, id == group.leader() ? work : decltype(work){});
    settle();
    EXPECT_EQ(group.phase(), Phase::stable);
  }
};

}  // namespace broker::coordinators::group::testing
