#include "scenarios/workloads/keep.h"

#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/record/batch_builder.h"
#include "net/record/sequence.h"
#include "scenarios/workloads/fetch.h"
#include "scenarios/workloads/raw_produce.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kFutureMs = 10'000'000'000;  // the broker cannot live to see it

/// A producer that keeps its sequences itself and sends each batch until it is taken.
class KeptProducer {
 public:
  KeptProducer(Stage& stage, const KeptPlan& plan, KeptLedger& kept, std::uint32_t number)
      : stage_{stage}, plan_{plan}, kept_{kept}, at_{plan.rules.topic, 0}, number_{number},
        random_{stage.run.random("kept producer").split(number)},
        // The first is slow: others supersede its last batch and roll the segment while it rests.
        pause_max_{number == 0 ? 3000ms : std::chrono::milliseconds{random_.between(5, 150)}} {}

  void run(Fiber& f, Cluster& cluster) {
    while (stage_.producing) {
      const auto session = new_producer(f, cluster);
      if (!session) {
        if (!f.sleep(100ms)) return;
        continue;
      }
      session_ = *session;
      sequence_ = 0;
      ++life_;
      for (std::int64_t left = random_.between(3, 60); left > 0 && stage_.producing; --left) {
        make_batch(f);
        if (!send_until_taken(f, cluster)) return;
        // As a producer does that has not heard the answer.
        if (random_.below(4) == 0 && !send_until_taken(f, cluster)) return;
        if (!f.sleep(std::chrono::milliseconds{random_.between(1, pause_max_.count())})) return;
      }
    }
  }

 private:
  std::int64_t draw_timestamp(Fiber& f) {
    const auto now = kernel::ms_of(f.wall());
    const auto percent = random_.below(100);
    if (percent < plan_.old_percent) return static_cast<std::int64_t>(random_.below(1'000'000));
    if (percent < plan_.old_percent + plan_.future_percent) return now + kFutureMs;
    return now - static_cast<std::int64_t>(random_.below(1000));
  }

  void make_batch(Fiber& f) {
    net::record::BatchBuilder builder{{.codec = static_cast<net::compress::Codec>(random_.below(5)),
                                       .producer_id = session_.id,
                                       .producer_epoch = session_.epoch,
                                       .base_sequence = sequence_}};
    records_.clear();
    base_.reset();
    std::vector<KeptRecord> sent;
    for (std::int64_t i = random_.between(1, 4); i > 0; --i) {
      KeptRecord record{.id = {.producer = number_, .incarnation = life_, .sequence = ++made_,
                               .topic_hash = kernel::hash64(at_.topic), .partition = 0},
                        .key = fmt::format("key-{}", random_.below(plan_.keys)),
                        .tombstone = random_.below(100) < plan_.tombstones_percent,
                        .timestamp_ms = draw_timestamp(f),
                        .padding = random_.below(120)};
      const auto identity = encode_value(record.id, stage_.run.seed(), 0);
      const auto value = encode_value(record.id, stage_.run.seed(), record.padding);
      const net::record::RecordHeader headers[] = {{kIdentityHeader, kernel::ByteView{identity}}};
      net::record::NewRecord made{.timestamp_ms = record.timestamp_ms, .key = kernel::as_bytes(record.key), .value = {},
                                  .headers = headers};
      if (!record.tombstone) made.value = kernel::ByteView{value};
      builder.append(made);
      records_.push_back(record.id);
      sent.push_back(std::move(record));
    }
    sequence_ = net::record::sequence_after(sequence_, static_cast<std::int32_t>(sent.size()));
    batch_ = builder.build();
    kept_.sent(std::move(sent), batch_.size());
  }

  bool send_until_taken(Fiber& f, Cluster& cluster) {
    for (;;) {
      const auto answer = send_batch(f, cluster, at_, batch_, static_cast<std::int32_t>(random_.between(20, 3000)));
      if (answer) {
        stage_.run.judged("I6");
        if (answer->code == ErrorCode::none) {
          note(answer->base);
          return true;
        }
        if (answer->code == ErrorCode::duplicate_sequence_number && base_) return true;
        if (answer->code == ErrorCode::out_of_order_sequence_number || answer->code == ErrorCode::unknown_producer_id) {
          stage_.run.violation("I6", fmt::format("{}: the batch in its turn, or the last one again, is called out of order",
                                                 to_string(at_)));
          return false;
        }
      }
      if (!f.sleep(50ms)) return false;
    }
  }

  void note(Offset base) {
    stage_.run.judged("D5");
    if (base_ && *base_ != base) {
      stage_.run.violation("D5", fmt::format("{}: a batch was at {} and is at {} when it is sent again", to_string(at_),
                                             base_->raw(), base.raw()));
    }
    if (!base_) {
      kept_.acknowledged(records_, session_.id, base);
      stage_.on_moment();
    }
    base_ = base;
  }

  Stage& stage_;
  const KeptPlan& plan_;
  KeptLedger& kept_;
  PartitionName at_;
  std::uint32_t number_;
  kernel::Random random_;
  std::chrono::milliseconds pause_max_;
  ProducerSession session_;
  std::int32_t sequence_ = 0;
  std::uint32_t life_ = 0;
  std::uint64_t made_ = 0;
  std::vector<std::byte> batch_;
  std::vector<Identity> records_;
  std::optional<Offset> base_;
};

/// Asks where something of a time begins.
void ask_for_times(Fiber& f, Cluster& cluster, Stage& stage, KeptLedger& kept, kernel::Random& random, int times) {
  const PartitionName at{kept.rules().topic, 0};
  for (int i = 0; i < times; ++i) {
    const bool newest = random.below(4) == 0;
    const std::int64_t timestamp = newest ? KeptLedger::kNewest : std::max<std::int64_t>(kept.some_time(random), 0);
    const kernel::Mono asked = stage.run.world().now();
    const auto told = list_offset(f, cluster, at, at.topic, timestamp);
    if (!told) return;
    const Offset known = kept.start();
    const auto start = listed_offset(f, cluster, at, at.topic, kEarliest);
    if (!start) return;
    kept.told_start(known, *start);
    kept.told_time(asked, *start, timestamp, told->offset, told->timestamp_ms);
  }
}

/// Reads from where the log starts to where it ended when that was asked. False when it has to begin anew.
bool read_once(Fiber& f, Cluster& cluster, Stage& stage, KeptLedger& kept, kernel::Random& random, KeptLedger::Pass& pass) {
  const PartitionName at{kept.rules().topic, 0};
  const Offset known = kept.start();
  const auto start = listed_offset(f, cluster, at, at.topic, kEarliest);
  if (!start) return false;
  kept.told_start(known, *start);
  const auto end = listed_offset(f, cluster, at, at.topic, kLatest);
  if (!end) return false;
  pass = {.next = *start, .seen = {}};
  FetchSession session;
  FetchAsk ask{.at = at, .topic = at.topic, .from = *start};
  if (random.below(3) == 0) ask.session = &session;
  if (random.below(2) == 0) ask.bytes_max = static_cast<std::int32_t>(random.between(1, 4096));
  kernel::Mono asked{};
  ask.on_record = [&](const net::record::RecordView& record) { kept.read(pass, record, asked); };
  for (int failures = 0; ask.from < *end;) {
    asked = stage.run.world().now();
    const auto fetched = fetch_once(f, cluster, stage, ask);
    if (!fetched) {
      const bool gone = clients::core::broker_code(fetched.error()) == ErrorCode::offset_out_of_range;
      if (gone && kept.rules().retention_bytes < 0 && kept.rules().retention_ms < 0) {
        stage.run.violation("C3", fmt::format("{}: offset {} is out of range, and nothing lets the start move",
                                              to_string(at), ask.from.raw()));
      }
      if (gone || ++failures > 20 || !f.sleep(100ms)) return false;
      continue;
    }
    stage.run.judged("C3");
    if (fetched->next <= ask.from) {
      stage.run.violation("C3", fmt::format("{}: a reader at {} gets nothing, and the log ended at {} before", to_string(at),
                                            ask.from.raw(), end->raw()));
      return false;
    }
    ask.from = fetched->next;
    kept.read_to(pass, ask.from);
    if (random.below(20) == 0 && !f.sleep(std::chrono::milliseconds{random.between(1, 300)})) return false;
  }
  return true;
}

}  // namespace

KeptPlan draw_kept(Run& run) {
  kernel::Random random = run.random("kept");
  KeptPlan plan{.rules = {}, .settings = {}, .keys = static_cast<std::uint64_t>(random.between(3, 50))};
  const std::uint64_t policy = random.below(5);
  const bool deletes = policy < 3;
  plan.rules.compacts = policy > 1;
  plan.rules.topic = plan.rules.compacts ? "compacted" : "expiring";
  plan.settings["cleanup.policy"] = !plan.rules.compacts ? "delete" : deletes ? "compact,delete" : "compact";
  plan.settings["internal.segment.bytes"] = fmt::format("{}", random.between(1200, 6000));  // a batch of four fits
  plan.settings["index.interval.bytes"] = fmt::format("{}", random.between(100, 2000));
  plan.settings["message.timestamp.after.max.ms"] = fmt::format("{}", INT64_MAX);
  plan.settings["min.cleanable.dirty.ratio"] = random.below(2) == 0 ? "0.01" : "0.3";
  plan.settings["file.delete.delay.ms"] = random.below(2) == 0 ? "0" : "700";
  plan.rules.delete_retention_ms = random.below(3) == 0 ? random.between(0, 500) : random.between(500, 20'000);
  plan.settings["delete.retention.ms"] = fmt::format("{}", plan.rules.delete_retention_ms);
  const bool by_size = random.below(2) == 0;
  if (deletes && by_size) plan.rules.retention_bytes = random.between(3000, 30'000);
  if (deletes && !by_size) plan.rules.retention_ms = random.between(100, 8000);
  // A topic that only compacts has no use for either.
  plan.settings["retention.bytes"] = fmt::format("{}", deletes ? plan.rules.retention_bytes : 3000);
  plan.settings["retention.ms"] = fmt::format("{}", deletes ? plan.rules.retention_ms : 100);
  constexpr std::uint32_t kOldPercents[] = {0, 10, 60, 100};
  plan.old_percent = kOldPercents[random.below(std::size(kOldPercents))];
  plan.future_percent = random.below(3) == 0 && plan.old_percent < 100 ? 3 : 0;
  plan.tombstones_percent = static_cast<std::uint32_t>(random.between(0, 40));
  return plan;
}

std::vector<std::string> kept_broker_settings(Run& run) {
  kernel::Random random = run.random("kept broker");
  std::vector<std::string> settings{fmt::format("log.cleaner.backoff.ms={}", random.between(10, 600)),
                                    fmt::format("log.retention.check.interval.ms={}", random.between(10, 1500))};
  if (random.below(2) == 0) settings.push_back(fmt::format("log.cleaner.dedupe.buffer.size={}", random.between(300, 1500)));
  if (random.below(2) == 0) settings.push_back(fmt::format("log.cleaner.io.buffer.size={}", random.between(100, 4000)));
  if (random.below(3) == 0) settings.push_back(fmt::format("log.cleaner.io.max.bytes.per.second={}", random.between(20'000, 500'000)));
  return settings;
}

void keep_topic(Fiber& f, Stage& stage, const KeptPlan& plan, KeptLedger& kept) {
  create_topic(f, stage, plan.rules.topic, 1, plan.settings);
  kernel::Scope scope{f};
  for (std::uint32_t i = 0; i < kKeptProducers; ++i) {
    scope.spawn("kept producer", [&, i](Fiber& child) {
      kernel::Scope own{child};
      {
        Cluster cluster{own, client_config(stage, "kept producer")};
        KeptProducer{stage, plan, kept, i}.run(child, cluster);
      }
      own.cancel();
      static_cast<void>(own.join(child));
      ++stage.producers_done;
    });
  }
  scope.spawn("kept reader", [&](Fiber& child) {
    kernel::Scope own{child};
    {
      Cluster cluster{own, client_config(stage, "kept reader")};
      kernel::Random random = stage.run.random("kept reader");
      while (!stage.stopping && child.sleep(std::chrono::milliseconds{random.between(1, 2000)})) {
        KeptLedger::Pass pass;
        static_cast<void>(read_once(child, cluster, stage, kept, random, pass));
        ask_for_times(child, cluster, stage, kept, random, 2);
      }
    }
    own.cancel();
    static_cast<void>(own.join(child));
  });
  static_cast<void>(scope.join(f));
}

bool read_kept_to_end(Fiber& f, Stage& stage, KeptLedger& kept) {
  kernel::Scope scope{f};
  bool complete = false;
  {
    Cluster cluster{scope, client_config(stage, "kept auditor")};
    kernel::Random random = stage.run.random("kept auditor");
    for (int tries = 0; tries < 50 && !complete && !stage.run.failed(); ++tries) {
      KeptLedger::Pass pass;
      complete = read_once(f, cluster, stage, kept, random, pass);
      if (complete) {
        ask_for_times(f, cluster, stage, kept, random, 20);
        kept.judge(pass);
      } else if (!f.sleep(100ms)) {
        break;
      }
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  return complete;
}

}  // namespace scenarios
