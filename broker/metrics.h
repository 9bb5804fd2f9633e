// What a broker counts, per shard; the admin port shows the sums.
#pragma once

#include "kernel/metrics.h"

namespace broker {

struct Metrics {
  explicit Metrics(kernel::MetricRegistry& r)
      : produce_bytes_total{r.counter("kalda_produce_bytes_total", "Bytes of record batches taken from producers")},
        produce_batches_total{r.counter("kalda_produce_batches_total", "Record batches taken from producers")},
        produce_duplicates_total{r.counter("kalda_produce_duplicates_total",
                                           "Batches that were on the log already and were acknowledged again")},
        produce_refused_total{r.counter("kalda_produce_refused_total", "Batches that were answered with an error")},
        fetch_bytes_total{r.counter("kalda_fetch_bytes_total", "Bytes of record batches sent to consumers")},
        requests_total{r.counter("kalda_requests_total", "Requests that arrived whole")},
        requests_malformed_total{r.counter("kalda_requests_malformed_total",
                                           "Requests that could not be read; their connection was closed")},
        connections{r.gauge("kalda_connections", "Open client connections")},
        partitions{r.gauge("kalda_partitions", "Partitions hosted here")},
        partitions_offline{r.gauge("kalda_partitions_offline", "Hosted partitions that cannot be served")},
        request_seconds{r.histogram("kalda_request_seconds", "From the arrival of a request to its reply's turn")} {}

  kernel::Counter produce_bytes_total;
  kernel::Counter produce_batches_total;
  kernel::Counter produce_duplicates_total;
  kernel::Counter produce_refused_total;
  kernel::Counter fetch_bytes_total;
  kernel::Counter requests_total;
  kernel::Counter requests_malformed_total;
  kernel::Gauge connections;
  kernel::Gauge partitions;
  kernel::Gauge partitions_offline;
  kernel::Histogram request_seconds;
};

}  // namespace broker
