// bench_rdkafka: librdkafka as a load generator, for what it costs to be its broker. rdkafka_performance is not packaged.
//
//   bench_rdkafka produce BROKER TOPIC SECONDS RECORD_BYTES BATCH_BYTES    as fast as it goes, acks=1
//   bench_rdkafka consume BROKER TOPIC SECONDS                             from the beginning, again when the end is reached
//   bench_rdkafka latency BROKER TOPIC SECONDS RECORD_BYTES RATE           a record at a time, until a consumer has it
//
// The first fifth of the time is not counted. Prints one JSON object; a record or a request that fails ends it.
#include <librdkafka/rdkafka.h>

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "tests/bench/measuring.h"

namespace bench {
namespace {

void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* counter) {
  if (message->err != 0) give_up(std::string{"a record was not delivered: "} + rd_kafka_err2str(message->err));
  ++*static_cast<std::uint64_t*>(counter);
}

void troubled(rd_kafka_t*, int error, const char* reason, void*) {
  give_up(std::string{rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error))} + ": " + reason);
}

rd_kafka_t* client(rd_kafka_type_t type, const std::vector<std::pair<std::string, std::string>>& settings, std::uint64_t* counter) {
  char why[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) give_up(why);
  }
  rd_kafka_conf_set_opaque(conf, counter);
  rd_kafka_conf_set_error_cb(conf, troubled);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t* made = rd_kafka_new(type, conf, why, sizeof why);
  if (made == nullptr) give_up(why);
  return made;
}

rd_kafka_t* producer(const char* broker, const char* linger_ms, const char* batch_bytes, std::uint64_t* counter) {
  return client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", broker}, {"acks", "1"}, {"linger.ms", linger_ms},
                                    {"batch.size", batch_bytes}, {"queue.buffering.max.messages", "1000000"}}, counter);
}

rd_kafka_t* consumer(const char* broker, const char* topic, std::int64_t offset) {
  rd_kafka_t* made = client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", broker}, {"group.id", "bench"}, {"enable.auto.commit", "false"},
                                                {"fetch.wait.max.ms", "500"}, {"queued.min.messages", "1000000"}}, nullptr);
  rd_kafka_poll_set_consumer(made);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
  if (rd_kafka_assign(made, list) != 0) give_up("cannot assign");
  rd_kafka_topic_partition_list_destroy(list);
  return made;
}

/// `records` and `bytes` of the `seconds` that count; `all_records` with those before.
void report(double seconds, std::uint64_t records, std::uint64_t bytes, std::uint64_t all_records) {
  if (records == 0) give_up("no record went through");
  std::printf("{\"seconds\": %.3f, \"records_per_s\": %.0f, \"mb_per_s\": %.1f, \"all_records\": %lu}\n", seconds,
              double(records) / seconds, double(bytes) / seconds / 1e6, all_records);
}

void produce(const char* broker, const char* topic, double seconds, std::size_t record_bytes, const char* batch_bytes) {
  std::uint64_t acknowledged = 0;
  rd_kafka_t* made = producer(broker, "5", batch_bytes, &acknowledged);
  rd_kafka_topic_t* to = rd_kafka_topic_new(made, topic, nullptr);
  std::string value(record_bytes, 'x');
  const Nanos began = now();
  const Nanos counted_from = began + Nanos(seconds * 2e8);
  const Nanos end = began + Nanos(seconds * 1e9);
  std::uint64_t before = 0;
  Nanos since = 0;
  for (std::uint64_t i = 0;; ++i) {
    while (rd_kafka_produce(to, 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) give_up(rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(made, 10);
    }
    if (i % 1000 != 0) continue;
    rd_kafka_poll(made, 0);
    const Nanos t = now();
    if (since == 0 && t >= counted_from) before = acknowledged, since = t;
    if (t >= end) break;
  }
  report(double(now() - since) / 1e9, acknowledged - before, (acknowledged - before) * record_bytes, acknowledged);
  rd_kafka_purge(made, RD_KAFKA_PURGE_F_QUEUE);  // what is still queued is nobody's; not waited for
}

void consume(const char* broker, const char* topic, double seconds) {
  rd_kafka_t* made = consumer(broker, topic, RD_KAFKA_OFFSET_BEGINNING);
  std::int64_t low = 0;
  std::int64_t end_offset = 0;
  if (rd_kafka_query_watermark_offsets(made, topic, 0, &low, &end_offset, 10'000) != 0 || end_offset == 0)
    give_up("there is nothing to consume");
  const Nanos began = now();
  const Nanos counted_from = began + Nanos(seconds * 2e8);
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t all_records = 0;
  Nanos since = 0;
  for (Nanos t = began; t < began + Nanos(seconds * 1e9); t = now()) {
    if (since == 0 && t >= counted_from) records = bytes = 0, since = t;
    rd_kafka_message_t* message = rd_kafka_consumer_poll(made, 1000);
    if (message == nullptr) give_up("nothing came for a second");
    if (message->err != 0) give_up(rd_kafka_message_errstr(message));
    ++records, ++all_records;
    bytes += message->len;
    if (message->offset + 1 == end_offset) {
      rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
      rd_kafka_topic_partition_list_add(list, topic, 0)->offset = 0;
      rd_kafka_error_t* error = rd_kafka_seek_partitions(made, list, 5000);
      if (error != nullptr) give_up(rd_kafka_error_string(error));
      rd_kafka_topic_partition_list_destroy(list);
    }
    rd_kafka_message_destroy(message);
  }
  report(double(now() - since) / 1e9, records, bytes, all_records);
}

/// Sends a record whenever one is due; each carries the moment it was due.
void send_on_time(rd_kafka_t* from, const char* topic, Nanos began, Nanos until, Nanos interval, std::size_t record_bytes,
                  std::atomic<std::uint64_t>& sent) {
  rd_kafka_topic_t* to = rd_kafka_topic_new(from, topic, nullptr);
  std::string value(std::max(record_bytes, sizeof(Nanos)), 'x');
  for (Nanos due = began; due < until; due += interval) {
    while (now() < due) std::this_thread::sleep_for(std::chrono::nanoseconds{due - now()});
    std::memcpy(value.data(), &due, sizeof due);
    if (rd_kafka_produce(to, 0, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), nullptr, 0, nullptr) != 0)
      give_up(rd_kafka_err2str(rd_kafka_last_error()));
    ++sent;
    rd_kafka_poll(from, 0);
  }
}

void latency(const char* broker, const char* topic, double seconds, std::size_t record_bytes, double rate) {
  std::uint64_t acknowledged = 0;
  rd_kafka_t* from = producer(broker, "0", "16384", &acknowledged);
  rd_kafka_t* in = consumer(broker, topic, RD_KAFKA_OFFSET_BEGINNING);
  std::vector<Nanos> took;
  const Nanos began = now();
  const Nanos counted_from = began + Nanos(seconds * 2e8);
  const Nanos until = began + Nanos(seconds * 1e9);
  std::atomic<std::uint64_t> sent = 0;
  std::thread sender{[&] { send_on_time(from, topic, began, until, Nanos(1e9 / rate), record_bytes, sent); }};
  for (std::uint64_t had = 0; now() < until || had < sent;) {
    if (now() > until + 5'000'000'000) give_up("records were sent and never consumed");
    rd_kafka_message_t* message = rd_kafka_consumer_poll(in, 100);
    if (message == nullptr) continue;
    if (message->err != 0) give_up(rd_kafka_message_errstr(message));
    Nanos was_due = 0;
    std::memcpy(&was_due, message->payload, sizeof was_due);
    if (was_due >= counted_from) took.push_back(now() - was_due);
    ++had;
    rd_kafka_message_destroy(message);
  }
  sender.join();
  if (took.empty()) give_up("no record went through");
  std::ranges::sort(took);
  std::printf("{\"records\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n", took.size(), percentile_us(took, .5),
              percentile_us(took, .99), percentile_us(took, .999));
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  prctl(PR_SET_TIMERSLACK, 1);
  const std::string mode = count > 4 ? words[1] : "";
  if (mode == "produce" && count == 7) {
    bench::produce(words[2], words[3], std::atof(words[4]), std::strtoul(words[5], nullptr, 10), words[6]);
  } else if (mode == "consume" && count == 5) {
    bench::consume(words[2], words[3], std::atof(words[4]));
  } else if (mode == "latency" && count == 7) {
    bench::latency(words[2], words[3], std::atof(words[4]), std::strtoul(words[5], nullptr, 10), std::atof(words[6]));
  } else {
    bench::give_up("bench_rdkafka produce|consume|latency BROKER TOPIC SECONDS ...: see its source");
  }
  std::fflush(stdout);
  std::_Exit(0);  // not waiting for what is still queued
}
