// DescribeLogDirs v1-5. v2: flexible. v3: top-level error. v4: size of the volume. v5: cordoned directories, of which
// there are none. A directory that has failed, or could not be opened, is told as such, without its partitions; one
// whose disk hangs without its size.
#include <algorithm>
#include <map>
#include <tuple>
#include <set>

#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "broker/handlers/wire_code.h"
#include "broker/log/directory_shard.h"
#include "kernel/node.h"
#include "net/messages/describe_log_dirs.h"

namespace broker::handlers {
namespace {

using kernel::Fiber;
using net::DescribeLogDirsRequest;
using net::DescribeLogDirsResponse;
using net::ErrorCode;
using net::PartitionId;
using Directory = DescribeLogDirsResponse::DescribeLogDirsResult;

constexpr kernel::Duration kSpaceAnswerMax = std::chrono::seconds{2};

/// By directory, topic name and partition: bytes of batches.
using Sizes = std::map<std::size_t, std::map<std::string, std::map<PartitionId, std::int64_t>>>;

Sizes sizes_of(Fiber& f, Call& call, const DescribeLogDirsRequest& request) {
  std::set<std::pair<std::string, PartitionId>> wanted;
  if (request.topics)
    for (const auto& topic : *request.topics)
      for (const PartitionId partition : topic.partitions) wanted.insert({std::string{topic.topic}, partition});
  Sizes all;
  const metadata::ImageRef image = call.image();
  for (BrokerShard* shard : call.broker().shards()) {
    const auto here = kernel::call_on(f, shard->shard(), [&](Fiber&) {
      std::vector<std::tuple<PartitionKey, std::size_t, std::int64_t>> found;
      for (const auto& [key, hosted] : shard->partitions())
        if (hosted.partition != nullptr)
          found.emplace_back(key, *hosted.directory, static_cast<std::int64_t>(hosted.partition->log().size_bytes()));
      return found;
    });
    for (const auto& [key, directory, bytes] : here) {
      const metadata::Topic* topic = image->find_topic(key.first);
      if (topic != nullptr && (!request.topics || wanted.contains({topic->name, key.second})))
        all[directory][topic->name][key.second] = bytes;
    }
  }
  return all;
}

DescribeLogDirsResponse respond(Fiber& f, Call& call, const DescribeLogDirsRequest& request) {
  DescribeLogDirsResponse response;
  net::Arena& arena = *call.arena;
  Sizes sizes = sizes_of(f, call, request);
  const std::vector<std::string>& paths = call.shard.config().log_directories;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    Directory& directory = arena.push_back(response.results, {.log_dir = arena.copy(paths[i])});
    const log::DirectoryShard* part = call.shard.directories[i];
    if (part == nullptr || !part->online()) {
      directory.error_code = ErrorCode::kafka_storage_error;
      continue;
    }
    const bool stalled = std::ranges::any_of(call.broker().shards(), [&](const BrokerShard* shard) {
      return shard->directories[i] != nullptr && shard->directories[i]->stalled();
    });
    if (!stalled) {
      const auto within = f.deadline_in(kSpaceAnswerMax);
      const auto space = f.node().disk().space(f, paths[i]);
      if (space) {
        directory.total_bytes = static_cast<std::int64_t>(space->total_bytes);
        directory.usable_bytes = static_cast<std::int64_t>(space->free_bytes);
      }
    }
    for (const auto& [name, partitions] : sizes[i]) {
      auto& topic = arena.push_back(directory.topics, {.name = arena.copy(name)});
      for (const auto& [partition, bytes] : partitions)
        arena.push_back(topic.partitions, {.partition_index = partition, .partition_size = bytes});
    }
  }
  return response;
}

}  // namespace

void handle_describe_log_dirs(Fiber& f, Call& call) { answer<DescribeLogDirsRequest>(f, call, respond); }

}  // namespace broker::handlers
