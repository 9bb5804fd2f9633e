#include "broker/words.h"

#include "broker/controller/controller.h"
#include "broker/coordinators/coordinator.h"
#include "broker/handlers/validate_batch.h"
#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "broker/log/reason.h"
#include "broker/metadata/image_builder.h"
#include "broker/replication/partition.h"
#include "net/words.h"

namespace broker {
namespace {

/// Whether the error's value is one of the enum's from `first` to `last`.
template <class Reason>
bool is_among(const kernel::Error& error, Reason first, Reason last) {
  return error.value >= static_cast<std::uint16_t>(first) && error.value <= static_cast<std::uint16_t>(last);
}

std::string_view name_of(handlers::ProduceReason reason) {
  using enum handlers::ProduceReason;
  switch (reason) {
    case no_batch: return "no_batch";
    case more_than_one_batch: return "more_than_one_batch";
    case too_large: return "too_large";
    case codec_needs_newer_produce: return "codec_needs_newer_produce";
    case transactional: return "transactional";
    case takes_long: return "takes_long";
  }
  std::unreachable();
}
std::string_view name_of(coordinators::CoordinatorReason reason) {
  using enum coordinators::CoordinatorReason;
  switch (reason) {
    case not_coordinator: return "not_coordinator";
    case loading: return "loading";
  }
  std::unreachable();
}
std::string_view name_of(replication::PartitionReason reason) {
  using enum replication::PartitionReason;
  switch (reason) {
    case fenced_leader_epoch: return "fenced_leader_epoch";
    case unknown_leader_epoch: return "unknown_leader_epoch";
    case deleted: return "deleted";
  }
  std::unreachable();
}

}  // namespace

std::string words_of(const kernel::Error& error) {
  using controller::ControllerReason, log::LogDirectoryReason, log::LogReason;
  using coordinators::CoordinatorReason, handlers::ProduceReason, replication::PartitionReason;
  const auto said = [&]<class Reason>(Reason) { return net::words_of_name(name_of(error.as<Reason>())); };
  if (error.room != kernel::Room::broker) return net::words_of(error);
  if (is_among(error, log::Reason::bad_size, log::Reason::duplicate)) return said(log::Reason{});
  if (is_among(error, LogReason::out_of_order_sequence, LogReason::newer_format)) return said(LogReason{});
  if (is_among(error, LogDirectoryReason::foreign_cluster, LogDirectoryReason::duplicate_identity)) return said(LogDirectoryReason{});
  if (is_among(error, metadata::Reason::unknown_topic, metadata::Reason::bad_transaction)) return said(metadata::Reason{});
  if (is_among(error, ControllerReason::damaged, ControllerReason::newer_quorum_state)) return said(ControllerReason{});
  if (is_among(error, ProduceReason::no_batch, ProduceReason::takes_long)) return said(ProduceReason{});
  if (is_among(error, CoordinatorReason::not_coordinator, CoordinatorReason::loading)) return said(CoordinatorReason{});
  if (is_among(error, PartitionReason::fenced_leader_epoch, PartitionReason::deleted)) return said(PartitionReason{});
  return kernel::brief(error);
}

}  // namespace broker
