// CreatePartitions v0-3. v2: flexible. v3: quota errors, of which there are none.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/create_partitions.h"

namespace broker::handlers {
namespace {

using net::CreatePartitionsRequest;
using net::CreatePartitionsResponse;

controller::PartitionsWish wish_of(const CreatePartitionsRequest::CreatePartitionsTopic& topic) {
  controller::PartitionsWish wish{.name = std::string{topic.name}, .count = topic.count, .assignments = {}};
  if (!topic.assignments) return wish;
  auto& assignments = wish.assignments.emplace();
  for (const auto& one : *topic.assignments) assignments.emplace_back(one.broker_ids.begin(), one.broker_ids.end());
  return wish;
}

CreatePartitionsResponse respond(kernel::Fiber& f, Call& call, const CreatePartitionsRequest& request) {
  std::vector<controller::PartitionsWish> wishes;
  for (const auto& topic : request.topics) wishes.push_back(wish_of(topic));
  const auto within = f.deadline_in(std::chrono::milliseconds{std::max(request.timeout_ms, 0)});
  const auto grown = call.broker().create_partitions(f, wishes, request.validate_only);
  CreatePartitionsResponse response;
  response.results = call.arena->list<CreatePartitionsResponse::CreatePartitionsTopicResult>(wishes.size());
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    auto& answer = response.results[i];
    answer.name = request.topics[i].name;
    answer.error_code = grown ? (*grown)[i].code : wire_code(grown.error());
    const std::string message = grown ? (*grown)[i].message : wire_message(grown.error());
    if (!message.empty()) answer.error_message = call.arena->copy(message);
  }
  return response;
}

}  // namespace

void handle_create_partitions(kernel::Fiber& f, Call& call) { answer<CreatePartitionsRequest>(f, call, respond); }

}  // namespace broker::handlers
