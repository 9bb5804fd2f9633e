// bench_load: a Kafka load generator that costs little itself. Requests are framed once and sent over raw sockets, so
// what it measures is the broker. One thread, many connections, several requests in flight on each.
//
//   bench_load --port 9092 --topic t [--mode produce] --acks 1 --record-bytes 1024 --batch-bytes 65536
//              --connections 1 --in-flight 5 --partitions 1 --seconds 5 --warm-up 1 --rate 0 --pid BROKER
//   bench_load ... --codec zstd --batch-bytes 65536                 batches of text, so many bytes when compressed
//   bench_load --port 9092 --topic t --mode fetch --batch-bytes 1048576 ...
//   bench_load --port 9092 --topic NEW --mode tail --consumers 10 --rate 300   one producer, consumers that wait at the end
//   bench_load --port 9092 --topic t --warm-up 0 --requests 1      ends with the first answer
//   bench_load ... --bytes-max 4000000000                           ends early after so many, warm-up included
//
// Prints one JSON object. Latency is from the moment a request was due: in an open loop (--rate, requests a second)
// that is its place in the schedule whether or not it could be sent then, so a stall of the broker is not hidden. When
// tailing, latency is from then until a consumer has the batch, and records and bytes are those delivered.
#include <sys/epoll.h>
#include <sys/prctl.h>

#include <deque>
#include <utility>

#include "kernel/bytes.h"
#include "tests/bench/batch.h"
#include "tests/bench/codec.h"
#include "tests/bench/measuring.h"

namespace bench {
namespace {

struct Connection {
  int fd = -1;
  bool fetching = false;
  std::int32_t partition = 0;
  std::int64_t fetch_offset = 0;
  std::string frame;            ///< the request, framed; produce frames never change
  std::size_t sent = 0;         ///< of the frame now being written; 0 when none is
  std::deque<Nanos> due;        ///< of the requests in flight, oldest first
  Nanos next_due = 0;           ///< open loop: when the next one is to be sent
  std::string in;               ///< answer bytes not yet complete
  bool wants_write = false;
};

class Load {
 public:
  explicit Load(const Options& options)
      : mode_{mode_named(options.text("mode", "produce"))},
        topic_{options.text("topic", "bench")},
        in_flight_max_{static_cast<std::size_t>(options.number("in-flight", 1))},
        requests_max_{static_cast<std::uint64_t>(options.number("requests", INT64_MAX))},
        bytes_max_{static_cast<std::uint64_t>(options.number("bytes-max", INT64_MAX))},
        pid_{options.number("pid", 0)},
        consumers_{mode_ == Mode::tail ? options.number("consumers", 1) : 0} {
    const auto batch_bytes = static_cast<std::size_t>(options.number("batch-bytes", 65536));
    // Who tails takes what one producer writes to one partition, so that offsets tell which batch it was.
    const auto connections = mode_ == Mode::tail ? 1 + consumers_ : options.number("connections", 1);
    partitions_ = static_cast<std::int32_t>(mode_ == Mode::tail ? 1 : options.number("partitions", 1));
    const auto rate = options.number("rate", 0);
    if (rate > 0) interval_ = Nanos{1'000'000'000} * (connections - consumers_) / rate;
    fetch_bytes_ = mode_ == Mode::tail ? 1 << 20 : static_cast<std::int32_t>(batch_bytes);
    const Batch batch = batch_of(options, batch_bytes);
    records_per_batch_ = batch.records;
    bytes_per_batch_ = batch.bytes.size();
    epoll_ = epoll_create1(0);
    for (std::int64_t i = 0; i < connections; ++i) {
      if (i % kConnectsAtOnce == kConnectsAtOnce - 1) usleep(10'000);  // or the listener's backlog drops one, for a second
      Connection c;
      c.fd = connect_to(options.number("port", 9092));
      c.fetching = mode_ == Mode::fetch || (mode_ == Mode::tail && i > 0);
      c.partition = static_cast<std::int32_t>(i % partitions_);
      if (!c.fetching)
        c.frame = produce_request(topic_, c.partition, static_cast<std::int16_t>(options.number("acks", 1)), batch.bytes);
      connections_.push_back(std::move(c));
    }
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event);
    }
  }

  void run(double warm_up_seconds, double seconds) {
    Nanos start = now();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].next_due = start + interval_ * Nanos(i) / Nanos(connections_.size());
    }
    drive(start + Nanos(warm_up_seconds * 1e9));
    latencies_.clear();
    bytes_max_ -= std::min(bytes_, bytes_max_);
    requests_ = records_ = bytes_ = produced_bytes_ = 0;
    const double broker_before = cpu_seconds(pid_);
    const double own_before = own_cpu_seconds();
    start = now();
    drive(start + Nanos(seconds * 1e9));
    const double elapsed = double(now() - start) / 1e9;
    report(elapsed, cpu_seconds(pid_) - broker_before, own_cpu_seconds() - own_before);
  }

 private:
  enum class Mode { produce, fetch, tail };
  static Mode mode_named(const std::string& name) {
    if (name == "produce") return Mode::produce;
    if (name == "fetch") return Mode::fetch;
    if (name == "tail") return Mode::tail;
    give_up("there is no mode " + name);
  }

  static Batch batch_of(const Options& options, std::size_t batch_bytes) {
    const auto record_bytes = static_cast<std::size_t>(options.number("record-bytes", 1024));
    std::int32_t count = records_that_fit(record_bytes, batch_bytes);
    const std::string name = options.text("codec", "");
    if (name.empty()) return make_batch(make_records(record_bytes, count, Payload::noise), count);
    const int codec = codec_number(name);
    if (codec < 0) give_up("there is no codec " + name);
    std::string bytes;
    for (int turn = 0; turn < 3; ++turn) {  // more records compress a little better: this settles at once
      bytes = compressed(codec, make_records(record_bytes, count, Payload::text));
      count = std::max(1, static_cast<std::int32_t>(double(count) * double(batch_bytes) / double(bytes.size())));
    }
    return make_batch(compressed(codec, make_records(record_bytes, count, Payload::text)), count, static_cast<std::int16_t>(codec));
  }

  void drive(Nanos until) {
    for (auto& c : connections_) send_what_is_due(c);
    for (Nanos t = now(); t < until && requests_ < requests_max_ && bytes_ < bytes_max_; t = now()) {
      epoll_event events[64];
      const timespec wait = time_to_wait(t);
      const int ready = epoll_pwait2(epoll_, events, 64, &wait, nullptr);
      for (int i = 0; i < ready; ++i) {
        Connection& c = connections_[events[i].data.u64];
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
        send_what_is_due(c);
      }
      if (interval_ > 0) {
        for (auto& c : connections_) send_what_is_due(c);
      }
    }
  }

  /// Until the next request of the schedule is due: a coarser wait would be measured as the broker's latency.
  [[nodiscard]] timespec time_to_wait(Nanos t) const {
    Nanos wait = 100'000'000;
    for (const auto& c : connections_) {
      if (interval_ > 0 && c.due.size() < in_flight_max_ && (!c.fetching || mode_ == Mode::fetch))
        wait = std::min(wait, std::max(Nanos{0}, c.next_due - t));
    }
    return {.tv_sec = 0, .tv_nsec = wait};
  }

  void send_what_is_due(Connection& c) {
    for (;;) {
      if (c.sent == 0) {
        if (c.due.size() >= (mode_ == Mode::tail && c.fetching ? 1 : in_flight_max_)) break;
        const Nanos t = now();
        const bool scheduled = interval_ > 0 && (!c.fetching || mode_ == Mode::fetch);
        if (scheduled && c.next_due > t) break;
        c.due.push_back(scheduled ? c.next_due : t);
        c.next_due += interval_;
        if (c.fetching) {
          c.frame = fetch_request(topic_, c.partition, c.fetch_offset, fetch_bytes_, mode_ == Mode::tail ? kTailWaitMs : 0);
        } else if (mode_ == Mode::tail) {
          batches_due_.push_back(c.due.back());
        } else if (std::cmp_greater(partitions_, connections_.size())) {
          take_next_partition(c);
        }
      }
      const ssize_t wrote = send(c.fd, c.frame.data() + c.sent, c.frame.size() - c.sent, MSG_NOSIGNAL);
      if (wrote < 0 && errno != EAGAIN) give_up("the broker closed the connection");
      if (wrote > 0) c.sent += static_cast<std::size_t>(wrote);
      const bool blocked = c.sent < c.frame.size();
      if (!blocked) c.sent = 0;
      if (blocked != c.wants_write) {
        c.wants_write = blocked;
        epoll_event event{};
        event.events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.u64 = static_cast<std::uint64_t>(&c - connections_.data());
        epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
      }
      if (blocked) break;
    }
  }

  /// With more partitions than connections, each connection takes its share of them in turn.
  void take_next_partition(Connection& c) {
    c.partition = (c.partition + static_cast<std::int32_t>(connections_.size())) % partitions_;
    kernel::store_be(reinterpret_cast<std::byte*>(c.frame.data() + produce_partition_at(topic_)), c.partition);
  }

  void receive(Connection& c) {
    for (;;) {
      const ssize_t got = recv(c.fd, buffer_.data(), buffer_.size(), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) give_up("the broker closed the connection");
      if (got < 0) break;
      c.in.append(buffer_.data(), static_cast<std::size_t>(got));
      std::size_t at = 0;
      while (c.in.size() - at >= 4) {
        const auto size = static_cast<std::size_t>(kernel::load_be<std::int32_t>(byte_at(c.in, at)));
        if (c.in.size() - at - 4 < size) break;
        answered(c, std::string_view{c.in}.substr(at + 4, size));
        at += 4 + size;
      }
      c.in.erase(0, at);
      if (static_cast<std::size_t>(got) < buffer_.size()) break;
    }
  }

  void answered(Connection& c, std::string_view answer) {
    const Nanos arrived = now();
    const Nanos due = c.due.front();
    c.due.pop_front();
    ++requests_;
    if (!c.fetching) {
      const std::int16_t error = produce_error(answer, topic_);
      if (error != 0) give_up("Produce answered error " + std::to_string(error));
      produced_bytes_ += bytes_per_batch_;
      if (mode_ == Mode::tail) return;
      latencies_.push_back(arrived - due);
      records_ += records_per_batch_;
      bytes_ += bytes_per_batch_;
      return;
    }
    const Fetched fetched = read_fetch(answer, topic_);
    if (fetched.error != 0) give_up("Fetch answered error " + std::to_string(fetched.error));
    records_ += fetched.records;
    bytes_ += fetched.bytes;
    if (mode_ == Mode::fetch) {
      if (fetched.records == 0 && c.fetch_offset == 0) give_up("there is nothing to fetch");
      latencies_.push_back(arrived - due);
      c.fetch_offset = fetched.records == 0 ? 0 : fetched.next_offset;  // at the end: from the beginning again
      return;
    }
    if (fetched.records == 0) return;  // nothing came while it waited
    const auto each = static_cast<std::int64_t>(records_per_batch_);
    for (std::int64_t batch = c.fetch_offset / each; batch < fetched.next_offset / each; ++batch) {
      if (static_cast<std::size_t>(batch) >= batches_due_.size()) give_up("a batch was delivered that was never sent: is the topic new?");
      latencies_.push_back(arrived - batches_due_[static_cast<std::size_t>(batch)]);
    }
    c.fetch_offset = fetched.next_offset;
  }

  void report(double elapsed, double broker_cpu, double own_cpu) {
    if (latencies_.empty() || bytes_ == 0) give_up("the broker answered nothing in " + std::to_string(elapsed) + " s");
    if (consumers_ > 0 && double(bytes_) < .9 * double(produced_bytes_) * double(consumers_))
      give_up("consumers fell behind: " + std::to_string(bytes_) + " bytes delivered to " + std::to_string(consumers_) + ", " +
              std::to_string(produced_bytes_) + " produced");
    std::ranges::sort(latencies_);
    const double gigabytes = double(bytes_) / 1e9;
    std::printf("{\"seconds\": %.3f, \"requests_per_s\": %.1f, \"records_per_s\": %.0f, \"mb_per_s\": %.1f, "
                "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"broker_cpu_s\": %.2f, "
                "\"broker_cpu_us_per_request\": %.3f, \"broker_cpu_s_per_million_records\": %.4f, \"broker_cpu_s_per_gb\": %.4f, "
                "\"client_cpu_s_per_gb\": %.4f}\n",
                elapsed, double(requests_) / elapsed, double(records_) / elapsed, double(bytes_) / elapsed / 1e6,
                percentile_us(latencies_, .5), percentile_us(latencies_, .99), percentile_us(latencies_, .999),
                percentile_us(latencies_, 1), broker_cpu, broker_cpu * 1e6 / double(requests_),
                broker_cpu / (double(records_) / 1e6), broker_cpu / gigabytes, own_cpu / gigabytes);
  }

  static constexpr std::int32_t kTailWaitMs = 500;
  static constexpr std::int64_t kConnectsAtOnce = 32;

  Mode mode_;
  std::string topic_;
  std::size_t in_flight_max_;
  std::uint64_t requests_max_;  ///< the run ends after this many answers, if its time is not up before
  std::uint64_t bytes_max_;
  std::int64_t pid_;
  std::int64_t consumers_;
  std::int32_t partitions_ = 1;
  Nanos interval_ = 0;  ///< between two requests of one connection; 0 in a closed loop
  std::int32_t fetch_bytes_ = 0;
  std::size_t records_per_batch_ = 0;
  std::size_t bytes_per_batch_ = 0;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<char> buffer_ = std::vector<char>(1 << 20);
  std::vector<Nanos> latencies_;
  std::uint64_t requests_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t produced_bytes_ = 0;
  std::vector<Nanos> batches_due_;  ///< tailing: of every batch ever sent, in the order of their offsets
};

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  const bench::Options options{count, words, {"port", "topic", "mode", "acks", "record-bytes", "batch-bytes", "connections", "in-flight",
                                              "partitions", "seconds", "warm-up", "rate", "pid", "codec", "consumers", "requests",
                                              "bytes-max"}};
  prctl(PR_SET_TIMERSLACK, 1);  // or a wait of a microsecond takes fifty more
  bench::Load load{options};
  load.run(options.real("warm-up", 1), options.real("seconds", 5));
}
