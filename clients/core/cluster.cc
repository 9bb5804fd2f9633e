#include "clients/core/cluster.h"

#include "kernel/node.h"

namespace clients::core {

using kernel::Duration;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Mono;
using kernel::Result;
using net::BrokerId;
using net::ErrorCode;
using ConnectionRef = std::shared_ptr<Connection>;

namespace {

/// Bootstrap servers have no id yet; they are counted downwards from here.
constexpr std::int32_t kBootstrapIdFirst = -2;

/// One broker on one lane.
struct Slot {
  explicit Slot(const ClientConfig& config) : backoff{config.reconnect_backoff, config.reconnect_backoff_max} {}
  ConnectionRef connection;
  HostPort connected_to;
  kernel::Mutex connecting;
  Backoff backoff;
  Mono not_before{};
};

bool ends_the_wait(const kernel::Error& error) {
  return error.is(Errc::cancelled) || error.is(Reason::closed);
}

}  // namespace

struct Cluster::State : std::enable_shared_from_this<Cluster::State> {
  State(kernel::Scope& scope, ClientConfig c)
      : config{std::move(c)},
        crew{scope},
        random{scope.owner().node().random(kernel::Domain::application, kernel::hash64("clients.cluster"))} {}

  ClientConfig config;
  Crew crew;
  kernel::Random random;
  Metadata metadata;
  kernel::Notify metadata_changed;
  std::multiset<std::string, std::less<>> watched;
  std::map<std::pair<Lane, BrokerId>, std::unique_ptr<Slot>> slots;
  BrokerId answered_last = net::kBrokerIdNone;
  std::uint32_t next_lane = 1;
  std::uint64_t next_random = 0;

  // The refresher: callers raise `wanted`; a refresh that starts afterwards serves them all.
  bool wanted = false;
  std::uint64_t refreshes_started = 0;
  std::uint64_t refreshes_ended = 0;
  Result<> refresh_outcome{};
  kernel::Notify refresh_asked;
  kernel::Notify refresh_ended;

  [[nodiscard]] std::optional<HostPort> address_of(BrokerId broker) const {
    if (broker.raw() <= kBootstrapIdFirst) {
      const auto index = static_cast<std::size_t>(kBootstrapIdFirst - broker.raw());
      if (index >= config.bootstrap_servers.size()) return std::nullopt;
      return config.bootstrap_servers[index];
    }
    const auto known = metadata.brokers().find(broker);
    if (known == metadata.brokers().end()) return std::nullopt;
    return known->second;
  }

  Result<ConnectionRef> connection(Fiber& f, BrokerId broker, Lane lane) {
    if (crew.stopped()) return fail(Reason::closed);
    auto& slot = slots[{lane, broker}];
    if (!slot) slot = std::make_unique<Slot>(config);
    Slot& at = *slot;  // slots are never removed
    if (usable(at, broker)) return at.connection;
    const kernel::Mutex::Lock lock = TRY(at.connecting.lock(f));
    if (usable(at, broker)) return at.connection;
    if (f.now() < at.not_before) TRY(f.sleep_until(at.not_before));
    if (crew.stopped()) return fail(Reason::closed);
    const auto address = address_of(broker);
    if (!address) return fail(Reason::unknown_broker, broker.raw());
    if (at.connection) at.connection->abort();
    auto opened = Connection::open(f, crew, shared_from_this(), config, *address);
    if (!opened) {
      at.connection.reset();
      at.not_before = kernel::saturating_add(f.now(), at.backoff.next(random));
      return std::unexpected(opened.error());
    }
    if (crew.stopped()) {
      (*opened)->abort();
      return fail(Reason::closed);
    }
    at.connection = *opened;
    at.connected_to = *address;
    at.backoff.reset();
    // A broker that accepts and drops at once must not be hammered.
    at.not_before = kernel::saturating_add(f.now(), config.reconnect_backoff);
    return at.connection;
  }
  [[nodiscard]] bool usable(const Slot& slot, BrokerId broker) const {
    return slot.connection && slot.connection->alive() && address_of(broker) == slot.connected_to;
  }

  /// Who to ask when anybody will do: the one that answered last, the others from a random one on, bootstrap servers.
  [[nodiscard]] std::vector<BrokerId> candidates() {
    std::vector<BrokerId> ids;
    for (const auto& [id, address] : metadata.brokers()) ids.push_back(id);
    random.shuffle(std::span{ids});
    const auto best = std::ranges::find(ids, answered_last);
    if (best != ids.end()) std::rotate(ids.begin(), best, best + 1);
    std::vector<BrokerId> bootstrap;
    for (std::size_t i = 0; i < config.bootstrap_servers.size(); ++i)
      bootstrap.push_back(BrokerId{kBootstrapIdFirst - static_cast<std::int32_t>(i)});
    random.shuffle(std::span{bootstrap});
    ids.insert(ids.end(), bootstrap.begin(), bootstrap.end());
    return ids;
  }

  /// Tries `use` on one broker after the other until it succeeds.
  template <class F>
  Result<> on_any(Fiber& f, F use) {
    Result<> outcome = fail(Reason::no_broker);
    for (const BrokerId broker : candidates()) {
      outcome = use(broker);
      if (outcome) {
        answered_last = broker;
        return {};
      }
      if (ends_the_wait(outcome.error()) || f.cancelled() || f.now() >= f.deadline()) break;
    }
    return outcome;
  }

  Result<> ask_metadata(Fiber& f, BrokerId broker) {
    const ConnectionRef at = TRY(connection(f, broker, kLaneGeneral));
    net::Arena arena;
    net::MetadataRequest request;
    request.allow_auto_topic_creation = config.allow_auto_create_topics;
    request.topics.emplace();
    std::vector<std::string> names;
    for (auto it = watched.begin(); it != watched.end(); it = watched.upper_bound(*it)) names.push_back(*it);
    for (const std::string& name : names) {
      net::MetadataRequest::MetadataRequestTopic topic;
      topic.name = name;
      arena.push_back(*request.topics, topic);
    }
    Exchange exchange = TRY(at->start(f, request, {.first = 1}));
    const auto answer = TRY(exchange.await<net::MetadataResponse>(f, config.request_timeout));
    if (answer->error_code != ErrorCode::none) return fail_code(answer->error_code);
    metadata.apply(answer.message);
    metadata_changed.notify_all();
    return {};
  }

  void keep_fresh(Fiber& f) {
    Backoff backoff{config.retry_backoff, config.retry_backoff_max};
    Mono fresh_until = kernel::kNever;
    while (!crew.stopped()) {
      if (!wanted) {
        const auto within = f.deadline_at(fresh_until);
        const auto asked = refresh_asked.wait(f);
        if (!asked && !asked.error().is(Errc::deadline)) break;
      }
      wanted = false;
      ++refreshes_started;
      refresh_outcome = on_any(f, [&](BrokerId broker) { return ask_metadata(f, broker); });
      ++refreshes_ended;
      if (refresh_outcome) backoff.reset();
      fresh_until = kernel::saturating_add(f.now(), config.metadata_max_age);
      refresh_ended.notify_all();
      if (!f.sleep(backoff.next(random))) break;
    }
    crew.stop();
    refresh_outcome = fail(Reason::closed);
    refresh_ended.notify_all();
    metadata_changed.notify_all();
  }
};

Cluster::Cluster(kernel::Scope& scope, ClientConfig config)
    : state_{std::make_shared<State>(scope, std::move(config))} {
  State& state = *state_;
  state.crew.spawn("client-metadata", state_, [&state](Fiber& f) { state.keep_fresh(f); });
}

Cluster::~Cluster() { close(); }

void Cluster::close() {
  state_->crew.stop();
  for (auto& [key, slot] : state_->slots) {
    if (slot->connection) slot->connection->close();
  }
  state_->refresh_ended.notify_all();
  state_->metadata_changed.notify_all();
}

const ClientConfig& Cluster::config() const { return state_->config; }
const Metadata& Cluster::metadata() const { return state_->metadata; }
kernel::Notify& Cluster::metadata_changed() { return state_->metadata_changed; }
Lane Cluster::new_lane() { return Lane{state_->next_lane++}; }

kernel::Random Cluster::random(std::string_view purpose) {
  return state_->random.split(purpose).split(state_->next_random++);
}

void Cluster::want_refresh() {
  state_->wanted = true;
  state_->refresh_asked.notify_all();
}

Result<> Cluster::refresh(Fiber& f) {
  const auto state = state_;
  const std::uint64_t ours = state->refreshes_started + 1;
  want_refresh();
  while (state->refreshes_ended < ours) {
    if (state->crew.stopped()) return fail(Reason::closed);
    TRY(state->refresh_ended.wait(f));
  }
  return state->refresh_outcome;
}

void Cluster::watch(std::string_view topic) { state_->watched.emplace(topic); }

void Cluster::unwatch(std::string_view topic) {
  if (const auto one = state_->watched.find(topic); one != state_->watched.end()) state_->watched.erase(one);
}

Result<TopicInfo> Cluster::topic(Fiber& f, std::string_view name) {
  const auto state = state_;
  const std::string wanted{name};
  if (!state->watched.contains(wanted)) watch(wanted);
  const auto within = f.deadline_in(state->config.default_api_timeout);
  Result<TopicInfo> outcome = fail(Reason::unknown_topic);
  for (;;) {
    if (const TopicInfo* known = state->metadata.topic(wanted)) {
      if (known->error == ErrorCode::none && !known->partitions.empty()) return *known;
      if (known->error != ErrorCode::none && !net::facts(known->error).retriable) return fail_code(known->error);
      outcome = fail(Reason::unknown_topic);
    }
    const auto refreshed = refresh(f);
    if (refreshed) continue;
    const kernel::Error& error = refreshed.error();
    if (error.is(Errc::deadline)) return outcome;
    if (ends_the_wait(error)) return std::unexpected(error);
    outcome = std::unexpected(error);
  }
}

void Cluster::learn_leader(const TopicPartition& at, BrokerId leader, net::LeaderEpoch epoch) {
  if (state_->metadata.apply_leader(at, leader, epoch)) state_->metadata_changed.notify_all();
}

void Cluster::learn_broker(BrokerId id, HostPort at) { state_->metadata.apply_broker(id, std::move(at)); }

Result<ConnectionRef> Cluster::connection(Fiber& f, BrokerId broker, Lane lane) {
  const auto state = state_;
  return state->connection(f, broker, lane);
}

Result<ConnectionRef> Cluster::any_connection(Fiber& f) {
  const auto state = state_;
  ConnectionRef found;
  TRY(state->on_any(f, [&](BrokerId broker) -> Result<> {
    found = TRY(state->connection(f, broker, kLaneGeneral));
    return {};
  }));
  return found;
}

}  // namespace clients::core
