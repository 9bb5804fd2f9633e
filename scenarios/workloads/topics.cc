#include <fmt/format.h>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "net/messages/create_topics.h"
#include "net/messages/delete_topics.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/metadata.h"
#include "scenarios/workloads/fetch.h"
#include "scenarios/workloads/tasks.h"

namespace scenarios {

using clients::core::Cluster;
using kernel::Fiber;
using kernel::Result;
using net::ErrorCode;
using net::Offset;
using namespace std::chrono_literals;

namespace {

struct Made {
  ErrorCode code = ErrorCode::none;
  net::TopicId id{};
};

Result<Made> create(Fiber& f, Cluster& cluster, std::string_view name, std::int32_t partitions,
                    const std::map<std::string, std::string>& settings = {}) {
  net::CreateTopicsRequest::CreatableTopic topic;
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = 1;
  std::vector<net::CreateTopicsRequest::CreatableTopicConfig> configs;
  for (const auto& [key, value] : settings) configs.push_back({.name = key, .value = value});
  topic.configs = net::List<net::CreateTopicsRequest::CreatableTopicConfig>::borrow(configs);
  net::CreateTopicsRequest request;
  request.topics = net::List<net::CreateTopicsRequest::CreatableTopic>{&topic, 1};
  request.timeout_ms = 5000;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s}));
  if (answer->topics.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  return Made{answer->topics[0].error_code, answer->topics[0].topic_id};
}

Result<ErrorCode> remove(Fiber& f, Cluster& cluster, std::string_view name) {
  std::string_view names[] = {name};
  net::DeleteTopicsRequest request;
  request.topic_names = net::List<std::string_view>{names, 1};
  request.timeout_ms = 5000;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 6s, .versions = {.first = 1, .last = 5}}));
  if (answer->responses.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  return answer->responses[0].error_code;
}

/// Whether the broker knows the topic now.
Result<bool> known(Fiber& f, Cluster& cluster, std::string_view name) {
  net::MetadataRequest::MetadataRequestTopic topic;
  topic.name = name;
  net::MetadataRequest request;
  request.topics = net::List<net::MetadataRequest::MetadataRequestTopic>{&topic, 1};
  request.allow_auto_topic_creation = false;
  const auto answer = TRY(cluster.request_any(f, request, {.timeout = 5s, .versions = {.first = 4, .last = 11}}));
  if (answer->topics.empty()) return kernel::fail(clients::core::Reason::malformed_answer);
  const ErrorCode code = answer->topics[0].error_code;
  if (code == ErrorCode::none) return true;
  if (code == ErrorCode::unknown_topic_or_partition) return false;
  return clients::core::fail_code(code);
}

/// M7: an acknowledged change is there until the opposite one was asked for.
void check(Fiber& f, Cluster& cluster, Stage& stage, std::string_view name, bool expected) {
  const auto is_known = known(f, cluster, name);
  if (!is_known) return;
  stage.run.judged("M7");
  if (*is_known != expected) {
    stage.run.violation("M7", fmt::format("topic {} was acknowledged as {} and is {}", name,
                                          expected ? "created" : "deleted", *is_known ? "there" : "not there"));
  }
}

/// M7: a topic id names one topic for ever, whatever comes to bear its name.
void note_topic_id(Stage& stage, std::string_view name, net::TopicId id) {
  stage.run.judged("M7");
  if (!stage.topic_ids.insert(id).second) {
    stage.run.violation("M7", fmt::format("topic {} has the id {}, which another one had before", name, id.raw().text()));
  }
}

/// I5: a producer id is given out once.
void ask_for_producer_id(Fiber& f, Cluster& cluster, Stage& stage) {
  net::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.producer_id = net::kProducerIdNone;
  request.producer_epoch = net::kProducerEpochNone;
  const auto answer = cluster.request_any(f, request, {.timeout = 5s});
  if (!answer || (*answer)->error_code != ErrorCode::none) return;
  stage.run.judged("I5");
  if (!stage.producer_ids.insert((*answer)->producer_id).second) {
    stage.run.violation("I5", fmt::format("producer id {} was given out twice", (*answer)->producer_id.raw()));
  }
}

/// Writes a few records to a topic of its own and reads them back. `life` tells topics of one name apart.
bool use_topic(Fiber& f, kernel::Scope& scope, const std::shared_ptr<Cluster>& cluster, Stage& stage,
               const std::string& name, const std::string& life, std::uint64_t records) {
  const PartitionName at{life, 0};
  auto producer = clients::producer::Producer::open(scope, cluster, {.linger = 1ms, .block_max = 10min, .delivery_timeout = 10min});
  CHECK(producer.has_value());
  std::vector<std::pair<Identity, clients::producer::DeliveryFuture>> pending;
  for (std::uint64_t i = 1; i <= records; ++i) {
    const Identity id{.producer = 800, .incarnation = 0, .sequence = i, .topic_hash = kernel::hash64(life), .partition = 0};
    stage.ledger.sent(at, id, true);
    auto future = (*producer)->send(f, {.topic = name, .partition = net::PartitionId{0}, .value = encode_value(id, stage.run.seed(), 20)});
    if (future) pending.emplace_back(id, std::move(*future));
  }
  for (auto& [id, future] : pending) {
    const auto delivery = future.get(f);
    if (!delivery) return false;
    if (delivery->outcome == clients::producer::Delivery::Outcome::ok)
      stage.ledger.acknowledged(at, id, delivery->offset, Acknowledged::all);
  }
  static_cast<void>((*producer)->close(f));
  Offset end{-1};
  FetchAsk ask{.at = at, .topic = name, .reader = kernel::hash64(life)};
  stage.ledger.reader_starts(at, ask.reader, ask.from);
  while (end < Offset{0} || ask.from < end) {
    if (end < Offset{0}) {
      if (const auto told = end_offset(f, *cluster, stage, at, name)) end = *told;
    } else if (const auto fetched = fetch_once(f, *cluster, stage, ask)) {
      ask.from = fetched->next;
    }
    if (!f.sleep(20ms)) return false;
  }
  stage.ledger.expect_all_seen(at);
  return true;
}

}  // namespace

void create_topic(Fiber& f, Stage& stage, const std::string& name, std::int32_t partitions,
                  const std::map<std::string, std::string>& settings) {
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "admin")};
    for (;;) {
      const auto made = create(f, cluster, name, partitions, settings);
      if (made && (made->code == ErrorCode::none || made->code == ErrorCode::topic_already_exists)) break;
      if (!f.sleep(200ms)) break;
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

void create_topic(Fiber& f, Stage& stage) {
  create_topic(f, stage, stage.topic, stage.partitions, stage.topic_settings);
  stage.topic_ready = true;
}

void churn_topics(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  auto cluster = std::make_shared<Cluster>(scope, client_config(stage, "admin"));
  kernel::Random random = stage.run.random("churn");
  // Names come again. After a change of unknown outcome, which may still be on its way, only when the broker has died
  // since, and what it came to has been undone.
  struct Name {
    int turn = 0;
    std::optional<std::uint64_t> unsettled;  // the start of the broker that was asked
  };
  std::array<Name, 3> names;
  for (int round = 0; stage.producing; ++round) {
    ask_for_producer_id(f, *cluster, stage);
    Name& chosen = names[random.below(names.size())];
    if (chosen.unsettled == stage.broker_starts) chosen = {.turn = chosen.turn + 1, .unsettled = {}};
    const std::string name = fmt::format("passing-{}-{}", &chosen - names.data(), chosen.turn);
    if (chosen.unsettled) {
      const auto there = known(f, *cluster, name);
      const auto undone = there && *there ? remove(f, *cluster, name) : kernel::Result<ErrorCode>{ErrorCode::none};
      if (!there || !undone || *undone != ErrorCode::none) {
        chosen.unsettled = stage.broker_starts;
        if (!f.sleep(200ms)) break;
        continue;
      }
      chosen.unsettled.reset();
    }
    const std::string life = fmt::format("{}#{}", name, round);
    const auto made = create(f, *cluster, name, static_cast<std::int32_t>(random.between(1, 3)));
    if (made && made->code == ErrorCode::none) {
      note_topic_id(stage, name, made->id);
      stage.on_moment();
      check(f, *cluster, stage, name, true);
      if (random.below(2) == 0 && !use_topic(f, scope, cluster, stage, name, life, random.below(20))) break;
      if (!f.sleep(std::chrono::milliseconds{random.between(1, 1000)})) break;
      check(f, *cluster, stage, name, true);
      stage.ledger.forget(life);
      stage.on_moment();
      const auto gone = remove(f, *cluster, name);
      const bool is_gone = gone && *gone == ErrorCode::none;
      if (is_gone) check(f, *cluster, stage, name, false);
      else chosen.unsettled = stage.broker_starts;
    } else {
      chosen.unsettled = stage.broker_starts;
    }
    if (!f.sleep(std::chrono::milliseconds{random.between(10, 1500)})) break;
  }
  cluster.reset();
  scope.cancel();
  static_cast<void>(scope.join(f));
  ++stage.producers_done;
}

void watch_topics(Fiber& f, Stage& stage) {
  kernel::Scope scope{f};
  {
    Cluster cluster{scope, client_config(stage, "watcher")};
    kernel::Random random = stage.run.random("watcher");
    std::map<net::TopicId, std::size_t> there;  // with how many partitions
    std::set<net::TopicId> gone;
    while (!stage.stopping && f.sleep(std::chrono::milliseconds{random.between(10, 500)})) {
      net::MetadataRequest request;
      request.topics.reset();
      request.allow_auto_topic_creation = false;
      const auto answer = cluster.request_any(f, request, {.timeout = 5s, .versions = {.first = 10, .last = 12}});
      if (!answer) continue;
      std::map<net::TopicId, std::size_t> now;
      for (const auto& topic : (*answer)->topics) now[topic.topic_id] = topic.partitions.size();
      for (const auto& [id, partitions] : there) {
        stage.run.judged("M8");
        const auto found = now.find(id);
        if (found == now.end()) gone.insert(id);
        else if (found->second < partitions)
          stage.run.violation("M8", fmt::format("a topic had {} partitions and has {}", partitions, found->second));
      }
      for (const auto& [id, partitions] : now) {
        if (gone.contains(id)) stage.run.violation("M8", fmt::format("topic {} had gone and is there again", id.raw().text()));
      }
      there = std::move(now);
    }
  }
  scope.cancel();
  static_cast<void>(scope.join(f));
}

}  // namespace scenarios
