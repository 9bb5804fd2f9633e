#include "broker/broker.h"

#include <algorithm>

#include "broker/admin.h"
#include "broker/controller/topic_names.h"
#include "broker/hosting.h"
#include "broker/log/directory_shard.h"
#include "broker/log/upkeep.h"
#include "broker/metadata/delta.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker {

using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

namespace {

constexpr kernel::Duration kOpenAgainAfter = 1s;

/// What the metadata is told that there is.
std::vector<net::Uuid> online_ids(const log::LogDirectories& directories) {
  std::vector<net::Uuid> ids = directories.ids();
  std::erase_if(ids, [](net::Uuid id) { return !is_directory(id); });
  return ids;
}

/// A line a second, as long as opening the partitions takes.
void tell_progress(Fiber& f, const std::vector<BrokerShard*>& shards, const metadata::Image& image) {
  std::size_t total = 0;
  for (const auto& [name, topic] : image.topics) total += topic->partitions.size();
  while (f.sleep(1s)) {
    std::int64_t opened = 0;
    for (const BrokerShard* shard : shards) opened += shard->metrics.partitions.value();
    f.log().info("opening_partitions", {{"opened", opened}, {"of", total}});
  }
}

/// An error's detail is the port, for whoever explains it.
Result<kernel::ListenerHandle> listen_at(Fiber& f, const config::Listener& wanted) {
  const std::string host = wanted.host.empty() ? "0.0.0.0" : wanted.host;
  const auto addresses = TRY(f.node().network().resolve(f, host, wanted.port));
  auto listener = f.node().network().listen(f, addresses.front());
  if (!listener) listener.error().detail = wanted.port;
  return listener;
}
Result<kernel::ListenerHandle> listen_for_admin(Fiber& f, const config::BrokerConfig& config) {
  auto listener = f.node().network().listen(f, {config.admin_address, *config.admin_port});
  if (!listener) listener.error().detail = *config.admin_port;
  return listener;
}

}  // namespace

BrokerShard& Broker::home_of(const PartitionKey& key) const {
  const std::uint64_t h = kernel::mix64(kernel::mix64(key.first.raw().high, key.first.raw().low),
                                        static_cast<std::uint64_t>(key.second.raw()));
  return *shards_[h % shards_.size()];
}

Broker::Broker(const config::BrokerConfig& config, std::string& about) : config_{config}, about_{about} {}
Broker::~Broker() = default;

Result<> Broker::run(Fiber& f, const config::BrokerConfig& config, const std::function<void(const Started&)>& on_started,
                     std::string* about) {
  std::string nobody_asks;
  Broker broker{config, about != nullptr ? *about : nobody_asks};
  kernel::Scope scope{f};
  kernel::Scope front{f};  // what lets clients in and looks after them
  Started started;
  Result<> outcome = broker.start(f, scope, front, started);
  if (outcome) {
    on_started(started);
    f.log().info("broker_started", {{"node_id", broker.id()}, {"cluster_id", broker.cluster_id_}});
    outcome = broker.wait_for_end(f);
  }
  front.cancel();
  static_cast<void>(front.join(f));
  const Result<> stopped = broker.stop(f);
  scope.cancel();
  const Result<> joined = scope.join(f);
  if (outcome && stopped) f.log().info("broker_stopped", {{"node_id", broker.id()}});
  if (!outcome) return outcome;
  if (!stopped) return stopped;
  return joined;
}

Result<> Broker::start(Fiber& f, kernel::Scope& scope, kernel::Scope& front, Started& started) {
  const kernel::Mono begun = f.now();
  directories_ = TRY(log::LogDirectories::open(f, {.paths = config_.log_directories,
                                                   .metadata_path = config_.metadata_directory,
                                                   .node_id = config_.node_id.raw()}, about_));
  cluster_id_ = directories_->cluster_id();
  dropped_.resize(directories_->size());
  for (std::size_t i = 0; i < directories_->size(); ++i) dropped_[i] = directories_->at(i) == nullptr;
  about_ = config_.metadata_directory;
  TRY(start_shards(f, scope));
  TRY(find_partitions(f));
  controller_ = TRY(controller::Controller::open(f, *parts_[0][directories_->metadata()], controller_options()));
  TRY(sort_out_partitions(f));
  TRY(assign_directories(f));
  about_.clear();
  TRY(open_listeners(f, started));
  epoch_ = TRY(controller_->register_broker(f, registration(started)));
  {
    kernel::Scope telling{f};
    telling.spawn("progress", [this](Fiber& child) { tell_progress(child, shards_, *controller_->image()); });
    const Result<> published = publish(f);
    telling.cancel();
    static_cast<void>(telling.join(f));
    TRY(published);
  }
  front.spawn("publisher", [this](Fiber& child) { publish_changes(child); });
  front.spawn("directories", [this](Fiber& child) { watch_directories(child); });
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    front.spawn("accept", [this, i](Fiber& child) { accept_from(child, *listeners_[i], config_.listeners[i].name); });
  }
  if (admin_ != nullptr) {
    front.spawn("admin", [this](Fiber& child) {
      net::http::serve(child, *admin_, [&](std::string_view path) { return answer_admin(*this, child, path); });
    });
  }
  front.spawn("idle connections", [this](Fiber& child) { close_idle_connections(child); });
  front.spawn("producer expiry", [this](Fiber& child) { expire_producers(child); });
  front.spawn("checkpoints", [this](Fiber& child) { write_checkpoints(child); });
  started.cluster_id = cluster_id_;
  f.log().info("broker_ready", {{"topics", controller_->image()->topics.size()},
                                {"taken_ms", (f.now() - begun) / 1ms}});
  return {};
}

Result<> Broker::start_shards(Fiber& f, kernel::Scope& scope) {
  const auto shards = f.node().shards();
  shards_.resize(shards.size());
  why_not_started_.resize(shards.size(), kernel::fail(log::LogReason::directory_offline).error());
  parts_.resize(shards.size());
  for (kernel::Shard* shard : shards) {
    scope.spawn("shard", [this, shard, home = &f.shard()](Fiber& child) {
      static_cast<void>(kernel::call_on(child, *shard, [&](Fiber& there) {
        run_shard(there, [&](Fiber& on_shard) {
          static_cast<void>(kernel::call_on(on_shard, *home, [&](Fiber&) {
            ++shards_ready_;
            shard_ready_.notify_all();
            return true;
          }));
        });
        return true;
      }));
    });
  }
  while (shards_ready_ < shards.size()) TRY(shard_ready_.wait(f));
  if (std::ranges::find(shards_, nullptr) == shards_.end()) return {};
  // What failed on one shard the others have only heard of.
  const auto heard = [](const kernel::Error& why) { return why.is(log::LogReason::directory_offline); };
  const auto first = std::ranges::find_if_not(why_not_started_, heard);
  return std::unexpected(first != why_not_started_.end() ? *first : why_not_started_.front());
}

void Broker::run_shard(Fiber& there, const std::function<void(Fiber&)>& on_ready) {
  kernel::Scope log_fibers{there};
  kernel::Scope client_fibers{there};
  BrokerShard shard{*this, there.shard(), client_fibers, config_, router_};
  // Kept with the broker: the controller's log, which is the broker's too, uses its directory to the last.
  std::vector<std::unique_ptr<log::DirectoryShard>>& parts = parts_[there.shard().id()];
  parts.resize(directories_->size());
  bool starts = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    log::LogDirectory* directory = directories_->at(i);
    auto part = directory != nullptr ? directory->on_shard(there, log_fibers) : Result<std::unique_ptr<log::DirectoryShard>>{};
    if (part) {
      parts[i] = std::move(*part);
    } else {
      // Without descriptors nothing is wrong with the directory: who starts the broker has to give it more.
      const bool is_directorys = !part.error().is(kernel::Errc::too_many_files);
      if (i == directories_->metadata() || !is_directorys) {
        why_not_started_[there.shard().id()] = part.error();
        starts = false;
      }
      if (is_directorys) {
        kernel::call_on(there, directory->owner(), [&](Fiber& owner) {
          directory->fail(owner, part.error(), directory->path());
          return true;
        });
      }
    }
    shard.directories.push_back(parts[i].get());
  }
  if (starts) shards_[there.shard().id()] = &shard;
  // A start that comes to nothing: what was opened here goes again.
  for (log::DirectoryShard* part : shard.directories)
    if (!starts && part != nullptr) static_cast<void>(part->close(there));
  log::Upkeep upkeep{there.shard().metrics(), [&] { return shard.open_logs(); }, [&] { return shard.upkeep_settings(); }};
  if (starts) {
    client_fibers.spawn("retention", [&](Fiber& child) { upkeep.run_retention(child); });
    if (config_.cleaner_enabled) client_fibers.spawn("cleaner", [&](Fiber& child) { upkeep.run_cleaner(child); });
    for (log::DirectoryShard* part : shard.directories)
      if (part != nullptr) client_fibers.spawn("stalls", [part](Fiber& child) { part->look_for_stalls(child); });
    client_fibers.spawn("late opens", [&](Fiber& child) {
      while (child.sleep(kOpenAgainAfter)) open_what_waits(child, shard);
    });
  }
  on_ready(there);
  using Phase = BrokerShard::Phase;
  if (starts) static_cast<void>(shard.wait_phase(there, Phase::ending_clients));
  shard.abort_connections();
  // First: while other shards still pass on heartbeats, a coordinator would set its alarm anew after the cancellation.
  shard.coordinators.end(coordinators::moment_of(there));
  client_fibers.cancel();
  static_cast<void>(client_fibers.join(there));
  shard.enter_phase(Phase::closing_logs);
  if (starts) static_cast<void>(shard.wait_phase(there, Phase::ended));
  log_fibers.cancel();
  static_cast<void>(log_fibers.join(there));
}

controller::ControllerOptions Broker::controller_options() const {
  controller::ControllerOptions options;
  options.node_id = config_.node_id;
  options.default_partitions = config_.default_partitions;
  options.default_replication_factor = config_.default_replication_factor;
  options.endpoints.clear();
  for (const config::Listener& listener : config_.controller_listeners) {
    options.endpoints.push_back({.listener = listener.name, .host = listener.host, .port = listener.port});
  }
  options.snapshot_after_bytes = config_.metadata_snapshot_bytes;
  options.segment_bytes = config_.metadata_segment_bytes;
  options.segment_ms = config_.metadata_segment_age.count();
  options.partitions_found =
      std::ranges::any_of(found_, [](const Found& one) { return one.identity.topic != controller::kMetadataTopic; });
  return options;
}

metadata::Broker Broker::registration(const Started& started) const {
  metadata::Broker broker;
  broker.id = config_.node_id;
  broker.rack = config_.rack;
  broker.log_directories = online_ids(*directories_);
  for (std::size_t i = 0; i < config_.advertised.size(); ++i) {
    const config::Listener& listener = config_.advertised[i];
    const std::uint16_t port = listener.port == 0 ? started.listening[i].port : listener.port;
    broker.endpoints.push_back({listener.name, listener.host, port, 0});
  }
  return broker;
}

Result<> Broker::find_partitions(Fiber& f) {
  for (std::size_t i = 0; i < directories_->size(); ++i) {
    if (!directories_->online(i)) continue;
    auto there = directories_->at(i)->partitions(f);
    if (!there) {
      if (i == directories_->metadata() || there.error().room != kernel::Room::kernel || log::may_pass(there.error()))
        return std::unexpected(there.error());
      directories_->at(i)->fail(f, there.error(), directories_->path(i));
      continue;
    }
    for (log::LogIdentity& one : *there) found_.push_back({i, std::move(one)});
  }
  places_.emplace(directories_->ids());
  return {};
}

Result<> Broker::sort_out_partitions(Fiber& f) {
  const metadata::ImageRef image = controller_->image();
  if (BUG(f, "log.directory_matched_by_name")) return {};
  const auto is_ours = [&](const log::LogIdentity& found) {
    if (found.topic == controller::kMetadataTopic) return true;
    const metadata::Topic* topic = image->find_topic(found.topic);
    if (topic == nullptr || (topic->id != found.topic_id && !found.topic_id.raw().is_zero())) return false;
    const auto index = static_cast<std::size_t>(found.partition.raw());
    if (index >= topic->partitions.size()) return false;
    return std::ranges::find(topic->partitions[index].replicas, config_.node_id) != topic->partitions[index].replicas.end();
  };
  // Where the metadata knows it comes first: a second copy is somebody's, and not served.
  const auto is_assigned = [&](const Found& one) {
    const metadata::Topic* topic = image->find_topic(one.identity.topic);
    const auto index = static_cast<std::size_t>(one.identity.partition.raw());
    return topic != nullptr && index < topic->partitions.size() &&
           metadata::directory_of(topic->partitions[index], config_.node_id) == places_->id(one.directory);
  };
  // By hand: clang 19 calls the buffer deprecated that libstdc++ 12 takes for std::stable_partition.
  std::vector<Found> assigned_first;
  for (const bool assigned : {true, false})
    std::ranges::copy_if(found_, std::back_inserter(assigned_first), [&](const Found& one) { return is_assigned(one) == assigned; });
  found_ = std::move(assigned_first);
  for (const Found& one : std::exchange(found_, {})) {
    if (one.identity.topic == controller::kMetadataTopic) continue;
    const metadata::Topic* topic = image->find_topic(one.identity.topic);
    const auto key = topic == nullptr ? PartitionKey{} : PartitionKey{topic->id, one.identity.partition};
    if (directories_->takes_partitions(one.directory) && is_ours(one.identity) && !places_->find(key)) {
      places_->found(key, one.directory);
      continue;
    }
    const auto aside = directories_->at(one.directory)->set_aside(f, one.identity);
    if (aside) continue;
    if (one.directory == directories_->metadata() || aside.error().room != kernel::Room::kernel || log::may_pass(aside.error()))
      return aside;
    directories_->at(one.directory)->fail(f, aside.error(), one.identity.topic);
  }
  place_partitions(metadata::delta_of({}, *image));
  return {};
}

void Broker::place_partitions(const metadata::Delta& delta) {
  for (const metadata::TopicRef& topic : delta.removed) {
    for (std::size_t i = 0; i < topic->partitions.size(); ++i)
      places_->forget({topic->id, net::PartitionId{static_cast<std::int32_t>(i)}});
  }
  // The metadata from before this start may not say yet where a partition is: in a directory that is away, for all we know.
  const bool may_be_away = published_ == nullptr && !directories_->all_online() &&
                           !BUG(shards_[0]->shard(), "broker.unassigned_made_anew");
  for (const metadata::TopicRef& topic : delta.changed) {
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const metadata::Partition& partition = topic->partitions[i];
      if (std::ranges::find(partition.replicas, config_.node_id) == partition.replicas.end()) continue;
      const PartitionKey key{topic->id, net::PartitionId{static_cast<std::int32_t>(i)}};
      const net::Uuid assigned = metadata::directory_of(partition, config_.node_id);
      if (may_be_away && !is_directory(assigned)) places_->withhold(key);
      auto place = places_->place(key, assigned);
      if (!place && BUG(shards_[0]->shard(), "broker.lost_partition_made_anew")) place = places_->place(key, kDirectoryUnassigned);
      if (!place) continue;
      const net::Uuid is = places_->id(*place);
      if (is_directory(is) && is != assigned) unassigned_[key] = is;
    }
  }
}

Result<> Broker::assign_directories(Fiber& f) {
  if (unassigned_.empty()) return {};
  std::vector<controller::DirectoryAssignment> wanted;
  for (const auto& [key, directory] : unassigned_) wanted.push_back({key.first, key.second, directory});
  TRY(controller_->assign_directories(f, wanted));
  f.node().mark("broker.directories_assigned");
  unassigned_.clear();
  return {};
}

void Broker::watch_directories(Fiber& f) {
  for (;;) {
    std::size_t i = 0;
    while (i < directories_->size() && (dropped_[i] || directories_->online(i))) ++i;
    if (i == directories_->size()) {
      if (!directories_->changed().wait(f)) return;
      continue;
    }
    dropped_[i] = true;
    if (!directories_->serves()) return;  // the broker ends
    if (const auto done = drop_directory(f, i); !done && !done.error().is(kernel::Errc::cancelled))
      f.log().warn("directory_not_dropped", {{"path", directories_->path(i)}, {"error", done.error()}});
  }
}

Result<> Broker::drop_directory(Fiber& f, std::size_t directory) {
  f.node().mark("broker.directory_dropped");
  {
    const auto lock = TRY(publishing_.lock(f));
    places_->close(directory);
    for (BrokerShard* shard : shards_) {
      kernel::call_on(f, shard->shard(), [&](Fiber& there) {
        if (BUG(there, "broker.offline_directory_still_read")) return true;
        shard->take_offline(directory);
        if (shard->image() != nullptr) shard->coordinators.follow(there, *shard, {}, *shard->image());
        return true;
      });
    }
  }
  TRY(controller_->keep_directories(f, online_ids(*directories_)));
  return publish(f);
}

Result<> Broker::check_ports(Fiber& f, const config::BrokerConfig& config) {
  std::vector<kernel::ListenerHandle> held;  // until all are there, as run() will
  for (const config::Listener& wanted : config.listeners) held.push_back(TRY(listen_at(f, wanted)));
  if (config.admin_port && config.given.contains("kalda.admin.port")) held.push_back(TRY(listen_for_admin(f, config)));
  return {};
}

Result<> Broker::open_listeners(Fiber& f, Started& started) {
  for (const config::Listener& wanted : config_.listeners) {
    listeners_.push_back(TRY(listen_at(f, wanted)));
    started.listening.push_back(listeners_.back()->local());
  }
  if (config_.admin_port) {
    auto admin = listen_for_admin(f, config_);
    if (admin) {
      admin_ = std::move(*admin);
      started.admin = admin_->local();
    } else if (config_.given.contains("kalda.admin.port")) {
      return std::unexpected(admin.error());
    } else {
      // Nobody asked for this port: a second broker on the machine must not fail for it.
      f.log().warn("admin_port_not_served", {{"port", *config_.admin_port}, {"error", admin.error()}});
    }
  }
  return {};
}

void Broker::accept_from(Fiber& f, kernel::Listener& listener, const std::string& name) {
  for (;;) {
    auto socket = listener.accept(f);
    if (!socket) {
      if (socket.error().is(kernel::Errc::cancelled)) return;
      // Out of descriptors or memory: those that are connected are served on, and it may pass.
      f.log().warn("accept_failed", {{"listener", name}, {"error", socket.error()}});
      if (!f.sleep(100ms)) return;
      continue;
    }
    const std::uint64_t id = ++next_connection_;
    BrokerShard& shard = *shards_[id % shards_.size()];
    (*socket)->detach();
    static_cast<void>(kernel::call_on(f, shard.shard(), [&](Fiber& there) {
      shard.adopt(there, std::move(*socket), id, name);
      return true;
    }));
  }
}

void Broker::close_idle_connections(Fiber& f) {
  const auto idle_max = config_.connection_idle_max;
  if (idle_max.count() <= 0) return;
  const auto every = std::clamp<kernel::Duration>(idle_max / 2, 100ms, 60s);
  while (f.sleep(every)) {
    for (BrokerShard* shard : shards_) {
      static_cast<void>(kernel::call_on(f, shard->shard(), [&](Fiber& there) {
        shard->close_idle(there.now(), idle_max);
        return true;
      }));
    }
  }
}

void Broker::expire_producers(Fiber& f) {
  const auto every = std::max<kernel::Duration>(config_.producer_expiration_check, 1ms);
  while (f.sleep(every)) {
    for (BrokerShard* shard : shards_) {
      static_cast<void>(kernel::call_on(f, shard->shard(), [&](Fiber&) {
        const auto turns = static_cast<std::uint32_t>(shard->dynamic().producer_expiration / every + 1);
        for (const auto& [key, hosted] : shard->partitions()) {
          if (hosted.partition != nullptr) hosted.partition->log().expire_producers(turns);
        }
        return true;
      }));
    }
  }
}

void Broker::write_checkpoints(Fiber& f) {
  while (f.sleep(std::max<kernel::Duration>(config_.checkpoint_interval, 10ms))) {
    for (std::size_t i = 0; i < directories_->size(); ++i) {
      if (!directories_->online(i)) continue;
      const auto written = directories_->at(i)->checkpoint(f);
      if (written || written.error().is(kernel::Errc::cancelled)) continue;
      f.log().warn("checkpoint_failed", {{"path", directories_->path(i)}, {"error", written.error()}});
      // A directory that nobody writes to shows here that it cannot be written to any more.
      if (written.error().is(kernel::Errc::read_only) || written.error().is(kernel::Errc::io))
        directories_->at(i)->fail(f, written.error(), directories_->path(i));
    }
  }
}

Result<> Broker::wait_for_end(Fiber& f) {
  // Without the metadata log, or any directory for partitions, it could serve nothing.
  kernel::Scope scope{f};
  kernel::Notify ended;
  bool stop_asked = false;
  scope.spawn("stop", [&](Fiber& child) {
    stop_asked = child.node().wait_for_stop(child).has_value();
    ended.notify_all();
  });
  scope.spawn("offline", [&](Fiber& child) {
    while (directories_->serves() && directories_->changed().wait(child)) {
      if (BUG(child, "broker.failed_directory_ends_broker")) break;
    }
    ended.notify_all();
  });
  static_cast<void>(ended.wait(f));
  scope.cancel();
  static_cast<void>(scope.join(f));
  if (stop_asked || directories_->serves()) return {};
  about_ = config_.metadata_directory;
  for (std::size_t i = 0; directories_->online(directories_->metadata()) && i < directories_->size(); ++i)
    if (!directories_->online(i)) about_ = directories_->path(i);
  return kernel::fail(log::LogReason::directory_offline);
}

Result<> Broker::stop(Fiber& f) {
  using Phase = BrokerShard::Phase;
  Result<> outcome;
  // Each step on every shard before the next: who uses partitions ends before logs close, logs before their directory.
  const auto on_shards = [&](auto&& step) {
    for (BrokerShard* shard : shards_) {
      if (shard == nullptr) continue;
      const Result<> done = kernel::call_on(f, shard->shard(), [&](Fiber& there) { return step(there, *shard); });
      if (!done && outcome) outcome = done;
    }
  };
  on_shards([](Fiber& there, BrokerShard& shard) -> Result<> {
    shard.enter_phase(Phase::ending_clients);
    return shard.wait_phase(there, Phase::closing_logs);
  });
  on_shards([](Fiber& there, BrokerShard& shard) { return shard.close_logs(there); });
  if (controller_ != nullptr) {
    if (const auto closed = controller_->close(f); !closed && outcome) outcome = closed;
    controller_.reset();
  }
  // Whatever failed above: a directory knows which of its logs were not closed, and leaves no clean mark then.
  on_shards([](Fiber& there, BrokerShard& shard) -> Result<> {
    Result<> all;
    for (log::DirectoryShard* part : shard.directories) {
      const Result<> one = part != nullptr ? part->close(there) : Result<>{};
      if (!one && all) all = one;
    }
    return all;
  });
  for (std::size_t i = 0; directories_ != nullptr && i < directories_->size(); ++i) {
    if (directories_->at(i) == nullptr) continue;
    if (const auto closed = directories_->at(i)->close(f, epoch_.raw()); !closed && outcome) outcome = closed;
  }
  on_shards([](Fiber&, BrokerShard& shard) -> Result<> {
    shard.enter_phase(Phase::ended);
    return {};
  });
  return outcome;
}

Result<> Broker::publish(Fiber& f) {
  const kernel::Mutex::Lock one_at_a_time = TRY(publishing_.lock(f));
  TRY(publish_once(f));
  if (unassigned_.empty()) return {};
  // The metadata learns where they are; until it does (a metadata log without space) they are found by their files.
  if (const auto assigned = assign_directories(f); !assigned) {
    f.log().warn("directories_not_assigned", {{"error", assigned.error()}});
    return {};
  }
  return publish_once(f);
}

Result<> Broker::publish_once(Fiber& f) {
  const metadata::ImageRef next = controller_->image();
  if (published_ == next) return {};
  const metadata::Image nothing;
  const metadata::Delta delta = metadata::delta_of(published_ != nullptr ? *published_ : nothing, *next);
  place_partitions(delta);
  const auto on_shards = [&](auto&& step) -> Result<> {
    kernel::Scope scope{f};
    for (BrokerShard* shard : shards_) {
      scope.spawn("publish", [shard, &step](Fiber& child) {
        static_cast<void>(kernel::call_on(child, shard->shard(), [&](Fiber& there) {
          step(there, *shard);
          return true;
        }));
      });
    }
    return scope.join(f);
  };
  TRY(on_shards([&](Fiber& there, BrokerShard& shard) { remove_deleted(there, shard, delta); }));
  TRY(on_shards([&](Fiber& there, BrokerShard& shard) { open_new(there, shard, *next, delta, *places_); }));
  TRY(on_shards([&](Fiber& there, BrokerShard& shard) { show(there, shard, next, delta); }));
  published_ = next;
  was_published_.notify_all();
  return {};
}

void Broker::publish_changes(Fiber& f) {
  for (;;) {
    // Its end is the end of the log, and of the broker.
    if (controller_->is_unfinished() && !controller_->finish(f)) return;
    const bool nothing_new = published_ == controller_->image();
    if (!(nothing_new ? controller_->changed().wait(f) : publish(f))) return;
  }
}

Result<> Broker::wait_published(Fiber& f) {
  const net::Offset wanted = controller_->image()->offset;
  while (published_->offset < wanted) TRY(was_published_.wait(f));
  return {};
}

Result<std::vector<controller::CreatedTopic>> Broker::create_topics(Fiber& f,
                                                                    std::span<const controller::NewTopic> wanted,
                                                                    bool validate_only) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::CreatedTopic>> {
    auto made = TRY(controller_->create_topics(there, wanted, validate_only));
    if (!validate_only) TRY(wait_published(there));
    return made;
  });
}

Result<std::vector<controller::DeletedTopic>> Broker::delete_topics(Fiber& f, std::span<const net::TopicId> ids) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::DeletedTopic>> {
    auto deleted = TRY(controller_->delete_topics(there, ids));
    TRY(wait_published(there));
    return deleted;
  });
}

Result<std::vector<controller::AlteredSettings>> Broker::alter_settings(
    Fiber& f, std::span<const controller::SettingsWish> wanted, bool validate_only) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::AlteredSettings>> {
    auto altered = TRY(controller_->alter_settings(there, wanted, validate_only));
    if (!validate_only) TRY(wait_published(there));
    return altered;
  });
}

Result<std::vector<controller::GrownTopic>> Broker::create_partitions(
    Fiber& f, std::span<const controller::PartitionsWish> wanted, bool validate_only) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::GrownTopic>> {
    auto grown = TRY(controller_->create_partitions(there, wanted, validate_only));
    if (!validate_only) TRY(wait_published(there));
    return grown;
  });
}

Result<net::ProducerId> Broker::next_producer_id(Fiber& f) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<net::ProducerId> {
    if (producer_ids_used_ == producer_ids_.count) {
      const auto lock = TRY(producer_ids_lock_.lock(there));
      if (producer_ids_used_ == producer_ids_.count) {
        producer_ids_ = TRY(controller_->allocate_producer_ids(there));
        producer_ids_used_ = 0;
      }
    }
    return net::ProducerId{producer_ids_.first.raw() + producer_ids_used_++};
  });
}

}  // namespace broker
