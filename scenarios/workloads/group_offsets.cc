// Offsets of a group that has no members: one client commits, reads and deletes them, so that what may be there is known.
#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/delete_groups.h"
#include "net/messages/offset_delete.h"
#include "scenarios/workloads/group.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGroup = "accounts";
constexpr std::int32_t kPartitions = 3;

Result<ErrorCode> delete_group(Fiber& f, Cluster& cluster) {
  net::Arena arena;
  net::DeleteGroupsRequest request;
  arena.push_back(request.groups_names, kGroup);
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->results.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  return answer->results[0].error_code;
}

Result<ErrorCode> delete_offset(Fiber& f, Cluster& cluster, std::string_view topic, std::int32_t partition) {
  net::Arena arena;
  net::OffsetDeleteRequest request;
  request.group_id = kGroup;
  auto& out = arena.push_back(request.topics, {.name = topic});
  arena.push_back(out.partitions, {.partition_index = net::PartitionId{partition}});
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->error_code != ErrorCode::none) return answer->error_code;
  if (answer->topics.empty() || answer->topics[0].partitions.empty())
    return kernel::fail(clients::core::Reason::malformed_answer);
  return answer->topics[0].partitions[0].error_code;
}

/// What one partition's offset may be.
class Register {
 public:
  /// It is being changed. `start` is the broker's: a request dies with the broker that it was sent to.
  void asked(Offset value, std::uint64_t start) { open_.push_back({value, start}); }
  /// The change that was asked for last is answered: what came before it counts no more, but for requests that may
  /// still be on their way.
  void answered(std::uint64_t start) {
    sure_ = {open_.back().value};
    open_.pop_back();
    std::erase_if(open_, [&](const Open& one) { return one.start != start; });
  }
  void refused() { open_.pop_back(); }
  /// Seen: where nothing is open, it is what it is.
  [[nodiscard]] bool allows(Offset value) const {
    return std::ranges::find(sure_, value) != sure_.end() ||
           std::ranges::find(open_, value, &Open::value) != open_.end();
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const Offset one : sure_) out += fmt::format(" {}", one.raw());
    for (const Open& one : open_) out += fmt::format(" {}?", one.value.raw());
    return out;
  }

 private:
  struct Open {
    Offset value;
    std::uint64_t start;
  };
  std::vector<Offset> sure_{Offset{-1}};
  std::vector<Open> open_;
};

class Keeper {
 public:
  Keeper(Stage& stage, Cluster& cluster)
      : stage_{stage}, cluster_{cluster}, random_{stage.run.random("keeper")}, registers_(static_cast<std::size_t>(kPartitions)) {}

  void act(Fiber& f) {
    const auto partition = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(kPartitions)));
    switch (random_.below(8)) {
      case 0: return change(f, {0, 1, 2}, Offset{-1}, [&] { return delete_group(f, cluster_); });
      case 1: return change(f, {partition}, Offset{-1}, [&] { return delete_offset(f, cluster_, stage_.topic, partition); });
      case 2:
      case 3: return look(f);
      default:
        const Offset value{static_cast<std::int64_t>(++next_)};
        return change(f, {partition}, value, [&]() -> Result<ErrorCode> {
          const auto done = commit_offset(f, cluster_, kGroup, "", std::nullopt, -1, stage_.topic, partition, {value, "kept"});
          if (done) return ErrorCode::none;
          const ErrorCode code = clients::core::broker_code(done.error());
          if (code == ErrorCode::none) return std::unexpected(done.error());
          return code;
        });
    }
  }

 private:
  Register& at(std::int32_t partition) { return registers_[static_cast<std::size_t>(partition)]; }

  template <class Ask>
  void change(Fiber&, const std::vector<std::int32_t>& partitions, Offset value, Ask ask) {
    const std::uint64_t start = stage_.broker_starts;
    for (const std::int32_t p : partitions) at(p).asked(value, start);
    stage_.on_moment();
    const Result<ErrorCode> answer = ask();
    if (!answer) return;
    switch (*answer) {
      case ErrorCode::none:
        for (const std::int32_t p : partitions) at(p).answered(start);
        return stage_.on_moment();
      case ErrorCode::group_id_not_found:
      case ErrorCode::coordinator_load_in_progress:
        for (const std::int32_t p : partitions) at(p).refused();
        return;
      default: return;  // it may have happened
    }
  }

  void look(Fiber& f) {
    const auto told = committed_offsets(f, cluster_, kGroup, stage_.topic, {0, 1, 2});
    if (!told) return;
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      const Offset found = (*told)[static_cast<std::size_t>(p)].offset;
      stage_.run.judged("G8");
      if (!at(p).allows(found)) {
        stage_.run.violation("G8", fmt::format("group {} partition {}: committed is {}, and may be{}", kGroup, p, found.raw(),
                                               at(p).text()));
      }
    }
  }

  Stage& stage_;
  Cluster& cluster_;
  kernel::Random random_;
  std::vector<Register> registers_;
  std::uint64_t next_ = 0;
};

}  // namespace

void keep_offsets(Fiber& f, Stage& stage) {
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "keeper")};
    Keeper keeper{stage, cluster};
    kernel::Random random = stage.run.random("keeper pauses");
    while (!stage.stopping && f.sleep(std::chrono::milliseconds{random.between(1, 300)})) keeper.act(f);
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
