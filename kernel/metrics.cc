#include "kernel/metrics.h"

#include <map>

#include <fmt/format.h>

namespace kernel {

MetricRegistry::Entry& MetricRegistry::entry(std::string_view name, std::string_view help, std::string_view labels,
                                             Kind kind) {
  const std::lock_guard lock{registration_};
  for (Entry& known : entries_) {
    if (known.name == name && known.labels == labels) {
      CHECK(known.kind == kind);
      return known;
    }
  }
  return entries_.emplace_back(name, help, labels, kind);
}

Counter MetricRegistry::counter(std::string_view name, std::string_view help, std::string_view labels) {
  return Counter{entry(name, help, labels, Kind::counter).value};
}
Gauge MetricRegistry::gauge(std::string_view name, std::string_view help, std::string_view labels) {
  return Gauge{entry(name, help, labels, Kind::gauge).value};
}
Histogram MetricRegistry::histogram(std::string_view name, std::string_view help, std::string_view labels) {
  return Histogram{entry(name, help, labels, Kind::histogram).histogram};
}

std::vector<MetricRegistry::Reading> MetricRegistry::read() const {
  const std::lock_guard lock{registration_};
  std::vector<Reading> readings;
  readings.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    Reading reading{.name = entry.name, .help = entry.help, .labels = entry.labels, .kind = entry.kind};
    reading.value = entry.value.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
      reading.buckets[i] = entry.histogram.buckets[i].load(std::memory_order_relaxed);
    }
    reading.sum_ns = entry.histogram.sum_ns.load(std::memory_order_relaxed);
    reading.count = entry.histogram.count.load(std::memory_order_relaxed);
    readings.push_back(std::move(reading));
  }
  return readings;
}

namespace {

void append_histogram(std::string& out, const MetricRegistry::Reading& sum) {
  const std::string comma = sum.labels.empty() ? "" : ",";
  std::int64_t below = 0;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    below += sum.buckets[i];
    const std::string bound =
        i + 1 == kHistogramBuckets ? "+Inf" : fmt::format("{:.6f}", static_cast<double>(1u << i) / 1e6);
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{}{}le=\"{}\"}} {}\n", sum.name, sum.labels, comma, bound,
                   below);
  }
  const std::string braces = sum.labels.empty() ? "" : fmt::format("{{{}}}", sum.labels);
  fmt::format_to(std::back_inserter(out), "{0}_sum{1} {2:.9f}\n{0}_count{1} {3}\n", sum.name, braces,
                 static_cast<double>(sum.sum_ns) / 1e9, sum.count);
}

constexpr std::string_view type_name(MetricRegistry::Kind kind) {
  switch (kind) {
    case MetricRegistry::Kind::counter: return "counter";
    case MetricRegistry::Kind::gauge: return "gauge";
    case MetricRegistry::Kind::histogram: return "histogram";
  }
  std::unreachable();
}

}  // namespace

std::string to_prometheus(std::span<const MetricRegistry* const> shards) {
  std::map<std::pair<std::string, std::string>, MetricRegistry::Reading> sums;
  for (const MetricRegistry* shard : shards) {
    for (MetricRegistry::Reading& reading : shard->read()) {
      auto [at, is_new] = sums.try_emplace({reading.name, reading.labels}, reading);
      if (is_new) continue;
      MetricRegistry::Reading& sum = at->second;
      sum.value += reading.value;
      for (std::size_t i = 0; i < kHistogramBuckets; ++i) sum.buckets[i] += reading.buckets[i];
      sum.sum_ns += reading.sum_ns;
      sum.count += reading.count;
    }
  }
  std::string out;
  std::string_view last_name;
  for (const auto& [key, sum] : sums) {
    if (sum.name != last_name) {
      fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", sum.name, sum.help,
                     type_name(sum.kind));
      last_name = sum.name;
    }
    if (sum.kind == MetricRegistry::Kind::histogram) {
      append_histogram(out, sum);
    } else {
      const std::string braces = sum.labels.empty() ? "" : fmt::format("{{{}}}", sum.labels);
      fmt::format_to(std::back_inserter(out), "{}{} {}\n", sum.name, braces, sum.value);
    }
  }
  return out;
}

}  // namespace kernel
