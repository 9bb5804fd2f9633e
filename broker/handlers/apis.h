// The handlers that router.cc's table names, one numbered file each.
#pragma once

namespace kernel {
class Fiber;
}

namespace broker::handlers {

struct Call;

void handle_produce(kernel::Fiber& f, Call& call);
void handle_fetch(kernel::Fiber& f, Call& call);
void handle_list_offsets(kernel::Fiber& f, Call& call);
void handle_metadata(kernel::Fiber& f, Call& call);
void handle_offset_commit(kernel::Fiber& f, Call& call);
void handle_offset_fetch(kernel::Fiber& f, Call& call);
void handle_find_coordinator(kernel::Fiber& f, Call& call);
void handle_join_group(kernel::Fiber& f, Call& call);
void handle_heartbeat(kernel::Fiber& f, Call& call);
void handle_leave_group(kernel::Fiber& f, Call& call);
void handle_sync_group(kernel::Fiber& f, Call& call);
void handle_describe_groups(kernel::Fiber& f, Call& call);
void handle_list_groups(kernel::Fiber& f, Call& call);
void handle_api_versions(kernel::Fiber& f, Call& call);
void handle_create_topics(kernel::Fiber& f, Call& call);
void handle_delete_topics(kernel::Fiber& f, Call& call);
void handle_delete_records(kernel::Fiber& f, Call& call);
void handle_init_producer_id(kernel::Fiber& f, Call& call);
void handle_offset_for_leader_epoch(kernel::Fiber& f, Call& call);
void handle_describe_configs(kernel::Fiber& f, Call& call);
void handle_alter_configs(kernel::Fiber& f, Call& call);
void handle_describe_log_dirs(kernel::Fiber& f, Call& call);
void handle_create_partitions(kernel::Fiber& f, Call& call);
void handle_delete_groups(kernel::Fiber& f, Call& call);
void handle_incremental_alter_configs(kernel::Fiber& f, Call& call);
void handle_offset_delete(kernel::Fiber& f, Call& call);
void handle_describe_cluster(kernel::Fiber& f, Call& call);
void handle_describe_producers(kernel::Fiber& f, Call& call);
void handle_list_config_resources(kernel::Fiber& f, Call& call);
void handle_describe_topic_partitions(kernel::Fiber& f, Call& call);

}  // namespace broker::handlers
