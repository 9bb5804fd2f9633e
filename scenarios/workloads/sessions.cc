#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/fetch.h"
#include "scenarios/workloads/fetch.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

// A batch is smaller than what a partition may give, so that none is too large to be there.
constexpr std::int32_t kAnswerBytesMax = 512 * 1024, kPartitionBytesMax = 64 * 1024;
constexpr clients::core::VersionCap kSessionsByName{.first = 7, .last = 12};

/// A client's side of a session over many partitions (KIP-227), with what it may conclude.
class SessionReader {
 public:
  SessionReader(Stage& stage, std::uint64_t reader)
      : stage_{stage}, reader_{reader}, random_{stage.run.random("session reader")},
        positions_(static_cast<std::size_t>(stage.partitions)) {
    for (std::int32_t p = 0; p < stage.partitions; ++p) stage.ledger.reader_starts(name(p), reader_of(p), Offset{0});
  }

  /// False when there was no answer.
  bool ask(Fiber& f, Cluster& cluster) {
    if (!fetch(f, cluster)) {
      id_ = epoch_ = 0;
      for (Position& one : positions_) one.in_session = false;
      return false;
    }
    return true;
  }

 private:
  struct Position {
    Offset next{0};
    Offset told{-1};       ///< the session's
    bool in_session = false;
    bool wanted = true;
  };
  /// What was known of a partition before the question.
  struct Ends {
    Offset shown, known;
  };
  [[nodiscard]] PartitionName name(std::int32_t p) const { return {stage_.topic, p}; }
  [[nodiscard]] std::uint64_t reader_of(std::int32_t p) const { return reader_ + static_cast<std::uint64_t>(p); }
  Position& at(std::int32_t p) { return positions_[static_cast<std::size_t>(p)]; }

  Result<> fetch(Fiber& f, Cluster& cluster) {
    net::Arena arena;
    net::FetchRequest request;
    request.max_wait_ms = static_cast<std::int32_t>(random_.between(0, 200));
    request.min_bytes = 1;
    request.max_bytes = kAnswerBytesMax;
    request.session_id = id_;
    request.session_epoch = epoch_;
    auto& topic = arena.push_back(request.topics, {.topic = stage_.topic});
    net::FetchRequest::ForgottenTopic forgotten{.topic = stage_.topic};
    for (std::int32_t p = 0; p < stage_.partitions; ++p) {
      Position& one = at(p);
      one.wanted = random_.below(8) != 0;
      if (one.in_session && !one.wanted) arena.push_back(forgotten.partitions, net::PartitionId{p});
      if (!one.wanted || (one.in_session && one.told == one.next)) continue;
      auto& asked = arena.push_back(topic.partitions, {});
      asked.partition = net::PartitionId{p};
      asked.fetch_offset = one.next;
      asked.partition_max_bytes = kPartitionBytesMax;
    }
    if (topic.partitions.empty()) request.topics = {};
    if (!forgotten.partitions.empty()) arena.push_back(request.forgotten_topics_data, forgotten);
    const bool incremental = id_ != 0;
    std::vector<Ends> before;
    for (std::int32_t p = 0; p < stage_.partitions; ++p)
      before.push_back({stage_.ledger.shown_end(name(p)), stage_.ledger.known_end(name(p))});
    const Era asked_in = stage_.ledger.era();
    const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s, .versions = kSessionsByName}));
    if (answer->error_code != ErrorCode::none) return clients::core::fail_code(answer->error_code);
    id_ = answer->session_id;
    epoch_ = id_ == 0 ? 0 : incremental ? epoch_ + 1 : 1;
    std::size_t bytes = 0;
    std::set<std::int32_t> told;
    for (std::int32_t p = 0; p < stage_.partitions; ++p) at(p).in_session = id_ != 0 && at(p).wanted, at(p).told = at(p).next;
    for (const auto& topic_told : answer->responses) {
      for (const auto& data : topic_told.partitions) {
        const std::int32_t p = data.partition_index.raw();
        if (p < 0 || p >= stage_.partitions || !at(p).wanted || !told.insert(p).second) {
          stage_.run.violation("P1", fmt::format("an answer speaks of {}, which was not asked for, or twice", p));
          continue;
        }
        bytes += data.records.bytes().size();
        TRY(take(f, cluster, p, data, before[static_cast<std::size_t>(p)].known, asked_in));
      }
    }
    for (std::int32_t p = 0; p < stage_.partitions; ++p) {
      if (at(p).wanted && !told.contains(p)) judge_omitted(p, before[static_cast<std::size_t>(p)].shown, asked_in, bytes, incremental);
    }
    return {};
  }

  Result<> take(Fiber& f, Cluster& cluster, std::int32_t p, const net::FetchResponse::PartitionData& data, Offset known,
                Era asked_in) {
    Position& one = at(p);
    if (data.error_code == ErrorCode::offset_out_of_range) {
      one.next = TRY(start_offset(f, cluster, stage_, name(p), stage_.topic));
      stage_.ledger.reader_starts(name(p), reader_of(p), one.next);
      return {};
    }
    if (data.error_code != ErrorCode::none) return clients::core::fail_code(data.error_code);
    stage_.ledger.told_end(name(p), known, asked_in, data.high_watermark);
    const FetchAsk ask{.at = name(p), .topic = stage_.topic, .from = one.next, .reader = reader_of(p)};
    one.next = judge_records(stage_, ask, asked_in, data.high_watermark, data.records.bytes()).next;
    return {};
  }

  /// It was shown to somebody before this was asked, there was room for it, and the answer is silent.
  void judge_omitted(std::int32_t p, Offset shown, Era asked_in, std::size_t bytes, bool incremental) {
    stage_.run.judged("P1");
    if (!incremental) return stage_.run.violation("P1", fmt::format("a full answer leaves out partition {}", p));
    const bool had_room = bytes + kPartitionBytesMax <= kAnswerBytesMax;
    if (at(p).next >= shown || !had_room || asked_in != stage_.ledger.era() || stage_.ledger.may_be_cut(name(p))) return;
    stage_.run.violation("P1", fmt::format("{}: a session at {} was not told of what lies there up to {}", to_string(name(p)),
                                           at(p).next.raw(), shown.raw()));
  }

  Stage& stage_;
  std::uint64_t reader_;
  kernel::Random random_;
  std::vector<Position> positions_;
  std::int32_t id_ = 0;
  std::int32_t epoch_ = 0;
};

}  // namespace

void read_by_session(Fiber& f, Stage& stage, std::uint64_t reader) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "session reader")};
    SessionReader one{stage, reader};
    kernel::Random random = stage.run.random("session reader pauses");
    while (!stage.stopping) {
      const bool answered = one.ask(f, cluster);
      if (!f.sleep(std::chrono::milliseconds{answered ? random.between(1, 300) : 100})) break;
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
