// The APIs of the protocol: what there is, in which versions, and who serves it.
//
//   const ApiInfo* api = find_api(header.request_api_key);
//   if (api == nullptr || !api->versions.contains(header.request_api_version)) ...
//
// This says what our codecs know; what a server advertises is the part of it that it implements.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "net/codec/version.h"
#include "net/messages/api_key.h"

namespace net {

/// unstable_from of an API whose versions are all stable.
inline constexpr std::int16_t kNeverUnstable = INT16_MAX;

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  VersionRange versions;          ///< that our codecs know
  std::int16_t advertised_first;  ///< below versions.first where clients expect to see a version nobody serves
  std::int16_t unstable_from;     ///< from here on only with unstable.api.versions.enable
  std::int16_t request_flexible_from;
  std::int16_t response_flexible_from;
  bool on_broker;       ///< served on broker listeners
  bool on_controller;   ///< served on controller listeners
  bool cluster_action;  ///< for brokers and controllers, needs the right ClusterAction
  bool forwarded;       ///< brokers pass it to the active controller in an Envelope
};

/// All, by ascending key.
[[nodiscard]] std::span<const ApiInfo> all_apis();
/// Null for a key we do not know.
[[nodiscard]] const ApiInfo* find_api(std::int16_t key);
/// The facts of a known key.
[[nodiscard]] const ApiInfo& info(ApiKey key);

}  // namespace net
