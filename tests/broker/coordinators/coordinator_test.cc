// A coordinator over a log of its own: what it has in memory is the fold of that log, whatever fails.
#include "broker/coordinators/coordinator.h"

#include <gmock/gmock.h>

#include "tests/broker/coordinators/seat.h"

namespace broker::coordinators::group {
namespace {

using namespace testing;

void in_seat(const std::function<void(Fiber&, Seat&)>& body, std::uint64_t seed = 1,
             const std::function<void(Seat&)>& prepare = {}) {
  broker::log::testing::run(
      [&](Fiber& f) {
        Seat seat{f};
        if (prepare) prepare(seat);
        ASSERT_OK(seat.open(f));
        body(f, seat);
        ASSERT_OK(seat.close(f));
      },
      {.seed = seed});
}

TEST(Coordinator, HoldsTheFoldOfItsLogWhileManyWriteAtOnce) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    in_seat(
        [&](Fiber& f, Seat& seat) {
          kernel::Scope clients{f};
          kernel::Random random = f.node().random(kernel::Domain::workload, seed);
          for (int c = 0; c < 12; ++c) {
            clients.spawn("client", [&, c](Fiber& child) {
              for (int i = 0; i < 15; ++i) {
                const std::string group = fmt::format("g{}", random.below(3));
                switch (random.below(8)) {
                  case 0: static_cast<void>(seat.groups->delete_group(child, group)); break;
                  case 1:
                    static_cast<void>(seat.groups->delete_offsets(child, group, {{"t", PartitionId{0}}, {"t", PartitionId{1}}}));
                    break;
                  default:
                    EXPECT_THAT(seat.commit(child, group, c * 100 + i, static_cast<std::int32_t>(random.below(3))),
                                ::testing::AnyOf(ErrorCode::none, ErrorCode::coordinator_not_available));
                }
              }
            });
          }
          ASSERT_OK(clients.join(f));
          seat.expect_fold(f);
        },
        seed);
  }
}

TEST(Coordinator, WritesWhatWaitsTogether) {
  in_seat([](Fiber& f, Seat& seat) {
    kernel::Scope clients{f};
    for (int c = 0; c < 50; ++c)
      clients.spawn("client", [&, c](Fiber& child) { EXPECT_EQ(seat.commit(child, "g", c, c), ErrorCode::none); });
    ASSERT_OK(clients.join(f));
    int batches = 0;
    const auto slice = *seat.partition->log().read(f, Offset{0}, {.bytes_max = 1 << 20});
    net::record::BatchReader reader{slice.file == nullptr ? slice.bytes.view() : kernel::ByteView{}};
    while (*reader.next()) ++batches;
    EXPECT_LE(batches, 5) << "fifty commits of fifty clients";
    EXPECT_EQ(seat.partition->log().next(), Offset{50});
  });
}

TEST(Coordinator, OverlooksNoCommitThatIsInFlightWhenItDeletes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    in_seat(
        [&](Fiber& f, Seat& seat) {
          ASSERT_EQ(seat.commit(f, "g", 1), ErrorCode::none);
          kernel::Scope clients{f};
          ErrorCode deleted{};
          clients.spawn("commit", [&](Fiber& child) { static_cast<void>(seat.commit(child, "g", 2, 1)); });
          clients.spawn("delete", [&](Fiber& child) { deleted = seat.groups->delete_group(child, "g"); });
          ASSERT_OK(clients.join(f));
          ASSERT_EQ(deleted, ErrorCode::none);
          const bool first = seat.fetch("g", 1) == -1;
          EXPECT_TRUE(first || seat.fetch("g", 1) == 2);
          EXPECT_EQ(seat.fetch("g", 0), -1) << "one part of the group must not outlive the other";
          seat.expect_fold(f);
        },
        seed);
  }
}

TEST(Coordinator, ChangesNothingWhenTheDiskIsFullAndGoesOnWhenItIsNot) {
  in_seat([](Fiber& f, Seat& seat) {
    ASSERT_EQ(seat.commit(f, "g", 1), ErrorCode::none);
    sim::Machine& machine = dynamic_cast<sim::Process&>(f.node()).machine();
    machine.disk().faults().full = true;
    const std::string long_text(4090, 'x');  // needs another page
    EXPECT_EQ(seat.commit(f, "g", 2, 0, long_text), ErrorCode::coordinator_not_available);
    EXPECT_EQ(seat.fetch("g"), 1);
    machine.disk().faults().full = false;
    EXPECT_EQ(seat.commit(f, "g", 3), ErrorCode::none);
    EXPECT_EQ(seat.fetch("g"), 3);
    seat.expect_fold(f);
  });
}

TEST(Coordinator, RefusesARecordThatNoBatchCanHold) {
  in_seat(
      [](Fiber& f, Seat& seat) {
        CommitRequest request{.group_id = "g", .member_id = "", .partitions = {}};
        const std::string note(600, 'x');
        for (int p = 0; p < 3; ++p)
          request.partitions.push_back({.topic = "t", .partition = PartitionId{p}, .offset = Offset{1}, .metadata = note});
        seat.groups->commit(f, request);
        EXPECT_EQ(request.partitions[0].error, ErrorCode::invalid_commit_offset_size);
        EXPECT_EQ(seat.fetch("g"), -1);
        EXPECT_EQ(seat.commit(f, "g", 3), ErrorCode::none);
      },
      1, [](Seat& seat) { seat.options.batch_bytes_max = 1024; });
}

TEST(Coordinator, DividesALongDeletionAmongBatches) {
  in_seat(
      [](Fiber& f, Seat& seat) {
        for (int p = 0; p < 60; ++p) ASSERT_EQ(seat.commit(f, "g", p, p), ErrorCode::none);
        EXPECT_EQ(seat.groups->delete_group(f, "g"), ErrorCode::none);
        for (int p = 0; p < 60; ++p) EXPECT_EQ(seat.fetch("g", p), -1);
        EXPECT_TRUE(seat.groups->state().groups().empty());
        seat.expect_fold(f);
      },
      1, [](Seat& seat) { seat.options.batch_bytes_max = 600; });
}

TEST(Coordinator, AnswersWhoWaitsWhenItIsClosed) {
  in_seat([](Fiber& f, Seat& seat) {
    kernel::Scope clients{f};
    JoinReply joined;
    ErrorCode committed{};
    clients.spawn("join", [&](Fiber& child) {
      JoinRequest request;
      request.group_id = "g";
      request.protocol_type = "consumer";
      request.protocols.push_back({"range", {}});
      request.session_timeout_ms = 10'000;
      request.rebalance_timeout_ms = 10'000;
      joined = seat.groups->join(child, request);
    });
    clients.spawn("commit", [&](Fiber& child) { committed = seat.commit(child, "other", 1); });
    ASSERT_OK(f.yield());
    ASSERT_OK(f.yield());
    seat.groups->close(moment_of(f));
    ASSERT_OK(clients.join(f));
    EXPECT_EQ(joined.error, ErrorCode::not_coordinator);
    EXPECT_THAT(committed, ::testing::AnyOf(ErrorCode::none, ErrorCode::not_coordinator));
    EXPECT_EQ(seat.commit(f, "g", 1), ErrorCode::not_coordinator);
    EXPECT_EQ(seat.groups->list().groups.size(), 0u);
  });
}

TEST(Coordinator, TakesMembersForWhomThereIsMemoryAndPutsOffTheRest) {
  const auto wish = [](int i, std::size_t metadata_bytes) {
    JoinRequest request;
    request.group_id = fmt::format("g{}", i % 7);
    request.client_id = "c";
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", kernel::Buffer::copy_of(std::string(metadata_bytes, 'm'))});
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 20'000;
    return request;
  };
  in_seat(
      [&](Fiber& f, Seat& seat) {
        kernel::Scope clients{f};
        std::map<ErrorCode, int> told;
        std::string a_member;
        for (int i = 0; i < 300; ++i) {
          clients.spawn("member", [&, i](Fiber& child) {
            const JoinReply reply = seat.groups->join(child, wish(i, 1000));
            ++told[reply.error];
            EXPECT_LE(seat.memory.used, 100'000u + 300u * seat.groups->list().groups.size());
            if (i == 0) a_member = reply.member_id;
          });
        }
        ASSERT_OK(clients.join(f));
        EXPECT_GT(told[ErrorCode::none], 60);
        EXPECT_GT(told[ErrorCode::coordinator_not_available], 200 - 60);
        EXPECT_EQ(told.size(), 2u);
        JoinRequest again = wish(0, 1000);
        again.member_id = a_member;
        EXPECT_EQ(seat.groups->join(f, again).error, ErrorCode::none) << "who is in stays in";
        again = wish(0, 50'000);
        again.member_id = a_member;
        EXPECT_EQ(seat.groups->join(f, again).error, ErrorCode::coordinator_not_available);
        ASSERT_OK(f.sleep(40s));  // nobody has sent a heartbeat
        EXPECT_EQ(seat.groups->join(f, wish(0, 50'000)).error, ErrorCode::none) << "there is room again";
        seat.groups->close(moment_of(f));
        EXPECT_EQ(seat.memory.used, 0u);
      },
      1, [](Seat& seat) {
        seat.settings.member_bytes_max = 100'000;
        seat.settings.rules.initial_delay = 1s;
      });
}

TEST(Coordinator, ForgetsGroupsThatWereOnlyLookedInAt) {
  in_seat([](Fiber& f, Seat& seat) {
    for (int i = 0; i < 2000; ++i) {
      JoinRequest request;
      request.group_id = fmt::format("g{}", i);
      request.client_id = "c";
      request.protocol_type = "consumer";
      request.protocols.push_back({"range", {}});
      request.session_timeout_ms = 10'000;
      request.requires_known_id = true;
      EXPECT_EQ(seat.groups->join(f, request).error, ErrorCode::member_id_required);
    }
    EXPECT_EQ(seat.groups->list().groups.size(), 2000u);
    ASSERT_OK(f.sleep(11s));
    EXPECT_EQ(seat.groups->list().groups.size(), 0u);
    EXPECT_EQ(seat.memory.used, 0u);
    EXPECT_EQ(seat.partition->log().next(), Offset{0}) << "and nothing was written for them";
  });
}

}  // namespace
}  // namespace broker::coordinators::group
