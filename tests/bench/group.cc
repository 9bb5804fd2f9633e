// bench_group: how long a classic group of many members takes to rebalance. Each member is a raw connection, so that what
// is timed is the coordinator. The group forms once (its initial delay is in that and is not measured). Then its leader
// joins anew, which makes every member join: no delay is within, and the time from the last JoinGroup sent to the last
// SyncGroup answered is one measurement.
//
//   bench_group --port 9092 --group NEW --members 1000 --rebalances 5 --pid BROKER
//
// Prints one JSON object: medians in milliseconds, broker CPU a rebalance. Any error code it does not expect ends it.
#include <sys/epoll.h>

#include <optional>

#include "kernel/bytes.h"
#include "tests/bench/batch.h"
#include "tests/bench/measuring.h"

namespace bench {
namespace {

constexpr std::int16_t kJoin = 11;
constexpr std::int16_t kHeartbeat = 12;
constexpr std::int16_t kSync = 14;
constexpr std::int16_t kFindCoordinator = 10;

constexpr std::int16_t kCoordinatorLoading = 14;
constexpr std::int16_t kCoordinatorNotAvailable = 15;
constexpr std::int16_t kNotCoordinator = 16;
constexpr std::int16_t kRebalanceInProgress = 27;
constexpr std::int16_t kMemberIdRequired = 79;

constexpr Nanos kPatience = 60'000'000'000;

void put_string(std::string& out, std::string_view text) {
  put<std::int16_t>(out, static_cast<std::int16_t>(text.size()));
  out += text;
}
void put_bytes(std::string& out, std::string_view text) {
  put<std::int32_t>(out, static_cast<std::int32_t>(text.size()));
  out += text;
}
std::string request(std::int16_t api, std::int16_t version, std::string_view body) {
  std::string r;
  put<std::int16_t>(r, api);
  put<std::int16_t>(r, version);
  put<std::int32_t>(r, 1);
  put_string(r, kClient);
  r += body;
  return framed(r);
}

/// Reads an answer from its front; the broker is trusted, but not to be whole.
class Reader {
 public:
  explicit Reader(std::string_view all) : all_{all} {}
  template <std::integral T>
  T take() {
    need(sizeof(T));
    const T value = kernel::load_be<T>(byte_at(all_, at_));
    at_ += sizeof(T);
    return value;
  }
  std::string_view string() { return sized(take<std::int16_t>()); }
  std::string_view bytes() { return sized(take<std::int32_t>()); }

 private:
  std::string_view sized(std::int64_t size) {
    if (size <= 0) return {};
    need(static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return all_.substr(at_ - static_cast<std::size_t>(size), static_cast<std::size_t>(size));
  }
  void need(std::size_t size) const {
    if (all_.size() - at_ < size) give_up("an answer ended early");
  }
  std::string_view all_;
  std::size_t at_ = 0;
};

struct Member {
  int fd = -1;
  std::string id;
  std::string in;
  std::string out;
  bool synced = false;
};

class Group {
 public:
  explicit Group(const Options& options) : name_{options.text("group", "bench")}, pid_{options.number("pid", 0)} {
    members_.resize(static_cast<std::size_t>(options.number("members", 1000)));
    epoll_ = epoll_create1(0);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      members_[i].fd = connect_to(options.number("port", 9092));
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLET;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, members_[i].fd, &event);
    }
  }

  void run(std::int64_t rebalances) {
    find_coordinator();
    const Nanos began = now();
    for (Member& member : members_) join(member);
    until_all_synced();
    const double formed_ms = double(now() - began) / 1e6;
    std::vector<Nanos> took;
    const double cpu_before = cpu_seconds(pid_);
    for (std::int64_t i = 0; i < rebalances; ++i) took.push_back(rebalance());
    const double cpu = cpu_seconds(pid_) - cpu_before;
    std::ranges::sort(took);
    std::printf("{\"members\": %zu, \"formed_ms\": %.1f, \"rebalance_ms\": %.2f, \"worst_ms\": %.2f, \"broker_cpu_s\": %.3f, "
                "\"broker_cpu_ms_per_rebalance\": %.2f}\n",
                members_.size(), formed_ms, percentile_us(took, .5) / 1e3, percentile_us(took, 1) / 1e3, cpu,
                cpu * 1e3 / double(rebalances));
  }

 private:
  /// Also has the broker make its internal topic, and waits until it is loaded.
  void find_coordinator() {
    for (const Nanos give_up_at = now() + kPatience; now() < give_up_at; usleep(50'000)) {
      std::string body;
      put_string(body, name_);
      body += '\0';
      const std::string answer = ask(members_[0], request(kFindCoordinator, 1, body));
      Reader in{answer};
      in.take<std::int32_t>();  // correlation id
      in.take<std::int32_t>();  // throttle time
      const auto error = in.take<std::int16_t>();
      if (error != 0 && error != kCoordinatorNotAvailable) give_up("FindCoordinator answered error " + std::to_string(error));
      if (error == 0 && heartbeat_error(members_[0], "nobody") != kCoordinatorLoading &&
          heartbeat_error(members_[0], "nobody") != kNotCoordinator)
        return;
    }
    give_up("there is no coordinator");
  }

  std::int16_t heartbeat_error(Member& member, std::string_view id) {
    std::string body;
    put_string(body, name_);
    put<std::int32_t>(body, generation_);
    put_string(body, id);
    const std::string answer = ask(member, request(kHeartbeat, 1, body));
    Reader in{answer};
    in.take<std::int32_t>();
    in.take<std::int32_t>();
    return in.take<std::int16_t>();
  }

  void join(Member& member) {
    member.synced = false;
    std::string subscription;
    put<std::int16_t>(subscription, 0);
    put<std::int32_t>(subscription, 1);
    put_string(subscription, "bench-topic");
    put<std::int32_t>(subscription, -1);
    std::string body;
    put_string(body, name_);
    put<std::int32_t>(body, 45'000);  // session
    put<std::int32_t>(body, 60'000);  // rebalance
    put_string(body, member.id);
    put<std::int16_t>(body, -1);  // not static
    put_string(body, "consumer");
    put<std::int32_t>(body, 1);
    put_string(body, "range");
    put_bytes(body, subscription);
    send_to(member, request(kJoin, 5, body));
    last_join_ = now();
  }

  /// Everyone's assignment, as the leader sends it; each member's is its own number.
  void sync(Member& member, const std::vector<std::string>& assigned_to) {
    std::string body;
    put_string(body, name_);
    put<std::int32_t>(body, generation_);
    put_string(body, member.id);
    put<std::int16_t>(body, -1);
    put<std::int32_t>(body, static_cast<std::int32_t>(assigned_to.size()));
    for (std::size_t i = 0; i < assigned_to.size(); ++i) {
      std::string assignment;
      put<std::int16_t>(assignment, 0);
      put<std::int32_t>(assignment, 1);
      put_string(assignment, "bench-topic");
      put<std::int32_t>(assignment, 1);
      put<std::int32_t>(assignment, static_cast<std::int32_t>(i));
      put<std::int32_t>(assignment, -1);
      put_string(body, assigned_to[i]);
      put_bytes(body, assignment);
    }
    send_to(member, request(kSync, 3, body));
  }

  Nanos rebalance() {
    if (!leader_) give_up("the group has no leader");
    join(members_[*leader_]);
    Member& other = members_[*leader_ == 0 ? 1 : 0];
    // Whoever joins before the coordinator knows of the leader's wish is answered with the present generation.
    for (const Nanos give_up_at = now() + kPatience; heartbeat_error(other, other.id) != kRebalanceInProgress;) {
      if (now() > give_up_at) give_up("the leader joined anew, and the group did not rebalance");
    }
    const std::size_t leader = *leader_;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (i != leader) join(members_[i]);
    }
    const Nanos from = last_join_;
    until_all_synced();
    return last_sync_ - from;
  }

  void until_all_synced() {
    const Nanos give_up_at = now() + kPatience;
    while (!std::ranges::all_of(members_, &Member::synced)) {
      if (now() > give_up_at) give_up("the group did not settle");
      turn(100);
    }
  }

  void turn(int wait_ms) {
    epoll_event events[256];
    const int ready = epoll_wait(epoll_, events, 256, wait_ms);
    for (int i = 0; i < ready; ++i) {
      const auto at = static_cast<std::size_t>(events[i].data.u64);
      flush(members_[at]);
      while (const auto answer = next_answer(members_[at])) heard(at, *answer);
    }
  }

  /// One request whose answer is awaited; nothing else may be under way on this connection.
  std::string ask(Member& member, const std::string& frame) {
    send_to(member, frame);
    for (const Nanos give_up_at = now() + kPatience; now() < give_up_at;) {
      flush(member);
      if (const auto answer = next_answer(member)) return *answer;
      usleep(100);
    }
    give_up("a request was not answered");
  }

  static void send_to(Member& member, const std::string& frame) {
    member.out += frame;
    flush(member);
  }
  static void flush(Member& member) {
    if (member.out.empty()) return;
    const ssize_t wrote = send(member.fd, member.out.data(), member.out.size(), MSG_NOSIGNAL);
    if (wrote < 0 && errno != EAGAIN) give_up("the broker closed the connection");
    if (wrote > 0) member.out.erase(0, static_cast<std::size_t>(wrote));
  }

  static std::optional<std::string> next_answer(Member& member) {
    char chunk[65536];
    for (ssize_t got = 0; (got = recv(member.fd, chunk, sizeof chunk, 0)) != -1 || errno != EAGAIN;) {
      if (got <= 0) give_up("the broker closed the connection");
      member.in.append(chunk, static_cast<std::size_t>(got));
    }
    if (member.in.size() < 4) return std::nullopt;
    const auto size = static_cast<std::size_t>(kernel::load_be<std::int32_t>(byte_at(member.in, 0)));
    if (member.in.size() - 4 < size) return std::nullopt;
    std::string answer = member.in.substr(4, size);
    member.in.erase(0, 4 + size);
    return answer;
  }

  /// An answer to JoinGroup or SyncGroup: a member that joins awaits the one, then the other.
  void heard(std::size_t at, std::string_view answer) {
    Member& member = members_[at];
    Reader in{answer};
    in.take<std::int32_t>();
    in.take<std::int32_t>();
    const auto error = in.take<std::int16_t>();
    if (awaits_sync_.contains(at)) {
      awaits_sync_.erase(at);
      if (error == kRebalanceInProgress) return join(member);  // the group grew while it formed
      if (error != 0) give_up("SyncGroup answered error " + std::to_string(error));
      if (in.bytes().empty()) give_up("SyncGroup gave a member nothing");
      member.synced = true;
      last_sync_ = now();
      return;
    }
    const auto generation = in.take<std::int32_t>();
    in.string();  // protocol
    const std::string_view leader = in.string();
    member.id = in.string();
    if (error == kMemberIdRequired) return join(member);
    if (error != 0) give_up("JoinGroup answered error " + std::to_string(error));
    generation_ = generation;
    std::vector<std::string> everyone;
    if (leader == member.id) {
      leader_ = at;
      for (auto left = in.take<std::int32_t>(); left > 0; --left) {
        everyone.emplace_back(in.string());
        in.string();  // instance id
        in.bytes();
      }
      if (everyone.empty()) give_up("the leader was told of no members");
    }
    awaits_sync_[at] = true;
    sync(member, everyone);
  }

  std::string name_;
  std::int64_t pid_;
  int epoll_ = -1;
  std::vector<Member> members_;
  std::map<std::size_t, bool> awaits_sync_;
  std::optional<std::size_t> leader_;
  std::int32_t generation_ = 0;
  Nanos last_join_ = 0;
  Nanos last_sync_ = 0;
};

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  const bench::Options options{count, words, {"port", "group", "members", "rebalances", "pid"}};
  bench::Group group{options};
  group.run(options.number("rebalances", 5));
}
