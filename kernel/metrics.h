// Metrics are owned fields. Each shard has a registry; an exporter sums the shards of a node. A cell is written by
// its shard alone and may be read from another thread at any time, so updates are plain relaxed loads and stores.
//
//   struct Metrics {
//     Counter append_bytes_total;
//     explicit Metrics(MetricRegistry& r)
//         : append_bytes_total{r.counter("kalda_log_append_bytes_total", "Bytes appended to active segments")} {}
//   };
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/check.h"
#include "kernel/time.h"

namespace kernel {

using MetricCell = std::atomic<std::int64_t>;

class Counter {
 public:
  explicit Counter(MetricCell& cell) : cell_{&cell} {}
  void add(std::int64_t n = 1) {
    cell_->store(cell_->load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const { return cell_->load(std::memory_order_relaxed); }

 private:
  MetricCell* cell_;
};

class Gauge {
 public:
  explicit Gauge(MetricCell& cell) : cell_{&cell} {}
  void set(std::int64_t v) { cell_->store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) { set(value() + n); }
  [[nodiscard]] std::int64_t value() const { return cell_->load(std::memory_order_relaxed); }

 private:
  MetricCell* cell_;
};

/// Counts durations in buckets of powers of two microseconds: le 1 us, 2 us, 4 us … 2^26 us (67 s), and more.
inline constexpr std::size_t kHistogramBuckets = 28;
struct HistogramCells {
  std::array<MetricCell, kHistogramBuckets> buckets{};
  MetricCell sum_ns{0};
  MetricCell count{0};
};

class Histogram {
 public:
  explicit Histogram(HistogramCells& cells) : cells_{&cells} {}
  void record(Duration taken) {
    const auto us = static_cast<std::uint64_t>(taken.count() <= 0 ? 0 : (taken.count() + 999) / 1000);
    const std::size_t bucket = us <= 1 ? 0 : std::min<std::size_t>(std::bit_width(us - 1), kHistogramBuckets - 1);
    bump(cells_->buckets[bucket], 1);
    bump(cells_->sum_ns, taken.count());
    bump(cells_->count, 1);
  }
  [[nodiscard]] std::int64_t count() const { return cells_->count.load(std::memory_order_relaxed); }

 private:
  static void bump(MetricCell& cell, std::int64_t n) {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  HistogramCells* cells_;
};

/// The metrics of one shard. Names end in their unit; `labels` is Prometheus text such as `api="Produce"`, or empty.
/// Asking twice for one name and label set answers the same cell.
class MetricRegistry {
 public:
  enum class Kind : std::uint8_t { counter, gauge, histogram };
  Counter counter(std::string_view name, std::string_view help, std::string_view labels = {});
  Gauge gauge(std::string_view name, std::string_view help, std::string_view labels = {});
  Histogram histogram(std::string_view name, std::string_view help, std::string_view labels = {});

  struct Reading {
    std::string name, help, labels;
    Kind kind = Kind::counter;
    std::int64_t value = 0;                                 // counter, gauge
    std::array<std::int64_t, kHistogramBuckets> buckets{};  // histogram
    std::int64_t sum_ns = 0, count = 0;
  };
  /// A snapshot, in order of registration. From any thread.
  [[nodiscard]] std::vector<Reading> read() const;

 private:
  struct Entry {
    std::string name, help, labels;
    Kind kind;
    MetricCell value{0};
    HistogramCells histogram{};
    Entry(std::string_view n, std::string_view h, std::string_view l, Kind k) : name{n}, help{h}, labels{l}, kind{k} {}
  };
  Entry& entry(std::string_view name, std::string_view help, std::string_view labels, Kind kind);

  mutable std::mutex registration_;  // guards the list only; cells are atomic
  std::deque<Entry> entries_;
};

/// The registries of a node's shards as Prometheus text exposition format 0.0.4, equal series summed.
std::string to_prometheus(std::span<const MetricRegistry* const> shards);

}  // namespace kernel
