// Fetch v4-18. v7: sessions (KIP-227). v9: leader epochs. v12: divergence. v13: topic ids. v15: replica state tag.
//
// With isolation read_committed nothing at or above the last stable offset is answered, and the aborted transactions that
// reach into what is; without, their list is null.
//
// Resolve the session, wait until there is enough, read, answer. Record bytes are not touched: they go from the file or
// from the log's recent buffers into the socket.
#include "broker/fetch/reader.h"
#include "broker/fetch/session.h"
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/limits.h"
#include "kernel/bug.h"
#include "kernel/node.h"
#include "net/messages/fetch.h"

namespace broker::handlers {
namespace {

using fetch::Session;
using fetch::Target;
using fetch::Wanted;
using kernel::Fiber;
using net::ErrorCode;
using net::FetchRequest;
using net::FetchResponse;

Wanted wanted_of(const FetchRequest::FetchTopic& topic, const FetchRequest::FetchPartition& partition) {
  Wanted wanted;
  wanted.topic_id = topic.topic_id;
  wanted.topic = std::string{topic.topic};
  wanted.partition = partition.partition;
  wanted.offset = partition.fetch_offset;
  wanted.current_leader_epoch = partition.current_leader_epoch;
  wanted.last_fetched_epoch = partition.last_fetched_epoch;
  wanted.bytes_max = partition.partition_max_bytes;
  return wanted;
}

void fill(Fiber& f, Session& session, const FetchRequest& request) {
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      const Wanted wanted = wanted_of(topic, partition);
      const bool known = session.index.contains({{wanted.topic_id, wanted.topic}, wanted.partition});
      if (known && BUG(f, "fetch.session_keeps_old_offset")) continue;
      session.put(wanted);
    }
  }
  for (const auto& topic : request.forgotten_topics_data) {
    for (const auto partition : topic.partitions) session.forget(topic.topic_id, topic.topic, partition);
  }
}

struct Resolved {
  std::shared_ptr<Session> session;  ///< also for a sessionless fetch, then with id 0
  bool incremental = false;
  ErrorCode error{};
};

/// What the request's session id and epoch mean. Source: KIP-227.
Resolved resolve(Fiber& f, Call& call, const FetchRequest& request) {
  fetch::SessionCache& cache = call.shard.sessions;
  const bool by_id = call.version() >= 13;
  if (request.session_epoch == -1 || request.session_epoch == 0) {
    if (request.session_id != 0) cache.remove(request.session_id);
    std::size_t partitions = 0;
    for (const auto& topic : request.topics) partitions += topic.partitions.size();
    auto session = request.session_epoch == 0 && call.version() >= 7 && partitions > 0
                       ? cache.create(f.now(), partitions)
                       : nullptr;
    if (session == nullptr) session = std::make_shared<Session>();
    session->by_id = by_id;
    fill(f, *session, request);
    return {std::move(session)};
  }
  auto session = cache.find(request.session_id);
  if (session == nullptr) return {nullptr, false, ErrorCode::fetch_session_id_not_found};
  if (session->busy || session->epoch != request.session_epoch) {
    return {nullptr, false, ErrorCode::invalid_fetch_session_epoch};
  }
  if (session->by_id != by_id) return {nullptr, false, ErrorCode::fetch_session_topic_id_error};
  session->epoch = fetch::next_epoch(session->epoch);
  session->last_used = f.now();
  fill(f, *session, request);
  if (session->wanted.empty()) {
    cache.remove(session->id);
    session->id = 0;
  }
  return {std::move(session), true};
}

Target target_of(const metadata::Image& image, const Wanted& wanted, bool by_id) {
  Target target;
  const metadata::Topic* topic = by_id ? image.find_topic(wanted.topic_id) : image.find_topic(wanted.topic);
  const auto index = static_cast<std::size_t>(wanted.partition.raw());
  if (topic == nullptr) {
    target.error = by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
  } else if (wanted.partition.raw() < 0 || index >= topic->partitions.size()) {
    target.error = ErrorCode::unknown_topic_or_partition;
  } else {
    target.key = {topic->id, wanted.partition};
  }
  target.offset = wanted.offset;
  target.current_leader_epoch = wanted.current_leader_epoch;
  target.last_fetched_epoch = wanted.last_fetched_epoch;
  target.bytes_max = static_cast<std::size_t>(std::max(wanted.bytes_max, 0));
  return target;
}

/// Whether an incremental answer has to mention it.
bool is_news(Fiber& f, const Wanted& wanted, const Target& target) {
  if (BUG(f, "fetch.session_hears_of_watermarks_only")) return target.high_watermark != wanted.told_high_watermark;
  return target.slice.size > 0 || target.error != ErrorCode::none || target.diverging || wanted.told_error ||
         target.high_watermark != wanted.told_high_watermark || target.log_start != wanted.told_log_start;
}

void fill(FetchResponse::PartitionData& answer, const Wanted& wanted, const Target& target, Call& call,
          bool read_committed, std::uint32_t token) {
  answer.partition_index = wanted.partition;
  answer.error_code = target.error;
  answer.records = net::Records::view({});  // never null: an errored partition with null records breaks librdkafka
  if (!read_committed) answer.aborted_transactions.reset();
  if (target.error != ErrorCode::none) {
    answer.high_watermark = net::Offset{-1};
    const bool about_leadership = target.error == ErrorCode::fenced_leader_epoch ||
                                  target.error == ErrorCode::not_leader_or_follower;
    if (about_leadership && call.version() >= 12 && target.leader_epoch != net::LeaderEpoch{-1}) {
      answer.current_leader.leader_id = call.broker().id();
      answer.current_leader.leader_epoch = target.leader_epoch;
    }
    return;
  }
  answer.high_watermark = target.high_watermark;
  answer.last_stable_offset = target.last_stable_offset;
  answer.log_start_offset = target.log_start;
  if (target.diverging) {
    answer.diverging_epoch.epoch = target.diverging->epoch;
    answer.diverging_epoch.end_offset = target.diverging->end;
    return;
  }
  if (target.slice.size == 0) return;
  const bool copied = target.slice.file == nullptr && target.slice.size <= kCopyBytesMax;
  if (read_committed) {
    net::Arena& arena = *call.arena;
    auto list = arena.list<FetchResponse::AbortedTransaction>(target.aborted.size());
    for (std::size_t i = 0; i < target.aborted.size(); ++i) {
      list[i].producer_id = target.aborted[i].producer;
      list[i].first_offset = target.aborted[i].first;
    }
    answer.aborted_transactions = std::move(list);
  }
  answer.records = copied ? net::Records::view(target.slice.bytes.view())
                          : net::Records::external(target.slice.size, token);
}

server::Reply frame_of(Fiber& f, Call& call, const FetchResponse& response, std::vector<Target>& targets) {
  auto frame = net::encode_response(call.version(), call.header.correlation_id, response);
  if (!frame) {
    f.log().error("response_not_encodable", {{"api", FetchResponse::kName}, {"error", frame.error()}});
    return server::Reply::hang_up();
  }
  server::Reply reply;
  const kernel::Buffer stored = kernel::Buffer::copy_of(kernel::ByteView{frame->bytes});
  std::size_t sent = 0;
  for (const net::Gap& gap : frame->gaps) {
    reply.parts.push_back({.bytes = stored.slice(sent, gap.offset - sent)});
    log::Slice& slice = targets[gap.token].slice;
    reply.parts.push_back({std::move(slice.bytes), std::move(slice.file), slice.position, slice.size});
    sent = gap.offset;
  }
  if (sent < stored.size()) reply.parts.push_back({.bytes = stored.slice(sent)});
  return reply;
}

/// Keeps a session from being used by two requests at once.
class Busy {
 public:
  explicit Busy(Session& session) : session_{session} { session.busy = true; }
  ~Busy() { session_.busy = false; }

 private:
  Session& session_;
};

}  // namespace

void handle_fetch(Fiber& f, Call& call) {
  const auto request = net::decode<FetchRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  FetchResponse response;
  const Resolved resolved = resolve(f, call, *request);
  response.error_code = resolved.error;
  if (resolved.error != ErrorCode::none) return call.reply(f, response);
  Session& session = *resolved.session;
  const Busy busy{session};
  response.session_id = session.id;

  const metadata::ImageRef image = call.image();  // kept: the wait may be long
  const bool read_committed = request->isolation_level == 1;
  std::vector<Target> targets;
  targets.reserve(session.wanted.size());
  bool any_error = false;
  for (const Wanted& wanted : session.wanted) {
    targets.push_back(target_of(*image, wanted, session.by_id));
    targets.back().read_committed = read_committed;
    any_error = any_error || targets.back().error != ErrorCode::none;
  }
  fetch::Reader reader{call.shard, targets};
  auto wait = std::chrono::milliseconds{any_error ? 0 : std::max(request->max_wait_ms, 0)};
  // Whoever hears nothing for so long counts as gone; a wait of weeks must not outlive its client.
  const auto idle_max = call.shard.config().connection_idle_max;
  if (idle_max.count() > 0) wait = std::min(wait, idle_max);
  const auto bytes_min = static_cast<std::size_t>(std::max(request->min_bytes, 0));
  if (const auto ready = reader.wait_for(f, bytes_min, kernel::saturating_add(f.now(), wait)); !ready) {
    return call.slot.send(f, server::Reply::hang_up());
  }
  const auto bytes_max =
      std::min<std::size_t>(static_cast<std::size_t>(std::max(request->max_bytes, 0)),
                            call.shard.config().fetch_bytes_max);
  const std::size_t bytes = reader.read(f, bytes_max);
  call.shard.metrics.fetch_bytes_total.add(static_cast<std::int64_t>(bytes));

  net::Arena& arena = *call.arena;
  FetchResponse::FetchableTopicResponse* group = nullptr;
  const Wanted* last = nullptr;
  std::vector<std::list<Wanted>::iterator> served;
  std::uint32_t token = 0;
  for (auto at = session.wanted.begin(); at != session.wanted.end(); ++at, ++token) {
    Wanted& wanted = *at;
    const Target& target = targets[token];
    if (resolved.incremental && !is_news(f, wanted, target)) continue;
    if (last == nullptr || last->topic != wanted.topic || last->topic_id != wanted.topic_id) {
      group = &arena.push_back(response.responses, {.topic = arena.copy(wanted.topic), .topic_id = wanted.topic_id});
      last = &wanted;
    }
    fill(arena.push_back(group->partitions, {}), wanted, target, call, read_committed, token);
    wanted.told_error = target.error != ErrorCode::none;
    wanted.told_high_watermark = target.high_watermark;
    wanted.told_log_start = target.log_start;
    if (target.slice.size > 0) served.push_back(at);
  }
  for (const auto at : served) session.rotate(at);
  call.slot.send(f, frame_of(f, call, response, targets));
}

}  // namespace broker::handlers
