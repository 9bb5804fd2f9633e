// What `kalda bench produce|consume|latency` share: the topic they use, what they send, how they show what came out.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "clients/cli/common.h"
#include "clients/cli/histogram.h"
#include "clients/producer/config.h"
#include "kernel/random.h"

namespace clients::cli {

inline constexpr std::size_t kPictureColumns = 40;  // of a histogram

/// Where and how long to measure.
struct BenchOptions {
  ClusterOptions cluster;
  std::string topic;            ///< empty: one of our own, which goes afterwards
  std::int32_t partitions = 1;  ///< of our own topic
  double seconds = 10;
  std::uint64_t count = 0;      ///< 0: as many as the seconds hold
  std::size_t record_bytes = 1024;
  double rate = 0;              ///< records a second; 0: as fast as it goes
  producer::ProducerConfig producer;
  Form form = Form::text;
};
void add_bench_options(kernel::CommandLine line, BenchOptions& options);
void add_bench_producer_options(kernel::CommandLine line, BenchOptions& options);

/// The topic of a measurement. One of our own is made by open() and deleted by close().
class BenchTopic {
 public:
  /// Nothing after its problem was told.
  static std::optional<BenchTopic> open(kernel::Fiber& f, core::Cluster& cluster, const BenchOptions& options);
  void close(kernel::Fiber& f, core::Cluster& cluster) const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<net::PartitionId>& partitions() const { return partitions_; }

 private:
  std::string name_;
  std::vector<net::PartitionId> partitions_;
  bool is_ours_ = false;
};

/// Values of random letters and digits: codecs get a fourth off, as off dense JSON.
class BenchValues {
 public:
  BenchValues(kernel::Random random, std::size_t bytes);
  [[nodiscard]] std::string& next() { return values_[at_++ % values_.size()]; }

 private:
  std::vector<std::string> values_;
  std::size_t at_ = 0;
};

/// Rewrites one line of standard error while it is a terminal, twice a second.
class BenchProgress {
 public:
  explicit BenchProgress(kernel::Fiber& f) : began_{f.now()}, next_{f.now()} {}
  void tell(kernel::Fiber& f, std::string_view doing, std::uint64_t records);
  static void clear(kernel::Fiber& f);
  [[nodiscard]] kernel::Mono began() const { return began_; }

 private:
  kernel::Mono began_;
  kernel::Mono next_;
};

/// Records and bytes and their rates, "490,123 records/s, 501.9 MB/s".
[[nodiscard]] std::string print_rates(std::uint64_t records, std::uint64_t bytes, double seconds);
/// Percentiles and steps, in milliseconds.
[[nodiscard]] nlohmann::ordered_json json_of(const LatencyHistogram& taken);

}  // namespace clients::cli
