#include "kernel/node.h"
#include "kernel/scope.h"
#include "scenarios/workloads/fetch.h"
#include "scenarios/workloads/tasks.h"

#include <fmt/format.h>

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

bool is_out_of_range(const kernel::Error& error) {
  return clients::core::broker_code(error) == ErrorCode::offset_out_of_range;
}

/// What was shown was readable; only a deletion excuses that it is not any more, or a power failure in a relaxed topic.
void judge_out_of_range(Stage& stage, const PartitionName& at, Offset from) {
  if (stage.ledger.may_be_cut(at) || stage.ledger.may_be_gone(at, from)) return;
  stage.run.violation("L4", fmt::format("{}: offset {} was readable and is out of range now", to_string(at), from.raw()));
}

}  // namespace

void read_partition(Fiber& f, Stage& stage, std::int32_t partition, std::uint64_t reader) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "reader")};
    const PartitionName at{stage.topic, partition};
    kernel::Random random = stage.run.random("reader").split(reader);
    FetchSession session;
    FetchAsk ask{.at = at, .topic = stage.topic, .reader = reader, .wait_ms = 500};
    if (random.below(2) == 0) ask.session = &session;
    if (random.below(2) == 0) ask.bytes_max = static_cast<std::int32_t>(random.between(1, 4096));
    stage.ledger.reader_starts(at, reader, ask.from);
    while (!stage.stopping) {
      const auto fetched = fetch_once(f, cluster, stage, ask);
      if (fetched) {
        stage.reader_at[partition] = ask.from = fetched->next;
        continue;
      }
      if (is_out_of_range(fetched.error())) {
        judge_out_of_range(stage, at, ask.from);
        if (const auto start = start_offset(f, cluster, stage, at, stage.topic)) {
          ask.from = *start;
          stage.ledger.reader_starts(at, reader, ask.from);
          continue;
        }
      }
      if (!f.sleep(100ms)) break;
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

void read_anywhere(Fiber& f, Stage& stage, std::uint64_t reader) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "browser")};
    kernel::Random random = stage.run.random("browser").split(reader);
    while (!stage.stopping && f.sleep(std::chrono::milliseconds{random.between(20, 400)})) {
      const PartitionName at{stage.topic, static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(stage.partitions)))};
      const Offset shown = stage.ledger.shown_end(at);
      if (shown == Offset{0}) continue;
      FetchAsk ask{.at = at, .topic = stage.topic, .reader = reader};
      ask.from = Offset{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(shown.raw())))};
      ask.bytes_max = static_cast<std::int32_t>(random.between(1, 2048));
      stage.ledger.reader_starts(at, reader, ask.from);
      const auto fetched = fetch_once(f, cluster, stage, ask);
      if (!fetched && is_out_of_range(fetched.error())) judge_out_of_range(stage, at, ask.from);
      // At least one batch comes whole, and the one asked for was shown before.
      if (fetched && fetched->records == 0 && !stage.may_be_damaged(at) && !stage.ledger.may_be_cut(at) && !stage.ledger.may_be_gone(at, ask.from)) {
        stage.run.violation("L4", fmt::format("{}: offset {} was shown and now there is nothing", to_string(at),
                                              ask.from.raw()));
      }
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

bool final_read(Fiber& f, Stage& stage, std::map<PartitionName, Offset>& ends) {
  kernel::Scope scope{f};
  bool complete = true;
  {
    Cluster cluster{scope, client_config(stage, "final")};
    stage.ledger.begin_final_read();
    for (std::int32_t p = 0; p < stage.partitions && complete; ++p) {
      const PartitionName at{stage.topic, p};
      FetchAsk ask{.at = at, .topic = stage.topic, .reader = 1'000'000 + static_cast<std::uint64_t>(p), .wait_ms = 100};
      Offset end{-1};
      bool started = false;
      for (int tries = 0; end < Offset{0} || ask.from < end;) {
        if (tries > 200) {
          complete = false;
          break;
        }
        if (!started) {
          if (const auto told = start_offset(f, cluster, stage, at, stage.topic)) {
            ask.from = *told;
            stage.ledger.reader_starts(at, ask.reader, ask.from);
            started = true;
            continue;
          }
        } else if (end < Offset{0}) {
          const auto told = end_offset(f, cluster, stage, at, stage.topic);
          if (told) end = *told;
        } else if (const auto fetched = fetch_once(f, cluster, stage, ask); fetched && fetched->next > ask.from) {
          ask.from = fetched->next;
          continue;
        }
        ++tries;
        if (!f.sleep(50ms)) complete = false;
      }
      ends[at] = ask.from;
    }
    if (complete) stage.ledger.end_final_read(ends);
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  return complete;
}

void poll_for_news(Fiber& f, Stage& stage, const std::map<PartitionName, Offset>& ends) {
  constexpr int kRounds = 6;
  constexpr auto kSoon = 2s;
  kernel::Scope scope{f};
  auto producing = std::make_shared<Cluster>(scope, client_config(stage, "news"));
  {
    Cluster reading{scope, client_config(stage, "listener")};
    kernel::Random random = stage.run.random("news");
    const PartitionName at = ends.begin()->first;
    auto producer = clients::producer::Producer::open(scope, producing, {.linger = 0ms});
    CHECK(producer.has_value());
    FetchAsk ask{.at = at, .topic = stage.topic, .from = ends.begin()->second, .reader = 2'000'000, .wait_ms = 20'000};
    stage.ledger.reader_starts(at, ask.reader, ask.from);
    for (int round = 0; round < kRounds; ++round) {
      Identity id{.producer = 900, .incarnation = 0, .sequence = static_cast<std::uint64_t>(round + 1)};
      id.topic_hash = kernel::hash64(at.topic);
      id.partition = at.partition;
      kernel::Scope listening{f};
      kernel::Mono heard{};
      listening.spawn("listener", [&](Fiber& child) {
        const auto fetched = fetch_once(child, reading, stage, ask);
        if (!fetched) return;
        ask.from = fetched->next;
        heard = child.now();
      });
      // About when the question arrives: a wake-up is lost in the moment before the wait.
      static_cast<void>(f.sleep(std::chrono::microseconds{random.between(0, 4000)}));
      const auto value = encode_value(id, stage.run.seed(), 10);
      stage.ledger.sent(at, id, true);
      auto future = (*producer)->send(f, {.topic = stage.topic, .partition = net::PartitionId{at.partition}, .value = value});
      const auto delivery = future ? future->get(f) : std::unexpected(future.error());
      const kernel::Mono acknowledged = f.now();
      const bool taken = delivery && delivery->outcome == clients::producer::Delivery::Outcome::ok;
      if (!taken) listening.cancel();
      static_cast<void>(listening.join(f));
      const kernel::Error why = taken ? kernel::Error{} : delivery ? delivery->error : delivery.error();
      // A clock that is hours off is no fault that ends.
      if (!taken && clients::core::broker_code(why) == ErrorCode::invalid_timestamp) break;
      stage.run.judged("V3");
      if (!taken) {
        stage.run.violation("V3", fmt::format("{}: a fresh record is not taken: {}", to_string(at), describe(why)));
        break;
      }
      stage.run.judged("P2");
      if (heard > acknowledged + kSoon) {
        stage.run.violation("P2", fmt::format("{}: who waited at the end heard of a record {} ms after its acknowledgement",
                                              to_string(at), (heard - acknowledged) / 1ms));
      }
    }
    static_cast<void>((*producer)->close(f));
  }
  producing.reset();
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
