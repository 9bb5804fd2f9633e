#include "broker/broker.h"

#include <algorithm>

#include "broker/admin.h"
#include "broker/controller/topic_names.h"
#include "broker/hosting.h"
#include "broker/log/directory_shard.h"
#include "broker/log/upkeep.h"
#include "kernel/bug.h"
#include "kernel/node.h"

namespace broker {

using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

BrokerShard& Broker::home_of(const PartitionKey& key) const {
  const std::uint64_t h = kernel::mix64(kernel::mix64(key.first.raw().high, key.first.raw().low),
                                        static_cast<std::uint64_t>(key.second.raw()));
  return *shards_[h % shards_.size()];
}

Broker::Broker(const config::BrokerConfig& config) : config_{config} {}
Broker::~Broker() = default;

Result<> Broker::run(Fiber& f, const config::BrokerConfig& config, const std::function<void(const Started&)>& on_started) {
  Broker broker{config};
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
  kernel::Disk& disk = f.node().disk();
  TRY(kernel::make_directories(f, disk, config_.log_directories.front()));
  directory_ = TRY(log::LogDirectory::open(f, config_.log_directories.front(),
                                           {.cluster_id = {}, .node_id = config_.node_id.raw()}));
  cluster_id_ = directory_->properties().cluster_id;
  TRY(start_shards(f, scope));
  controller_ = TRY(controller::Controller::open(f, *shards_[0]->directory, controller_options()));
  TRY(set_strays_aside(f));
  TRY(open_listeners(f, started));
  epoch_ = TRY(controller_->register_broker(f, registration(started)));
  TRY(publish(f));
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
  directories_.resize(shards.size());
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
  if (std::ranges::find(shards_, nullptr) != shards_.end()) return kernel::fail(log::LogReason::directory_offline);
  return {};
}

void Broker::run_shard(Fiber& there, const std::function<void(Fiber&)>& on_ready) {
  kernel::Scope log_fibers{there};
  kernel::Scope client_fibers{there};
  BrokerShard shard{*this, there.shard(), client_fibers, config_, router_};
  auto directory = directory_->on_shard(there, log_fibers);
  if (directory) {
    // Kept with the broker: the controller's log, which is the broker's too, uses it to the last.
    directories_[there.shard().id()] = std::move(*directory);
    shard.directory = directories_[there.shard().id()].get();
    shards_[there.shard().id()] = &shard;
  }
  log::Upkeep upkeep{there.shard().metrics(), [&] { return shard.open_logs(); }, [&] { return shard.upkeep_settings(); }};
  if (directory) {
    client_fibers.spawn("retention", [&](Fiber& child) { upkeep.run_retention(child); });
    if (config_.cleaner_enabled) client_fibers.spawn("cleaner", [&](Fiber& child) { upkeep.run_cleaner(child); });
  }
  on_ready(there);
  using Phase = BrokerShard::Phase;
  if (directory) static_cast<void>(shard.wait_phase(there, Phase::ending_clients));
  shard.abort_connections();
  client_fibers.cancel();
  static_cast<void>(client_fibers.join(there));
  shard.enter_phase(Phase::closing_logs);
  if (directory) static_cast<void>(shard.wait_phase(there, Phase::ended));
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
  return options;
}

metadata::Broker Broker::registration(const Started& started) const {
  metadata::Broker broker;
  broker.id = config_.node_id;
  broker.rack = config_.rack;
  broker.log_directories = {directory_->properties().directory_id.value_or(net::Uuid{})};
  for (std::size_t i = 0; i < config_.advertised.size(); ++i) {
    const config::Listener& listener = config_.advertised[i];
    const std::uint16_t port = listener.port == 0 ? started.listening[i].port : listener.port;
    broker.endpoints.push_back({listener.name, listener.host, port, 0});
  }
  return broker;
}

Result<> Broker::set_strays_aside(Fiber& f) {
  if (BUG(f, "log.directory_matched_by_name")) return {};
  const metadata::ImageRef image = controller_->image();
  const auto is_ours = [&](const log::LogIdentity& found) {
    if (found.topic == controller::kMetadataTopic) return true;
    const metadata::Topic* topic = image->find_topic(found.topic);
    if (topic == nullptr || (topic->id != found.topic_id && !found.topic_id.raw().is_zero())) return false;
    const auto index = static_cast<std::size_t>(found.partition.raw());
    if (index >= topic->partitions.size()) return false;
    return std::ranges::find(topic->partitions[index].replicas, config_.node_id) != topic->partitions[index].replicas.end();
  };
  for (const log::LogIdentity& found : TRY(directory_->partitions(f))) {
    if (!is_ours(found)) TRY(directory_->set_aside(f, found));
  }
  return {};
}

Result<> Broker::open_listeners(Fiber& f, Started& started) {
  for (const config::Listener& wanted : config_.listeners) {
    const std::string host = wanted.host.empty() ? "0.0.0.0" : wanted.host;
    const auto addresses = TRY(f.node().network().resolve(f, host, wanted.port));
    auto listener = f.node().network().listen(f, addresses.front());
    if (!listener) {
      listener.error().detail = wanted.port;  // whoever explains the error names it
      return std::unexpected(listener.error());
    }
    listeners_.push_back(std::move(*listener));
    started.listening.push_back(listeners_.back()->local());
  }
  if (config_.admin_port) {
    auto admin = f.node().network().listen(f, {config_.admin_address, *config_.admin_port});
    if (admin) {
      admin_ = std::move(*admin);
      started.admin = admin_->local();
    } else if (config_.given.contains("kalda.admin.port")) {
      admin.error().detail = *config_.admin_port;
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
    if (const auto written = directory_->checkpoint(f); !written && !written.error().is(kernel::Errc::cancelled)) {
      f.log().warn("checkpoint_failed", {{"path", directory_->path()}, {"error", written.error()}});
    }
  }
}

Result<> Broker::wait_for_end(Fiber& f) {
  // The last log directory going offline ends the broker: it could serve nothing.
  kernel::Scope scope{f};
  kernel::Notify ended;
  bool stop_asked = false;
  scope.spawn("stop", [&](Fiber& child) {
    stop_asked = child.node().wait_for_stop(child).has_value();
    ended.notify_all();
  });
  scope.spawn("offline", [&](Fiber& child) {
    while (directory_->online() && child.sleep(500ms)) {
    }
    ended.notify_all();
  });
  static_cast<void>(ended.wait(f));
  scope.cancel();
  static_cast<void>(scope.join(f));
  if (!stop_asked && !directory_->online()) return kernel::fail(log::LogReason::directory_offline);
  return {};
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
  on_shards([](Fiber& there, BrokerShard& shard) { return shard.directory->close(there); });
  if (directory_ != nullptr) {
    if (const auto closed = directory_->close(f, epoch_.raw()); !closed && outcome) outcome = closed;
  }
  on_shards([](Fiber&, BrokerShard& shard) -> Result<> {
    shard.enter_phase(Phase::ended);
    return {};
  });
  return outcome;
}

Result<> Broker::publish(Fiber& f) {
  const kernel::Mutex::Lock one_at_a_time = TRY(publishing_.lock(f));
  const metadata::ImageRef next = controller_->image();
  if (published_ == next) return {};
  kernel::Scope scope{f};
  for (BrokerShard* shard : shards_) {
    scope.spawn("publish", [shard, &next](Fiber& child) {
      static_cast<void>(kernel::call_on(child, shard->shard(), [&](Fiber& there) {
        bring_up(there, *shard, next);
        return true;
      }));
    });
  }
  const Result<> joined = scope.join(f);
  published_ = next;
  return joined;
}

Result<std::vector<controller::CreatedTopic>> Broker::create_topics(Fiber& f,
                                                                    std::span<const controller::NewTopic> wanted,
                                                                    bool validate_only) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::CreatedTopic>> {
    auto made = TRY(controller_->create_topics(there, wanted, validate_only));
    if (!validate_only) TRY(publish(there));
    return made;
  });
}

Result<std::vector<controller::DeletedTopic>> Broker::delete_topics(Fiber& f, std::span<const net::TopicId> ids) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::DeletedTopic>> {
    auto deleted = TRY(controller_->delete_topics(there, ids));
    TRY(publish(there));
    return deleted;
  });
}

Result<std::vector<controller::AlteredSettings>> Broker::alter_settings(
    Fiber& f, std::span<const controller::SettingsWish> wanted, bool validate_only) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::AlteredSettings>> {
    auto altered = TRY(controller_->alter_settings(there, wanted, validate_only));
    if (!validate_only) TRY(publish(there));
    return altered;
  });
}

Result<std::vector<controller::GrownTopic>> Broker::create_partitions(
    Fiber& f, std::span<const controller::PartitionsWish> wanted, bool validate_only) {
  return kernel::call_on(f, shards_[0]->shard(), [&](Fiber& there) -> Result<std::vector<controller::GrownTopic>> {
    auto grown = TRY(controller_->create_partitions(there, wanted, validate_only));
    if (!validate_only) TRY(publish(there));
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
