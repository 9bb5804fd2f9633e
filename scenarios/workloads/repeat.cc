#include <fmt/format.h>

#include <deque>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/record/batch_builder.h"
#include "net/record/sequence.h"
#include "scenarios/workloads/raw_produce.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

struct Sent {
  std::vector<std::byte> batch;
  std::vector<Identity> records;
  std::optional<Offset> base{};  ///< once it was acknowledged
  Era sent_in = 0;
  std::uint64_t broker_start = 0;  ///< of the broker that acknowledged it, or a later one
};

/// A producer that keeps its sequences itself.
class Repeater {
 public:
  Repeater(Stage& stage, std::int32_t partition)
      : stage_{stage}, at_{stage.topic, partition}, random_{stage.run.random("repeater")} {}

  void run(Fiber& f, Cluster& cluster) {
    while (stage_.producing) {
      if (!begin(f, cluster)) {
        if (!f.sleep(100ms)) return;
        continue;
      }
      while (stage_.producing && step(f, cluster)) {
        if (!f.sleep(std::chrono::milliseconds{random_.between(1, 400)})) return;
      }
    }
  }

 private:
  static constexpr std::size_t kRemembered = 5;  // what Kafka promises

  bool begin(Fiber& f, Cluster& cluster) {
    const auto session = new_producer(f, cluster);
    if (!session) return false;
    id_ = session->id;
    epoch_ = session->epoch;
    sequence_ = 0;
    ++life_;
    sent_.clear();
    return true;
  }

  void make_batch() {
    net::record::BatchBuilder builder{{.producer_id = id_, .producer_epoch = epoch_, .base_sequence = sequence_}};
    Sent next{.batch = {}, .records = {}, .base = {}, .sent_in = stage_.ledger.era()};
    for (std::int64_t i = random_.between(1, 4); i > 0; --i) {
      Identity id{.producer = 700, .incarnation = life_, .sequence = ++made_};
      id.topic_hash = kernel::hash64(at_.topic);
      id.partition = at_.partition;
      const auto value = encode_value(id, stage_.run.seed(), 10);
      builder.append({.timestamp_ms = 0, .key = {}, .value = kernel::ByteView{value}, .headers = {}});
      stage_.ledger.sent(at_, id, true);
      next.records.push_back(id);
    }
    sequence_ = net::record::sequence_after(sequence_, static_cast<std::int32_t>(next.records.size()));
    next.batch = builder.build();
    sent_.push_back(std::move(next));
    if (sent_.size() > kRemembered) sent_.pop_front();
  }

  /// Sends the newest batch until it is decided, then perhaps an earlier one again. False: a new producer is due.
  bool step(Fiber& f, Cluster& cluster) {
    make_batch();
    while (!sent_.back().base) {
      if (!ask(f, cluster, sent_.back())) return false;
      if (!sent_.back().base && !f.sleep(50ms)) return false;
    }
    if (random_.below(2) == 0) return true;
    return ask(f, cluster, sent_[random_.below(sent_.size())]);
  }

  bool ask(Fiber& f, Cluster& cluster, Sent& one) {
    const auto answer = send_batch(f, cluster, at_, one.batch, static_cast<std::int32_t>(random_.between(20, 3000)));
    if (!answer) return true;
    stage_.run.judged("I6");
    stage_.run.judged("P5");
    switch (answer->code) {
      case ErrorCode::none: return note(one, answer->base);
      case ErrorCode::duplicate_sequence_number: return one.base.has_value();
      case ErrorCode::out_of_order_sequence_number:
      case ErrorCode::unknown_producer_id:
        // What outlives a restart, in Kafka's files as in ours, is the last batch of a producer.
        if (&one != &sent_.back() && one.broker_start != stage_.broker_starts) return false;
        if (!stage_.ledger.may_be_cut(at_)) {
          stage_.run.violation("I6", fmt::format("{}: a batch in its turn, or one sent before, is called out of order",
                                                 to_string(at_)));
        }
        return false;
      case ErrorCode::unknown_server_error:
        stage_.run.violation("P5", fmt::format("{}: a batch is answered with an error that says nothing", to_string(at_)));
        return false;
      default: return net::facts(answer->code).retriable;
    }
  }

  bool note(Sent& one, Offset base) {
    if (one.base && *one.base != base && !stage_.ledger.may_be_cut(at_)) {
      stage_.run.violation("D5", fmt::format("{}: a batch was at {} and is at {} when it is sent again", to_string(at_),
                                             one.base->raw(), base.raw()));
    }
    if (!one.base) {
      for (std::size_t i = 0; i < one.records.size(); ++i)
        stage_.ledger.acknowledged(at_, one.records[i], base + static_cast<std::int64_t>(i), Acknowledged::all, one.sent_in);
      stage_.on_moment();
    }
    if (!one.base) one.broker_start = stage_.broker_starts;
    one.base = base;
    return true;
  }

  Stage& stage_;
  PartitionName at_;
  kernel::Random random_;
  net::ProducerId id_{};
  net::ProducerEpoch epoch_{};
  std::int32_t sequence_ = 0;
  std::uint32_t life_ = 0;
  std::uint64_t made_ = 0;
  std::deque<Sent> sent_;
};

}  // namespace

void repeat_batches(Fiber& f, Stage& stage, std::int32_t partition) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "repeater")};
    Repeater{stage, partition}.run(f, cluster);
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
  ++stage.producers_done;
}

}  // namespace scenarios
