// OffsetFetch v1-10. v2: null topics mean all; an error of the group. v6: flexible. v7: require_stable. v8: many groups.
// v9: member and epoch of the newer protocol, which no group here has. v10: topics by id.
#include "broker/handlers/apis.h"
#include "broker/handlers/groups.h"
#include "net/messages/offset_fetch.h"

namespace broker::handlers {
namespace {

using coordinators::group::FetchedOffset;
using coordinators::group::FetchReply;
using OffsetsWish = coordinators::group::FetchRequest;
using kernel::Fiber;
using net::ErrorCode;
using net::OffsetFetchRequest;
using net::OffsetFetchResponse;
using GroupAnswer = OffsetFetchResponse::OffsetFetchResponseGroup;

FetchReply ask(Fiber& f, Call& call, const OffsetsWish& wish) {
  auto reply = at_group(f, call, wish.group_id,
                        [&](Fiber&, GroupCoordinator& groups) { return groups.fetch(wish); });
  return reply ? std::move(*reply) : FetchReply{.error = ErrorCode::not_coordinator};
}

template <class Out>
void fill(Out& out, const FetchedOffset& offset, net::Arena& arena) {
  out.partition_index = offset.partition;
  out.committed_offset = offset.offset;
  out.committed_leader_epoch = offset.leader_epoch;
  out.metadata = arena.copy(offset.metadata);
  out.error_code = offset.error;
}

OffsetFetchResponse answer_one(Fiber& f, Call& call, const OffsetFetchRequest& request) {
  net::Arena& arena = *call.arena;
  OffsetsWish wish{.group_id = request.group_id, .require_stable = request.require_stable};
  if (request.topics) {
    auto& topics = wish.topics.emplace();
    for (const auto& topic : *request.topics)
      topics.push_back({topic.name, {topic.partition_indexes.begin(), topic.partition_indexes.end()}});
  }
  FetchReply reply = ask(f, call, wish);
  OffsetFetchResponse response;
  if (call.version() >= 2) response.error_code = reply.error;
  if (reply.error != ErrorCode::none && call.version() < 2 && wish.topics) {
    // The oldest version can only say it of each partition.
    for (const auto& topic : *wish.topics) {
      auto& out = reply.topics.emplace_back(std::string{topic.name}, std::vector<FetchedOffset>{}).second;
      for (const net::PartitionId partition : topic.partitions) out.push_back({.partition = partition, .metadata = {}, .error = reply.error});
    }
  }
  for (const auto& [name, offsets] : reply.topics) {
    auto& topic = arena.push_back(response.topics, {.name = arena.copy(name)});
    for (const FetchedOffset& offset : offsets) fill(arena.push_back(topic.partitions, {}), offset, arena);
  }
  return response;
}

/// What of a v10 request is known by name; the rest is answered at once.
std::vector<coordinators::group::FetchTopic> name_topics(const Call& call, const metadata::Image& image,
                                                         const OffsetFetchRequest::OffsetFetchRequestGroup& group,
                                                         GroupAnswer& answer, net::Arena& arena) {
  std::vector<coordinators::group::FetchTopic> out;
  for (const auto& topic : *group.topics) {
    std::string_view name = topic.name;
    if (call.version() >= 10) {
      const metadata::Topic* known = image.find_topic(topic.topic_id);
      if (known == nullptr) {
        auto& unknown = arena.push_back(answer.topics, {.topic_id = topic.topic_id});
        for (const net::PartitionId partition : topic.partition_indexes)
          fill(arena.push_back(unknown.partitions, {}),
               {.partition = partition, .metadata = {}, .error = ErrorCode::unknown_topic_id}, arena);
        continue;
      }
      name = known->name;
    }
    out.push_back({name, {topic.partition_indexes.begin(), topic.partition_indexes.end()}});
  }
  return out;
}

void answer_group(Fiber& f, Call& call, const OffsetFetchRequest::OffsetFetchRequestGroup& group, bool require_stable,
                  GroupAnswer& answer) {
  net::Arena& arena = *call.arena;
  const metadata::ImageRef image = call.image();
  answer.group_id = group.group_id;
  OffsetsWish wish{.group_id = group.group_id, .require_stable = require_stable};
  if (group.topics) wish.topics = name_topics(call, *image, group, answer, arena);
  const FetchReply reply = ask(f, call, wish);
  answer.error_code = reply.error;
  if (reply.error != ErrorCode::none) answer.topics = {};
  for (const auto& [name, offsets] : reply.topics) {
    const metadata::Topic* known = image->find_topic(name);
    if (call.version() >= 10 && known == nullptr) continue;  // offsets of a topic that is gone
    auto& topic = arena.push_back(answer.topics, {.name = arena.copy(name)});
    if (known != nullptr) topic.topic_id = known->id;
    for (const FetchedOffset& offset : offsets) fill(arena.push_back(topic.partitions, {}), offset, arena);
  }
}

OffsetFetchResponse respond(Fiber& f, Call& call, const OffsetFetchRequest& request) {
  if (call.version() < 8) return answer_one(f, call, request);
  OffsetFetchResponse response;
  response.groups = call.arena->list<GroupAnswer>(request.groups.size());
  for (std::size_t i = 0; i < request.groups.size(); ++i)
    answer_group(f, call, request.groups[i], request.require_stable, response.groups[i]);
  return response;
}

}  // namespace

void handle_offset_fetch(Fiber& f, Call& call) { answer<OffsetFetchRequest>(f, call, respond); }

}  // namespace broker::handlers
