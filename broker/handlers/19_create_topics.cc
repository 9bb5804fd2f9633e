// CreateTopics v2-7. v4: -1 for the broker's defaults. v5: flexible, the new topic's settings are told. v7: topic ids.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/create_topics.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::CreateTopicsRequest;
using net::CreateTopicsResponse;
using net::ErrorCode;

controller::NewTopic wish_of(const CreateTopicsRequest::CreatableTopic& topic) {
  controller::NewTopic wish;
  wish.name = std::string{topic.name};
  wish.partitions = topic.num_partitions;
  wish.replication_factor = topic.replication_factor;
  for (const auto& assignment : topic.assignments) {
    wish.assignments.emplace_back(assignment.partition_index.raw(),
                                  std::vector<net::BrokerId>(assignment.broker_ids.begin(), assignment.broker_ids.end()));
  }
  for (const auto& setting : topic.configs) {
    std::optional<std::string> value;
    if (setting.value) value = std::string{*setting.value};
    wish.settings.emplace_back(std::string{setting.name}, std::move(value));
  }
  return wish;
}

void tell_settings(CreateTopicsResponse::CreatableTopicResult& answer, const controller::NewTopic& wish, Call& call) {
  metadata::Settings overrides;
  for (const auto& [name, value] : wish.settings) {
    if (value) overrides[name] = *value;
  }
  net::Arena& arena = *call.arena;
  auto& out = answer.configs.emplace();
  for (const config::DescribedValue& setting : config::describe_topic(overrides, call.shard.layers())) {
    auto& entry = arena.push_back(out, {.name = arena.copy(setting.definition->name), .read_only = setting.is_read_only});
    entry.value.reset();
    if (setting.value) entry.value = arena.copy(*setting.value);
    entry.config_source = static_cast<std::int8_t>(setting.source);
    entry.is_sensitive = setting.definition->type == config::Type::password;
  }
}

CreateTopicsResponse respond(Fiber& f, Call& call, const CreateTopicsRequest& request) {
  CreateTopicsResponse response;
  net::Arena& arena = *call.arena;
  std::vector<controller::NewTopic> wishes;
  for (const auto& topic : request.topics) wishes.push_back(wish_of(topic));
  const auto within = f.deadline_in(std::chrono::milliseconds{std::max(request.timeout_ms, 0)});
  const auto made = call.broker().create_topics(f, wishes, request.validate_only);
  response.topics = arena.list<CreateTopicsResponse::CreatableTopicResult>(wishes.size());
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    auto& answer = response.topics[i];
    answer.name = arena.copy(wishes[i].name);
    answer.configs.reset();
    answer.error_message.reset();
    if (!made) {
      answer.error_code = wire_code(made.error());
      answer.error_message = arena.copy(wire_message(made.error()));
      continue;
    }
    const controller::CreatedTopic& topic = (*made)[i];
    answer.error_code = topic.code;
    if (!topic.message.empty()) answer.error_message = arena.copy(topic.message);
    if (topic.code != ErrorCode::none) continue;
    answer.topic_id = topic.id;
    answer.num_partitions = topic.partitions;
    answer.replication_factor = topic.replication_factor;
    if (call.version() >= 5) tell_settings(answer, wishes[i], call);
  }
  return response;
}

}  // namespace

void handle_create_topics(Fiber& f, Call& call) { answer<CreateTopicsRequest>(f, call, respond); }

}  // namespace broker::handlers
