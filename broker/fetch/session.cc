#include "broker/fetch/session.h"

#include <chrono>

namespace broker::fetch {

using namespace std::chrono_literals;

void Session::put(const Wanted& fresh) {
  const Key key{{fresh.topic_id, fresh.topic}, fresh.partition};
  const auto known = index.find(key);
  if (known == index.end()) {
    wanted.push_back(fresh);
    index.emplace(key, std::prev(wanted.end()));
    return;
  }
  Wanted& at = *known->second;
  at.offset = fresh.offset;
  at.current_leader_epoch = fresh.current_leader_epoch;
  at.last_fetched_epoch = fresh.last_fetched_epoch;
  at.bytes_max = fresh.bytes_max;
}

void Session::forget(net::TopicId id, std::string_view topic, net::PartitionId partition) {
  const auto known = index.find(Key{{id, std::string{topic}}, partition});
  if (known == index.end()) return;
  wanted.erase(known->second);
  index.erase(known);
}

bool SessionCache::make_room(kernel::Mono now, std::size_t partitions) {
  constexpr auto kIdle = 2min;
  if (sessions_.size() < slots_max_) return true;
  auto oldest = sessions_.end();
  auto smallest = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (at->second->busy) continue;
    if (oldest == sessions_.end() || at->second->last_used < oldest->second->last_used) oldest = at;
    if (smallest == sessions_.end() || at->second->wanted.size() < smallest->second->wanted.size()) smallest = at;
  }
  if (oldest != sessions_.end() && now - oldest->second->last_used > kIdle) {
    sessions_.erase(oldest);
    return true;
  }
  if (smallest != sessions_.end() && now - smallest->second->created > kIdle &&
      smallest->second->wanted.size() < partitions) {
    sessions_.erase(smallest);
    return true;
  }
  return false;
}

std::shared_ptr<Session> SessionCache::create(kernel::Mono now, std::size_t partitions) {
  if (slots_max_ == 0 || !make_room(now, partitions)) return nullptr;
  auto session = std::make_shared<Session>();
  do {
    // Positive, never 0, and of this shard's residue.
    const auto drawn = static_cast<std::int32_t>(random_.below((INT32_MAX - shards_) / shards_));
    session->id = static_cast<std::int32_t>(1 + drawn * static_cast<std::int32_t>(shards_) + static_cast<std::int32_t>(shard_));
  } while (sessions_.contains(session->id));
  session->epoch = 1;
  session->created = session->last_used = now;
  sessions_[session->id] = session;
  return session;
}

std::shared_ptr<Session> SessionCache::find(std::int32_t id) {
  const auto known = sessions_.find(id);
  return known == sessions_.end() ? nullptr : known->second;
}

}  // namespace broker::fetch
