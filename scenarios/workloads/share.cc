#include "scenarios/workloads/share.h"

#include <fmt/format.h>

#include "clients/group/group_consumer.h"
#include "kernel/node.h"
#include "kernel/scope.h"

namespace scenarios {

using kernel::Fiber;
using net::Offset;
using namespace std::chrono_literals;

namespace {

std::vector<std::int32_t> numbers(const clients::group::Partitions& partitions) {
  std::vector<std::int32_t> out;
  for (const auto& one : partitions) out.push_back(one.partition.raw());
  return out;
}

clients::group::GroupConfig draw_config(const Sharing& sharing, std::uint32_t id) {
  kernel::Random random = sharing.stage.run.random("sharer").split(id);
  clients::group::GroupConfig config{.group_id = sharing.group,
                                     .session_timeout = std::chrono::milliseconds{random.between(2000, 8000)},
                                     .heartbeat_interval = 500ms,
                                     .max_poll_interval = 10s,
                                     .assignors = {clients::group::AssignorKind::cooperative_sticky},
                                     .auto_commit_interval = std::chrono::milliseconds{random.between(50, 2000)}};
  config.reading.offset_reset = clients::consumer::OffsetReset::earliest;
  config.reading.fetch_wait_max = 200ms;
  return config;
}

}  // namespace

void share_topic(Fiber& f, Sharing& sharing, std::uint32_t id) {
  Stage& stage = sharing.stage;
  const auto life = [&] { return fmt::format("sharer-{}#{}", id, sharing.lives[id]); };
  sharing.possession.gone(life());  // the process before this one
  ++sharing.lives[id];
  while (!stage.topic_ready && f.sleep(10ms)) {
  }
  kernel::Scope scope{f};
  auto cluster = std::make_shared<clients::core::Cluster>(scope, client_config(stage, fmt::format("sharer-{}", id)));
  auto consumer = clients::group::GroupConsumer::open(scope, cluster, draw_config(sharing, id));
  CHECK(consumer.has_value());
  (*consumer)->subscribe({stage.topic},
                         {.revoked = [&](Fiber&, const auto& going) { sharing.possession.revoked(life(), numbers(going)); },
                          .assigned = [&](Fiber&, const auto& ours) { sharing.possession.assigned(life(), numbers(ours)); },
                          .lost = [&](Fiber&, const auto& going) { sharing.possession.lost(life(), numbers(going)); }});
  while (!stage.stopping) {
    const auto polled = (*consumer)->poll(f, 100ms);
    if (!polled) break;
    if (!*polled || (*polled)->records.empty()) continue;
    const auto& batch = **polled;
    sharing.ledger.processed(batch.at.partition.raw(), batch.records.front().offset, batch.next_offset);
  }
  // Who leaves does not know whether it still was a member.
  sharing.possession.gone(life());
  static_cast<void>((*consumer)->close(f, 2s));
  consumer->reset();
  cluster.reset();
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
