#include "clients/cli/bench_sender.h"

#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"

namespace clients::cli {

using kernel::Fiber;
using kernel::Mono;
using producer::Delivery;

namespace {

/// How many records are taken before others may run.
constexpr std::uint64_t kRecordsASlice = 64;

}  // namespace

BenchSender::BenchSender(Fiber& f, producer::Producer& producer, const BenchTopic& topic, const BenchOptions& options)
    : producer_{producer},
      topic_{topic},
      options_{options},
      values_{f.node().random(kernel::Domain::workload, 0), options.record_bytes},
      progress_{f} {
  for (const net::PartitionId id : topic.partitions()) lanes_[id];
}

int BenchSender::run(Fiber& f, const Stop& stop, const std::function<void(std::string&, Mono)>& stamp) {
  kernel::Scope watchers{f};
  for (auto& [id, lane] : lanes_) watchers.spawn("acknowledgements", [this, &lane](Fiber& w) { watch(w, lane); });
  const int status = send_all(f, stop, stamp);
  all_sent_ = true;
  for (auto& [id, lane] : lanes_) lane.more.notify_all();
  (void)producer_.flush(f);
  (void)watchers.join(f);
  seconds_ = std::chrono::duration<double>{f.now() - progress_.began()}.count();
  BenchProgress::clear(f);
  if (status != kDone || !failure_) return status;
  return complain(f, fmt::format("a record {}", failure_->outcome == Delivery::Outcome::unknown ? "may or may not be on the log" : "was not written"),
                  failure_->error, options_.cluster);
}

int BenchSender::send_all(Fiber& f, const Stop& stop, const std::function<void(std::string&, Mono)>& stamp) {
  const Mono began = progress_.began();
  const Mono end = began + from_seconds(options_.seconds);
  for (std::uint64_t sent = 0; options_.count == 0 || sent < options_.count; ++sent) {
    Mono due = f.now();
    if (options_.rate > 0) {
      due = began + from_seconds(static_cast<double>(sent) / options_.rate);
      if (due >= end || !f.sleep_until(due)) return kDone;
    }
    if (stop.asked || failure_ || f.now() >= end) return kDone;
    std::string& value = values_.next();
    if (stamp) stamp(value, due);
    producer::Record record{.topic = topic_.name(), .value = kernel::as_bytes(value)};
    auto future = producer_.send(f, record);
    if (!future) return complain(f, fmt::format("cannot produce to {}", topic_.name()), future.error(), options_.cluster);
    Lane& lane = lanes_[future->partition()];
    lane.sent.push_back({due, std::move(*future)});
    lane.more.notify_all();
    if (sent % kRecordsASlice == 0) {
      progress_.tell(f, "acknowledged", acknowledged_.count());
      if (!f.yield()) return kDone;
    }
  }
  return kDone;
}

void BenchSender::watch(Fiber& f, Lane& lane) {
  for (;;) {
    while (lane.sent.empty()) {
      if (all_sent_ || !lane.more.wait(f)) return;
    }
    const Sent first = std::move(lane.sent.front());
    lane.sent.pop_front();
    const auto delivery = first.future.get(f);
    if (!delivery) return;
    if (delivery->outcome == Delivery::Outcome::ok) acknowledged_.record(f.now() - first.due);
    else if (!failure_) failure_ = *delivery;
  }
}

}  // namespace clients::cli
