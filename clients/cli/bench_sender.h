// Sends records at a rate, or as fast as they are taken, and clocks each from the moment it was due until its
// acknowledgement: a broker that stalls is charged for all that had to wait.
//
//   BenchSender sender{f, *producer, topic, options};
//   const int status = sender.run(f, stop, [&](std::string& value) { ... });   // flushed, or complained of
//   print(sender.acknowledged().picture(40));
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "clients/cli/bench.h"
#include "clients/producer/producer.h"

namespace clients::cli {

class BenchSender {
 public:
  BenchSender(kernel::Fiber& f, producer::Producer& producer, const BenchTopic& topic, const BenchOptions& options);

  /// Until options.count, options.seconds or `stop`; then waits for what is on its way. `stamp` may write into each
  /// value before it goes, knowing when it was due. The exit status.
  int run(kernel::Fiber& f, const Stop& stop, const std::function<void(std::string& value, kernel::Mono due)>& stamp = {});
  [[nodiscard]] const LatencyHistogram& acknowledged() const { return acknowledged_; }
  [[nodiscard]] double seconds() const { return seconds_; }
  [[nodiscard]] std::uint64_t bytes() const { return acknowledged_.count() * options_.record_bytes; }

 private:
  struct Sent {
    kernel::Mono due;
    producer::DeliveryFuture future;
  };
  struct Lane {  // the records of one partition are decided in their order
    std::deque<Sent> sent;
    kernel::Notify more;
  };
  int send_all(kernel::Fiber& f, const Stop& stop, const std::function<void(std::string& value, kernel::Mono due)>& stamp);
  void watch(kernel::Fiber& f, Lane& lane);

  producer::Producer& producer_;
  const BenchTopic& topic_;
  const BenchOptions& options_;
  BenchValues values_;
  BenchProgress progress_;
  std::map<net::PartitionId, Lane> lanes_;
  bool all_sent_ = false;
  LatencyHistogram acknowledged_;
  std::optional<producer::Delivery> failure_;  // the first one
  double seconds_ = 0;
};

}  // namespace clients::cli
