#include "clients/consumer/session.h"

namespace clients::consumer {

using net::ErrorCode;
using net::FetchRequest;

void FetchSession::fill(FetchRequest& request, net::Arena& arena, const WantedMap& wanted) {
  request.session_id = id_;
  request.session_epoch = epoch_;
  const bool incremental = epoch_ > 0;
  if (incremental) forget(request, arena, wanted);
  const std::string* topic_name = nullptr;
  for (const auto& [key, want] : wanted) {
    if (incremental) {
      const auto known = sent_.find(key);
      if (known != sent_.end() && known->second == want) continue;
    }
    if (topic_name == nullptr || *topic_name != key.topic) {
      FetchRequest::FetchTopic topic;
      topic.topic = key.topic;
      topic.topic_id = want.topic_id;
      arena.push_back(request.topics, topic);
      topic_name = &key.topic;
    }
    FetchRequest::FetchPartition partition;
    partition.partition = key.partition;
    partition.fetch_offset = want.offset;
    partition.current_leader_epoch = want.leader_epoch;
    partition.partition_max_bytes = want.bytes_max;
    arena.push_back(request.topics.back().partitions, partition);
  }
  sent_ = wanted;
}

void FetchSession::forget(FetchRequest& request, net::Arena& arena, const WantedMap& wanted) const {
  const std::string* topic_name = nullptr;
  for (const auto& [key, had] : sent_) {
    const auto still = wanted.find(key);
    if (still != wanted.end() && still->second.topic_id == had.topic_id) continue;
    if (topic_name == nullptr || *topic_name != key.topic) {
      FetchRequest::ForgottenTopic topic;
      // The name in `wanted` or in us: neither moves before the request is encoded, but sent_ is replaced by fill().
      topic.topic = arena.copy(key.topic);
      topic.topic_id = had.topic_id;
      arena.push_back(request.forgotten_topics_data, topic);
      topic_name = &key.topic;
    }
    arena.push_back(request.forgotten_topics_data.back().partitions, key.partition);
  }
}

bool FetchSession::answered(const net::FetchResponse& answer) {
  switch (answer.error_code) {
    case ErrorCode::none:
      id_ = answer.session_id;
      if (id_ == 0) epoch_ = 0;  // the broker keeps no session for us
      else epoch_ = epoch_ == INT32_MAX ? 1 : epoch_ + 1;
      return true;
    case ErrorCode::fetch_session_id_not_found: id_ = 0; [[fallthrough]];
    default: epoch_ = 0; return false;
  }
}

}  // namespace clients::consumer
