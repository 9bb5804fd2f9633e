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
void handle_find_coordinator(kernel::Fiber& f, Call& call);
void handle_api_versions(kernel::Fiber& f, Call& call);
void handle_create_topics(kernel::Fiber& f, Call& call);
void handle_delete_topics(kernel::Fiber& f, Call& call);
void handle_init_producer_id(kernel::Fiber& f, Call& call);
void handle_describe_configs(kernel::Fiber& f, Call& call);
void handle_describe_cluster(kernel::Fiber& f, Call& call);

}  // namespace broker::handlers
