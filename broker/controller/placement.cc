#include "broker/controller/placement.h"

#include <set>

#include <fmt/format.h>

#include "broker/controller/decide.h"
#include "broker/placements.h"
#include "kernel/check.h"

namespace broker::controller {
namespace {

using metadata::Broker;
using metadata::Partition;
using net::BrokerId;
using net::ErrorCode;

bool is_active(const Broker& broker) { return !broker.fenced && !broker.in_controlled_shutdown; }

/// Where a broker is to put a replica: it says so itself when it has several directories.
net::Uuid directory_of(const Image& image, BrokerId id) {
  const auto at = image.brokers.find(id);
  if (at == image.brokers.end() || at->second.log_directories.empty()) return kDirectoryMigrating;
  return at->second.log_directories.size() == 1 ? at->second.log_directories.front() : kDirectoryUnassigned;
}

}  // namespace

std::optional<Partition> place(const Image& image, std::vector<BrokerId> replicas) {
  Partition out;
  for (const BrokerId id : replicas) {
    out.directories.push_back(directory_of(image, id));
    const auto at = image.brokers.find(id);
    if (at != image.brokers.end() && is_active(at->second)) out.isr.push_back(id);
  }
  if (out.isr.empty()) return std::nullopt;
  out.leader = out.isr.front();
  out.replicas = std::move(replicas);
  return out;
}

Refused check_assignment(const Image& image, const std::vector<BrokerId>& replicas,
                         std::optional<std::size_t> factor) {
  constexpr ErrorCode kCode = ErrorCode::invalid_replica_assignment;
  if (replicas.empty()) return Refusal{kCode, "The manual partition assignment includes an empty replica list."};
  std::set<BrokerId> seen;
  for (const BrokerId id : replicas) {
    if (!image.brokers.contains(id))
      return Refusal{kCode, fmt::format("The manual partition assignment includes broker {}, but no such broker is "
                                        "registered.", id.raw())};
    if (!seen.insert(id).second)
      return Refusal{kCode, fmt::format("The manual partition assignment includes the broker {} more than once.",
                                        id.raw())};
  }
  if (factor && *factor != replicas.size())
    return Refusal{kCode, fmt::format("The manual partition assignment includes a partition with {} replica(s), but "
                                      "this is not consistent with previous partitions, which have {} replica(s).",
                                      replicas.size(), *factor)};
  return std::nullopt;
}

Refused place_by_turns(const Image& image, std::int32_t count, std::int16_t factor, kernel::Random& random,
                       std::vector<Partition>& out) {
  std::vector<BrokerId> active;
  std::vector<BrokerId> idle;
  for (const auto& [id, broker] : image.brokers) (is_active(broker) ? active : idle).push_back(id);
  const auto refuse = [&](std::string why) {
    return Refusal{ErrorCode::invalid_replication_factor,
                   fmt::format("Unable to replicate the partition {} time(s): {}", factor, why)};
  };
  if (active.empty()) return refuse("All brokers are currently fenced.");
  if (static_cast<std::size_t>(factor) > image.brokers.size())
    return refuse(fmt::format("The target replication factor of {} cannot be reached because only {} broker(s) are "
                              "registered.", factor, image.brokers.size()));
  if (static_cast<std::size_t>(count) > kRecordsPerChangeMax) {
    out.resize(out.size() + kRecordsPerChangeMax + 1);  // too many whatever they are; said for the whole request
    return std::nullopt;
  }
  std::size_t turn = random.below(active.size());
  for (std::int32_t i = 0; i < count; ++i, ++turn) {
    std::vector<BrokerId> replicas;
    for (std::size_t n = 0; n < active.size() && replicas.size() < static_cast<std::size_t>(factor); ++n)
      replicas.push_back(active[(turn + n) % active.size()]);
    for (std::size_t n = 0; replicas.size() < static_cast<std::size_t>(factor); ++n)
      replicas.push_back(idle[(turn + n) % idle.size()]);
    auto placed = place(image, std::move(replicas));
    CHECK(placed.has_value());  // one of them is active
    out.push_back(std::move(*placed));
  }
  return std::nullopt;
}

}  // namespace broker::controller
