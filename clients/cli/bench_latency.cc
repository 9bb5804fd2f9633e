// kalda bench latency [TOPIC]: from one client through the broker to another.
#include <fmt/format.h>

#include <charconv>

#include "clients/cli/bench_sender.h"
#include "clients/consumer/consumer.h"
#include "kernel/node.h"
#include "kernel/command_line.h"
#include "kernel/scope.h"

namespace clients::cli {

using kernel::Fiber;
using kernel::Mono;

namespace {

using namespace std::chrono_literals;

constexpr kernel::Duration kDeliveryPollWait = 50ms;
/// How long a reader waits for records that were acknowledged.
constexpr kernel::Duration kStragglersMax = 10s;
/// A value begins with whose it is and when it was due: 16 digits each, base 16.
constexpr std::size_t kStampBytes = 32;

/// Clocks what comes back of one run's records.
class LatencyReader {
 public:
  LatencyReader(consumer::Consumer& from, std::uint64_t run) : from_{from}, run_{fmt::format("{:016x}", run)} {}

  /// Waits until reading has begun everywhere: what is sent from then on is seen.
  kernel::Result<> settle(Fiber& f) {
    for (const auto& at : from_.assignment()) {
      while (!from_.position(at)) TRY(poll(f));
    }
    return {};
  }
  kernel::Result<> poll(Fiber& f) {
    const auto polled = TRY(from_.poll(f, kDeliveryPollWait));
    if (!polled) return {};
    if (polled->error) return std::unexpected(*polled->error);
    for (const auto& record : polled->records) note(f.now(), kernel::as_text(record.value.value_or(kernel::ByteView{})));
    return {};
  }
  [[nodiscard]] const LatencyHistogram& seen() const { return seen_; }

 private:
  void note(Mono now, std::string_view value) {
    if (value.size() < kStampBytes || !value.starts_with(run_)) return;
    std::int64_t due = 0;
    std::from_chars(value.data() + run_.size(), value.data() + kStampBytes, due, 16);
    seen_.record(now - Mono{kernel::Duration{due}});
  }

  consumer::Consumer& from_;
  std::string run_;
  LatencyHistogram seen_;
};

int report(Fiber& f, const BenchSender& sender, const LatencyReader& reader, const BenchOptions& options) {
  const auto acknowledged = sender.acknowledged().count(), seen = reader.seen().count();
  Out out{f};
  if (options.form == Form::json) {
    (void)out.put(json_line({{"records", acknowledged}, {"record_bytes", options.record_bytes}, {"seconds", sender.seconds()},
                             {"seen", seen}, {"acknowledged", json_of(sender.acknowledged())}, {"end_to_end", json_of(reader.seen())}}));
  } else {
    (void)out.put(fmt::format("{} records of {} bytes in {:.1f} s: {}\nfrom due to acknowledged:\n{}from due to read by a consumer:\n{}",
                              acknowledged, options.record_bytes, sender.seconds(), print_rates(acknowledged, sender.bytes(), sender.seconds()),
                              sender.acknowledged().picture(kPictureColumns), reader.seen().picture(kPictureColumns)));
  }
  if (!out.flush()) return kFailed;
  if (seen >= acknowledged) return kDone;
  return complain(f, fmt::format("{} of {} acknowledged records did not come back within {} s", acknowledged - seen, acknowledged,
                                 kStragglersMax / 1s));
}

int measure(Fiber& f, producer::Producer& producer, consumer::Consumer& from, const BenchTopic& topic, const BenchOptions& options, const Stop& stop) {
  const std::uint64_t run = f.node().random(kernel::Domain::application, 0).u64();
  LatencyReader reader{from, run};
  for (const net::PartitionId id : topic.partitions()) from.assign({topic.name(), id}, consumer::End{});
  if (const auto ready = reader.settle(f); !ready) return complain(f, fmt::format("cannot read {}", topic.name()), ready.error(), options.cluster);

  BenchSender sender{f, producer, topic, options};
  bool sent = false;
  int status = kDone;
  std::optional<kernel::Error> unread;
  kernel::Scope both{f};
  both.spawn("reader", [&](Fiber& r) {
    std::optional<Mono> until;
    while (!unread && (!sent || reader.seen().count() < sender.acknowledged().count())) {
      if (sent && !until) until = r.now() + kStragglersMax;
      if (until && r.now() >= *until) return;
      if (const auto polled = reader.poll(r); !polled) unread = polled.error();
    }
  });
  status = sender.run(f, stop, [&](std::string& value, Mono due) {
    fmt::format_to_n(value.begin(), kStampBytes, "{:016x}{:016x}", run, due.time_since_epoch().count());
  });
  sent = true;
  (void)both.join(f);
  if (unread) return complain(f, fmt::format("cannot read {}", topic.name()), *unread, options.cluster);
  return status == kDone ? report(f, sender, reader, options) : status;
}

int measure_delivery(Fiber& f, BenchOptions options) {
  Stop stop;
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    options.producer.idempotence = options.producer.acks == producer::Acks::all;
    options.producer.linger = 0ms;
    options.producer.request_bytes_max = std::max(options.producer.request_bytes_max, options.record_bytes + options.producer.batch_bytes);
    auto producer = producer::Producer::open(scope, cluster, options.producer);
    if (!producer) {
      complain(w, core::explain(producer.error()));
      return kUsage;
    }
    auto from = consumer::Consumer::open(scope, cluster, {});
    if (!from) return complain(w, "cannot read", from.error(), options.cluster);
    const auto topic = BenchTopic::open(w, *cluster, options);
    if (!topic) return kFailed;
    const int status = measure(w, **producer, **from, *topic, options, stop);
    (void)(*producer)->close(w);
    (void)(*from)->close(w);
    topic->close(w, *cluster);
    return status;
  }, /*create_topics=*/false, &stop);
}

}  // namespace

kernel::Command bench_latency() {
  return {"bench latency", "Clocks records from when they are due until a consumer has them", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<BenchOptions>();
    options->rate = 1000;
    add_bench_options(line, *options);
    add_bench_producer_options(line, *options);
    line.known("--record-bytes").whole_number(kStampBytes, 8 * 1024 * 1024);
    line.option("--rate", options->rate, "Records a second").show_default().positive_number();
    return [options](Fiber& f) { return measure_delivery(f, *options); };
  }};
}

}  // namespace clients::cli
