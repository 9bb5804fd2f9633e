#include "broker/handlers/router.h"

#include <algorithm>

#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"

namespace broker::handlers {
namespace {

constexpr Api kApis[] = {
    {net::ApiKey::produce, {3, 13}, handle_produce},
    {net::ApiKey::fetch, {4, 18}, handle_fetch},
    {net::ApiKey::list_offsets, {1, 11}, handle_list_offsets},
    {net::ApiKey::metadata, {0, 13}, handle_metadata},
    {net::ApiKey::offset_commit, {2, 10}, handle_offset_commit},
    {net::ApiKey::offset_fetch, {1, 10}, handle_offset_fetch},
    {net::ApiKey::find_coordinator, {0, 6}, handle_find_coordinator},
    {net::ApiKey::join_group, {0, 9}, handle_join_group},
    {net::ApiKey::heartbeat, {0, 4}, handle_heartbeat},
    {net::ApiKey::leave_group, {0, 5}, handle_leave_group},
    {net::ApiKey::sync_group, {0, 5}, handle_sync_group},
    {net::ApiKey::describe_groups, {0, 6}, handle_describe_groups},
    {net::ApiKey::list_groups, {0, 5}, handle_list_groups},
    {net::ApiKey::api_versions, {0, 5}, handle_api_versions},
    {net::ApiKey::create_topics, {2, 7}, handle_create_topics},
    {net::ApiKey::delete_topics, {1, 6}, handle_delete_topics},
    {net::ApiKey::delete_records, {0, 2}, handle_delete_records},
    {net::ApiKey::init_producer_id, {0, 5}, handle_init_producer_id},
    {net::ApiKey::offset_for_leader_epoch, {2, 4}, handle_offset_for_leader_epoch},
    {net::ApiKey::describe_configs, {1, 4}, handle_describe_configs},
    {net::ApiKey::alter_configs, {0, 2}, handle_alter_configs},
    {net::ApiKey::describe_log_dirs, {1, 5}, handle_describe_log_dirs},
    {net::ApiKey::create_partitions, {0, 3}, handle_create_partitions},
    {net::ApiKey::delete_groups, {0, 3}, handle_delete_groups},
    {net::ApiKey::incremental_alter_configs, {0, 1}, handle_incremental_alter_configs},
    {net::ApiKey::offset_delete, {0, 0}, handle_offset_delete},
    {net::ApiKey::describe_cluster, {0, 2}, handle_describe_cluster},
    {net::ApiKey::describe_producers, {0, 0}, handle_describe_producers},
    {net::ApiKey::list_config_resources, {0, 1}, handle_list_config_resources},
    {net::ApiKey::describe_topic_partitions, {0, 0}, handle_describe_topic_partitions},
};
static_assert(std::ranges::is_sorted(kApis, {}, &Api::key));

}  // namespace

std::span<const Api> served_apis() { return kApis; }

const Api* find_served(std::int16_t key) {
  const auto at = std::ranges::lower_bound(kApis, key, {}, [](const Api& api) { return static_cast<std::int16_t>(api.key); });
  return at != std::end(kApis) && static_cast<std::int16_t>(at->key) == key ? at : nullptr;
}

bool Router::pipelined(std::int16_t api_key) const { return api_key == static_cast<std::int16_t>(net::ApiKey::produce); }

void Router::handle(kernel::Fiber& f, server::Request request, server::ReplySlot slot) {
  BrokerShard& shard = *broker_.shards()[f.shard().id()];
  shard.metrics.requests_total.add();
  auto arena = shard.arena();
  net::Reader reader{request.frame.view(), *arena};
  const auto header = net::decode_request_header(reader);
  const Api* api = header ? find_served(header->request_api_key) : nullptr;
  if (api == nullptr) {
    f.log().debug("request_unknown", {{"peer", slot.connection()->peer().address}});
    shard.metrics.requests_malformed_total.add();
    return slot.send(f, server::Reply::hang_up());
  }
  Call call{shard, std::move(request), std::move(slot), std::move(arena), reader, *header};
  const bool known_version = api->versions.contains(header->request_api_version);
  if (!known_version && api->key != net::ApiKey::api_versions) return call.hang_up(f);
  const kernel::Mono arrived = call.request.arrived;
  api->handle(f, call);
  shard.metrics.request_seconds.record(f.now() - arrived);
}

}  // namespace broker::handlers
