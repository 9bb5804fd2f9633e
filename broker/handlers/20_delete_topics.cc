// DeleteTopics v1-6. v4: flexible. v5: error messages. v6: by name or by id.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/wire_code.h"
#include "net/messages/delete_topics.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::DeleteTopicsRequest;
using net::DeleteTopicsResponse;
using net::ErrorCode;
using DeleteAnswer = DeleteTopicsResponse::DeletableTopicResult;

void refuse(DeleteAnswer& answer, ErrorCode code, std::string_view message) {
  answer.error_code = code;
  answer.error_message = message;
}

/// Fills in what is known at once; answers the id of the topic to delete, if there is one.
std::optional<net::TopicId> look_up(DeleteAnswer& answer, const std::optional<std::string_view>& name, net::TopicId id,
                                    Call& call) {
  const bool by_id = id != net::TopicId{};
  answer.name = name;
  answer.topic_id = id;
  if (by_id && name) {
    refuse(answer, ErrorCode::invalid_request, "a topic is named or given by id, not both");
    return std::nullopt;
  }
  if (!by_id && !name) {
    refuse(answer, ErrorCode::invalid_request, "a topic needs a name or an id");
    return std::nullopt;
  }
  const metadata::Topic* topic = by_id ? call.image()->find_topic(id) : call.image()->find_topic(*name);
  if (topic == nullptr) {
    refuse(answer, by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition,
           "this server does not host this topic");
    return std::nullopt;
  }
  answer.name = call.arena->copy(topic->name);
  answer.topic_id = topic->id;
  if (!call.shard.config().delete_topics) {
    refuse(answer, call.version() >= 3 ? ErrorCode::topic_deletion_disabled : ErrorCode::invalid_request,
           "topic deletion is disabled (delete.topic.enable)");
    return std::nullopt;
  }
  return topic->id;
}

DeleteTopicsResponse respond(Fiber& f, Call& call, const DeleteTopicsRequest& request) {
  DeleteTopicsResponse response;
  const std::size_t count = call.version() >= 6 ? request.topics.size() : request.topic_names.size();
  response.responses = call.arena->list<DeleteAnswer>(count);
  std::vector<net::TopicId> ids;
  std::vector<DeleteAnswer*> asked;
  for (std::size_t i = 0; i < count; ++i) {
    DeleteAnswer& answer = response.responses[i];
    const auto id = call.version() >= 6
                        ? look_up(answer, request.topics[i].name, request.topics[i].topic_id, call)
                        : look_up(answer, request.topic_names[i], net::TopicId{}, call);
    if (!id) continue;
    if (std::ranges::find(ids, *id) != ids.end()) {
      refuse(answer, ErrorCode::invalid_request, "the topic is in this request twice");
      continue;
    }
    ids.push_back(*id);
    asked.push_back(&answer);
  }
  if (ids.empty()) return response;
  const auto within = f.deadline_in(std::chrono::milliseconds{std::max(request.timeout_ms, 0)});
  const auto deleted = call.broker().delete_topics(f, ids);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (!deleted) {
      refuse(*asked[i], wire_code(deleted.error()), call.arena->copy(wire_message(deleted.error())));
    } else if ((*deleted)[i].code != ErrorCode::none) {
      refuse(*asked[i], (*deleted)[i].code, call.arena->copy((*deleted)[i].message));
    }
  }
  return response;
}

}  // namespace

void handle_delete_topics(Fiber& f, Call& call) { answer<DeleteTopicsRequest>(f, call, respond); }

}  // namespace broker::handlers
