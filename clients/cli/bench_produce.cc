// kalda bench produce [TOPIC]
#include <fmt/format.h>

#include "clients/cli/bench_sender.h"
#include "kernel/command_line.h"

namespace clients::cli {

using kernel::Fiber;

namespace {

int report(Fiber& f, const BenchSender& sender, const producer::Producer& producer, const BenchTopic& topic, const BenchOptions& options, int status) {
  const auto& stats = producer.stats();
  const auto records = sender.acknowledged().count();
  Out out{f};
  if (options.form == Form::json) {
    (void)out.put(json_line({{"topic", topic.name()}, {"partitions", topic.partitions().size()}, {"records", records},
                             {"record_bytes", options.record_bytes}, {"seconds", sender.seconds()},
                             {"records_per_second", static_cast<double>(records) / sender.seconds()},
                             {"bytes_per_second", static_cast<double>(sender.bytes()) / sender.seconds()},
                             {"failed", stats.records_failed}, {"unknown", stats.records_unknown}, {"batches", stats.batches_sent},
                             {"batches_resent", stats.batches_resent}, {"acknowledged", json_of(sender.acknowledged())}}));
  } else {
    (void)out.put(fmt::format("{} records of {} bytes in {:.1f} s: {}\n", records, options.record_bytes, sender.seconds(),
                              print_rates(records, sender.bytes(), sender.seconds())));
    (void)out.put(fmt::format("{} batches, {} sent again; from due to acknowledged:\n{}", stats.batches_sent, stats.batches_resent,
                              sender.acknowledged().picture(kPictureColumns)));
  }
  return out.flush() ? status : kFailed;
}

int measure_writing(Fiber& f, BenchOptions options) {
  Stop stop;
  return with_cluster(f, options.cluster, [&](Fiber& w, kernel::Scope& scope, const std::shared_ptr<core::Cluster>& cluster) {
    options.producer.idempotence = options.producer.acks == producer::Acks::all;
    options.producer.request_bytes_max = std::max(options.producer.request_bytes_max, options.record_bytes + options.producer.batch_bytes);
    auto producer = producer::Producer::open(scope, cluster, options.producer);
    if (!producer) {
      complain(w, core::explain(producer.error()));
      return kUsage;
    }
    const auto topic = BenchTopic::open(w, *cluster, options);
    if (!topic) return kFailed;
    BenchSender sender{w, **producer, *topic, options};
    int status = sender.run(w, stop);
    if (!(*producer)->close(w)) status = kFailed;
    if (sender.acknowledged().count() > 0) status = report(w, sender, **producer, *topic, options, status);
    topic->close(w, *cluster);
    return status;
  }, /*create_topics=*/false, &stop);
}

}  // namespace

kernel::Command bench_produce() {
  return {"bench produce", "Writes records as fast as it goes, or at a rate", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<BenchOptions>();
    add_bench_options(line, *options);
    options->producer.batch_bytes = 64 * 1024;
    add_bench_producer_options(line, *options);
    line.option("--rate", options->rate, "Records a second; as fast as it goes if not given").positive_number();
    return [options](Fiber& f) { return measure_writing(f, *options); };
  }};
}

}  // namespace clients::cli
